"""Commands that are killed at any step: running the same command again ends as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from tests.contract.harness import Fault, some_bytes
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.faults.inspection import published
from tests.faults.tap import Seen, tapped
from tests.faults.warm import SMALL_PART, Child, Step, Warm

Place = Callable[[Path], Remote]
SHORT = bool(os.environ.get("ASSETSYNC_TEST_SHORT"))
KILLED = -signal.SIGKILL
LARGE = some_bytes(3 * SMALL_PART + 1)


@dataclass(frozen=True, slots=True)
class Bench:
    """A repo that has published `nlp/tokenizer`, and its store; with copies, to be broken one after the other."""

    warm: Warm
    repo: Repo
    remote: Remote

    def copy(self, number: int) -> Bench:
        """The same in another folder, for stores that are a directory beside the repo."""
        folder = self.repo.root.parent / f"copy-{number}"
        for name in ("repo", "store"):
            shutil.copytree(self.repo.root.parent / name, folder / name, symlinks=True)
        repo = replace(self.repo, root=folder / "repo")
        return Bench(self.warm, repo, replace(self.remote, url=str(folder / "store")))

    def check_published(self, lock: str) -> None:
        """The store holds both versions and nothing else, the lock is as it should be, and no traces are left."""
        assert published(self.remote) == {"nlp/tokenizer": ["0.1", "0.0"]}
        assert self.repo.read("assets.lock") == lock
        journal = self.repo.root / ".assetsync/journal"
        assert not journal.exists() or not list(journal.iterdir())
        assert self.repo.git("status", "--porcelain") == " M assets.lock\n"


def _bench(warm: Warm, repo: Repo, remote: Remote) -> Bench:
    repo.write("assets.yaml", f"store: {remote.url}\nassets:\n  nlp/tokenizer: models/tokenizer\n")
    repo.extra.update(remote.environ)
    repo.write(".gitignore", "models/\n")
    warm.run(repo, "apply", "--yes")
    repo.commit()
    repo.write("models/tokenizer/vocab.txt", "a\nb\nc\n")
    return Bench(warm, repo, remote)


def test_a_publish_to_a_directory(warm: Warm, repo: Repo, tmp_path: Path) -> None:
    remote = Remote("directory", str(tmp_path / "store"))
    base = _bench(warm, repo, remote)
    base.repo.write("assets.yaml", base.repo.read("assets.yaml").replace(remote.url, "../store"))
    base.repo.write("assets.lock", base.repo.read("assets.lock").replace(remote.url, "../store"))
    base.repo.commit("a relative store, so that copies have one of their own")
    undisturbed = base.copy(0)
    warm.run(undisturbed.repo, "apply", "--yes")
    lock = undisturbed.repo.read("assets.lock")
    for number in count():
        bench = base.copy(number + 1)
        below = str(bench.repo.root.parent)
        died = warm.run(bench.repo, "apply", "--yes", code=None, step=Step(number, below)).code
        assert died in (0, KILLED)
        warm.run(bench.repo, "apply", "--yes")
        bench.check_published(lock)
        if died == 0:
            assert number > 20
            return
        shutil.rmtree(bench.repo.root.parent)
