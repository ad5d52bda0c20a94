"""The stores of a schedule: the memory backend, of which each call is a step and may fail; every change is looked at.

Stores keep what they promise: reads, writes and listings are consistent, as those of S3, GCS, Azure and a local disk
are. Two things they do not promise. A listing comes in pages, so each half of one may be of another moment. And a
reply may be lost: the try after it is the business of `assetsync.backends.retry`, here as in the stores over HTTP.
Some schedules have weather in which listings are outdated as a whole, as no store of these has them.
"""

from __future__ import annotations

import hashlib
import json
from builtins import list as List  # noqa: N812 - a store has a method `list`
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from assetsync.backends.contract import Backend, Blob, Dated, Listing, ObjectInfo, Part
from assetsync.backends.memory.store import MemoryBackend
from assetsync.backends.retry import Tries, holds, is_file
from assetsync.errors import DamagedError, ExistsError, NotFoundError, TransientError
from assetsync.model.tree import FileEntry
from assetsync.progress import Progress, no_progress
from assetsync.remote import documents, layout
from tests.simulation.schedule import Fate, Schedule
from tests.simulation.watch import NAME, Watch

URL = "memory://simulated"
# Where versions are promoted to.
PRODUCTION = "memory://production"
# The part of listings that are of two moments.
SPLIT = 0.3
# The part of uploads that leave an empty object when their client dies.
TORN = 0.7
# How many writes an outdated listing may lack.
LATE = 6

T = TypeVar("T")


class _GivenUpError(Exception):
    """The caller's patience is at its end: no further try."""


