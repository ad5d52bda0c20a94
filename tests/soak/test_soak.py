"""The soak and the load in seconds; `python -m tests.soak` and `python -m tests.soak.load` take longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.remotes import SERVERS
from tests.faults.shim import library, missing
from tests.faults.warm import Warm
from tests.soak.__main__ import soaked
from tests.soak.load import Place, many_assets, many_clones, many_processes
from tests.soak.model import Round

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with Warm(None if missing() else library()) as warm:
        yield warm


@pytest.fixture
def place() -> Iterator[Place]:
    with SERVERS["directory"]() as place:
        yield place


def test_a_short_life(warm: Warm, tmp_path: Path, place: Place) -> None:
    soak = soaked(warm, tmp_path, place(tmp_path), rounds=12, seed=3)
    assert soak.told.total() >= 12


def test_a_model_that_misses_content_says_so(warm: Warm, tmp_path: Path, place: Place) -> None:
    soak = soaked(warm, tmp_path, place(tmp_path), rounds=0, seed=3)
    model, clone = soak.model, soak.clones[0]
    before = {**model.contents(clone), "nlp/a": {"a": b"never published"}}
    done = Round(clone, ("plan",), before, frozenset(), alone=True)
    run = warm.run(clone, "plan")
    with pytest.raises(AssertionError, match="was lost by"):
        model.check(done, run, model.look(), killed=False)
    key = next(key for key in model.committed if not key.endswith(".meta"))
    model.objects.put(key, b"altered")
    with pytest.raises(AssertionError, match="holds other bytes"):
        model.look()


def test_many_assets(warm: Warm, tmp_path: Path, place: Place) -> None:
    many_assets(warm, tmp_path, place, count=100)


def test_many_clones(warm: Warm, tmp_path: Path, place: Place) -> None:
    codes = many_clones(warm, tmp_path, place, count=16)
    assert codes[0] == 16


def test_many_processes(warm: Warm, tmp_path: Path, place: Place) -> None:
    many_processes(warm, tmp_path, place, count=8)
