"""The sha256 of many files: small ones one after the other, large ones side by side.

Python handles small files under one lock, so threads only get in each other's way there. It helps to tell the kernel of
the next few dozen before the first of them is read: a disk then answers for all at once. Hashing a large buffer needs
no lock, so large files go on threads.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, repeat
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct, field

from assetsync.progress import Progress, no_progress

# Bytes. Files up to this size are read at once; for larger ones a thread is worth its while.
SMALL = 256 * 1024
BUFFER = 1024 * 1024
# Small files that are open at a time.
BATCH = 64
WIDTH = min(16, os.cpu_count() or 1)
# How often a file that changes while it is read is read again.
ATTEMPTS = 3
# Nanoseconds. A file that is younger than this when it is read may change again without a new mtime or ctime: Linux
# counts in steps of up to 10 ms, some file systems in seconds.
RACY = 2_000_000_000

_STAMP = struct.Struct("=QqqQ")

# Tells nanoseconds since 1970.
Clock = Callable[[], int]


class ChangingError(OSError):
    """A file would not hold still while it was read."""


def stamp_of(status: os.stat_result) -> bytes:
    """The 32 bytes that tell a state of a file from others without reading it: size, mtime, ctime and inode."""
    try:
        return _STAMP.pack(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    except struct.error:  # a time after 2262
        modified, changed = (time % 2**63 for time in (status.st_mtime_ns, status.st_ctime_ns))
        return _STAMP.pack(status.st_size, modified, changed, status.st_ino)


def sizes_of(stamps: Iterable[bytes]) -> list[int]:
    """The sizes in bytes of the files that had these stamps."""
    return memoryview(b"".join(stamps)).cast("Q")[::4].tolist()


class Files(Struct, eq=False):
    """The files under the absolute path `root`, by path relative to it; a single file has the empty path.

    Those that are `todo` get a `sha256`, and a new stamp when they changed meanwhile. The hashes of `racy` files must
    not be remembered; `failed` files could not be read.
    """

    root: str
    stamps: dict[str, bytes]
    sha256: dict[str, str] = field(default_factory=dict)
    todo: list[str] = field(default_factory=list)
    racy: set[str] = field(default_factory=set)
    failed: dict[str, OSError] = field(default_factory=dict)
    progress: Progress = no_progress


class _Job(NamedTuple):
    files: Files
    path: str
    stamp: bytes
    size: int

    @property
    def absolute(self) -> str:
        return f"{self.files.root}/{self.path}" if self.path else self.files.root

    def done(self, stamp: bytes, sha256: str, began: int) -> None:
        _, modified, changed, _ = _STAMP.unpack(stamp)
        if max(modified, changed) + RACY > began:
            self.files.racy.add(self.path)
        self.files.stamps[self.path] = stamp
        self.files.sha256[self.path] = sha256


def hash_files(several: Sequence[Files], clock: Clock) -> None:
    """Hash all that is `todo`. After an interruption, the files that were hashed before it have their `sha256`."""
    jobs = [job for files in several for job in _jobs(files)]
    large = sorted((job for job in jobs if job.size > SMALL), key=lambda job: job.size)
    _Hasher(clock).run([job for job in jobs if job.size <= SMALL], large)


def _jobs(files: Files) -> Iterator[_Job]:
    stamps = [files.stamps[path] for path in files.todo]
    return map(_Job, repeat(files), files.todo, stamps, sizes_of(stamps))


class _Stopped(Exception):  # noqa: N818 - the error is that of another thread
    """Raised in the middle of a large file when the work is being given up."""


class _Hasher:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stopped = threading.Event()

    def run(self, small: list[_Job], large: list[_Job]) -> None:
        """Hash the small files here and the large ones, from the end of the list on, on threads."""
        if not large:
            self._small(small)
            return
        from concurrent.futures import as_completed  # 4 ms, for large files alone

        from assetsync.pool import threads

        with threads(WIDTH, "hash") as pool:
            try:
                running = [pool.submit(self._large, large) for _ in range(min(WIDTH, len(large)))]
                self._small(small)
                for thread in as_completed(running):
                    thread.result()
            finally:
                self._stopped.set()

    def _small(self, jobs: list[_Job]) -> None:
        for start in range(0, len(jobs), BATCH):
            if self._stopped.is_set():
                return
            batch = jobs[start : start + BATCH]
            self._batch(batch)
            for files, some in groupby(batch, key=attrgetter("files")):
                files.progress(sum(job.size for job in some))

    def _batch(self, jobs: list[_Job]) -> None:
        began = self._clock()
        opened: list[tuple[_Job, int]] = []
        try:
            for job in jobs:
                try:
                    descriptor = os.open(job.absolute, os.O_RDONLY)
                except OSError as error:
                    job.files.failed[job.path] = error
                else:
                    opened.append((job, descriptor))
                    _prefetch(descriptor, job.size)
            for job, descriptor in opened:
                if not _read_at_once(job, descriptor, began):
                    self._read_steadily(job, bytearray(BUFFER), no_progress)
        finally:
            for _, descriptor in opened:
                os.close(descriptor)

    def _large(self, jobs: list[_Job]) -> None:
        buffer = bytearray(BUFFER)
        try:
            while True:
                try:
                    job = jobs.pop()
                except IndexError:
                    return
                self._read_steadily(job, buffer, job.files.progress)
        except _Stopped:
            return
        except BaseException:
            self._stopped.set()
            raise

    def _read_steadily(self, job: _Job, buffer: bytearray, progress: Progress) -> None:
        """Hash a file by pieces, until it is the same before and after."""
        try:
            expected = job.stamp
            for _ in range(ATTEMPTS):
                began = self._clock()
                count, sha256 = self._read(job.absolute, buffer, progress)
                # By path: some layered file systems say other things about an open file.
                status = os.stat(job.absolute)
                stamp = stamp_of(status)
                if (stamp, count) == (expected, status.st_size) and stat.S_ISREG(status.st_mode):
                    job.done(stamp, sha256, began)
                    return
                expected, progress = stamp, no_progress
            raise ChangingError("it changes while it is read")
        except OSError as error:
            job.files.failed[job.path] = error

    def _read(self, path: str, buffer: bytearray, progress: Progress) -> tuple[int, str]:
        digest = hashlib.sha256()
        view = memoryview(buffer)
        total = 0
        with open(path, "rb", buffering=0) as file:
            while count := file.readinto(buffer):
                digest.update(view[:count])
                total += count
                progress(count)
                if self._stopped.is_set():
                    raise _Stopped
        return total, digest.hexdigest()


def _prefetch(descriptor: int, size: int) -> None:
    """Have the kernel read the file in the background, where it can be asked to."""
    if hasattr(os, "posix_fadvise"):
        try:
            os.posix_fadvise(descriptor, 0, size, os.POSIX_FADV_WILLNEED)
        except OSError:
            pass  # it was only a hint


def _read_at_once(job: _Job, descriptor: int, began: int) -> bool:
    """Hash a small file. False when it is not what the walk saw, or can't be read this way."""
    try:
        data = os.read(descriptor, job.size + 1)
        stamp = stamp_of(os.fstat(descriptor))
    except OSError:
        return False
    if stamp != job.stamp or len(data) != job.size:
        return False
    job.done(stamp, hashlib.sha256(data).hexdigest(), began)
    return True


def sha256_of(path: str) -> str:
    """The sha256 of a regular file that is no link. OSError."""
    with open(path, "rb", buffering=0, opener=no_link) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"`{path}` is not a regular file")
        return hashlib.file_digest(file, "sha256").hexdigest()


def no_link(path: str, flags: int) -> int:
    """An opener for `open` that follows no link and waits for no FIFO. OSError."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
