"""From a seed to a schedule, its run, and what it shows to be wrong."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from assetsync.model.names import CLAIM, META
from assetsync.remote import layout
from tests.simulation.actors import ALIASES, Doctor, Mishap, Modelkit, Promoter, Reader, Release, Yanker
from tests.simulation.checkout import Checkout, Files
from tests.simulation.schedule import CALM, HOUR, Actor, Schedule, Step, Weather
from tests.simulation.seams import Stage
from tests.simulation.store import PRODUCTION, URL, SimulatedStore
from tests.simulation.watch import NAME

# The kinds of trouble. A race is short, and among publishers alone; clearing is about what somebody died over, and
# pulling about those who die while they do so; parts are those of large files; sharing is several commands in one
# checkout; hurt is an index that somebody damages by hand.
THEMES = (
    *("race", "race", "race"),
    *("mixed", "mixed", "clearing", "clearing", "pulling", "pulling"),
    *("promoting", "promoting", "promoting", "marking", "marking", "hurt", "hurt", "parts", "sharing", "sharing"),
)
# Few contents, so that two publish the same, and so that one goes back to an older one.
FOLDERS: Sequence[Files] = (
    {"a": b"1", "b": b"1"},
    {"a": b"1", "b": b"2", "c/d": b""},
    {"a": b"3", "b": b"2"},
    {"c/d": b"4", "e": b"5"},
)
FILES: Sequence[Files] = ({"": b"1"}, {"": b"2"}, {"": b"3"}, {"": b""})
# Of more than one part, and with parts that are the same.
PART = 3
LARGE: Sequence[Files] = (
    {"a": b"111222333", "b": b"1"},
    {"a": b"111222444", "b": b"1"},
    {"a": b"555222333", "b": b"66677"},
)
# One schedule of so many goes on until each checkout is settled: it takes as long as the schedule itself.
FINISHED = 8
Role = Callable[[int], Actor]
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


def run(stage: Stage, seed: int, *, theme: str | None = None) -> Run:
    """Run the schedule of a seed. `theme` is one of THEMES; None: as the seed has it."""
    return _World(stage, seed, theme).run()


class _World:
    """One schedule, from its seed to its end."""

    def __init__(self, stage: Stage, seed: int, theme: str | None) -> None:
        self._seed = seed
        chance = self._random = random.Random(seed)
        drawn = chance.choice(THEMES)
        self._theme = theme or drawn
        self._schedule = Schedule(chance, self._weather())
        self._schedule.hurries = _hurries
        stage.begin(self._schedule, reaching=chance.random() < 0.3)
        self._stage = stage
        self._contents = FILES if chance.random() < 0.2 else FOLDERS
        if self._theme == "parts" or (self._theme in ("promoting", "clearing") and chance.random() < 0.3):
            self._contents = LARGE
            self._send_in_parts()
        self._versioning = "simple_date" if chance.random() < 0.1 else "major_minor"
        self._modelkit = chance.random() < 0.2
        if self._versioning == "simple_date" or self._theme in ("marking", "hurt", "parts", "sharing"):
            self._modelkit = False
        self._checkouts: list[Checkout] = []
        self._folders: list[str] = []
        self._left: Files | None = None

    def _send_in_parts(self) -> None:
        whole = self._random.random() < 0.5
        for store in self._stage.stores.values():
            store.raw.multipart_threshold = store.raw.bytes_per_part = PART
            store.raw.verifies_whole = whole

    def _weather(self) -> Weather:
        """Mostly one kind of trouble at a time: what needs two faults at once is found when there are few."""
        chance = self._random
        outdated = 0.3 if chance.random() < 0.05 else 0.0
        if self._theme == "race":
            failing = chance.choice((0.0, 0.0, 0.05))
            return replace(CALM, stickiness=chance.choice((0.0, 0.5, 0.8)), failing=failing, outdated=outdated)
        span = chance.choice((20, 40, 80))
        deaths = frozenset(chance.randrange(span) for _ in range(chance.choice((0, 1, 1, 2, 3))))
        if self._theme == "clearing":
            deaths = frozenset()
        jumps = {chance.randrange(span): chance.choice((2, 26)) * HOUR for _ in range(chance.choice((0, 0, 1, 3)))}
        failing = chance.choice((0.0, 0.0, 0.02, 0.1))
        return Weather(chance.choice((0.0, 0.5, 0.9)), failing, deaths, jumps, outdated)

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
        versions = {"clearing": 1, "pulling": 1, "promoting": 2, "marking": 3, "hurt": 2}.get(self._theme, 0)
        if not versions and chance.random() < 0.5:
            return
        versions = versions or 1
        self._fill(self._stage.store, versions)
        if self._theme == "promoting":
            before = chance.choice((0, 0, 1, 2))
            if before:
                self._fill(self._stage.production, before)
        if self._theme == "clearing":
            self._leave(self._checkout("before"), chance.choice(self._contents))
        if self._theme == "hurt" and chance.random() < 0.6:
            Mishap(self._stage, self._stage.store).hurt()
        if self._theme == "marking" and chance.random() < 0.7:
            self._move_about()

    def _fill(self, store: SimulatedStore, versions: int) -> None:
        """Have the first contents in a store, one after the other."""
        store.begin_as(_published(self._stage, self._contents, versions, self._versioning))

    def _leave(self, checkout: Checkout, files: Files) -> None:
        """Have the user of a checkout die while publishing."""
        schedule = self._schedule
        weather, schedule.weather = schedule.weather, replace(CALM, deaths=frozenset({self._random.randrange(7, 16)}))
        schedule.actors = [Actor("before", [lambda: checkout.edit(files), checkout.supersede])]
        schedule.run()
        schedule.actors, schedule.weather, schedule.number = [], weather, 0
        schedule.now += self._random.choice((0, 2, 30, 30, 30)) * HOUR
        self._left = files

    def _move_about(self) -> None:
        """Have moved an alias a few times."""
        release = Release(self._stage, self._folder("before"), self._versioning)
        listed = self._stage.store.watch.listed()
        self._stage.schedule.weather, weather = CALM, self._stage.schedule.weather
        for version in (listed[2], listed[0], listed[1]):
            release.move_to(ALIASES[0], version)
        self._stage.schedule.weather = weather

    def _cast(self) -> None:
        chance = self._random
        roles, others = self._roles()
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

    def _roles(self) -> tuple[list[Role], list[Role]]:
        """Who takes part for sure, and of whom there may be more."""
        publisher, reader, doctor = self._publisher, self._reader, self._doctor
        release, promoter, yanker = self._release, self._promoter, self._yanker
        match self._theme:
            case "race":
                return [publisher] * self._random.choice((2, 2, 3)), []
            case "clearing":
                return [self._random.choice((publisher, self._returner)), doctor], [publisher, doctor]
            case "pulling":
                return [self._puller], [publisher, reader]
            case "promoting":
                return [promoter], [promoter, promoter, publisher, self._upstart, self._buyer, self._keeper, yanker]
            case "marking":
                return [self._random.choice((release, yanker))], [release, release, yanker, yanker, publisher, doctor]
            case "hurt":
                return [doctor, doctor, publisher], [publisher, reader, self._mishap]
            case "parts":
                return [publisher, publisher], [publisher, doctor]
            case "sharing":
                return [self._sharer, self._sharer], [self._sharer, publisher]
            case _:
                return [publisher], [publisher, publisher, reader, doctor, release, yanker]

    def _publisher(self, number: int, url: str = URL, checkout: Checkout | None = None) -> Actor:
        chance = self._random
        checkout = checkout or self._checkout(f"checkout{number}", url)
        script: list[Callable[[], None]] = []
        rounds = {"race": 1, "hurt": 3}.get(self._theme) or chance.choice((1, 1, 2))
        for _ in range(rounds):
            if self._theme == "race" or chance.random() < 0.8:
                files = self._left if self._left and chance.random() < 0.5 else chance.choice(self._contents)
                script.append(lambda files=files: checkout.edit(files))  # type: ignore[misc]
            script.append(getattr(checkout, chance.choice(COMMANDS)))
        return Actor(checkout.name, script, lives=chance.choice((1, 2, 3)))

    def _returner(self, number: int) -> Actor:
        """Goes on where somebody died while publishing."""
        return self._publisher(number, checkout=self._checkouts[0])

    def _upstart(self, number: int) -> Actor:
        """Publishes to production directly."""
        return self._publisher(number, PRODUCTION)

    def _sharer(self, number: int) -> Actor:
        """Runs commands in a checkout in which others do so, too. Only the first of them edits."""
        chance = self._random
        shared = [checkout for checkout in self._checkouts if checkout.name == "shared"]
        checkout = shared[0] if shared else self._checkout("shared")
        script: list[Callable[[], None]] = []
        if not shared or chance.random() < 0.3:
            files = chance.choice(self._contents)
            script.append(lambda: checkout.edit(files))
        script += [getattr(checkout, chance.choice(COMMANDS)) for _ in range(chance.choice((1, 1, 2)))]
        return Actor(f"shared{number}", script, lives=chance.choice((1, 2)), shares=True)

    def _puller(self, number: int) -> Actor:
        checkout = self._checkout(f"checkout{number}")
        chance = self._random
        script: list[Callable[[], None]] = [getattr(checkout, chance.choice(("sync", "upgrade")))]
        script.append(getattr(checkout, chance.choice(("sync", "apply", "upgrade"))))
        return Actor(checkout.name, script, lives=chance.choice((1, 2, 3)))

    def _reader(self, number: int, url: str = URL) -> Actor:
        reader = Reader(self._stage, self._folder(f"reader{number}"), self._versioning, url=url)
        return Actor(f"reader{number}", [reader.fetch] * self._random.choice((1, 2)), lives=2)

    def _buyer(self, number: int) -> Actor:
        """Reads from production."""
        return self._reader(number, PRODUCTION)

    def _doctor(self, number: int, url: str = URL) -> Actor:
        doctor = Doctor(self._stage, f"doctor{number}", self._versioning, url=url)
        return Actor(f"doctor{number}", [doctor.repair] * self._random.choice((1, 1, 2)), lives=2)

    def _keeper(self, number: int) -> Actor:
        """A doctor of production."""
        return self._doctor(number, PRODUCTION)

    def _release(self, number: int) -> Actor:
        release = Release(self._stage, self._folder(f"release{number}"), self._versioning)
        moves = (release.move, release.move, release.move, release.roll_back, release.roll_back, release.remove)
        script = [self._random.choice(moves) for _ in range(self._random.choice((1, 2, 3)))]
        return Actor(f"release{number}", script, lives=2)

    def _yanker(self, number: int) -> Actor:
        yanker = Yanker(self._stage, self._folder(f"yanker{number}"), self._versioning)
        script = self._random.choice(([yanker.yank], [yanker.yank] * 2, [yanker.yank, yanker.undo], [yanker.undo]))
        return Actor(f"yanker{number}", script, lives=3)

    def _promoter(self, number: int) -> Actor:
        promoter = Promoter(self._stage, self._folder(f"promoter{number}"), self._versioning)
        script = [self._random.choice((promoter.promote, promoter.promote_all))] * self._random.choice((1, 2))
        return Actor(f"promoter{number}", script, lives=self._random.choice((1, 2, 3)))

    def _mishap(self, number: int) -> Actor:
        mishap = Mishap(self._stage, self._stage.store)
        return Actor(f"mishap{number}", [mishap.hurt] * self._random.choice((1, 1, 2)))

    def _modelkit_user(self, number: int) -> Actor:
        user = Modelkit(self._stage, self._random.choice(self._contents))
        return Actor(f"modelkit{number}", [user.update], lives=1)

    def _checkout(self, name: str, url: str = URL) -> Checkout:
        self._checkouts.append(Checkout(self._stage, self._folder(name), self._versioning, url=url))
        return self._checkouts[-1]

    def _folder(self, name: str) -> str:
        self._folders.append(os.path.join(self._stage.folder, name))
        return name

    def _end(self) -> None:
        """Two days later, `doctor --repair` leaves nothing to repair, and whoever publishes again can do so."""
        self._schedule.now += 48 * HOUR
        weather, self._schedule.weather = self._schedule.weather, CALM
        for checkout in self._checkouts:
            checkout.check()
        for store in self._stage.stores.values():
            self._check_store(store, had_faults=bool(weather.deaths or weather.failing))
        if self._seed % FINISHED == 0 and not self._stage.store.watch.with_modelkit:
            for checkout in self._checkouts:
                self._finish(checkout)

    def _check_store(self, store: SimulatedStore, *, had_faults: bool) -> None:
        watch, blame = store.watch, self._schedule.blame
        broken = watch.broken_promises()
        # Who dies between the two steps of taking a yank back leaves the second one to the repair.
        if broken and not (watch.bad and had_faults):
            blame(f"{', '.join(broken)} was reported, and is not there or not listed in the end")
        if watch.with_modelkit or not (watch.committed or watch.claimed):
            return
        Doctor(self._stage, "end", self._versioning, url=store.url).repair()
        left = [info.key for info in store.raw.list(layout.asset_folder(NAME)).objects]
        committed = {layout.meta_key(NAME, version) for version in watch.committed}
        odd = [key for key in left if (key.endswith(META) and key not in committed) or key.endswith(CLAIM)]
        if odd:
            blame(f"the repair leaves {', '.join(odd)}")
        missing = set(watch.committed) - set(watch.listed()) - set(watch.marks.yanked)
        if missing:
            blame(f"the repair leaves {', '.join(sorted(missing))} unlisted")
        listed = set(watch.listed()) & set(watch.marks.yanked)
        if listed:
            blame(f"the repair leaves {', '.join(sorted(listed))} listed, which is yanked")

    def _finish(self, checkout: Checkout) -> None:
        """The user of a checkout runs a command again, and takes its advice: in the end, the lock says what is here."""
        for attempt in (checkout.sync, checkout.upgrade, checkout.supersede, checkout.start_over):
            if checkout.is_settled():
                return
            attempt()
        if not checkout.is_settled():
            self._schedule.blame(f"`{checkout.name}` can't publish what it has")


def _published(stage: Stage, contents: Sequence[Files], versions: int, versioning: str) -> SimulatedStore:
    """A store in which somebody has published the first of some contents. Made once, and copied."""
    key = (tuple(tuple(files.items()) for files in contents[:versions]), versioning)
    if key not in stage.published:
        with stage.apart() as store:
            checkout = Checkout(stage, "before", versioning)
            for files in contents[:versions]:
                checkout.edit(files)
                checkout.apply()
                stage.schedule.now += 1
            shutil.rmtree(checkout.root)
        stage.published[key] = store
    return stage.published[key]


def _hurries(what: str, key: str) -> bool:
    """Nothing keeps a publisher that stops for a day between its last look at its claim and its commit from committing
    what a doctor clears meanwhile: no store has a write that depends on another object. It is assumed that none does.
    """
    return what == "create" and key.endswith(META)
