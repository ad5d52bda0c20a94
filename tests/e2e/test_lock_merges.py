"""assets.lock under real git: which changes merge by themselves, and what becomes of the others."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from assetsync.errors import LockError
from assetsync.lock.merge import merge_locks, resolve_conflicts
from assetsync.lock.text import parse_lock, render_lock
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.tree import Content

Change = Callable[[Lock], Lock]


def entry(name: str, version: str = "1.0") -> LockEntry:
    digest = "sha256:" + f"{name}{version}".encode().hex().rjust(64, "0")
    return LockEntry(version, Content(digest, False, 100 + len(digest), 1), f"models/{name}")


BASE = Lock("s3://bucket/prefix", "major_minor", {name: entry(name) for name in "bdfhj"})


def put(name: str, version: str = "1.1") -> Change:
    """Publish a new version of an asset, or the first of a new one."""
    return lambda lock: replace(lock, assets={**lock.assets, name: entry(name, version)})


def put_elsewhere(name: str) -> Change:
    """The same, and its path changed."""
    moved = replace(entry(name, "1.1"), path=f"elsewhere/{name}")
    return lambda lock: replace(lock, assets={**lock.assets, name: moved})


def drop(name: str) -> Change:
    return lambda lock: replace(lock, assets={other: e for other, e in lock.assets.items() if other != name})


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(["git", *arguments], cwd=folder, env=environ, capture_output=True, text=True)


def merge_file(folder: Path, ours: Change, theirs: Change, *style: str) -> tuple[bool, str]:
    """Whether git merges two changes of the lock without a conflict, and the text that it makes."""
    for name, lock in (("base", BASE), ("ours", ours(BASE)), ("theirs", theirs(BASE))):
        (folder / name).write_text(render_lock(lock))
    result = git(folder, "merge-file", "-p", *style, "ours", "base", "theirs")
    return result.returncode == 0, result.stdout


CLEAN = [
    pytest.param(put("d"), put("f"), id="neighbours"),
    pytest.param(put("b"), put("d"), id="the first and its neighbour"),
    pytest.param(put("h"), put("j"), id="the last and its neighbour"),
    pytest.param(put_elsewhere("d"), put_elsewhere("f"), id="neighbours that move"),
    pytest.param(put("e"), put("f"), id="new before changed"),
    pytest.param(put("e"), put_elsewhere("d"), id="new behind moved"),
    pytest.param(put("a"), put("b"), id="new first, changed first"),
    pytest.param(put("z"), put_elsewhere("j"), id="appended, moved last"),
    pytest.param(put("c"), put("e"), id="two new ones around another"),
    pytest.param(put("a"), put("z"), id="new first, new last"),
    pytest.param(drop("d"), put_elsewhere("b"), id="removed, moved before"),
    pytest.param(drop("d"), put_elsewhere("f"), id="removed, moved behind"),
    pytest.param(drop("d"), drop("h"), id="two removed around others"),
    pytest.param(put("e"), put("e"), id="the same one on both sides"),
]
CONFLICTS = [
    pytest.param(put("y"), put("z"), id="both appended"),
    pytest.param(put("e"), put("ea"), id="two new ones in one place"),
    pytest.param(drop("d"), drop("f"), id="neighbours removed"),
    pytest.param(drop("j"), put("z"), id="last removed, appended"),
    pytest.param(put("d"), put("d", "1.2"), id="the same asset, another version"),
    pytest.param(put("d"), drop("d"), id="published here, removed there"),
]
# `zdiff3` is newer than the oldest git that is around.
STYLES = [(), ("--diff3",), ("--zdiff3",)]


@pytest.mark.parametrize(("ours", "theirs"), CLEAN)
def test_git_merges_changes_of_different_assets_by_itself(ours: Change, theirs: Change, tmp_path: Path) -> None:
    clean, text = merge_file(tmp_path, ours, theirs)
    assert clean
    assert text == render_lock(theirs(ours(BASE)))


@pytest.mark.parametrize("style", STYLES, ids=["merge", "diff3", "zdiff3"])
@pytest.mark.parametrize(("ours", "theirs"), CONFLICTS)
def test_what_git_leaves_is_resolved_by_asset(
    ours: Change, theirs: Change, style: tuple[str, ...], tmp_path: Path
) -> None:
    clean, text = merge_file(tmp_path, ours, theirs, *style)
    if not text:
        pytest.skip(f"this git does not know {style}")
    assert not clean
    with pytest.raises(LockError, match=r"assets.lock:\d+: a merge conflict begins here"):
        parse_lock(text)
    expected = merge_locks(BASE, ours(BASE), theirs(BASE))
    resolved = resolve_conflicts(text)
    if style:
        assert resolved == expected
    else:  # without the ancestor in the text, what one side removed is kept
        assert {name: resolved.assets[name] for name in expected.assets} == expected.assets
        assert {*resolved.assets} <= {*BASE.assets, *expected.assets}


def test_both_appended_in_a_real_merge_of_branches(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "config", "user.name", "A")
    git(tmp_path, "config", "user.email", "a@example.com")
    lock_file = tmp_path / "assets.lock"

    def commit(lock: Lock, message: str) -> None:
        lock_file.write_text(render_lock(lock))
        git(tmp_path, "add", "assets.lock")
        assert git(tmp_path, "commit", "--quiet", "-m", message).returncode == 0

    commit(BASE, "base")
    git(tmp_path, "checkout", "--quiet", "-b", "other")
    commit(put("d")(put("z")(BASE)), "z is new, d changed")
    git(tmp_path, "checkout", "--quiet", "main")
    commit(put("f")(put("y")(BASE)), "y is new, f changed")

    assert git(tmp_path, "merge", "other").returncode != 0
    text = lock_file.read_text()
    assert text.count("<<<<<<<") == 1
    assert resolve_conflicts(text) == put("d")(put("f")(put("y")(put("z")(BASE))))
