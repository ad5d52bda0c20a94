"""Ctrl-C, and the SIGTERM of a CI system: exit 130, one line, and the same command goes on."""

from __future__ import annotations

import os
import pty
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.contract.harness import Fault
from tests.e2e.remotes import Remote
from tests.faults.bench import AFTER, Bench, Killer, new_bench
from tests.faults.tap import tapped
from tests.faults.warm import Step, Warm

SIGNALS = pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
SAYS = "interrupted; nothing is lost"


@pytest.fixture
def bench(warm: Warm, tmp_path: Path) -> Bench:
    bench = new_bench(warm, tmp_path, Remote("directory", str(tmp_path / "base/store")))
    bench.write(AFTER)
    return bench


@SIGNALS
def test_while_a_large_file_is_hashed(bench: Bench, sent: int) -> None:
    large = bench.repo.root / "models/tok/large.bin"
    with open(large, "wb") as file:
        file.truncate(4_000_000_000)
    run = bench.warm.run(bench.repo, "apply", "--yes", code=130, step=Step(0, str(large), sent, reads=True))
    assert SAYS in run.err
    large.unlink()
    bench.warm.run(bench.repo, "apply", "--yes")
    bench.check(["0.1", "0.0"], AFTER)


@SIGNALS
def test_while_a_large_file_is_copied_to_a_directory_which_is_left_without_half_of_it(bench: Bench, sent: int) -> None:
    large = bench.repo.root / "models/tok/large.bin"
    with open(large, "wb") as file:
        file.truncate(1_000_000_000)
    bench.warm.run(bench.repo, "plan")  # and so its hash is known
    store = Path(bench.remote.url)
    child = bench.warm.start(bench.repo, "apply", "--yes")
    while not any(map(_is_under_way, (store / "nlp/tok").rglob(".assetsync-tmp-*"))):
        assert os.path.exists(f"/proc/{child.pid}"), child.wait().err
    os.kill(child.pid, sent)
    run = child.wait()
    assert (run.code, SAYS in run.err) == (130, True), run.err
    assert not list(store.rglob(".assetsync-tmp-*"))
    large.unlink()
    bench.warm.run(bench.repo, "apply", "--yes")


def _is_under_way(path: Path) -> bool:
    """Whether a temporary file is that of the large one; others come and go while one looks."""
    try:
        return path.stat().st_size > 1_000_000
    except FileNotFoundError:
        return False


@SIGNALS
def test_while_a_directory_is_written_to(bench: Bench, sent: int) -> None:
    step = Step(3, f"{bench.remote.url}/nlp/tok/0.1", sent)
    assert SAYS in bench.warm.run(bench.repo, "apply", "--yes", code=130, step=step).err
    bench.warm.run(bench.repo, "apply", "--yes")
    bench.check(["0.1", "0.0"], AFTER)


def test_at_any_step_of_a_pull(bench: Bench) -> None:
    bench.warm.run(bench.repo, "apply", "--yes")
    options = ("pull", "--yes", "--discard-local", "nlp/tok")
    for number in count():
        bench.write({"vocab.txt": AFTER["vocab.txt"], "new": b"in the way of a folder"})
        step = Step(number, str(bench.repo.root), signal.SIGINT)
        run = bench.warm.run(bench.repo, *options, code=None, step=step)
        if run.code == 0:
            break
        assert (run.code, SAYS in run.err) == (130, True), run.err
        bench.warm.run(bench.repo, *options)
        bench.check(["0.1", "0.0"], AFTER)
    assert number > 12
    bench.check(["0.1", "0.0"], AFTER)


@SIGNALS
def test_while_a_server_is_sent_to(warm: Warm, over_http: Callable[[Path], Remote], tmp_path: Path, sent: int) -> None:
    bench = new_bench(warm, tmp_path, over_http(tmp_path))
    bench.write(AFTER)
    killer = Killer(5, Fault.LOST_REPLY, sent)
    with tapped(bench.remote, killer.look):
        child = warm.start(bench.repo, "apply", "--yes")
        killer.kills(child)
        run = child.wait()
    assert (run.code, SAYS in run.err) == (130, True), run.err
    warm.run(bench.repo, "apply", "--yes")
    bench.check(["0.1", "0.0"], AFTER)


@pytest.mark.parametrize(("typed", "code", "says"), [(b"\x03", 130, SAYS), (b"\n", 1, "nothing was written")])
def test_while_it_asks(bench: Bench, typed: bytes, code: int, says: str) -> None:
    lock = bench.repo.read("assets.lock")
    ours, theirs = pty.openpty()
    try:
        child = bench.warm.start(bench.repo, "apply", terminal=os.ttyname(theirs))
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, typed)
        while says.encode() not in shown:
            shown += os.read(ours, 4096)
        assert child.wait().code == code
    finally:
        os.close(ours)
        os.close(theirs)
    assert bench.repo.read("assets.lock") == lock
    bench.warm.run(bench.repo, "apply", "--yes")
    bench.check(["0.1", "0.0"], AFTER)
