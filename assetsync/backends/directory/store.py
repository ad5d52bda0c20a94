"""A store in a directory, of this machine or of a file server: `file:///abs/dir` or an absolute path.

An object is a file that appears under its name in one step, whole and synced: it is written to a temporary file in the
same folder and hard-linked to its name, which fails when the name is taken (a rename would not). Where there are no
hard links, a file lock stands in. A process that is killed leaves temporary files at most; they are in no listing, and
whoever writes to their folder a day later removes them.

Names that begin with `.assetsync-` are ours. modelkit does not see them either, for its globs skip hidden files.
Symbolic links are followed, also out of the directory: who can place them decides where the store lies.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from assetsync.atomic import TEMPORARY_PREFIX, sync_folder
from assetsync.backends.contract import Backend, Blob, Dated, Listing, ObjectInfo
from assetsync.backends.directory.draft import CHUNK, Draft
from assetsync.backends.directory.listing import RESERVED_PREFIX, listing
from assetsync.backends.directory.removal import unlink_below
from assetsync.backends.directory.translate import translated
from assetsync.backends.retry import Tries
from assetsync.errors import (
    ChangedError,
    ChecksumError,
    DamagedError,
    ExistsError,
    NoStoreError,
    NotFoundError,
    StoreError,
    TransientError,
    UnsupportedError,
    UsageError,
)
from assetsync.escape import printable
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from assetsync.progress import Progress, no_progress

if TYPE_CHECKING:
    from filelock import FileLock

LOCK_PREFIX = RESERVED_PREFIX + "lock-"
# Seconds. The lock is held to read and to write one small file, so this long means that its holder hangs.
LOCK_PATIENCE = 60.0
LOCK_POLL = 0.01
# Seconds. A temporary file that nobody has written to for so long has no process any more.
LEFTOVER_AGE = 86_400.0

T = TypeVar("T")


def open_store(config: StoreConfig, environ: Mapping[str, str]) -> DirectoryBackend:
    """The store in that directory, which need not exist yet. UsageError when it is no absolute path or no directory."""
    root = _root(config.url)
    if not os.path.isabs(root):
        raise UsageError(f"`{config.url}` is not an absolute path", hint="write `file:///abs/dir` or `./relative/dir`")
    if os.path.exists(root) and not os.path.isdir(root):
        raise UsageError(f"the store `{config.url}` is not a directory")
    return DirectoryBackend(config.url.rstrip("/") or config.url, root)


def _root(url: str) -> str:
    if not url.startswith("file://"):
        return os.path.normpath(url)
    host, slash, path = url.removeprefix("file://").partition("/")
    if host not in ("", "localhost"):
        raise UsageError(f"`{url}` names another host", hint="write `file:///abs/dir`, with three slashes")
    from urllib.request import url2pathname  # 10 ms

    return os.path.normpath(url2pathname(slash + path))


class DirectoryBackend:
    """See the module. `url` is as configured; `root` is an absolute path."""

    def __init__(self, url: str, root: str) -> None:
        self._url = url
        self.root = root
        self._tries = Tries()
        # Folders that this client made or found, with their place in their parent synced.
        self._folders: set[str] = set()
        self._swept: set[str] = set()
        self._locks: dict[str, Lock] = {}
        # Seconds by which the clock of the file server is ahead of ours, as the last file written has shown.
        self._ahead = 0.0

    @property
    def url(self) -> str:
        return self._url

    def is_there(self) -> bool:
        with self._errors("look for", ""):
            try:
                os.stat(self.root)
            except (FileNotFoundError, NotADirectoryError):
                return False
        return True

    def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
        top = self._path(prefix.rstrip("/")) if prefix else self.root
        found = self._reading("list", prefix, lambda: listing(top, prefix, delimiter))
        if not found.objects and not found.folders:
            self._check_there()
        return found

    def read(self, key: str, *, limit: int = 64 * CHUNK) -> Blob:
        data = self._read(key, limit)[0]
        return Blob(data, hashlib.sha256(data).hexdigest())

    def read_dated(self, key: str, *, limit: int = CHUNK) -> Dated:
        data, written = self._read(key, limit)
        return Dated(data, max(0.0, time.time() + self._ahead - written))

    def stat(self, key: str) -> ObjectInfo:
        path = self._path(key)
        return ObjectInfo(key, self._reading("look at", key, lambda: _status(path)).st_size)

    def create(self, key: str, data: bytes) -> None:
        with self._draft("create", key) as draft:
            draft.write(data)
            self._put(draft, "create", key)

    def replace(self, key: str, data: bytes, tag: str | None) -> None:
        if tag is None:
            try:
                self.create(key, data)
            except ExistsError:
                raise self._changed(key) from None
            return
        path = self._path(key)
        if not os.path.isdir(os.path.dirname(path)):
            raise self._changed(key)
        with self._locked(path, "replace", key):
            try:
                blob = self.read(key)
            except NotFoundError:
                raise self._changed(key) from None
            if blob.tag != tag:
                raise self._changed(key)
            with self._draft("replace", key) as draft:
                draft.write(data)
                with self._errors("replace", key):
                    draft.put_over()

    def upload(self, key: str, path: str, entry: FileEntry, progress: Progress = no_progress) -> None:
        with open(path, "rb", buffering=0) as source, self._draft("upload", key) as draft:
            if not draft.pour(source, entry, progress):
                raise ChecksumError(f"the bytes for `{printable(key)}` in `{self._url}` are not those that were hashed")
            self._put(draft, "upload", key)

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        if length <= 0:
            return
        path = self._path(key)
        with self._reading("read", key, lambda: _open(path)) as file:
            file.seek(start)
            while length > 0:
                with self._errors("read", key):
                    chunk = file.read(min(length, CHUNK))
                if not chunk:
                    return
                length -= len(chunk)
                yield chunk

    def copy(self, source: str, target: str, entry: FileEntry) -> bool:
        return self.copy_from(self, source, target, entry)

    def reaches(self, other: Backend) -> bool:
        """Whether the other one is a directory too."""
        return isinstance(other, DirectoryBackend)

    def copy_from(self, other: Backend, source: str, target: str, entry: FileEntry) -> bool:
        """See `AcrossBackend`."""
        if not isinstance(other, DirectoryBackend):
            raise UnsupportedError(f"cannot copy from `{other.url}` to `{self._url}`: it is no directory")
        path = other._path(source)  # noqa: SLF001 - of the same class
        # Never a hard link: the two would share their fate, and their permissions.
        reading = other._reading("copy", source, lambda: _open(path))  # noqa: SLF001 - of the same class
        with reading as file, self._draft("create", target) as draft:
            with other._errors("copy", source):  # noqa: SLF001 - of the same class
                if not draft.pour(file, entry, no_progress):
                    raise ChecksumError(f"`{printable(source)}` in `{other.url}` is damaged: it is not what it was")
            self._put(draft, "create", target)
        return True

    def delete(self, key: str) -> None:
        path = self._path(key)
        with self._errors("delete", key):
            try:
                unlink_below(self.root, key.split("/"))
            except FileNotFoundError:
                return
            except NotADirectoryError:
                if os.path.lexists(path):
                    raise  # it lies behind a link
                return
            except OSError as error:
                # A folder is not an object, so the object is not there; the folder may be gone when one looks again.
                if error.errno != errno.EISDIR and not os.path.isdir(path):
                    raise
                return
        folder = os.path.dirname(path)
        while folder != self.root:
            self._folders.discard(folder)
            try:
                os.rmdir(folder)
            except OSError:
                return
            folder = os.path.dirname(folder)

    def close(self) -> None:
        pass

    def _read(self, key: str, limit: int) -> tuple[bytes, float]:
        """A small object, and when it was written, in seconds since 1970 by the clock of the file system."""
        path = self._path(key)

        def read() -> tuple[bytes, float]:
            with _open(path) as file:
                status = os.fstat(file.fileno())
                if status.st_size > limit:
                    raise DamagedError(f"`{printable(key)}` in `{self._url}` is larger than {limit} bytes")
                return file.readall(), status.st_mtime

        return self._reading("read", key, read)

    def _path(self, key: str) -> str:
        segments = key.split("/")
        bad = "\0\\:" if os.name == "nt" else "\0"
        if any(
            segment in ("", ".", "..") or segment.startswith(RESERVED_PREFIX) or not set(bad).isdisjoint(segment)
            for segment in segments
        ):
            raise StoreError(
                f"`{printable(key)}` can't be the key of an object in `{self._url}`",
                hint=f"segments are not empty, `.` or `..`, and do not begin with `{RESERVED_PREFIX}`",
            )
        return os.path.join(self.root, *segments)

    def _reading(self, doing: str, key: str, call: Callable[[], T]) -> T:
        """Return the result of `call`, tried again where that may help; it changes nothing. OSErrors are translated."""

        def attempt() -> T:
            with self._errors(doing, key):
                try:
                    return call()
                except (FileNotFoundError, NotADirectoryError) as error:  # `a` may be an object: then `a/b` is none
                    self._check_there()
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), error.filename) from None

        return self._tries.run(attempt)

    def _check_there(self) -> None:
        """NoStoreError when the directory does not exist: a mistyped one would look like an empty store."""
        if not self.is_there():
            raise NoStoreError(
                f"the store `{printable(self._url)}` does not exist: there is no such directory",
                hint="check how it is written, and that its file system is mounted; publishing a first asset makes it",
            )

    @contextmanager
    def _errors(self, doing: str, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise translated(error, doing, key, self._url) from error

    @contextmanager
    def _draft(self, doing: str, key: str) -> Iterator[Draft]:
        """A temporary file beside the object that it becomes. It is gone in the end, come what may."""
        path = self._path(key)
        with self._errors(doing, key):
            draft = self._begin(path, lambda: self._errors(doing, key))
        try:
            yield draft
        finally:
            draft.drop()

    def _begin(self, path: str, errors: Callable[[], AbstractContextManager[None]]) -> Draft:
        for _ in range(3):
            try:
                return self._begun(path, errors)
            except FileNotFoundError:  # whoever deletes the last object of a folder removes the folder
                self._folders.clear()
        return self._begun(path, errors)

    def _begun(self, path: str, errors: Callable[[], AbstractContextManager[None]]) -> Draft:
        folder = os.path.dirname(path)
        self._make(folder)
        draft = Draft(path, errors)
        self._ahead = draft.born - time.time()
        if folder not in self._swept:
            self._swept.add(folder)
            _sweep(folder, draft.born - LEFTOVER_AGE)
        return draft

    def _make(self, folder: str) -> None:
        """Make a folder of the store, and its place in its parent durable: all that it will hold depends on that."""
        if folder in self._folders:
            return
        parent = os.path.dirname(folder)
        if folder == self.root:
            os.makedirs(folder, exist_ok=True)
        else:
            self._make(parent)
            try:
                os.mkdir(folder)
            except FileExistsError:
                if not os.path.isdir(folder):
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder) from None
        sync_folder(parent)
        self._folders.add(folder)

    def _put(self, draft: Draft, doing: str, key: str) -> None:
        """Give the draft its name. ExistsError when it is taken."""
        with self._errors(doing, key):
            try:
                linked = draft.put_new()
            except FileExistsError:
                raise self._taken(key) from None
        if not linked:
            with self._locked(draft.path, doing, key), self._errors(doing, key):
                if os.path.lexists(draft.path):
                    raise self._taken(key)
                draft.put_over()

    def _taken(self, key: str) -> StoreError:
        if os.path.isdir(self._path(key)):
            return StoreError(
                f"`{printable(key)}` can't be stored in `{self._url}`: it is a folder there",
                hint="a directory store can't hold an object and a folder of the same name",
            )
        return ExistsError(f"`{printable(key)}` exists already in `{self._url}`")

    def _changed(self, key: str) -> ChangedError:
        return ChangedError(f"`{printable(key)}` in `{self._url}` changed meanwhile")

    @contextmanager
    def _locked(self, path: str, doing: str, key: str) -> Iterator[None]:
        """Hold the lock for a file, among the threads and the processes that use this store.

        Lock files stay: removing them would break the lock for those who wait. So there are 16 at most in a folder.
        """
        from filelock import Timeout

        folder, name = os.path.split(path)
        lock_path = os.path.join(folder, LOCK_PREFIX + hashlib.sha256(os.fsencode(name)).hexdigest()[0])
        # Those of this process queue up here, because waiting for a file lock means asking again and again.
        with self._locks.setdefault(lock_path, Lock()):
            with self._errors(doing, key):
                lock = _file_lock(lock_path)
                try:
                    lock.acquire()
                except Timeout:
                    raise TransientError(
                        f"cannot {doing} `{printable(key)}` in `{self._url}`: its lock has been held for a minute",
                        hint=f"look for a process that hangs; the lock is the file `{printable(lock_path)}`",
                    ) from None
            try:
                yield
            finally:
                lock.release()


def _open(path: str) -> io.FileIO:
    """The object at `path`. FileNotFoundError when it is something else than a file; a FIFO must not make us wait."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return io.FileIO(descriptor, "r")


def _status(path: str) -> os.stat_result:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return status


def _sweep(folder: str, before: float) -> None:
    """Remove temporary files that were last written to before that time. A file that can't be removed stays."""
    with suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            if entry.name.startswith(TEMPORARY_PREFIX):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < before:
                        os.unlink(entry.path)


def _file_lock(path: str) -> FileLock:
    from filelock import FileLock  # 5 ms, for writers alone

    # Made here, so that the umask decides who may lock: older releases of filelock make it writable for us alone.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
    return FileLock(path, timeout=LOCK_PATIENCE, poll_interval=LOCK_POLL)
