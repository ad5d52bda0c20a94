"""From a seed to a schedule, its run, and what it shows to be wrong."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from assetsync.model.names import CLAIM, META
from assetsync.remote import layout
from tests.simulation.actors import Checkout, Doctor, Files, Modelkit, Reader, Release
from tests.simulation.schedule import CALM, HOUR, Actor, Schedule, Step, Weather
from tests.simulation.seams import Stage
from tests.simulation.watch import NAME

# The kinds of trouble. A race is short, and among publishers alone; clearing is about what somebody died over, and
# pulling about those who die while they do so.
THEMES = ("mixed", "race", "race", "clearing", "pulling")
# Few contents, so that two publish the same, and so that one goes back to an older one.
FOLDERS: Sequence[Files] = (
    {"a": b"1", "b": b"1"},
    {"a": b"1", "b": b"2", "c/d": b""},
    {"a": b"3", "b": b"2"},
    {"c/d": b"4", "e": b"5"},
)
FILES: Sequence[Files] = ({"": b"1"}, {"": b"2"}, {"": b"3"}, {"": b""})
# One schedule of so many goes on until each checkout is settled: it takes as long as the schedule itself.
FINISHED = 4
# Of those with checkouts: how they go on.
COMMANDS = ("apply", "apply", "apply", "sync", "sync", "pull", "upgrade", "supersede", "bump")


@dataclass(frozen=True, slots=True)
class Run:
    """How a schedule ended."""

    seed: int
    trace: Sequence[Step]
    wrong: Sequence[str]
    actors: Sequence[str]

    def __str__(self) -> str:
        lines = "\n".join(map(str, self.trace))
        return f"seed {self.seed}: {'; '.join(self.wrong) or 'all is well'}\n{lines}"


def run(stage: Stage, seed: int, *, modelkit: bool | None = None) -> Run:
    """Run the schedule of a seed. `modelkit`: whether it takes part; None: as the seed has it."""
    return _World(stage, seed, modelkit).run()


class _World:
    """One schedule, from its seed to its end."""

    def __init__(self, stage: Stage, seed: int, modelkit: bool | None) -> None:
        self._seed = seed
        self._random = random.Random(seed)
        self._theme = self._random.choice(THEMES)
        self._schedule = Schedule(self._random, self._weather())
        self._schedule.hurries = _hurries
        stage.begin(self._schedule)
        self._stage = stage
        self._contents = FILES if self._random.random() < 0.2 else FOLDERS
        self._versioning = "simple_date" if self._random.random() < 0.1 else "major_minor"
        self._modelkit = self._random.random() < 0.2 if modelkit is None else modelkit
        if self._versioning == "simple_date":
            self._modelkit = False
        self._checkouts: list[Checkout] = []
        self._folders: list[str] = []
        self._left: Files | None = None

    def _weather(self) -> Weather:
        """Mostly one kind of trouble at a time: what needs two faults at once is found when there are few."""
        chance = self._random
        if self._theme == "race":
            return replace(CALM, stickiness=chance.choice((0.0, 0.5, 0.8)), failing=chance.choice((0.0, 0.0, 0.05)))
        span = chance.choice((20, 40, 80))
        deaths = frozenset(chance.randrange(span) for _ in range(chance.choice((0, 1, 1, 2, 3))))
        if self._theme == "clearing":
            deaths = frozenset()
        jumps = {chance.randrange(span): chance.choice((2, 26)) * HOUR for _ in range(chance.choice((0, 0, 1, 3)))}
        return Weather(chance.choice((0.0, 0.5, 0.9)), chance.choice((0.0, 0.0, 0.02, 0.1)), deaths, jumps)

    def run(self) -> Run:
        try:
            self._prepare()
            self._cast()
            self._schedule.run()
            if not self._schedule.wrong:
                self._end()
        finally:
            for folder in self._folders:
                shutil.rmtree(folder, ignore_errors=True)
        names = [actor.name for actor in self._schedule.actors]
        return Run(self._seed, self._schedule.trace, self._schedule.wrong, names)

    def _prepare(self) -> None:
        """Some stores are not empty when it begins, and some hold what somebody died over, hours or a day ago."""
        chance = self._random
        if self._theme not in ("clearing", "pulling") and chance.random() < 0.5:
            return
        first = self._checkout("before")
        first.edit(self._contents[0])
        first.apply()
        if self._theme == "clearing":
            self._leave(first, chance.choice(self._contents))

    def _leave(self, checkout: Checkout, files: Files) -> None:
        """Have the user of a checkout die while publishing."""
        schedule = self._schedule
        weather, schedule.weather = schedule.weather, replace(CALM, deaths=frozenset({self._random.randrange(7, 16)}))
        schedule.actors = [Actor("before", [lambda: checkout.edit(files), checkout.supersede])]
        schedule.run()
        schedule.actors, schedule.weather, schedule.number = [], weather, 0
        schedule.now += self._random.choice((0, 2, 30, 30, 30)) * HOUR
        self._left = files

    def _cast(self) -> None:
        chance = self._random
        roles: list[Callable[[int], Actor]] = [self._publisher]
        others = [self._publisher, self._publisher, self._reader, self._doctor, self._release]
        match self._theme:
            case "race":
                roles = [self._publisher] * chance.choice((2, 2, 3))
                others = []
            case "clearing":
                roles = [self._publisher, self._doctor]
                others = [self._publisher, self._doctor]
            case "pulling":
                roles = [self._puller]
                others = [self._publisher, self._reader]
            case _:
                pass
        if self._modelkit:
            roles.append(self._modelkit_user)
        while others and (len(roles) < 2 or (len(roles) < 5 and chance.random() < 0.4)):
            roles.append(chance.choice(others))
        self._schedule.actors.extend(role(number) for number, role in enumerate(roles))
        for actor in self._schedule.actors:
            if chance.random() < 0.5:
                actor.stalls_writing = chance.random() < 0.7
                actor.stalls_at = chance.randrange(1, 8 if actor.stalls_writing else 16)
                actor.stalls_for = chance.choice((0, 0, 0, 2, 26)) * HOUR

    def _publisher(self, number: int) -> Actor:
        chance = self._random
        checkout = self._checkout(f"checkout{number}")
        script: list[Callable[[], None]] = []
        rounds = 1 if self._theme == "race" else chance.choice((1, 1, 2))
        for _ in range(rounds):
            if self._theme == "race" or chance.random() < 0.8:
                files = self._left if self._left and chance.random() < 0.5 else chance.choice(self._contents)
                script.append(lambda files=files: checkout.edit(files))  # type: ignore[misc]
            script.append(getattr(checkout, chance.choice(COMMANDS)))
        return Actor(checkout.name, script, lives=chance.choice((1, 2, 3)))

    def _puller(self, number: int) -> Actor:
        checkout = self._checkout(f"checkout{number}")
        chance = self._random
        script: list[Callable[[], None]] = [getattr(checkout, chance.choice(("sync", "upgrade")))]
        script.append(getattr(checkout, chance.choice(("sync", "apply", "upgrade"))))
        return Actor(checkout.name, script, lives=chance.choice((1, 2, 3)))

    def _reader(self, number: int) -> Actor:
        name = f"reader{number}"
        self._folders.append(os.path.join(self._stage.folder, name))
        reader = Reader(self._stage, name, self._versioning)
        return Actor(name, [reader.fetch] * self._random.choice((1, 2)), lives=2)

    def _doctor(self, number: int) -> Actor:
        doctor = Doctor(self._stage, f"doctor{number}", self._versioning)
        return Actor(f"doctor{number}", [doctor.repair], lives=2)

    def _release(self, number: int) -> Actor:
        release = Release(self._stage, f"release{number}", self._versioning)
        return Actor(f"release{number}", [release.move] * self._random.choice((1, 2)), lives=2)

    def _modelkit_user(self, number: int) -> Actor:
        user = Modelkit(self._stage, f"modelkit{number}", self._random.choice(self._contents))
        return Actor(f"modelkit{number}", [user.update], lives=1)

    def _checkout(self, name: str) -> Checkout:
        self._folders.append(os.path.join(self._stage.folder, name))
        self._checkouts.append(Checkout(self._stage, name, self._versioning))
        return self._checkouts[-1]

    def _end(self) -> None:
        """Two days later, `doctor --repair` leaves nothing to repair, and whoever publishes again can do so."""
        schedule, store = self._schedule, self._stage.store
        schedule.now += 48 * HOUR
        for checkout in self._checkouts:
            checkout.check()
        if self._stage.store.watch.with_modelkit:
            return
        Doctor(self._stage, "end", self._versioning).repair()
        left = [info.key for info in store.raw.list(layout.asset_folder(NAME)).objects]
        committed = {layout.meta_key(NAME, version) for version in store.watch.committed}
        odd = [key for key in left if (key.endswith(META) and key not in committed) or key.endswith(CLAIM)]
        if odd:
            schedule.blame(f"the repair leaves {', '.join(odd)}")
        missing = set(store.watch.committed) - set(store.watch.listed())
        if missing:
            schedule.blame(f"the repair leaves {', '.join(sorted(missing))} unlisted")
        if self._seed % FINISHED == 0:
            for checkout in self._checkouts:
                self._finish(checkout)

    def _finish(self, checkout: Checkout) -> None:
        """The user of a checkout runs a command again, and takes its advice: in the end, the lock says what is here."""
        for attempt in (checkout.sync, checkout.upgrade, checkout.supersede, checkout.start_over):
            if checkout.is_settled():
                return
            attempt()
        if not checkout.is_settled():
            self._schedule.blame(f"`{checkout.name}` can't publish what it has")


def _hurries(what: str, key: str) -> bool:
    """Nothing keeps a publisher that stops for a day between its last look at its claim and its commit from committing
    what a doctor clears meanwhile: no store has a write that depends on another object. It is assumed that none does.
    """
    return what == "create" and key.endswith(META)
