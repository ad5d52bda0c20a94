"""assets.lock in real merges of branches: by git alone, by `lock --resolve`, and by the merge driver."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from assetsync.lock.merge import DRIVER_ATTRIBUTES, DRIVER_COMMAND, DRIVER_SETTING
from assetsync.lock.text import parse_lock, render_lock
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.tree import Content
from tests.e2e.harness import Repo, started

LOCK = "assets.lock"
BASE = dict.fromkeys("bdfh", "1.0")


def lock(versions: dict[str, str]) -> str:
    def entry(name: str, version: str) -> LockEntry:
        digest = "sha256:" + f"{name}{version}".encode().hex().rjust(64, "0")
        return LockEntry(version, Content(digest, False, 5, 1), f"models/{name}")

    return render_lock(
        Lock("../store", "major_minor", {name: entry(name, version) for name, version in versions.items()})
    )


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.init(tmp_path / "repo", tmp_path / "home")
    repo.write("assets.yaml", "store: ../store\nassets: {}\n")
    repo.write(LOCK, lock(BASE))
    repo.commit("base")
    return repo


def merge(repo: Repo, ours: dict[str, str], theirs: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Merge two branches with these locks, by plain `git merge`."""
    repo.git("checkout", "-q", "-b", "theirs")
    repo.write(LOCK, lock(theirs))
    repo.commit("theirs")
    repo.git("checkout", "-q", "main")
    repo.write(LOCK, lock(ours))
    repo.commit("ours")
    return subprocess.run(
        ["git", "merge", "theirs"],
        cwd=repo.root,
        env={**repo.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )


def use_driver(repo: Repo) -> None:
    repo.write(".gitattributes", DRIVER_ATTRIBUTES + "\n")
    repo.commit("attributes")
    ours = shlex.join(started())
    repo.git("config", DRIVER_SETTING, DRIVER_COMMAND.replace("assetsync", ours, 1))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param({"d": "1.1"}, {"f": "1.1"}, id="neighbours"),
        pytest.param({"b": "1.1"}, {"d": "1.1"}, id="the first"),
        pytest.param({"h": "1.1"}, {"f": "1.1"}, id="the last"),
        pytest.param({"a": "0.0"}, {"z": "0.0"}, id="a new first and a new last"),
    ],
)
def test_git_alone_merges_what_different_assets_did(repo: Repo, ours: dict[str, str], theirs: dict[str, str]) -> None:
    assert merge(repo, BASE | ours, BASE | theirs).returncode == 0
    assert repo.read(LOCK) == lock(BASE | ours | theirs)


@pytest.mark.parametrize("style", ["merge", "diff3"])
def test_resolve_settles_what_git_leaves(repo: Repo, style: str) -> None:
    repo.git("config", "merge.conflictStyle", style)
    ours = {"b": "1.0", "d": "1.1", "f": "1.2", "y": "0.0"}  # without h
    assert merge(repo, ours, BASE | {"f": "1.10", "z": "0.0"}).returncode != 0
    assert "`git add assets.lock`" in repo.run("lock", "--resolve").err
    assert repo.read(LOCK) == lock({"b": "1.0", "d": "1.1", "f": "1.10", "y": "0.0", "z": "0.0"})
    repo.git("add", LOCK)
    repo.git("commit", "-q", "--no-edit")
    assert "nothing to resolve" in repo.run("lock", "--resolve").err
    repo.write(LOCK, "# mine\n" + repo.read(LOCK))
    repo.run("lock", "--resolve")
    assert "mine" not in repo.read(LOCK)


def test_resolve_works_from_the_markers_where_the_index_knows_of_no_conflict(repo: Repo) -> None:
    assert merge(repo, BASE | {"y": "0.0"}, BASE | {"z": "0.0"}).returncode != 0
    repo.git("add", LOCK)
    assert "<<<<<<<" in repo.read(LOCK)
    repo.run("lock", "--resolve")
    assert repo.read(LOCK) == lock(BASE | {"y": "0.0", "z": "0.0"})


def test_resolve_works_with_conflicts_in_the_manifest_too(repo: Repo) -> None:
    assert merge(repo, BASE | {"y": "0.0"}, BASE | {"z": "0.0"}).returncode != 0
    repo.write("assets.yaml", "<<<<<<< ours\n")
    repo.run("lock", "--resolve")
    assert parse_lock(repo.read(LOCK)).assets.keys() >= {"y", "z"}


def test_resolve_leaves_to_a_person_what_no_rule_settles(repo: Repo) -> None:
    assert merge(repo, BASE | {"d": "2.0"}, BASE | {"d": "1.1"}).returncode != 0
    before = repo.read(LOCK)
    run = repo.run("lock", "--resolve", code=1)
    assert "`d` (`2.0` and `1.1`, which are of different lines)" in run.err
    assert "git checkout --ours" in run.err
    assert repo.read(LOCK) == before


def test_a_lock_that_one_side_removed_is_for_a_person(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "theirs")
    repo.git("rm", "-q", LOCK)
    repo.commit("removed")
    repo.git("checkout", "-q", "main")
    repo.write(LOCK, lock(BASE | {"b": "1.1"}))
    repo.commit("changed")
    subprocess.run(["git", "merge", "theirs"], cwd=repo.root, env=repo.environ, capture_output=True)
    assert "git rm assets.lock" in repo.run("lock", "--resolve", code=1).err


def test_the_driver_merges_by_itself(repo: Repo) -> None:
    use_driver(repo)
    done = merge(repo, BASE | {"d": "1.1", "f": "1.2", "y": "0.0"}, BASE | {"f": "1.10", "z": "0.0"})
    assert done.returncode == 0, done.stderr
    assert repo.read(LOCK) == lock(BASE | {"d": "1.1", "f": "1.10", "y": "0.0", "z": "0.0"})
    assert repo.git("status", "--porcelain") == ""


def test_the_driver_works_where_both_sides_made_the_file(repo: Repo) -> None:
    use_driver(repo)
    repo.git("rm", "-q", LOCK)
    repo.commit("none")
    assert merge(repo, {"a": "0.0"}, {"b": "0.0"}).returncode == 0
    assert repo.read(LOCK) == lock({"a": "0.0", "b": "0.0"})


def test_the_driver_leaves_a_conflict_where_a_person_must_decide(repo: Repo) -> None:
    use_driver(repo)
    done = merge(repo, BASE | {"d": "2.0"}, BASE | {"d": "1.1"})
    assert done.returncode == 1
    assert "of different lines" in done.stderr
    assert "<<<<<<< ours" in repo.read(LOCK)
    assert repo.git("status", "--porcelain") == "UU assets.lock\n"


def test_lock_wants_to_know_what_to_do(repo: Repo) -> None:
    assert "--resolve" in repo.run("lock", code=64).err
