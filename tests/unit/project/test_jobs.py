"""`jobs` bounds the requests of all that is asked, plans, listings and patterns included."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assetsync import AssetStore, Project, Traffic
from assetsync.backends.directory.store import DirectoryBackend

ASSETS = 24


class _Most:
    """How many requests were under way at once, at most."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.most = self.now = 0
        self._changing = threading.Lock()
        for method in ("list", "read", "read_changed", "stat"):
            if hasattr(DirectoryBackend, method):
                patch.setattr(DirectoryBackend, method, self._counted(getattr(DirectoryBackend, method)))

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            with self._changing:
                self.now += 1
                self.most = max(self.most, self.now)
            try:
                return method(*args, **more)
            finally:
                with self._changing:
                    self.now -= 1

        return call


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_listing_sends_no_more_requests_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    environ = {"ASSETSYNC_STATE_DIR": str(tmp_path / "state")}
    (tmp_path / "a").write_text("a")
    with AssetStore("./store", directory=tmp_path, environ=environ) as store:
        for number in range(ASSETS):
            store.new("a", name=f"f{number}/a")
        store.move_alias("f0/a", "production", "0.0")
    with AssetStore("./store", directory=tmp_path, environ=environ, traffic=Traffic(jobs)) as store:
        counted = _Most(monkeypatch)
        assert len(store.list()) == ASSETS
        assert len(store.matching(["f*"])) == ASSETS
    assert 1 <= counted.most <= jobs


def test_a_plan_sends_no_more_requests_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = "".join(f"  f{number}/a: f{number}\n" for number in range(ASSETS))
    (tmp_path / "assets.yaml").write_text(f"store: ./store\nassets:\n{entries}")
    for number in range(ASSETS):
        (tmp_path / f"f{number}").write_text(str(number))
    with Project.load(str(tmp_path), environ={}) as project:
        assert project.apply(project.plan()).error is None
    (tmp_path / "f3").write_text("other")
    with Project.load(str(tmp_path), environ={}, traffic=Traffic(2)) as project:
        counted = _Most(monkeypatch)
        assert len(project.plan().changes) == 1
    assert 1 <= counted.most <= 2
