"""A snapshot of a store that moves while it is looked at."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from assetsync.backends.contract import Dated
from assetsync.backends.directory.store import DirectoryBackend
from assetsync.plan.plan import Plan
from assetsync.plan.snapshot import CLAIM_LIFETIME
from assetsync.project.project import Project

# What another process, which publishes the next version, has put into the store when it is done.
LAST = ("nlp/tok.versions", "nlp/tok/0.1.meta")
CLAIM = "nlp/tok/0.1.claim"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that has published `nlp/tok:0.0`, of whose store somebody else begins to publish `0.1`."""
    root = tmp_path / "mine"
    (root / "tok").mkdir(parents=True)
    (root / "assets.yaml").write_text(f"store: {tmp_path}/store\nassets: {{nlp/tok: tok}}\n")
    (root / "tok/vocab").write_text("first")
    _publish(root)
    theirs = tmp_path / "theirs"
    shutil.copytree(root, theirs)
    (theirs / "tok/vocab").write_text("theirs")
    before = (tmp_path / "store/nlp/tok.versions").read_bytes()
    _publish(theirs)
    for name in LAST:
        (tmp_path / "done" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "store" / name).rename(tmp_path / "done" / name)
    (tmp_path / "store/nlp/tok.versions").write_bytes(before)
    return root


def _publish(root: Path) -> None:
    with Project.load(str(root), environ={}) as project:
        assert project.apply(project.plan()).error is None


def _plan(root: Path, content: str) -> Plan:
    (root / "tok/vocab").write_text(content)
    with Project.load(str(root), environ={}) as project:
        return project.plan()


def _claim(store: Path) -> None:
    claim = {"format": 1, "id": "x", "digest": "sha256:" + "0" * 64, "is_directory": True, "who": "bob", "when": "now"}
    (store / CLAIM).write_text(json.dumps(claim))


@pytest.fixture
def finishing(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets the other process end just before its claim is read."""
    store = root.parent / "store"
    _claim(store)
    read = DirectoryBackend.read_dated

    def read_after(self: DirectoryBackend, key: str, *, limit: int = 1024 * 1024) -> Dated:
        if key == CLAIM:
            for name in reversed(LAST):
                shutil.copy(root.parent / "done" / name, store / name)
            (store / CLAIM).unlink(missing_ok=True)
        return read(self, key, limit=limit)

    monkeypatch.setattr(DirectoryBackend, "read_dated", read_after)
    yield
    assert not (store / CLAIM).exists()


@pytest.mark.usefixtures("finishing")
def test_the_same_content_that_is_published_meanwhile_is_not_published_again(root: Path) -> None:
    (action,) = _plan(root, "theirs").actions
    assert (type(action).__name__, action.to) == ("Adopt", "0.1")


@pytest.mark.usefixtures("finishing")
def test_other_content_that_is_published_meanwhile_is_not_published_over(root: Path) -> None:
    assert [problem.code for problem in _plan(root, "mine").problems] == ["diverged"]


def test_what_was_abandoned_is_still_skipped(root: Path) -> None:
    (action,) = _plan(root, "mine").actions
    assert (type(action).__name__, action.to) == ("Update", "0.2")
    assert "skips `0.1`" in action.notes[0]


def test_a_version_that_is_committed_while_its_old_claim_is_looked_at_is_not_published_over(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = root.parent / "store"
    _claim(store)
    read = DirectoryBackend.read_dated

    def read_after(self: DirectoryBackend, key: str, *, limit: int = 1024 * 1024) -> Dated:
        for name in LAST:  # the claim is still there: its publisher is about to list the version
            if name.endswith(".meta"):
                shutil.copy(root.parent / "done" / name, store / name)
        return read(self, key, limit=limit)._replace(age=CLAIM_LIFETIME + 1)

    monkeypatch.setattr(DirectoryBackend, "read_dated", read_after)
    assert [problem.code for problem in _plan(root, "mine").problems] == ["diverged"]


def test_a_version_that_is_committed_and_tidied_up_between_the_second_listing_and_its_claim_is_not_published_over(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its claim was old at the first look, and is gone at the second: that it has none was seen once, not twice."""
    store = root.parent / "store"
    _claim(store)
    read = DirectoryBackend.read_dated
    looks: list[str] = []

    def read_after(self: DirectoryBackend, key: str, *, limit: int = 1024 * 1024) -> Dated:
        looks.append(key)
        if looks.count(CLAIM) == 2:
            shutil.copy(root.parent / "done/nlp/tok/0.1.meta", store / "nlp/tok/0.1.meta")
            (store / CLAIM).unlink()
        return read(self, key, limit=limit)._replace(age=CLAIM_LIFETIME + 1)

    monkeypatch.setattr(DirectoryBackend, "read_dated", read_after)
    assert [problem.code for problem in _plan(root, "mine").problems] == ["diverged"]
