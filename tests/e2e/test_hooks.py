"""The hooks of .pre-commit-hooks.yaml, installed and run by the real pre-commit in a real repo."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.checkout import copy_checkout
from tests.e2e.harness import Repo

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CLOUD_SDKS = ("boto3", "botocore", "gcsfs", "aiohttp", "azure")


@pytest.fixture
def assetsync_repo(tmp_path: Path) -> str:
    """This repo as it is in the working tree, committed."""
    target = tmp_path / "assetsync"
    copy_checkout(target)
    made = Repo(target, Repo.init(tmp_path / "unused", tmp_path / "home").environ)
    made.git("init", "-q")
    made.commit()
    return str(target)


@pytest.fixture
def user(repo: Repo, tmp_path: Path) -> Repo:
    """A repo of a user, whose lock is right; pre-commit keeps what it installs beside it."""
    repo.environ |= {"PRE_COMMIT_HOME": str(tmp_path / "pre-commit"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    repo.write(".gitignore", "/models\n")
    repo.run("apply", "--yes", "-q")
    repo.commit()
    return repo


def pre_commit(repo: Repo, *args: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", *args],
        cwd=repo.root,
        env=repo.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def test_the_hook_can_be_tried_on_a_repo(user: Repo, assetsync_repo: str) -> None:
    assert "Passed" in pre_commit(user, "try-repo", assetsync_repo, "assetsync-check", "--all-files")


def test_the_hooks_pass_when_right_and_say_what_is_wrong(user: Repo, assetsync_repo: str, tmp_path: Path) -> None:
    rev = Repo(Path(assetsync_repo), user.environ).git("rev-parse", "HEAD").strip()
    one = f"repos:\n  - repo: {assetsync_repo}\n    rev: {rev}\n    hooks:\n      - id: assetsync-check\n"
    user.write(".pre-commit-config.yaml", one)
    pre_commit(user, "install", "--install-hooks", "--hook-type", "pre-commit", "--hook-type", "pre-push")
    installed = {path.name for path in (tmp_path / "pre-commit").glob("repo*/py_env-*/lib/python*/site-packages/*")}
    assert "git" in installed
    assert not installed & set(CLOUD_SDKS)

    user.write("assets.yaml", user.read("assets.yaml") + "# a comment\n")
    user.commit("passes")
    manifest, lock = user.read("assets.yaml"), user.read("assets.lock")

    def refused(change: Callable[[], object], says: str) -> None:
        change()
        user.git("add", "-A")
        with pytest.raises(AssertionError) as refusal:
            user.git("commit", "-q", "-m", "wrong")
        assert "Failed" in str(refusal.value)
        assert says in str(refusal.value)
        user.git("reset", "-q", "--hard")

    def without_lock() -> None:
        # pre-commit starts no hook for a deletion alone.
        user.write("assets.yaml", manifest + "# another\n")
        (user.root / "assets.lock").unlink()

    refused(without_lock, "assets.yaml:1: `assets.lock` is missing; run `assetsync apply`")
    stale = manifest.replace("assets:\n", "assets:\n  nlp/new: models/new\n")
    refused(lambda: user.write("assets.yaml", stale), "nlp/new: not in `assets.lock`; run `assetsync apply nlp/new`")
    by_hand = lock.replace("lock_version: 1\n", "lock_version: 1\n# mine\n")
    refused(lambda: user.write("assets.lock", by_hand), "assets.lock:3: edited by hand")
    elsewhere = lock.replace('store: "../store"', 'store: "s3://bucket/other"')
    refused(lambda: user.write("assets.lock", elsewhere), "belongs to the store `s3://bucket/other`")
    conflict = lock.replace("    size: 7\n", "<<<<<<< ours\n    size: 7\n=======\n    size: 8\n>>>>>>> theirs\n", 1)
    refused(lambda: user.write("assets.lock", conflict), "merge conflict begins here; settle it with `assetsync lock")

    all_three = one + "      - id: assetsync-check-content\n      - id: assetsync-check-remote\n"
    user.write(".pre-commit-config.yaml", all_three)
    user.commit("more hooks")
    # git ignores the content, so that no changed file would start the hook.
    user.write("models/sentiment.bin", b"changed")
    refused(lambda: user.write("other.txt", "x"), "nlp/sentiment: `models/sentiment.bin` is not what `0.0` is; run")
    user.write("models/sentiment.bin", b"\x00\x01model")

    remote = user.root.parent / "remote.git"
    user.git("init", "-q", "--bare", str(remote))
    user.git("remote", "add", "origin", str(remote))
    user.git("push", "-q", "origin", "main")
    (user.root.parent / "store/nlp/tokenizer/0.0.meta").unlink()
    user.write("other.txt", "x")
    user.commit("the store is not asked before a commit")
    push = ["git", "push", "-q", "origin", "main"]
    pushed = subprocess.run(push, cwd=user.root, env=user.environ, capture_output=True, text=True)
    assert pushed.returncode != 0
    assert "the store has no `nlp/tokenizer:0.0`" in pushed.stdout
