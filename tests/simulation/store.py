"""The store of a schedule: the memory backend, of which each call is a step and may fail; every change is looked at.

Stores keep what they promise: reads, writes and listings are consistent, as those of S3, GCS, Azure and a local disk
are. Two things they do not promise. A listing comes in pages, so each half of one may be of another moment. And a
reply may be lost: the try after it is the business of `assetsync.backends.retry`, here as in the stores over HTTP.
"""

from __future__ import annotations

from builtins import list as List  # noqa: N812 - a store has a method `list`
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from assetsync.backends.contract import Blob, Dated, Listing, ObjectInfo, Progress, no_progress
from assetsync.backends.memory.store import MemoryBackend
from assetsync.backends.retry import Tries, holds, is_file
from assetsync.errors import ExistsError, TransientError
from assetsync.model.tree import FileEntry
from tests.simulation.schedule import Fate, Schedule
from tests.simulation.watch import Watch

URL = "memory://simulated"
# The part of listings that are of two moments.
SPLIT = 0.3
# The part of uploads that leave an empty object when their client dies.
TORN = 0.3

T = TypeVar("T")


class _GivenUpError(Exception):
    """The caller's patience is at its end: no further try."""


class SimulatedStore:
    """A Backend; see the module. `raw` is what is really there."""

    def __init__(self, schedule: Schedule) -> None:
        self.raw = MemoryBackend(URL)
        self.raw.clock = schedule.clock
        self.watch = Watch(self.raw, schedule)
        self._schedule = schedule
        self._tries = Tries()
        schedule.torn = self._tear

    @property
    def url(self) -> str:
        return URL

    def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
        first = self._read("list", prefix, lambda: self.raw.list(prefix, delimiter=delimiter))
        if self._schedule.random.random() >= SPLIT:
            return first
        second = self._read("list on", prefix, lambda: self.raw.list(prefix, delimiter=delimiter))
        keys = sorted({*_keys(first), *_keys(second)})
        if not keys:
            return first
        return _joined(first, second, self._schedule.random.choice(keys))

    def read(self, key: str, *, limit: int = 64 * 1024 * 1024) -> Blob:
        return self._read("read", key, lambda: self.raw.read(key, limit=limit))

    def read_dated(self, key: str, *, limit: int = 1024 * 1024) -> Dated:
        return self._read("read dated", key, lambda: self.raw.read_dated(key, limit=limit))

    def read_changed(self, key: str, tag: str, *, limit: int = 64 * 1024 * 1024) -> Blob | None:
        return self._read("read changed", key, lambda: self.raw.read_changed(key, tag, limit=limit))

    def stat(self, key: str) -> ObjectInfo:
        return self._read("stat", key, lambda: self.raw.stat(key))

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        yield from self._read("get", key, lambda: list(self.raw.read_range(key, start, length)))

    def create(self, key: str, data: bytes) -> None:
        with _patience():
            self._tries.settle(
                lambda: self._write("create", key, lambda: self.raw.create(key, data)),
                lambda: holds(self, key, data),
            )

    def replace(self, key: str, data: bytes, tag: str | None) -> None:
        with _patience():
            self._tries.settle(
                lambda: self._write("replace", key, lambda: self.raw.replace(key, data, tag)),
                lambda: holds(self, key, data),
            )

    def upload(self, key: str, path: str, entry: FileEntry, progress: Progress = no_progress) -> None:
        with _patience():
            self._tries.settle(
                lambda: self._write("upload", key, lambda: self.raw.upload(key, path, entry, progress)),
                lambda: is_file(self, key, entry),
            )

    def copy(self, source: str, target: str, entry: FileEntry) -> bool:
        with _patience():
            self._tries.settle(
                lambda: self._write("copy to", target, lambda: self.raw.copy(source, target, entry)),
                lambda: is_file(self, target, entry),
            )
        return False

    def delete(self, key: str) -> None:
        with _patience():
            self._tries.run(lambda: self._write("delete", key, lambda: self.raw.delete(key)))

    def close(self) -> None:
        pass

    def put(self, key: str, data: bytes) -> None:
        """Write without any condition, which no Backend can: for modelkit."""
        self._schedule.step("put", key)
        with self.watch.foreign(key):
            self.raw.delete(key)
            self.raw.create(key, data)

    def _tear(self, what: str, key: str) -> None:
        """Some servers keep an empty object when a client dies between the head and the body of a PUT."""
        if what == "upload" and self._schedule.random.random() < TORN and self.raw.found(key) is None:
            self.raw.create(key, b"")
            self._schedule.note("", key, "is kept, empty")

    def _read(self, what: str, key: str, call: Callable[[], T]) -> T:
        with _patience():
            return self._tries.run(lambda: self._tried(what, key, call))

    def _write(self, what: str, key: str, call: Callable[[], T]) -> T:
        def watched() -> T:
            with self.watch.ours(key):
                return call()

        return self._tried(what, key, watched)

    def _tried(self, what: str, key: str, call: Callable[[], T]) -> T:
        """One request. TransientError for one that fails, whether it had its effect or not."""
        fate = self._schedule.step(what, key, can_fail=True)
        if fate is Fate.UNSENT:
            raise TransientError("the store is busy")
        if fate is Fate.GIVEN_UP_UNSENT:
            raise _GivenUpError
        try:
            result = call()
        except ExistsError:
            self._schedule.note("", "", "is there")
            if fate is Fate.ANSWERED:
                raise
        except Exception as error:
            self._schedule.note("", "", type(error).__name__)
            if fate is Fate.ANSWERED:
                raise
        else:
            if fate is Fate.ANSWERED:
                return result
        if fate is Fate.GIVEN_UP_LOST:
            raise _GivenUpError
        raise TransientError("the reply is lost")


@contextmanager
def _patience() -> Iterator[None]:
    try:
        yield
    except _GivenUpError:
        raise TransientError("the store is busy, after all tries") from None


def _keys(listing: Listing) -> List[str]:
    return [*(info.key for info in listing.objects), *listing.folders]


def _joined(first: Listing, second: Listing, at: str) -> Listing:
    """A listing of which the keys before `at` are of the first moment, and the others of the second."""
    return Listing(
        [*(one for one in first.objects if one.key < at), *(one for one in second.objects if one.key >= at)],
        [*(one for one in first.folders if one < at), *(one for one in second.folders if one >= at)],
    )
