"""Where the program meets the machine, and a schedule takes the machine's place: threads, time, chance, and the disk.

The disk is real, in memory where the system has such a folder. Steps on it can only be the last of who takes them: no
two actors share a folder.
"""

from __future__ import annotations

import fcntl
import gc
import os
import random
import shutil
import tempfile
import typing
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
import tenacity.nap

from assetsync import atomic, pool
from assetsync.git import provenance
from assetsync.local import install
from assetsync.model.provenance import Provenance
from assetsync.project import marking, numbering, project, promote, workspace
from assetsync.remote import doctor, documents
from assetsync.remote import store as remote_store
from assetsync.remote import yank as remote_yank
from assetsync.state import folder as state_folder
from assetsync.state.cache import Cache
from assetsync.transfer import publish
from tests.simulation.schedule import CALM, Schedule
from tests.simulation.store import PRODUCTION, URL, ReachingStore, SimulatedStore

T = TypeVar("T")


class Stage:
    """What the seams lead to: the schedule that runs now, its two stores, and the memory of each checkout."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        # Stores in which something has been published, for schedules to begin with.
        self.published: dict[object, SimulatedStore] = {}
        self.begin(Schedule(random.Random(0), CALM))

    def sleep(self, seconds: float) -> None:
        """The actor whose turn it is waits."""
        self.schedule.sleep(seconds)

    def shuffled(self, items: Sequence[T]) -> Sequence[T]:
        """Items in an order that the seed decides."""
        return items if len(items) < 2 else self.schedule.random.sample(items, len(items))

    def begin(self, schedule: Schedule, *, reaching: bool = False) -> None:
        """Let `schedule` run from here on, with empty stores and no checkouts; `reaching`: production copies from the
        other store by itself."""
        self.schedule = schedule
        self.store = SimulatedStore(URL, schedule)
        kind = ReachingStore if reaching else SimulatedStore
        self.production = kind(PRODUCTION, schedule, origin=self.store.watch)
        self.stores = {store.url: store for store in (self.store, self.production)}
        self.caches: dict[str, Cache] = {}

    @contextmanager
    def apart(self) -> Iterator[SimulatedStore]:
        """A store of a quiet schedule, in the block, for what is to be there before another one begins."""
        now = self.schedule, self.store, self.production, self.stores, self.caches
        self.begin(Schedule(random.Random(0), CALM))
        try:
            yield self.store
        finally:
            self.schedule, self.store, self.production, self.stores, self.caches = now


class _Done:
    """The future of a call that was made at once."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._value: Any = None
        self._error: BaseException | None = None
        try:
            self._value = call()
        except BaseException as error:
            self._error = error

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


class _Here:
    """An executor without threads: tasks of one command follow each other, in any order, as the seed has it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def submit(self, call: Callable[..., Any], *arguments: Any) -> _Done:
        return _Done(partial(call, *arguments))

    def map(self, call: Callable[..., Any], *items: Iterable[Any]) -> Iterator[Any]:
        todo = list(enumerate(zip(*items, strict=True)))
        done = {number: call(*arguments) for number, arguments in self._stage.shuffled(todo)}
        return (done[number] for number in range(len(todo)))


@contextmanager
def staged() -> Iterator[Stage]:
    """The seams, for as long as the block runs."""
    memory = "/dev/shm"
    folder = tempfile.mkdtemp(prefix="assetsync-simulation-", dir=memory if os.access(memory, os.W_OK) else None)
    stage = Stage(folder)
    try:
        with pytest.MonkeyPatch.context() as patch:
            _patch_machine(patch, stage)
            _patch_disk(patch, stage)
            _remember_pure(patch)
            with _seldom_collected():
                yield stage
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """A tenth of the time would go into looking for garbage among the modules, which stay."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _remember_pure(patch: pytest.MonkeyPatch) -> None:
    """Have the functions of bytes that schedules call with the same bytes over and over remember what they return."""
    for room, name in (
        (project, "parse_lock"),
        (documents, "parse_meta"),
        (documents, "parse_versions"),
        (documents, "parse_claim"),
        (documents, "parse_marks"),
        (typing, "_get_protocol_attrs"),
    ):
        patch.setattr(room, name, lru_cache(maxsize=10_000)(getattr(room, name)))


def _patch_machine(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(stage.schedule.now, tz or UTC)

    @contextmanager
    def no_threads(width: int, name: str) -> Iterator[_Here]:
        yield _Here(stage)

    run_all = pool.Group.run
    patch.setattr(pool, "threads", no_threads)
    patch.setattr(pool.Group, "run", lambda group, tasks: run_all(group, stage.shuffled(tasks)))
    for module in (project, publish, doctor, marking, numbering, promote, remote_yank):
        patch.setattr(module, "datetime", Clock)
    patch.setattr(publish, "time", SimpleNamespace(time=lambda: stage.schedule.now))
    patch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=stage.sleep))
    patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=stage.schedule.random.getrandbits(128)))
    patch.setattr(remote_store, "open_backend", lambda config, environ: stage.stores[config.url])
    # What is remembered outlives the process, as the file does, which is the slowest thing here.
    patch.setattr(workspace, "Cache", lambda path: stage.caches.setdefault(path, Cache(None)))
    patch.setattr(provenance, "provenance", lambda *_, message=None, **__: Provenance("simulation", message=message))
    # Who waits for a file of another process lets that one go on.
    patch.setattr(atomic, "_wait_for", lambda descriptor: _wait_for(stage, descriptor))


def _wait_for(stage: Stage, descriptor: int) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stage.schedule.step("wait", "")
        else:
            return


def _patch_disk(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    """Make a step of each effect on a disk that a command must survive being killed before and after."""

    def before(what: str, call: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **more: Any) -> Any:
            stage.schedule.local_step(what, name(*arguments))
            return call(*arguments, **more)

        return stepped

    written = before("write", atomic.write_in, lambda folder, name, *_: name)
    patch.setattr(atomic, "write_in", written)
    patch.setattr(state_folder, "write_in", written)
    patch.setattr(
        state_folder.Folder, "remove", before("remove", state_folder.Folder.remove, lambda folder, name: name)
    )
    for what in ("_put", "_remove"):
        step = before(what.strip("_"), getattr(install.Change, what), lambda change, folders, path: path)
        patch.setattr(install.Change, what, step)
