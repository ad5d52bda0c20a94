"""One schedule: actors that take turns, step by step, and what befalls them, all as a seed decides.

Each actor runs in a greenlet, which stops at each step until it is its turn again; so exactly one runs at any time, and
nothing but the seed decides which. The code that runs is the program's own and knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import NamedTuple, Protocol

from greenlet import getcurrent, greenlet

# Steps of one schedule. One of five actors takes about 300; who needs so many never ends.
MOST_STEPS = 5_000
# Simulated seconds since 1970 at which a schedule begins.
BEGINNING = 1_800_000_000.0
HOUR = 3600.0
DAY = 24 * HOUR


class Killed(BaseException):
    """Ends an actor at a step, as a SIGKILL would."""


class Fate(Enum):
    """How a request ends: it has its effect or not, and the caller hears of it or not."""

    ANSWERED = "answered"
    # Another try may follow, as the backend has it.
    UNSENT = "unsent"
    LOST = "reply lost"
    # The caller has no patience left.
    GIVEN_UP_UNSENT = "given up, unsent"
    GIVEN_UP_LOST = "given up, reply lost"


class Tearing(Protocol):
    """A store, as far as the death of its client concerns it."""

    def tear(self, what: str, key: str) -> None:
        """Its client dies in a request."""


WRITES = frozenset(("create", "replace", "upload", "copy to", "delete", "put", "complete"))
LOOKS = frozenset(("list", "list on", "read dated"))
FAILURES = (Fate.UNSENT, Fate.LOST, Fate.LOST, Fate.GIVEN_UP_UNSENT, Fate.GIVEN_UP_LOST)


@dataclass(frozen=True, slots=True)
class Weather:
    """The faults of a schedule. `stickiness` and `failing` are probabilities for each step; `deaths` are the steps at
    which the actor of that step dies; `jumps` are seconds by which the clock jumps before a step. `outdated` is the
    probability of a listing that shows an earlier moment.
    """

    stickiness: float
    failing: float
    deaths: frozenset[int]
    jumps: dict[int, float]
    outdated: float = 0.0


class Step(NamedTuple):
    """A line of a trace."""

    number: int
    actor: str
    what: str
    key: str
    how: str = ""

    def __str__(self) -> str:
        return f"{self.number:5} {self.actor:10} {self.what:12} {self.key}{f'  ({self.how})' if self.how else ''}"


@dataclass(slots=True, eq=False)
class Actor:
    """A sequence of commands. One that dies in a command begins that one anew, as long as it has `lives`.

    Before its step `stalls_at`, or its write of that number with `stalls_writing`, it waits until nobody else can go
    on, and so many seconds pass: the window between a look and what is done about it becomes as wide as it gets.

    Others see what one does who `shares` a disk: then effects on it are steps like requests.
    """

    name: str
    script: Sequence[Callable[[], None]]
    lives: int = 1
    stalls_at: int = 0
    stalls_writing: bool = False
    stalls_for: float = 0.0
    shares: bool = False
    counted: int = 0
    at: int = 0
    pending: tuple[str, str] = ("begin", "")
    store: Tearing | None = None
    # The step and the time of its last look at what lies in a store.
    looked: tuple[int, float] = (0, 0.0)
    running: greenlet | None = None
    is_dead: bool = False


@dataclass(slots=True, eq=False)
class Schedule:
    """The actors of one run, its clock, its trace, and what is found to be wrong."""

    random: Random
    weather: Weather
    now: float = BEGINNING
    number: int = 0
    trace: list[Step] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    # Tells whether an actor that is about to do this must not be made to wait for a day.
    hurries: Callable[[str, str], bool] = lambda what, key: False
    _current: Actor | None = None
    _hub: greenlet = field(default_factory=getcurrent)

    def clock(self) -> float:
        """Simulated seconds since 1970."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """An actor waits: the others go on."""
        self.now += seconds
        self.step("sleep", "")

    def blame(self, message: str) -> None:
        """Note that something is wrong, which ends the schedule."""
        self.wrong.append(f"step {self.number}: {message}")

    @property
    def actor(self) -> str:
        """The name of the actor whose turn it is."""
        return self._current.name if self._current else "-"

    @property
    def looked(self) -> tuple[int, float]:
        """The step and the time of the last look of the actor whose turn it is."""
        return self._current.looked if self._current else (self.number, self.now)

    def step(self, what: str, key: str, *, store: Tearing | None = None) -> Fate:
        """Before a request of the current actor: wait for its turn. Returns how the request to `store` ends."""
        actor = self._current
        if actor is None:
            return Fate.ANSWERED  # before the first actor begins, and after the last one has ended
        if actor.is_dead:
            raise Killed  # code that clears up after an error: it does not get to it
        actor.pending, actor.store = (what, key), store
        self._hub.switch()
        if what in LOOKS:
            actor.looked = self.number, self.now
        fate = Fate.ANSWERED
        if store is not None and self.random.random() < self.weather.failing:
            fate = self.random.choice(FAILURES)
        self.note(what, key, "" if fate is Fate.ANSWERED else fate.value)
        return fate

    def local_step(self, what: str, key: str) -> None:
        """Before an effect on the current actor's own disk: nobody else sees it, but it may die there."""
        actor = self._current
        if actor is None:
            return
        if actor.shares:
            self.step(what, key)
            return
        if actor.is_dead:
            raise Killed
        self.number += 1
        self.note(what, key)
        if self.number in self.weather.deaths:
            self.note("dies", "")
            actor.is_dead = True
            raise Killed

    def note(self, what: str, key: str, how: str = "") -> None:
        """Add a line to the trace."""
        self.trace.append(Step(self.number, self.actor, what, key, how))

    def run(self) -> None:
        """Until all actors have ended, or something is wrong."""
        ready = [actor for actor in self.actors if actor.script]
        stalled: list[Actor] = []
        actor = None
        while (ready or stalled) and not self.wrong:
            if not ready:
                ready.append(stalled.pop(0))
            if actor not in ready or self.random.random() >= self.weather.stickiness:
                actor = ready[0] if len(ready) == 1 else self.random.choice(ready)
            if not self._turn(actor):
                ready.remove(actor)
            elif actor.pending[0] in WRITES or not actor.stalls_writing:
                actor.counted += 1
                if actor.counted != actor.stalls_at:
                    continue
                ready.remove(actor)
                stalled.append(actor)
                self._pass(actor.stalls_for)
        for actor in (*ready, *stalled):
            if actor.running is not None:
                self._kill(actor)
        self._current = None

    def _turn(self, actor: Actor) -> bool:
        """Let an actor go on to its next step. False when it has ended for good."""
        self.number += 1
        self._current = actor
        if self.number > MOST_STEPS:
            self.blame(f"`{actor.name}` does not end")
            return True
        self._pass(self.weather.jumps.get(self.number, 0.0))
        if self.number in self.weather.deaths and actor.running is not None:
            self.note("dies", "", f"before {' '.join(actor.pending)}")
            if actor.store is not None:
                actor.store.tear(*actor.pending)
            self._kill(actor)
        else:
            self._resume(actor)
        if actor.running is None or not actor.running.dead:
            return True
        actor.running = None
        if not actor.is_dead:
            return False
        actor.is_dead = False
        actor.lives -= 1
        return actor.lives > 0

    def _pass(self, seconds: float) -> None:
        """Let time pass, all at once."""
        if seconds > DAY and any(self.hurries(*actor.pending) for actor in self.actors if actor.running is not None):
            return
        self.now += seconds
        if seconds:
            self.note("clock", f"{seconds / HOUR:+.0f} h")

    def _resume(self, actor: Actor) -> None:
        if actor.running is None:
            actor.running = greenlet(self._play, self._hub)
            actor.running.switch(actor)
        else:
            actor.running.switch()

    def _kill(self, actor: Actor) -> None:
        self._current = actor
        actor.is_dead = True
        if actor.running is not None:
            actor.running.throw(Killed)

    def _play(self, actor: Actor) -> None:
        try:
            while actor.at < len(actor.script) and not self.wrong:
                actor.script[actor.at]()
                actor.at += 1
        except Killed:
            pass
        except Exception as error:  # whatever it is, it is a finding
            self.blame(f"`{actor.name}` fails with {type(error).__name__}: {error}")


CALM = Weather(stickiness=1.0, failing=0.0, deaths=frozenset(), jumps={})
