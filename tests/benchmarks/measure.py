"""Several ways to do the same work, run in turns (A B A B), so that a busy machine is busy for all of them."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CLOCK = Path(__file__).with_name("clock.py")
US = "assetsync"
ROUNDS = 5
# A median is of so many runs at least; further ones are made only of what has not used up its budget, in seconds.
LEAST = 3
BUDGET = 4.0
# Seconds. What takes longer than a warm-up is worth is counted at once.
WORTH_A_WARM_UP = 2.0
# Who takes so many times the time of the fastest, and longer than a warm-up, runs once: more runs would not change
# what the row says.
FAR_BEHIND = 2.5


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a command, its preparations made. `check` says afterwards whether it did the work."""

    command: Sequence[str]
    cwd: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[], bool] = lambda: True


# Prepares the run of a round, which is not timed.
Contender = Callable[[int], Job]


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: wall and CPU seconds, bytes of memory at its peak, and requests, where the server counts them."""

    seconds: float
    cpu: float
    memory: int
    requests: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """The runs of a contender."""

    samples: Sequence[Sample]

    @property
    def seconds(self) -> float:
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def cpu(self) -> float:
        return statistics.median(sample.cpu for sample in self.samples)

    @property
    def memory(self) -> int:
        return max(sample.memory for sample in self.samples)

    @property
    def requests(self) -> int | None:
        return self.samples[-1].requests


def run(job: Job, requests: Callable[[], int] | None = None) -> Sample:
    """Run a job once. AssertionError with its output when it fails or has not done its work."""
    before = requests() if requests else 0
    with tempfile.NamedTemporaryFile("r") as out:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(CLOCK), out.name, *job.command],
            cwd=job.cwd,
            env={**os.environ, **job.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        taken = json.load(out)
    assert taken.pop("code") == 0, f"{job.command}: {done.stdout[-1000:]}\n{done.stderr[-3000:]}"
    asked = requests() - before if requests else None
    assert job.check(), f"{job.command} has not done its work"
    return Sample(**taken, requests=asked)


def side_by_side(
    contenders: Mapping[str, Contender], *, rounds: int = ROUNDS, requests: Callable[[], int] | None = None
) -> dict[str, Measured]:
    """The runs of each contender: at most `rounds`, fewer where they take long, one of a peer that is far behind."""
    taken: dict[str, list[Sample]] = {name: [] for name in contenders}
    fastest = math.inf
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            samples = taken[name]
            rival = math.inf if name.startswith(US) else fastest
            if is_enough([sample.seconds for sample in samples], rounds, rival):
                continue
            sample = run(contender(number), requests)
            fastest = min(fastest, sample.seconds)
            if number or rounds == 1 or sample.seconds > WORTH_A_WARM_UP:
                samples.append(sample)
    return {name: Measured(samples) for name, samples in taken.items()}


def is_enough(runs: Sequence[float], rounds: int, fastest: float) -> bool:
    """Whether no further run is to be made after those that took so many seconds, while somebody took `fastest`."""
    if not runs or len(runs) >= rounds:
        return bool(runs)
    if runs[0] > max(WORTH_A_WARM_UP, FAR_BEHIND * fastest):
        return True
    return len(runs) >= LEAST and sum(runs) > BUDGET
