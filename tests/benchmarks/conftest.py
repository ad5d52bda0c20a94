"""Servers, sizes and the report of the benchmarks.

``pytest -m benchmark`` measures everything and writes docs/performance.md. ``ASSETSYNC_BENCH_PART=0.1`` makes all
numbers that much smaller, measures once and writes a page elsewhere. Below 0.01 each test runs with its first
parameters alone and no peer is installed: to see that it is alive.
"""

from __future__ import annotations

import compileall
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import assetsync
from tests.benchmarks import peers, report
from tests.benchmarks.measure import ROUNDS, Contender, side_by_side
from tests.benchmarks.report import Row
from tests.benchmarks.worlds import Place, a_bucket, remove_large_files, serve_ignorant
from tests.servers.process import program
from tests.servers.rclone import rclone
from tests.servers.seaweed import missing, serve_seaweed

PART = float(os.environ.get("ASSETSYNC_BENCH_PART", "1"))
TINY = 0.01
# Seconds of measuring, after which everybody runs once for each row, and then the slowest run no more: with all that is
# prepared, it is to end within 20 minutes.
HURRY = 16 * 60.0
LATE = 18 * 60.0
SLOWEST = ("aws", "dvc", "modelkit")
HERE = Path(__file__).parent
# What matters most comes before time runs short.
ORDER = ("test_project.py", "test_transfer.py", "test_store.py", "test_cores.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.path.parent == HERE]
    for item in ours:
        item.add_marker(pytest.mark.benchmark)
        item.add_marker(pytest.mark.timeout(900))
    ours.sort(key=lambda item: ORDER.index(item.path.name))
    items[:] = [*(item for item in items if item not in ours), *ours]
    if PART < TINY:
        first = {getattr(item, "originalname", item.name): item for item in reversed(ours)}
        items[:] = [item for item in items if item not in ours or item in first.values()]


@dataclass
class Bench:
    """Measures rows, and keeps them for the report."""

    say: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)
    begin: float = field(default_factory=time.monotonic)
    measured: float = 0.0

    def number(self, full: int) -> int:
        """How many of something, out of `full` of them."""
        return max(2, round(full * PART))

    def size(self, full: int) -> int:
        """How large a file, in bytes: files get smaller only where there are few of them."""
        return max(1000, round(full * PART))

    def row(
        self, work: str, contenders: Mapping[str, Contender], store: str = "", requests: Callable[[], int] | None = None
    ) -> Row:
        """Run the contenders that are here, and show what they took."""
        reasons = {name: peers.why_missing(name, install=PART >= TINY) for name in contenders if peers.is_peer(name)}
        if self.measured > LATE:
            reasons |= {name: f"{name}, because time was up" for name in SLOWEST if name in contenders}
        here = {name: contender for name, contender in contenders.items() if not reasons.get(name)}
        once = PART < 1 or self.measured > HURRY
        results = side_by_side(here, rounds=1 if once else ROUNDS, requests=requests)
        self.measured += sum(sample.seconds for taken in results.values() for sample in taken.samples)
        row = Row(work, store, results, [reason for reason in reasons.values() if reason])
        self.rows.append(row)
        self.say(report.details(row))
        return row


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The rows of the run; docs/performance.md is written when all of them have been measured in full."""
    if program("assetsync") is None:
        pytest.skip("the command `assetsync` is not installed")
    if PART == 1 and os.environ.get("PYTEST_XDIST_WORKER"):
        pytest.exit("benchmarks beside each other measure each other; run them without -n")
    _compile()
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(text: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stdout.write(f"\n{text}\n")

    if PART < 1:
        say(f"Not to be kept: the numbers in the titles were made smaller by {PART}.")
    bench = Bench(say)
    yield bench
    if not bench.rows:
        return
    docs = report.DOCS
    if not _whole(request.session):
        docs = tmp_path_factory.mktemp("docs")
        shutil.copy(report.DOCS / "performance.md", docs)
    report.write(bench.rows, peers.versions(), docs)
    prepared = time.monotonic() - bench.begin - bench.measured
    say(f"{report.summary(bench.rows)}\n\nWritten to {docs / 'performance.md'}")
    say(f"Measured for {bench.measured:.0f} s, prepared and checked for {prepared:.0f} s")


def _compile() -> None:
    """Have bytecode of our modules, as pip makes it for those it installs; otherwise each run compiles them anew."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    package = Path(assetsync.__file__).parent
    compileall.compile_dir(package, quiet=1)


def _whole(session: pytest.Session) -> bool:
    """Whether all rows have been measured in full, so that the page may have them."""
    narrowed = session.config.option.keyword or any("::" in argument for argument in session.config.args)
    files = {item.path.name for item in session.items if item.path.parent == HERE}
    everything = files == {path.name for path in HERE.glob("test_*.py")}
    return PART == 1 and everything and not narrowed and not session.testsfailed


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where all files are. They are removed at the end: see `worlds.discard`."""
    where = tmp_path_factory.mktemp("ground")
    yield where
    shutil.rmtree(where)


@pytest.fixture
def folder(ground: Path) -> Iterator[Path]:
    where = Path(tempfile.mkdtemp(dir=ground))
    yield where
    remove_large_files(where)


@pytest.fixture(scope="session")
def seaweed(ground: Path) -> Iterator[Place]:
    """A server that honours preconditions and counts requests."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with serve_seaweed(ground / "seaweed", volumes=1000) as server:
        yield Place("SeaweedFS", server.url, server.environ, lambda: server.requests().total())


@pytest.fixture(scope="session")
def ignorant(ground: Path) -> Iterator[Place]:
    """rclone's server, which ignores preconditions."""
    if rclone() is None:
        pytest.skip("rclone is not installed")
    served = ground / "rclone"
    served.mkdir()
    with serve_ignorant(served) as place:
        yield place


@pytest.fixture(params=["seaweed", "ignorant"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each server in turn."""
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def bucket(place: Place) -> Iterator[str]:
    """A new bucket, at each place in turn."""
    with a_bucket(place) as name:
        yield name
