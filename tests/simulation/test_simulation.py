"""Schedules of all who publish, read, promote, mark and repair, modelkit among them: every promise is kept in each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from tests.simulation.broken import BROKEN, Break
from tests.simulation.seams import Stage, staged
from tests.simulation.world import Run, run

# The long form of the gate is cut into pieces, so that each core has some.
PIECES = 10
PIECE = 1_000


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
    for seed in range(piece * PIECE, (piece + 1) * PIECE):
        _check(run(stage, seed))


def test_everybody_takes_part_and_everything_happens(runs: Sequence[Run]) -> None:
    actors = {name.rstrip("0123456789") for ended in runs for name in ended.actors}
    named = {"checkout", "before", "shared", "reader", "doctor", "release", "yanker", "promoter", "mishap", "modelkit"}
    assert actors == named
    steps = [step for ended in runs for step in ended.trace]
    what = {step.what for step in steps}
    assert {"dies", "clock", "reports", "fails", "finds", "list on", "copy to", "sleep", "put", "wishes"} <= what
    assert {"begin parts", "send part", "complete", "drop index", "cut index", "old index"} <= what
    how = {step.how for step in steps}
    assert {"reply lost", "unsent", "given up, reply lost", "is kept, empty", "is there", "ChangedError"} <= how
    assert "is outdated" in how
    problems = {code for step in steps if step.what == "problem" for code in step.key.split(", ")}
    assert {"diverged", "in_progress", "goes_back", "conflict"} <= problems
    told = {step.key.split()[0] for step in steps if step.what == "reports"}
    assert {"Create", "Update", "Adopt", "Pull", "promoted", "production"} <= told
    assert any("is yanked" in step.key for step in steps)
    assert any("is listed again" in step.key for step in steps)


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
    how(monkeypatch)
    found = _first_wrong(stage, BROKEN[how])
    assert found is not None
    again = run(stage, found.seed)
    assert (again.wrong, again.trace) == (found.wrong, found.trace)


def _first_wrong(stage: Stage, within: int) -> Run | None:
    """The first schedule that shows something wrong, of so many."""
    for seed in count():
        if seed == within:
            return None
        ended = run(stage, seed)
        if ended.wrong:
            return ended
    return None


def test_a_version_without_its_data_is_found_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    how = next(how for how in BROKEN if how.__name__ == "commit_before_data")
    how(monkeypatch)
    found = _first_wrong(stage, BROKEN[how])
    assert found is not None
    assert "is not what it says" in str(found)
