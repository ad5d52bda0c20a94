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

from assetsync.atomic import TEMPORARY_PREFIX
from tests.contract.harness import Fault, some_bytes
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.faults.inspection import published
from tests.faults.tap import Seen, tapped
from tests.faults.warm import SMALL_PART, Child, Step, Warm
from tests.unit.publishing import files_below

Place = Callable[[Path], Remote]
KILLED = -signal.SIGKILL

# The slow tests in their short form die at every third step only.
STRIDE = 3 if os.environ.get("ASSETSYNC_TEST_SHORT") else 1

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

    def check(self, versions: list[str], files: dict[str, bytes]) -> None:
        """The store holds these versions and nothing else, lock and files are the newest, and no traces are left."""
        assert published(self.remote) == {"nlp/tok": versions}
        assert f'version: "{versions[0]}"' in self.repo.read("assets.lock")
        here = {name: data for name, data in files_below(self.repo.root).items() if not name.startswith(".git/")}
        assert {name for name in here if not name.startswith("models/")} == {"assets.yaml", "assets.lock", ".gitignore"}
        assert {name.removeprefix("models/tok/") for name in here if name.startswith("models/")} == files.keys()
        assert all(here[f"models/tok/{name}"] == data for name, data in files.items())
        for folder in ("journal", "pulls"):
            traces = self.repo.root / ".assetsync" / folder
            left = os.listdir(traces) if traces.exists() else []
            assert not [name for name in left if not name.startswith((TEMPORARY_PREFIX, "."))]


def _bench(warm: Warm, folder: Path, remote: Remote) -> Bench:
    bench = Bench(warm, Repo.init(folder / "base/repo", folder / "home"), remote)
    url = "../store" if remote.kind == "directory" else remote.url
    bench.repo.write("assets.yaml", f"store: {url}\nassets:\n  nlp/tok: models/tok\n")
    bench.repo.write(".gitignore", "models/\n")
    bench.repo.extra.update(remote.environ)
    bench.write(BEFORE)
    warm.run(bench.repo, "apply", "--yes")
    return bench


@pytest.fixture
def beside(warm: Warm, tmp_path: Path) -> Bench:
    """With a store in a directory."""
    return _bench(warm, tmp_path, Remote("directory", str(tmp_path / "base/store")))


def _until_done(base: Bench, command: str, files: dict[str, bytes], least: int) -> None:
    """Kill the command before each of its changes to the disk, and run it again."""
    locks = set()
    for number in count():
        bench = base.copy(str(number))
        step = Step(number, str(bench.repo.root.parent))
        died = base.warm.run(bench.repo, command, "--yes", code=None, step=step)
        assert died.code in (0, KILLED), died.err
        base.warm.run(bench.repo, command, "--yes")
        bench.check(["0.1", "0.0"], files)
        locks.add(bench.repo.read("assets.lock"))
        shutil.rmtree(bench.repo.root.parent)
        if died.code == 0:
            break
    assert number >= least
    assert len(locks) == 1


def test_a_publish_to_a_directory(beside: Bench) -> None:
    beside.write(AFTER)
    _until_done(beside, "apply", AFTER, least=40)


def test_an_upgrade_from_a_directory(beside: Bench) -> None:
    elsewhere = beside.copy("elsewhere")
    elsewhere.write(AFTER)
    beside.warm.run(elsewhere.repo, "apply", "--yes")
    shutil.rmtree(beside.remote.url)
    shutil.copytree(elsewhere.remote.url, beside.remote.url)
    _until_done(beside, "upgrade", AFTER, least=20)


class _Killer:
    """Kills a command when its server sees the request with a number, before or after that has its effect."""

    def __init__(self, number: int, how: Fault, how_to: int = signal.SIGKILL) -> None:
        self._left = number
        self._how = how
        self._signal = how_to
        self._begun = threading.Event()
        self._counting = threading.Lock()
        self._pid = 0

    def look(self, seen: Seen) -> Fault | None:
        self._begun.wait()
        with self._counting:
            self._left -= 1
            if self._left != -1:
                return None
        os.kill(self._pid, self._signal)
        return self._how

    def kills(self, child: Child) -> None:
        self._pid = child.pid
        self._begun.set()


HOWS = pytest.mark.parametrize("how", [Fault.CUT, Fault.LOST_REPLY], ids=["before", "after"])


@HOWS
def test_a_publish_to_a_server(warm: Warm, over_http: Place, tmp_path: Path, how: Fault) -> None:
    _publish_until_done(_bench(warm, tmp_path, over_http(tmp_path)), how, AFTER, least=10)


@pytest.mark.slow
@HOWS
def test_a_publish_of_a_large_file_to_a_server(warm: Warm, over_http: Place, tmp_path: Path, how: Fault) -> None:
    files = {"large.bin": some_bytes(3 * SMALL_PART + 1), "small": b"small"}
    _publish_until_done(_bench(warm, tmp_path, over_http(tmp_path)), how, files, least=12, stride=STRIDE)


def _publish_until_done(bench: Bench, how: Fault, files: dict[str, bytes], *, least: int, stride: int = 1) -> None:
    """Publish new content again and again, each time killed one request later than before; and run each again."""
    versions = ["0.0"]
    for number in count(0, stride):
        # Other content each time, but for one file, which the store copies.
        changed = {name: data if name == "same.txt" else b"%d " % number + data for name, data in files.items()}
        bench.write(changed)
        killer = _Killer(number, how)
        with tapped(bench.remote, killer.look):
            child = bench.warm.start(bench.repo, "apply", "--yes", small_parts=True)
            killer.kills(child)
            died = child.wait()
        assert died.code in (0, KILLED), died.err
        bench.warm.run(bench.repo, "apply", "--yes", small_parts=True)
        versions.insert(0, f"0.{len(versions)}")
        bench.check(versions, changed)
        if died.code == 0:
            assert number >= least
            return
