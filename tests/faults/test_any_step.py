"""Commands with a mishap at one of their steps. A sample; `python -m tests.faults.sweep` takes each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import pytest

from tests.e2e.remotes import SERVERS, Remote
from tests.faults.scenarios import SCENARIOS
from tests.faults.shim import Mishap, library, missing
from tests.faults.sweep import MISHAPS, Sweep, spread, swept
from tests.faults.warm import Warm

pytestmark = [pytest.mark.slow, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

SHORT = bool(os.environ.get("ASSETSYNC_TEST_SHORT"))
# Of each scenario and each mishap.
RUNS = 1 if SHORT else 10


@pytest.fixture(scope="module")
def shimmed() -> Iterator[Warm]:
    with Warm(library()) as warm:
        yield warm


@pytest.fixture(scope="module")
def places() -> Iterator[Callable[[str], Callable[[Path], Remote]]]:
    """Servers, started when they are first asked for."""
    with ExitStack() as held:
        started: dict[str, Callable[[Path], Remote]] = {}

        def place(store: str) -> Callable[[Path], Remote]:
            if store not in started:
                started[store] = held.enter_context(SERVERS[store]())
            return started[store]

        yield place


def _combinations() -> Iterator[tuple[str, str, tuple[Mishap, ...]]]:
    """Scenario, store and mishaps. In the short form each scenario is killed, and has one other mishap."""
    others = cycle((Mishap.TEAR, Mishap.EIO, Mishap.ENOSPC))
    for name, scenario in SCENARIOS.items():
        for store in scenario.stores:
            if not SHORT:
                yield name, store, MISHAPS
            elif store == "directory":
                yield name, store, (Mishap.KILL, next(others))
            elif name in ("apply", "pull", "promote"):
                yield name, store, (Mishap.KILL,)


@pytest.mark.parametrize(
    ("name", "store", "mishaps"), [pytest.param(*one, id=f"{one[0]}-{one[1]}") for one in _combinations()]
)
def test_the_same_command_again_ends_as_a_clean_run(
    shimmed: Warm,
    places: Callable[[str], Callable[[Path], Remote]],
    tmp_path: Path,
    name: str,
    store: str,
    mishaps: tuple[Mishap, ...],
) -> None:
    sweep = Sweep(shimmed, SCENARIOS[name], tmp_path, places(store))
    for mishap in mishaps:
        tally = swept(sweep, mishap, spread(sweep.steps(mishap), RUNS, f"{name} {store} {mishap}"))
        assert not tally.wrong, tally.wrong[0]
        assert tally.ended.total() >= 1


@pytest.mark.parametrize("folder", ["repo/.assetsync", "repo", "store"])
@pytest.mark.parametrize("name", ["apply", "sync"])
def test_a_disk_that_gets_full(
    shimmed: Warm, places: Callable[[str], Callable[[Path], Remote]], tmp_path: Path, name: str, folder: str
) -> None:
    """A cache, a project and a store on a disk of their own: what does not fit is told, and can be made up for."""
    sweep = Sweep(shimmed, SCENARIOS[name], tmp_path, places("directory"))
    rooms = (0, 1, 1000) if SHORT else (0, 1, 10, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
    runs = [sweep.on_a_disk(folder, room) for room in rooms]
    assert any(run.code for run in runs)


def test_a_step_is_seen_and_has_its_mishap(
    shimmed: Warm, places: Callable[[str], Callable[[Path], Remote]], tmp_path: Path
) -> None:
    """Otherwise, all of this would hold without being so."""
    sweep = Sweep(shimmed, SCENARIOS["apply"], tmp_path, places("directory"))
    steps = sweep.steps(Mishap.KILL)
    assert steps > 80
    run, told = sweep.at(Mishap.KILL, steps // 2)
    assert run.code == -9
    assert told.fired
    run, told = sweep.at(Mishap.KILL, 10 * steps)
    assert (run.code, told.fired) == (0, "")
