"""Two people yank the same version at once, both with `--republish`: the old content comes once more, not twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assetsync import AssetStore
from assetsync.backends.directory.store import DirectoryBackend

CLAIM, META = "m/0.2.claim", "m/0.2.meta"
# How far the other is when its claim is gone: a publish, and then the yank.
FAR = ["committed", "listed", "yanked"]


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[AssetStore]:
    """A store in which somebody else publishes 0.2, with the content of 0.0, because 0.1 is bad. It is not there yet:
    what it ends with is in the folder `done`.
    """
    (tmp_path / "a").write_text("good")
    (tmp_path / "b").write_text("bad")
    environ = {"ASSETSYNC_STATE_DIR": str(tmp_path / "state")}
    with AssetStore("./store", directory=tmp_path, environ=environ) as store:
        store.new("a", name="m")
        store.update("b", name="m")
    shutil.copytree(tmp_path / "store", tmp_path / "done")
    with AssetStore("./done", directory=tmp_path, environ=environ) as theirs:
        theirs.yank("m:0.1", message="bad", republish="0.0")
    with AssetStore("./store", directory=tmp_path, environ=environ) as store:
        yield store


def _ends(tmp_path: Path, far: str) -> None:
    store = tmp_path / "store"
    for name in ("m/0.2", META, *(["m.marks", "m.versions"] if far == "yanked" else [])):
        shutil.copy(tmp_path / "done" / name, store / name)
    if far == "listed":
        (store / "m.versions").write_text(json.dumps({"versions": ["0.2", "0.1", "0.0"]}))
    (store / CLAIM).unlink(missing_ok=True)


def _claimed(tmp_path: Path) -> None:
    digest = json.loads((tmp_path / "done" / META).read_text())["assetsync"]["digest"]
    claim = {"format": 1, "id": "x", "digest": digest, "is_directory": False, "who": "bob", "when": "now"}
    (tmp_path / "store" / CLAIM).write_text(json.dumps(claim))


def _before(patch: pytest.MonkeyPatch, method: str, key: str, act: Callable[[], None]) -> None:
    """`act` once, before the first call of a method of the store for `key`."""
    whole = getattr(DirectoryBackend, method)
    left = [act]

    def call(self: DirectoryBackend, asked: str, *args: Any, **more: Any) -> Any:
        if asked == key and left:
            left.pop()()
        return whole(self, asked, *args, **more)

    patch.setattr(DirectoryBackend, method, call)


def _after_listing(patch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    whole = DirectoryBackend.list
    left = [act]

    def call(self: DirectoryBackend, prefix: str, **more: Any) -> Any:
        found = whole(self, prefix, **more)
        if prefix == "m/" and left:
            left.pop()()
        return found

    patch.setattr(DirectoryBackend, "list", call)


@pytest.mark.parametrize("far", FAR)
def test_the_other_ends_between_the_listing_and_the_look_at_its_claim(
    mine: AssetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far: str
) -> None:
    _claimed(tmp_path)
    for method in ("read", "read_dated"):
        _before(monkeypatch, method, CLAIM, lambda: _ends(tmp_path, far))
    _yank(mine, tmp_path)


@pytest.mark.parametrize("far", FAR)
def test_the_other_begins_and_ends_after_the_listing(
    mine: AssetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far: str
) -> None:
    _after_listing(monkeypatch, lambda: _ends(tmp_path, far))
    _yank(mine, tmp_path)


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("key", ["m.versions", "m.marks"])
def test_the_other_ends_before_a_first_look(
    mine: AssetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far: str, key: str
) -> None:
    _before(monkeypatch, "read", key, lambda: _ends(tmp_path, far))
    _yank(mine, tmp_path)


def _yank(mine: AssetStore, tmp_path: Path) -> None:
    done = mine.yank("m:0.1", message="bad", republish="0.0")
    assert (tmp_path / "store" / META).exists()
    assert done.republished in ("0.2", None)
    assert mine.versions("m") == ["0.2", "0.0"]
    assert not list((tmp_path / "store").rglob("*.claim"))


def test_a_claim_that_nobody_can_read_is_passed_over(mine: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "store" / CLAIM).write_text("{")
    assert mine.yank("m:0.1", message="bad", republish="0.0").republished == "0.3"
    assert mine.versions("m") == ["0.3", "0.0"]
