"""`apply --commit`, killed while git's index is being changed: the same command finishes the commit."""

from __future__ import annotations

import re
import shutil
import signal
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.harness import Repo
from tests.faults.warm import Step, Warm

# A git that dies together with its caller: at one of the commands that write an index, when it has written the new one
# as `.lock` and has not renamed it yet.
DYING_GIT = """#!/bin/sh
case " $* " in
*" update-index "* | *" read-tree "*)
    number=$(cat {folder}/number)
    echo $((number + 1)) >{folder}/number
    if [ "$number" = {dies_at} ]; then
        index=${{GIT_INDEX_FILE:-$({git} rev-parse --git-path index)}}
        if [ -e "$index" ]; then cp -p "$index" {folder}/index; fi
        GIT_INDEX_FILE={folder}/index {git} "$@"
        cp {folder}/index "$index.lock"
        kill -9 $PPID $$
    fi
    ;;
esac
exec {git} "$@"
"""


@pytest.fixture
def start(warm: Warm, tmp_path: Path) -> Repo:
    """A repo with something to publish, and all else committed."""
    repo = Repo.init(tmp_path / "start/repo", tmp_path / "home")
    repo.write("assets.yaml", "store: ../store\nassets:\n  m: models/m.bin\n")
    repo.write(".gitignore", "models/\n")
    repo.commit()
    repo.write("models/m.bin", b"m")
    repo.write("staged", "staged")
    repo.git("add", "staged")
    return repo


def copied(start: Repo, name: str) -> Repo:
    folder = start.root.parent
    shutil.copytree(folder, folder.parent / name)
    return Repo(folder.parent / name / "repo", start.environ)


def finishes(warm: Warm, repo: Repo) -> None:
    """The same command commits the lock alone, once, and leaves nothing that would stop another git."""
    warm.run(repo, "apply", "--yes", "--commit")
    # "Lock" when the run that published was killed.
    assert repo.git("log", "--format=%s") in ("Publish m 0.0\nwork\n", "Lock m 0.0\nwork\n")
    assert repo.git("diff-tree", "--no-commit-id", "--name-only", "-r", "HEAD") == "assets.lock\n"
    assert repo.git("status", "--porcelain") == "A  staged\n"
    assert not list((repo.root / ".git").glob("*.lock"))


def test_together_with_any_git_command_that_writes_an_index(warm: Warm, start: Repo, tmp_path: Path) -> None:
    git = shutil.which("git")
    assert git
    for dies_at in count():
        repo = copied(start, f"run{dies_at}")
        folder = tmp_path / f"git{dies_at}"
        folder.mkdir()
        (folder / "number").write_text("0")
        (folder / "git").write_text(DYING_GIT.format(folder=folder, dies_at=dies_at, git=git))
        (folder / "git").chmod(0o755)
        path = {"PATH": f"{folder}:{start.environ['PATH']}"}
        run = warm.run(repo, "apply", "--yes", "--commit", code=None, env=path)
        finishes(warm, repo)
        if run.code == 0:
            break
        assert run.code == -signal.SIGKILL
    assert dies_at >= 3


def test_at_any_step_of_its_own_in_the_git_folder(warm: Warm, start: Repo) -> None:
    for number in count():
        repo = copied(start, f"run{number}")
        step = Step(number, str(repo.root / ".git"))
        run = warm.run(repo, "apply", "--yes", "--commit", code=None, step=step)
        finishes(warm, repo)
        if run.code == 0:
            break
        assert run.code == -signal.SIGKILL
    assert number >= 5


def test_the_lock_of_another_git_is_left_alone(warm: Warm, start: Repo) -> None:
    start.write(".git/index.lock", "")
    run = warm.run(start, "apply", "--yes", "--commit", code=1)
    assert "another git is at work here: there is an `index.lock`" in run.err
    assert (start.root / ".git/index.lock").exists()


@pytest.mark.parametrize("name", ["HEAD.lock", "refs/heads/main.lock"])
def test_a_branch_that_another_git_holds_is_named_before_anything_is_published(
    warm: Warm, start: Repo, name: str
) -> None:
    start.write(f".git/{name}", "")
    run = warm.run(start, "apply", "--yes", "--commit", code=1)
    assert f".git/{name}`" in run.err
    assert "hint: when no git is at work here, remove that file" in run.err
    assert not (start.root.parent / "store").exists()


def test_all_locks_that_a_killed_git_has_left_are_named_at_once(warm: Warm, start: Repo) -> None:
    start.write(".git/HEAD.lock", "")
    start.write(".git/refs/heads/main.lock", "")
    run = warm.run(start, "apply", "--yes", "--commit", code=1)
    assert re.search(r"there is `\S+/HEAD\.lock` and `\S+/refs/heads/main\.lock`\n.*remove both$", run.err, re.M)


def test_a_remote_whose_branch_can_not_be_noted_is_named_before_anything_is_published(warm: Warm, start: Repo) -> None:
    start.git("clone", "-q", "--bare", ".", "../origin.git")
    start.git("remote", "add", "origin", "../origin.git")
    start.write(".git/refs/remotes/origin/main.lock", "")
    run = warm.run(start, "apply", "--yes", "--push", code=1)
    assert ".git/refs/remotes/origin/main.lock`" in run.err
    assert not (start.root.parent / "store").exists()
    (start.root / ".git/refs/remotes/origin/main.lock").unlink()
    warm.run(start, "apply", "--yes", "--push")
    assert start.git("rev-parse", "HEAD") == start.git("rev-parse", "origin/main")


def test_a_branch_that_can_not_be_moved_is_told_with_git_s_reason(warm: Warm, start: Repo) -> None:
    log = start.root / ".git/logs/refs/heads/main"
    log.unlink()
    log.mkdir()
    (log / "in the way").touch()
    run = warm.run(start, "apply", "--yes", "--commit", code=4)
    assert "published, but not committed: git can't move `main` to the new commit: " in run.err
    assert "logs/refs/heads/main" in run.err
    shutil.rmtree(log)
    finishes(warm, start)
