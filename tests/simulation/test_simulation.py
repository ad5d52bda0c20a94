"""Schedules of all who publish, read, promote, mark and repair, modelkit among them: every promise is kept in each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.simulation.broken import BROKEN, Break
from tests.simulation.seams import Stage, staged
from tests.simulation.world import Run, run

# The long form of the gate is cut into pieces, so that each core has some.
PIECES = 10
PIECE = 1_000
# What happens in one schedule of a hundred, and so in each piece.
RARE = frozenset(("is kept, empty", "is outdated", "drop index", "cut index", "old index"))


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


@pytest.fixture(scope="module")
def runs() -> Sequence[Run]:
    """A few hundred schedules; the tests of this module share them."""
    with staged() as stage:
        return [run(stage, seed) for seed in range(250)]


def _check(ended: Run) -> None:
    assert not ended.wrong, f"replay with `python -m tests.simulation --schedules 1 --seed {ended.seed}`\n{ended}"


def test_a_few_hundred_schedules_keep_every_promise(runs: Sequence[Run]) -> None:
    for ended in runs:
        _check(ended)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("piece", range(PIECES))
def test_ten_thousand_schedules_keep_every_promise(stage: Stage, piece: int) -> None:
    seen: set[str] = set()
    for seed in range(piece * PIECE, (piece + 1) * PIECE):
        ended = run(stage, seed)
        _check(ended)
        seen.update(step.how for step in ended.trace)
    assert seen >= RARE


def test_everybody_takes_part_and_everything_happens(runs: Sequence[Run]) -> None:
    actors = {name.rstrip("0123456789") for ended in runs for name in ended.actors}
    assert {"checkout", "shared", "reader", "doctor", "release", "yanker", "promoter", "modelkit"} <= actors
    steps = [step for ended in runs for step in ended.trace]
    what = {step.what for step in steps}
    assert {"dies", "clock", "reports", "fails", "finds", "list on", "copy to", "sleep", "put", "wishes"} <= what
    assert {"begin parts", "send part", "complete"} <= what
    how = {step.how for step in steps}
    assert {"reply lost", "unsent", "given up, reply lost", "is there", "ChangedError"} <= how
    assert {"drop index", "cut index", "old index"} & how
    told = {step.key.split()[0] for step in steps if step.what == "reports"}
    assert {"Create", "Update", "Adopt", "Pull", "promoted", "production"} <= told
    assert any("is yanked" in step.key for step in steps)


def test_a_seed_is_one_schedule_in_any_process(stage: Stage) -> None:
    seeds = range(40)
    here = "".join(str(run(stage, seed)) for seed in seeds)
    program = (
        "from tests.simulation.seams import staged\nfrom tests.simulation.world import run\n"
        f"with staged() as stage:\n    print(''.join(str(run(stage, seed)) for seed in {seeds}), end='')"
    )
    root = Path(__file__).parent.parent.parent
    for hashes in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": str(root)}
        there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environ, cwd=root)
        assert there.stdout == here, there.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", BROKEN, ids=lambda how: how.__name__)
def test_a_broken_protocol_is_found(stage: Stage, how: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _shown(stage, how, monkeypatch)
    again = run(stage, found.seed, theme=BROKEN[how][0])
    assert (again.wrong, again.trace) == (found.wrong, found.trace)


def _shown(stage: Stage, how: Break, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The first schedule that shows what is broken."""
    how(monkeypatch)
    theme, within = BROKEN[how]
    for seed in range(within):
        ended = run(stage, seed, theme=theme)
        if ended.wrong:
            return ended
    pytest.fail(f"{within} schedules show nothing wrong")


def test_a_version_without_its_data_is_found_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    how = next(how for how in BROKEN if how.__name__ == "commit_before_data")
    assert "is not what it says" in str(_shown(stage, how, monkeypatch))
