"""A pull or a fetch that dies at any step: nothing half done is taken for done, nothing is lost, and it can go on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assetsync.model.names import parse_spec
from assetsync.pool import Transfers
from assetsync.progress import Silent
from assetsync.project.locate import boundary
from assetsync.remote.store import Store
from assetsync.state.folder import State
from assetsync.state.pull_markers import Markers
from assetsync.transfer.fetch import fetch, fetched
from assetsync.transfer.pull import Retrieval, pull
from tests.unit.publishing import files_below, new_store, put, scanned

OLD = {"a": b"aaa", "b": b"to be a folder", "c/d": b"dd", "c/e/f": b"to be one file", "gone/x": b"x", "same": b"same"}
OLD |= {"old/x": b"x", "old/er/y": b"y"}
NEW = {"a": b"AAA", "b/new": b"in the folder", "c/d": b"DD", "c/e": b"one file", "moved/x": b"x", "same": b"same"}
EXCLUDED = {"gone/run.log": b"precious"}
SPEC = parse_spec("nlp/tok:1.1")

# What changes a disk.
STEPS = ("open", "write", "pwrite", "fsync", "rename", "replace", "unlink", "remove", "rmdir", "mkdir", "chmod")


class _KilledError(BaseException):
    """Like a kill: nothing catches it, and nothing else happens on the disk."""


class _Killer:
    """Lets a number of steps pass, and none after them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
        self.left = steps
        self.killed = False
        for name in STEPS:
            monkeypatch.setattr(os, name, self._counted(getattr(os, name), writes_only=name == "open"))

    def _counted(self, call: Callable[..., Any], *, writes_only: bool) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            if not writes_only or args[1] & os.O_CREAT:
                self.left -= 1
                if self.left < 0:
                    self.killed = True
                    raise _KilledError
            return call(*args, **kwargs)

        return step


def _died(steps: int, work: Callable[[Transfers], object]) -> bool:
    """Whether `work` was killed after so many steps on the disk."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        killer = _Killer(monkeypatch, steps)
        try:
            with Transfers(2) as transfers:
                work(transfers)
        except _KilledError:
            assert killer.killed
            _wait_for_threads()
    return killer.killed


def _wait_for_threads() -> None:
    """Until those of the dead have ended, which would go on as soon as the disk is there again."""
    for thread in threading.enumerate():
        if thread.name.startswith(("transfer", "bulk", "asset")):
            thread.join(100)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture(scope="module")
def store() -> Store:
    store = new_store()
    put(store, "nlp/tok", "1.1", NEW)
    return store


def test_a_pull_killed_at_any_step(tmp_path: Path, store: Store) -> None:
    allowed = {name: {files[name] for files in (OLD, NEW) if name in files} for name in OLD | NEW}
    steps = 0
    while True:
        root = tmp_path / str(steps)
        path = root / "models/tok"
        markers = Markers(State(str(root)).pulls)
        _write(path, {**OLD, **EXCLUDED})

        def run(transfers: Transfers, root: Path = root, markers: Markers = markers) -> None:
            what = Retrieval(
                "nlp/tok", "1.1", boundary(str(root), {}), "models/tok", scanned(root, "models/tok", "*.log")
            )
            pull(store, what, transfers=transfers, markers=markers, progress=lambda count: None)

        died = _died(steps, run)
        here = files_below(path)
        assert here.pop("gone/run.log") == b"precious"
        files = {name: data for name, data in here.items() if not name.endswith("/")}
        assert all(data in allowed[name] for name, data in files.items())
        assert files in (OLD, NEW) or markers.get("nlp/tok") is not None
        if not died:
            assert files == NEW
            break
        with Transfers(2) as transfers:
            run(transfers)
        assert files_below(path) == {**NEW, **EXCLUDED}
        assert markers.get("nlp/tok") is None
        assert not [name for name in os.listdir(root / ".assetsync/pulls") if not name.startswith(".assetsync-tmp-")]
        steps += 1
    assert steps > 30


@pytest.mark.parametrize(
    ("before", "force"),
    [
        ({}, False),
        ({"a": b"A", "extra": b"left by modelkit"}, False),
        ({**NEW, "a": b"flipped", "c/d": b"flipped", ".SUCCESS": b""}, True),
    ],
    ids=["fresh", "half done", "damaged"],
)
def test_a_fetch_killed_at_any_step(tmp_path: Path, store: Store, before: dict[str, bytes], force: bool) -> None:
    complete = {**NEW, ".SUCCESS": b""}
    steps = 0
    while True:
        folder = tmp_path / str(steps)
        version = folder / "nlp/tok/1.1"
        _write(version, before)

        def run(transfers: Transfers, folder: Path = folder) -> None:
            fetch(store, SPEC, str(folder), transfers=transfers, reporter=Silent(), force=force)

        died = _died(steps, run)
        if fetched(SPEC, store.versioning, str(folder)):
            assert files_below(version) in (complete, before)
        elif not before:
            assert not version.exists()
        if not died:
            break
        with Transfers(2) as transfers:
            run(transfers)
        assert files_below(version) == complete
        assert [path.name for path in version.parent.iterdir()] == ["1.1"]
        steps += 1
    assert files_below(version) == complete
    assert steps > 10