class SimulatedStore:
    """A Backend; see the module. `raw` is what is really there."""

    def __init__(self, url: str, schedule: Schedule, *, origin: Watch | None = None) -> None:
        self.raw = MemoryBackend(url)
        self.raw.clock = schedule.clock
        self.watch = Watch(self.raw, schedule, origin)
        self.sequential_parts = False
        self._schedule = schedule
        self._tries = Tries()
        # The keys and sizes that were there before each write, the last ones.
        self._before: List[dict[str, int]] = []

    @property
    def url(self) -> str:
        return self.raw.url

    def begin_as(self, other: SimulatedStore) -> None:
        """Hold what another store holds."""
        self.raw.begin_as(other.raw)
        self.watch.begin_as(other.watch)

    def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
        first = self._read("list", prefix, lambda: self._listed(prefix, delimiter=delimiter))
        if self._schedule.random.random() >= SPLIT:
            return first
        second = self._read("list on", prefix, lambda: self._listed(prefix, delimiter=delimiter))
        keys = sorted({*_keys(first), *_keys(second)})
        if not keys:
            return first
        return _joined(first, second, self._schedule.random.choice(keys))

    def _listed(self, prefix: str, *, delimiter: bool) -> Listing:
        outdated = self._schedule.weather.outdated
        if not outdated or not self._before or self._schedule.random.random() >= outdated:
            return self.raw.list(prefix, delimiter=delimiter)
        before = self._schedule.random.choice(self._before)
        self._schedule.note("", prefix, "is outdated")
        past = MemoryBackend(self.url)
        for key, size in before.items():
            past.create(key, bytes(size))
        return past.list(prefix, delimiter=delimiter)

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
        self._settled("create", key, lambda: self.raw.create(key, data), lambda: holds(self, key, data))

    def replace(self, key: str, data: bytes, tag: str | None) -> None:
        self._settled("replace", key, lambda: self.raw.replace(key, data, tag), lambda: holds(self, key, data))

    def upload(self, key: str, path: str, entry: FileEntry, progress: Progress = no_progress) -> None:
        self._settled(
            "upload",
            key,
            lambda: self.raw.upload(key, path, entry, progress),
            lambda: is_file(self, key, entry),
        )

    def copy(self, source: str, target: str, entry: FileEntry) -> bool:
        self._settled(
            "copy to", target, lambda: self.raw.copy(source, target, entry), lambda: is_file(self, target, entry)
        )
        return False

    def delete(self, key: str) -> None:
        with _patience():
            self._tries.run(lambda: self._write("delete", key, lambda: self.raw.delete(key)))

    def close(self) -> None:
        pass

    # -- uploads in parts

    @property
    def multipart_threshold(self) -> int:
        return self.raw.multipart_threshold

    def part_size(self, size: int) -> int:
        return self.raw.part_size(size)

    def begin_upload(self, key: str, entry: FileEntry) -> str:
        return self._read("begin parts", key, lambda: self.raw.begin_upload(key, entry))

    def uploaded_parts(self, key: str, upload_id: str, path: str, entry: FileEntry) -> Sequence[Part]:
        """Those that are the bytes of the file, as S3 has it, which verifies parts alone."""
        parts = self._read("list parts", key, lambda: self.raw.uploaded_parts(key, upload_id, path, entry))
        size = self.raw.part_size(entry.size)
        with open(path, "rb") as file:
            data = file.read()
        wanted = [data[start : start + size] for start in range(0, len(data), size)]
        return [
            part
            for part in parts
            if part.number <= len(wanted) and hashlib.sha256(wanted[part.number - 1]).hexdigest() == part.token
        ]

    def upload_part(self, key: str, upload_id: str, number: int, data: memoryview, size: int) -> Part:
        return self._read("send part", key, lambda: self.raw.upload_part(key, upload_id, number, data, size))

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part], entry: FileEntry) -> None:
        self._settled(
            "complete",
            key,
            lambda: self.raw.complete_upload(key, upload_id, parts, entry),
            lambda: is_file(self, key, entry),
        )

    def abort_upload(self, key: str, upload_id: str) -> None:
        self._read("abort parts", key, lambda: self.raw.abort_upload(key, upload_id))

    # -- what no command of the program does

    def put(self, key: str, data: bytes) -> None:
        """Write without any condition, which no Backend can: for modelkit."""
        self._schedule.step("put", key)
        with self.watch.foreign(key):
            self._note_before()
            self.raw.delete(key)
            self.raw.create(key, data)

    def hurt_index(self, how: str) -> None:
        """Somebody deletes `.versions`, cuts it, or puts an older one there."""
        key = layout.versions_key(NAME)
        self._schedule.step("hurt", key)
        self._schedule.note("", key, how)
        try:
            data = self.raw.read(key).data
        except NotFoundError:
            return
        self.raw.delete(key)
        if how == "cut index":
            self.raw.create(key, data[: len(data) // 2])
        elif how == "old index":
            try:
                older = documents.parse_versions(data, key=key)[1:]
            except DamagedError:
                older = ()
            self.raw.create(key, json.dumps({"versions": older}).encode())
        self.watch.index_was_hurt()

    def tear(self, what: str, key: str) -> None:
        """Some servers keep an empty object when a client dies between the head and the body of a PUT."""
        if what == "upload" and self._schedule.random.random() < TORN and self.raw.found(key) is None:
            self.raw.create(key, b"")
            self._schedule.note("", key, "is kept, empty")

    # -- steps

    def _settled(self, what: str, key: str, call: Callable[[], T], is_ours: Callable[[], bool]) -> None:
        with _patience():
            self._tries.settle(lambda: self._write(what, key, call), is_ours)

    def _read(self, what: str, key: str, call: Callable[[], T]) -> T:
        with _patience():
            return self._tries.run(lambda: self._tried(what, key, call))

    def _write(self, what: str, key: str, call: Callable[[], T]) -> T:
        def watched() -> T:
            self._note_before()
            with self.watch.ours(key):
                return call()

        return self._tried(what, key, watched)

    def _note_before(self) -> None:
        if self._schedule.weather.outdated:
            self._before.append({info.key: info.size for info in self.raw.list().objects})
            del self._before[:-LATE]

    def _tried(self, what: str, key: str, call: Callable[[], T]) -> T:
        """One request. TransientError for one that fails, whether it had its effect or not."""
        fate = self._schedule.step(what, key, store=self)
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


class ReachingStore(SimulatedStore):
    """One that copies from another by itself, as two buckets of one cloud can."""

    def reaches(self, other: Backend) -> bool:
        return isinstance(other, SimulatedStore)

    def copy_from(self, other: Backend, source: str, target: str, entry: FileEntry) -> bool:
        def copied() -> None:
            if not isinstance(other, SimulatedStore):
                raise TypeError("out of reach")
            self.raw.create(target, other.raw.read(source).data)

        self._settled("copy to", target, copied, lambda: is_file(self, target, entry))
        return False


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
