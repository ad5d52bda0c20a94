"""Servers that fail for a while, lose replies or deny in the middle: it goes on, or ends with one clear error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.contract.harness import Fault
from tests.e2e.remotes import Remote
from tests.faults.bench import AFTER, Bench, new_bench
from tests.faults.tap import Look, Seen, tapped
from tests.faults.warm import Warm


@pytest.fixture
def bench(warm: Warm, over_http: Callable[[Path], Remote], tmp_path: Path) -> Bench:
    bench = new_bench(warm, tmp_path, over_http(tmp_path))
    bench.write(AFTER)
    return bench


def _every(nth: int, fault: Fault, *, writes: bool = False) -> Look:
    """The fault for each n-th request, or each n-th of those that write."""
    numbers = count(1)
    counting = threading.Lock()

    def look(seen: Seen) -> Fault | None:
        if writes and not seen.writes:
            return None
        with counting:
            return fault if next(numbers) % nth == 0 else None

    return look


def _from(number: int, fault: Fault) -> Look:
    """The fault for all requests from one on, counted from 0."""
    numbers = count()
    counting = threading.Lock()

    def look(seen: Seen) -> Fault | None:
        with counting:
            return fault if next(numbers) >= number else None

    return look


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda: _every(3, Fault.SLOW_DOWN), id="throttles"),
        pytest.param(lambda: _every(3, Fault.SERVER_ERROR), id="fails"),
        pytest.param(lambda: _every(3, Fault.CUT), id="hangs-up"),
        pytest.param(lambda: _every(2, Fault.LOST_REPLY, writes=True), id="loses-replies"),
    ],
)
def test_what_passes_is_got_over(bench: Bench, look: Callable[[], Look]) -> None:
    with tapped(bench.remote, look()):
        bench.warm.run(bench.repo, "apply", "--yes")
    bench.check(["0.1", "0.0"], AFTER)
    bench.write({"vocab.txt": b"gone wrong"})
    with tapped(bench.remote, look()):
        bench.warm.run(bench.repo, "pull", "--yes", "--discard-local", "nlp/tok")
    bench.check(["0.1", "0.0"], AFTER)


@pytest.mark.slow
def test_access_that_ends_at_any_request(bench: Bench) -> None:
    versions, files = ["0.0"], AFTER
    for number in count():
        files = {**AFTER, "vocab.txt": b"%d" % number}
        bench.write(files)
        lock = bench.repo.read("assets.lock")
        with tapped(bench.remote, _from(number, Fault.DENIED)):
            run = bench.warm.run(bench.repo, "apply", "--yes", code=None)
        if run.code:
            assert run.code == 1
            assert "denied" in run.err
            assert "hint:" in run.err
            assert "Traceback" not in run.err
            assert bench.repo.read("assets.lock") == lock
            bench.warm.run(bench.repo, "apply", "--yes")
        versions.insert(0, f"0.{number + 1}")
        if run.code == 0:
            break
    assert number >= 7
    bench.check(versions, files, leftovers=True)  # the last request of all deletes the claim


def test_access_that_ends_while_pulling(bench: Bench) -> None:
    bench.warm.run(bench.repo, "apply", "--yes")
    edited = {"vocab.txt": b"edited", "mine.txt": b"mine"}
    for number in count():
        bench.write(edited)
        with tapped(bench.remote, _from(number, Fault.DENIED)):
            run = bench.warm.run(bench.repo, "pull", "--yes", "--discard-local", "nlp/tok", code=None)
        if run.code == 0:
            break
        assert run.code == 1
        assert "denied" in run.err
        here = bench.repo.root / "models/tok"
        assert {path.name: path.read_bytes() for path in here.rglob("*") if path.is_file()} == edited
    assert number >= 2
    bench.check(["0.1", "0.0"], AFTER)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.CUT])
def test_a_server_that_never_recovers_is_given_up(bench: Bench, fault: Fault) -> None:
    lock = bench.repo.read("assets.lock")
    with tapped(bench.remote, _from(6, fault)):
        run = bench.warm.run(bench.repo, "apply", "--yes", code=1)
    assert "error:" in run.err
    assert "hint:" in run.err
    assert "Traceback" not in run.err
    assert bench.repo.read("assets.lock") == lock
    bench.warm.run(bench.repo, "apply", "--yes")
    bench.check(["0.1", "0.0"], AFTER)
