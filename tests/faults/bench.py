"""What the tests of faults break: a checkout and its store; and how a command meets its end."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from assetsync.atomic import TEMPORARY_PREFIX
from tests.contract.harness import Fault
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.faults.inspection import published
from tests.faults.tap import Seen
from tests.faults.warm import Child, Warm
from tests.unit.publishing import files_below

BEFORE = {"same.txt": b"same", "vocab.txt": b"a\nb\n", "gone.txt": b"gone"}
AFTER = {"same.txt": b"same", "vocab.txt": b"a\nb\nc\n", "new/file.txt": b"new"}


@dataclass(frozen=True, slots=True)
class Bench:
    """A checkout whose asset `nlp/tok` was published with the content BEFORE, and its store, in one folder."""

    warm: Warm
    repo: Repo
    remote: Remote

    def copy(self, name: str) -> Bench:
        """The same in another folder. Without git, to be quick."""
        folder = self.repo.root.parent.parent / name
        shutil.copytree(self.repo.root.parent, folder, ignore=shutil.ignore_patterns(".git"))
        url = str(folder / "store") if self.remote.kind == "directory" else self.remote.url
        return Bench(self.warm, replace(self.repo, root=folder / "repo"), replace(self.remote, url=url))

    def write(self, files: dict[str, bytes]) -> None:
        """Make the asset these files."""
        shutil.rmtree(self.repo.root / "models/tok", ignore_errors=True)
        for name, data in files.items():
            self.repo.write(f"models/tok/{name}", data)

    def check(self, versions: list[str], files: dict[str, bytes], *, leftovers: bool = False) -> None:
        """The store holds these versions and nothing else, lock and files are the newest, and no traces are left.

        `leftovers` in the store are fine where it refused to delete.
        """
        assert published(self.remote, leftovers=leftovers) == {"nlp/tok": versions}
        assert f'version: "{versions[0]}"' in self.repo.read("assets.lock")
        here = {name: data for name, data in files_below(self.repo.root).items() if not name.startswith(".git/")}
        assert {name for name in here if not name.startswith("models/")} == {"assets.yaml", "assets.lock", ".gitignore"}
        assert {name.removeprefix("models/tok/") for name in here if name.startswith("models/")} == files.keys()
        assert all(here[f"models/tok/{name}"] == data for name, data in files.items())
        for folder in ("journal", "pulls"):
            traces = self.repo.root / ".assetsync" / folder
            left = os.listdir(traces) if traces.exists() else []
            assert not [name for name in left if not name.startswith((TEMPORARY_PREFIX, "."))]


def new_bench(warm: Warm, folder: Path, remote: Remote) -> Bench:
    bench = Bench(warm, Repo.init(folder / "base/repo", folder / "home"), remote)
    url = "../store" if remote.kind == "directory" else remote.url
    bench.repo.write("assets.yaml", f"store: {url}\nassets:\n  nlp/tok: models/tok\n")
    bench.repo.write(".gitignore", "models/\n")
    bench.repo.extra.update(remote.environ)
    bench.write(BEFORE)
    warm.run(bench.repo, "apply", "--yes")
    return bench


class Killer:
    """Kills a command when its server sees the request with a number, before or after that has its effect."""

    def __init__(self, number: int, how: Fault, signal_: int = signal.SIGKILL) -> None:
        self._left = number
        self._how = how
        self._signal = signal_
        self._begun = threading.Event()
        self._counting = threading.Lock()
        self._pid = 0

    def look(self, seen: Seen) -> Fault | None:
        """See `tests.faults.tap`."""
        self._begun.wait()
        with self._counting:
            self._left -= 1
            if self._left != -1:
                return None
        os.kill(self._pid, self._signal)
        return self._how

    def kills(self, child: Child) -> None:
        """Let the command go on, to its end."""
        self._pid = child.pid
        self._begun.set()
