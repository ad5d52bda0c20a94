"""Getting objects out of a store into files of a folder of their own, verified. Touches nothing outside that folder.

Small objects are streamed, one request each, and hashed on the way. Large ones are got in ranges, side by side; whoever
completes the range that is next in order hashes it from the page cache, so that hashing follows the download closely
and nothing waits. Files that an earlier try has left in the folder are hashed again and used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from msgspec import Struct

from assetsync.errors import AssetsyncError, ChecksumError, DamagedError, NotFoundError
from assetsync.local.hashing import no_link, sha256_of
from assetsync.local.writeback import start_writing
from assetsync.pool import BULK_WIDTH, Group, Lane, Transfers
from assetsync.progress import Progress
from assetsync.remote.store import Store
from assetsync.render.units import size as units

# Bytes of a range, and the size above which a file is got in ranges. Far from the end of a file, a range is up to
# LONGEST times as long: each request makes the server look for its bytes. Near the end, long ones that arrive together
# would leave the hash behind.
RANGE = 8 * 1024 * 1024
LONGEST = 4
LARGE = 2 * RANGE
CHUNK = 1024 * 1024
# Bytes. The writing of files that are not larger begins with their fsync: to ask for it would take as long.
WRITTEN_AT_ONCE = 1024 * 1024
# Files that one task makes durable: few, because many that wait at once share what the file system does.
SYNC_BATCH = 16


class Item(Struct, frozen=True):
    """An object to get, of `size` bytes. `sha256` is empty where nobody knows it: in versions that modelkit made.

    `like` is a local file that had the same content when it was scanned, and is copied if it still has.
    """

    key: str
    size: int
    sha256: str = ""
    like: str | None = None


class Got(NamedTuple):
    """A file that was got: where it is, and the sha256 of its bytes."""

    path: str
    sha256: str


def download(
    store: Store, items: Sequence[Item], folder: str, *, transfers: Transfers, progress: Progress
) -> list[Got]:
    """Get `items` into `folder`, which exists; verified and durable when this returns, in the order of `items`.

    On an error, complete files stay in the folder, for another try. ChecksumError or DamagedError when the store has
    other bytes than it should; StoreError; OSError.
    """
    group = transfers.group()
    _remove_others(items, folder)
    _check_room(items, folder)
    getting = _Download(store, folder, group, progress)
    getting.submit(items)
    group.wait()
    got = [getting.got(item) for item in items]
    _make_durable([one.path for one in got], transfers.group())
    return got


def staged_path(folder: str, item: Item) -> str:
    """Where in `folder` an item is put: the same for the same content and key, in every try."""
    return f"{folder}/{hashlib.sha256(f'{item.sha256} {item.key}'.encode()).hexdigest()}"


def _remove_others(items: Sequence[Item], folder: str) -> None:
    """Remove what an earlier try for something else has left: it takes room."""
    wanted = {staged_path(folder, item) for item in items}
    for name in os.listdir(folder):
        if f"{folder}/{name}" not in wanted:
            os.unlink(f"{folder}/{name}")


def _check_room(items: Sequence[Item], folder: str) -> None:
    """AssetsyncError when the disk surely has too little room; what an earlier try has left counts as there."""
    with os.scandir(folder) as entries:
        there = sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in entries)
    needed = sum(item.size for item in items) - there
    total, _, free = shutil.disk_usage(folder)
    if needed > free and total:  # some virtual file systems know no sizes
        raise AssetsyncError(
            f"not enough room: {units(needed)} are to be downloaded, and the disk of `{folder}` has {units(free)} free",
            hint="make room, and run the same command again",
        )


def _make_durable(paths: Sequence[str], group: Group) -> None:
    """fsync, many at once and after all is written: the first ones make the file system write most of the others."""
    group.run([partial(_sync, paths[at : at + SYNC_BATCH]) for at in range(0, len(paths), SYNC_BATCH)])
    group.wait()


def _sync(paths: Sequence[str]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _Download:
    """The tasks of one `download`."""

    def __init__(self, store: Store, folder: str, group: Group, progress: Progress) -> None:
        self.group = group
        self.progress = progress
        self._store = store
        self._backend = store.backend
        self._folder = folder
        self._left = frozenset(os.listdir(folder))
        self._sha256: dict[str, str] = {}

    def submit(self, items: Sequence[Item]) -> None:
        """A task for each distinct content, the largest first, so that no long one is left for the end."""
        twins: dict[str, list[Item]] = {}
        for item in sorted(items, key=lambda item: item.size, reverse=True):
            twins.setdefault(item.sha256 or item.key, []).append(item)
        tasks = ((first.size, partial(self._get, first, others)) for first, *others in twins.values())
        self.group.run_sized(tasks, largest_stream=LARGE)

    def got(self, item: Item) -> Got:
        path = staged_path(self._folder, item)
        return Got(path, self._sha256[path])

    def was_left(self, item: Item, path: str) -> bool:
        """Whether an earlier try has left something of it. Of what has no hash, nothing can be trusted."""
        return bool(item.sha256) and os.path.basename(path) in self._left

    def _get(self, item: Item, twins: Sequence[Item]) -> None:
        path = staged_path(self._folder, item)
        if item.like is not None and self._copied(item.like, path, item):
            self.finish(item, path, item.sha256, twins)
        elif item.size > LARGE:
            _Ranges(self, item, path, twins).begin(resume=self.was_left(item, path))
        elif self._kept(item, path):
            self.progress(item.size)
            self.finish(item, path, item.sha256, twins)
        else:
            self.finish(item, path, self._streamed(item, path), twins)

    def finish(self, item: Item, path: str, sha256: str, twins: Sequence[Item]) -> None:
        """The item is complete in `path`; check its hash, and copy it for the others with the same content."""
        if item.sha256 and sha256 != item.sha256:
            os.unlink(path)
            raise self._damaged(item, "its sha256 is not the one that its `.meta` has", ChecksumError)
        self._sha256[path] = sha256
        for twin in twins:
            self.group.submit(partial(self._get_twin, path, twin))

    def _get_twin(self, source: str, twin: Item) -> None:
        path = staged_path(self._folder, twin)
        if not self._copied(source, path, twin):
            raise ChecksumError(f"`{source}` changed while it was being copied")
        self.progress(twin.size)
        self._sha256[path] = twin.sha256

    def _kept(self, item: Item, path: str) -> bool:
        try:
            return self.was_left(item, path) and sha256_of(path) == item.sha256
        except OSError:
            return False

    def _copied(self, source: str, path: str, item: Item) -> bool:
        """Whether the local file `source` could be copied: it still is what it was when it was scanned."""
        try:
            with open(source, "rb", buffering=0) as file:
                return self._written(iter(partial(file.read, CHUNK), b""), path) == item.sha256
        except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError):
            return False

    def _streamed(self, item: Item, path: str) -> str:
        return self._written(self.read(item, 0, item.size), path)

    def _written(self, chunks: Iterable[bytes], path: str) -> str:
        """Write `chunks` to a new file; returns their sha256."""
        digest = hashlib.sha256()
        descriptor = create(path)
        try:
            at = 0
            for chunk in chunks:
                self.group.check()
                digest.update(chunk)
                at = write_at(descriptor, chunk, at)
            if at > WRITTEN_AT_ONCE:
                start_writing(descriptor, 0, at)
        finally:
            os.close(descriptor)
        return digest.hexdigest()

    def read(self, item: Item, start: int, length: int) -> Iterator[bytes]:
        """The bytes of a range, exactly `length` of them, or an error."""
        left = length
        self.group.pace(length)
        try:
            # An empty object has no range that could be asked for.
            for chunk in self._backend.read_range(item.key, start, length) if length else ():
                left -= len(chunk)
                if left < 0:
                    break
                self.progress(len(chunk))
                yield chunk
        except NotFoundError as error:
            raise self._damaged(item, "it is missing", DamagedError) from error
        if left:
            raise self._damaged(item, f"it does not have the {item.size} bytes that it should", ChecksumError)

    def _damaged(self, item: Item, why: str, kind: type[AssetsyncError]) -> AssetsyncError:
        return kind(
            f"`{item.key}` in `{self._store.url}` is damaged: {why}",
            hint="nothing here was changed; `assetsync verify` tells what else is damaged",
        )


class _Ranges:
    """One large file, got in ranges by a few threads with a file descriptor each, and hashed in order.

    Ranges of an earlier try that are there without a hole count as got; the hash tells in the end.
    """

    def __init__(self, download: _Download, item: Item, path: str, twins: Sequence[Item]) -> None:
        self._download = download
        self._item = item
        self._path = path
        self._twins = twins
        self._ends = _ends(item.size)
        self._lock = threading.Lock()
        self._digest = hashlib.sha256()
        self._hashed = 0  # ranges
        self._hashing = False
        self._got: set[int] = set()
        self._todo: Iterator[int] = iter(())
        self._resumed = False

    def begin(self, *, resume: bool) -> None:
        """Create the file, or find what an earlier try has left of it, and submit the rest."""
        left = self._left() if resume else 0
        if not left:
            os.close(create(self._path))
        self._resumed = left > 0
        self._got = set(range(left))
        self._todo = iter(range(left, len(self._ends)))
        self._download.progress(self._start(left))
        for _ in range(max(1, min(BULK_WIDTH, len(self._ends) - left))):
            self._download.group.submit(self._work, Lane.BULK)

    def _left(self) -> int:
        """The number of ranges that an earlier try has left, up to the first hole."""
        try:
            with open(self._path, "rb", opener=no_link) as file:
                size = os.fstat(file.fileno()).st_size
                end = os.lseek(file.fileno(), 0, os.SEEK_HOLE)
        except OSError:  # a link, or empty
            return 0
        if size > self._item.size:
            return 0
        return bisect_right(self._ends, end)

    def _work(self) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            self._hash(descriptor)
            while (number := self._next()) is not None:
                start = at = self._start(number)
                for chunk in self._download.read(self._item, at, self._ends[number] - at):
                    self._download.group.check()
                    at = write_at(descriptor, chunk, at)
                start_writing(descriptor, start, at - start)
                with self._lock:
                    self._got.add(number)
                self._hash(descriptor)
        finally:
            os.close(descriptor)

    def _next(self) -> int | None:
        with self._lock:
            return next(self._todo, None)

    def _start(self, number: int) -> int:
        return self._ends[number - 1] if number else 0

    def _hash(self, descriptor: int) -> None:
        """Hash the ranges that are next in order, unless another thread is at it; the last one ends the file."""
        while True:
            with self._lock:
                number = self._hashed
                if self._hashing or number not in self._got:
                    return
                self._hashing = True
            self._hash_range(descriptor, number)
            with self._lock:
                self._hashing = False
                self._hashed += 1
                self._got.discard(number)
            if self._hashed == len(self._ends):
                self._end()
                return

    def _hash_range(self, descriptor: int, number: int) -> None:
        at, end = self._start(number), self._ends[number]
        while at < end:
            self._download.group.check()
            buffer = self._download.group.buffer(min(CHUNK, end - at))
            count = os.preadv(descriptor, [buffer], at)
            if not count:
                raise ChecksumError(f"`{self._path}` was cut while it was being downloaded")
            self._digest.update(buffer[:count])
            at += count

    def _end(self) -> None:
        sha256 = self._digest.hexdigest()
        if self._resumed and sha256 != self._item.sha256:
            # The bytes of the earlier try were wrong. Threads that still end have other state and another file.
            _Ranges(self._download, self._item, self._path, self._twins).begin(resume=False)
            return
        self._download.finish(self._item, self._path, sha256, self._twins)


def _ends(size: int) -> list[int]:
    """Where the ranges of a file of so many bytes end."""
    ends = [0]
    while (left := size - ends[-1]) > 0:
        length = RANGE * max(1, min(LONGEST, left // (BULK_WIDTH * RANGE)))
        ends.append(ends[-1] + min(left, length))
    return ends[1:]


def create(path: str) -> int:
    """Open a new file for writing, with permissions by the umask. A link that was there is removed, not followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        return os.open(path, flags, 0o666)
    except FileExistsError:
        os.unlink(path)
        return os.open(path, flags, 0o666)


def write_at(descriptor: int, data: bytes, at: int) -> int:
    """Write all of `data` at an offset; returns the offset of its end."""
    rest = memoryview(data)
    while rest:
        count = os.pwrite(descriptor, rest, at)
        rest = rest[count:]
        at += count
    return at
