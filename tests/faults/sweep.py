"""A command with a fault at one of its steps, at each of them in turn; and then the same command again.

``python -m tests.faults.sweep`` does all of it, and tells how many runs there were of each kind. Its options choose.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from assetsync.atomic import TEMPORARY_PREFIX
from tests.e2e.harness import Run
from tests.e2e.remotes import SERVERS, Remote
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.shim import DAY, Mishap, Plan, Told, library
from tests.faults.warm import Warm
from tests.faults.world import PROBE, State, World

MISHAPS = tuple(one for one in Mishap if one is not Mishap.NOTHING)
KILLED = -signal.SIGKILL
_REMOVE = "hint: when no git is at work here, remove "


@dataclass(slots=True)
class Tally:
    """What came of the runs: how many ended how, and what was wrong."""

    ended: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


class Sweep:
    """A scenario, prepared in a world of its own."""

    def __init__(self, warm: Warm, scenario: Scenario, folder: Path, place: Callable[[Path], Remote]) -> None:
        self._warm = warm
        self._scenario = scenario
        self._plan = folder / "plan"
        self._world = World(folder, place, "work")
        self.below = self._world.work / scenario.below
        scenario.prepare(warm, self._world)
        self._world.save()
        self._before = self._world.state()
        run, self._told = self._run(Mishap.NOTHING, -1)
        assert run.code == 0, run.err
        self._clean = self._world.state()
        self._clean.check_whole()

    def steps(self, mishap: Mishap) -> int:
        """How many steps of the command the mishap may befall."""
        if mishap.kinds == Mishap.NOTHING.kinds:
            return self._told.steps
        self._world.put_back()
        return self._run(mishap, -1)[1].steps

    def at(self, mishap: Mishap, number: int, **more: int) -> tuple[Run, Told]:
        """Let the mishap happen at a step, check what it leaves behind, and run the command again. AssertionError.

        `more` is for the Plan.
        """
        self._world.put_back()
        run, told = self._run(mishap, number, **more)
        try:
            self._check_after(run)
            again = self._again()
            assert again.code == 0, f"again: {again.err}"
            # What could not be removed was of no use any more, and harms nobody: an empty folder, a note of a claim.
            self._check_done(leftovers=told.fired.startswith("unlink") and run.code != KILLED)
        except AssertionError as error:
            raise AssertionError(f"{mishap.name} at step {number}, {told.fired}, {more}: {error}\n{run.err}") from None
        return run, told

    def on_a_disk(self, folder: str, room: int) -> Run:
        """The same for a command that finds a disk with so many bytes of room at a folder of the world."""
        self.below = self._world.work / folder
        try:
            return self.at(Mishap.NOTHING, -1, room=room)[0]
        finally:
            self.below = self._world.work / self._scenario.below

    def _again(self) -> Run:
        """The same command. A git that dies while it moves a branch leaves its lock, which we name, and leave to the
        user: it looks like that of a living git."""
        again = self._warm.run(self._world.repo, *self._scenario.args, code=None)
        if _REMOVE in again.err:
            locks = [path for path in (self._world.repo.root / ".git").rglob("*.lock") if f"`{path}`" in again.err]
            assert locks, again.err
            for path in locks:
                path.unlink()
            return self._again()
        return again

    def _run(self, mishap: Mishap, number: int, **more: int) -> tuple[Run, Told]:
        # As much as a day would let the signature of a request expire.
        jump = DAY if self._world.remote.kind == "directory" else 300
        with Plan(self._plan, mishap, number, jump=jump, below=self.below, **more) as plan:
            run = self._warm.run(self._world.repo, *self._scenario.args, code=None, env=plan.environ)
            return run, plan.told()

    def _check_after(self, run: Run) -> None:
        assert run.code in (0, 1, 3, 4, KILLED), f"exit {run.code}"
        if run.code == 0:
            self._check_done(leftovers=True)
        elif run.code != KILLED:
            check_told(run)
        now = self._world.state()
        now.check_whole()
        published = self._before.committed()
        assert now.committed().items() >= published.items(), "a published version was altered"
        assert now.marks() in (self._before.marks(), self._clean.marks()), f"marks: {now.marks()}"
        for path, data in self._before.files.items():
            known = (data, self._clean.files.get(path))
            if path == "assets.lock":
                self._check_lock(now)
            elif path in now.files:
                assert now.files[path] in known, f"`{path}` holds neither the old bytes nor the new ones"
            else:
                assert self._replaces(path), f"`{path}` is lost"
        strange = {path for path in now.files.keys() - self._before.files.keys() if not self._is_new(path, now)}
        assert not strange, f"left over in the checkout: {strange}"

    def _check_lock(self, now: State) -> None:
        """Some assets may be done, and others not."""
        known = {*self._before.locked().items(), *self._clean.locked().items()}
        strange = {*now.locked().items()} - known
        assert not strange, f"assets.lock holds {strange}"
        forgotten = self._before.locked().keys() & self._clean.locked().keys() - now.locked().keys()
        assert not forgotten, f"assets.lock has lost {forgotten}"

    def _replaces(self, path: str) -> bool:
        """Whether a file may be away while it is replaced, or given up."""
        before, after = self._before.files[path], self._clean.files.get(path)
        return before != after and self._scenario.pulls and path.startswith("models/")

    def _is_new(self, path: str, now: State) -> bool:
        return path.endswith("/") or now.files[path] == self._clean.files.get(path)

    def _check_done(self, *, leftovers: bool) -> None:
        now = self._world.state()
        if leftovers:
            now = now.without_leftovers()
        now.check_whole()
        assert now.lock == self._clean.lock, f"assets.lock differs from that of a clean run:\n{now.lock}"
        assert now.files == self._clean.files, (
            f"files differ from those of a clean run: {_differences(now, self._clean)}"
        )
        assert now.contents() == self._clean.contents(), f"other versions: {now.versions()}"
        assert now.indexes() == self._clean.indexes(), f"other indexes: {now.indexes()}"
        assert now.marks() == self._clean.marks(), f"other marks: {now.marks()}"
        assert now.git == self._clean.git, f"git: {now.git}"
        if not leftovers:
            assert now.traces == self._clean.traces, f"traces: {now.traces}"
            left = {key for key in now.leftovers() if not key.startswith((PROBE, *self._scenario.may_stay))}
            assert left <= {*self._clean.leftovers()}, f"left over in the store: {left}"


def _differences(one: State, other: State) -> set[str]:
    return {path for path, _ in one.files.items() ^ other.files.items()}


def check_told(run: Run) -> None:
    """An error is told in a line that names what it is about, and is no defect."""
    assert run.err.strip() or run.out.strip(), "it fails without a word"
    for line in run.err.splitlines():
        # What git says of its own files is passed on.
        assert "error:" not in line or "`" in line or " git " in line, f"names nothing: {line}"
        assert TEMPORARY_PREFIX not in line, f"names a file that nobody knows: {line}"
    assert "unexpected" not in run.err, run.err
    assert "Traceback" not in run.err, run.err


def spread(total: int, most: int, salt: str = "") -> Iterable[int]:
    """At most so many numbers below `total`, one in each part of as many equal ones; which, `salt` decides."""
    chosen = random.Random(salt)
    most = min(most, total)
    return [chosen.randrange(total * part // most, total * (part + 1) // most) for part in range(most)]


def swept(sweep: Sweep, mishap: Mishap, numbers: Iterable[int]) -> Tally:
    """One run for each number, until one is beyond the last step."""
    tally = Tally()
    for number in numbers:
        try:
            run, told = sweep.at(mishap, number)
        except AssertionError as error:
            tally.ended["wrong"] += 1
            tally.wrong.append(str(error))
            continue
        if not told.fired:
            break
        tally.ended[{0: "succeeded", KILLED: "died"}.get(run.code, "failed")] += 1
        tally.errors.update(line for line in run.err.splitlines() if "error:" in line or "failed:" in line)
    return tally


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.sweep", description=__doc__)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="by default all")
    parser.add_argument("--store", action="append", choices=["directory", "s3"], help="by default both")
    parser.add_argument("--mishap", action="append", choices=[one.name for one in Mishap], help="by default all")
    parser.add_argument("--most", type=int, help="so many steps, spread evenly; by default each of them")
    parser.add_argument("--salt", default="", help="which of them")
    parser.add_argument("--errors", action="store_true", help="show the errors that were told")
    return parser.parse_args()


def _combinations(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    for name in options.scenario or SCENARIOS:
        for store in options.store or SCENARIOS[name].stores:
            if store in SCENARIOS[name].stores:
                yield name, store


def main() -> int:
    options = _chosen()
    mishaps = [Mishap[name] for name in options.mishap or ()] or MISHAPS
    wrong = 0
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="sweep-", ignore_cleanup_errors=True)))
        warm = held.enter_context(Warm(library()))
        places = {}
        for number, (name, store) in enumerate(_combinations(options)):
            if store not in places:
                places[store] = held.enter_context(SERVERS[store]())
            sweep = Sweep(warm, SCENARIOS[name], folder / str(number), places[store])
            for mishap in mishaps:
                numbers = spread(sweep.steps(mishap), options.most, options.salt) if options.most else count()
                tally = swept(sweep, mishap, numbers)
                wrong += len(tally.wrong) + (not tally.ended)
                ended = ", ".join(f"{number} {how}" for how, number in sorted(tally.ended.items()))
                sys.stdout.write(f"{name} | {store} | {mishap.name} | {tally.ended.total()} runs: {ended}\n")
                sys.stdout.write("".join(f"WRONG {text}\n" for text in tally.wrong))
                if options.errors:
                    sys.stdout.write("".join(f"  {count} {line}\n" for line, count in tally.errors.most_common()))
                sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
