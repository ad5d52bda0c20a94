"""Commands that are killed at any step: running the same command again ends as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.contract.harness import Fault, some_bytes
from tests.e2e.remotes import Remote
from tests.faults.bench import AFTER, Bench, Killer, new_bench
from tests.faults.tap import tapped
from tests.faults.warm import SMALL_PART, Step, Warm

Place = Callable[[Path], Remote]
KILLED = -signal.SIGKILL

# In the short form, publishes to servers die at every third step only.
STRIDE = 3 if os.environ.get("ASSETSYNC_TEST_SHORT") else 1


@pytest.fixture
def beside(warm: Warm, tmp_path: Path) -> Bench:
    """With a store in a directory."""
    return new_bench(warm, tmp_path, Remote("directory", str(tmp_path / "base/store")))


def _until_done(base: Bench, command: str, files: dict[str, bytes], least: int) -> None:
    """Kill the command before some of its changes to the disk, and run it again; test_any_step.py has all of them."""
    locks = set()
    for number in count(0, 7):
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


HOWS = pytest.mark.parametrize("how", [Fault.CUT, Fault.LOST_REPLY], ids=["before", "after"])


@pytest.mark.slow
@HOWS
def test_a_publish_to_a_server(warm: Warm, over_http: Place, tmp_path: Path, how: Fault) -> None:
    _publish_until_done(new_bench(warm, tmp_path, over_http(tmp_path)), how, AFTER, least=10)


@pytest.mark.slow
@HOWS
def test_a_publish_of_a_large_file_to_a_server(warm: Warm, over_http: Place, tmp_path: Path, how: Fault) -> None:
    files = {"large.bin": some_bytes(3 * SMALL_PART + 1), "small": b"small"}
    _publish_until_done(new_bench(warm, tmp_path, over_http(tmp_path)), how, files, least=12)


def _publish_until_done(bench: Bench, how: Fault, files: dict[str, bytes], *, least: int) -> None:
    """Publish new content again and again, each time killed one request later than before; and run each again."""
    versions = ["0.0"]
    for number in count(0, STRIDE):
        # Other content each time, but for one file, which the store copies.
        changed = {name: data if name == "same.txt" else b"%d " % number + data for name, data in files.items()}
        bench.write(changed)
        killer = Killer(number, how)
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
