"""`.assetsync/` beside the manifest: what can be thrown away, and what protects an interrupted operation.

All of it is opened here, and nowhere else, because a branch that somebody checks out may bring a `.assetsync` of its
own: each step is opened by a descriptor of the one above, without following a link, and what belongs to another user is
refused. Whether git tracks it is for `assetsync.project.locate` to ask.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from assetsync.atomic import clear_temporary, naming, write_in
from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.model.files import STATE

_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_IGNORE = b"# Made by assetsync; may be deleted when no assetsync is running.\n*\n"


class Folder(Struct, frozen=True):
    """The folder that `steps` lead to from the folder `base`. Links on the way to `base` are the user's, and followed.

    Every method raises InvalidError when a step, or what is asked for, is a link or somebody else's; OSError when the
    system refuses, or when it is a file instead of a folder.
    """

    base: str
    steps: tuple[str, ...]

    @classmethod
    def at(cls, path: str) -> Folder:
        """The folder at `path`, of which only the last step is state."""
        return cls(os.path.dirname(path), (os.path.basename(path),))

    @property
    def path(self) -> str:
        """For messages, and for libraries that take nothing else."""
        return os.path.join(self.base, *self.steps)

    def within(self, name: str) -> Folder:
        """The folder `name` in this one."""
        return Folder(self.base, (*self.steps, name))

    @contextmanager
    def opened(self, *, create: bool = False) -> Iterator[int]:
        """A descriptor of the folder. FileNotFoundError when it is not there and is not to be created."""
        if create:
            os.makedirs(self.base, exist_ok=True)
        at = self.base
        descriptor = os.open(at or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            owners = {0, os.geteuid(), os.fstat(descriptor).st_uid}
            for step in self.steps:
                at = os.path.join(at, step)
                with naming(at):
                    below = _step(descriptor, step, at, create)
                os.close(descriptor)
                descriptor = below
                _check(os.fstat(descriptor), at, owners)
            yield descriptor
        finally:
            os.close(descriptor)

    def names(self) -> list[str]:
        """The names in the folder; none when it is not there."""
        try:
            with self.opened() as folder:
                return os.listdir(folder)
        except FileNotFoundError:
            return []

    def read(self, name: str, limit: int) -> bytes:
        """A file of the folder. FileNotFoundError; OSError too when it has more than `limit` bytes."""
        with self.opened() as folder, self._file(folder, name, os.O_RDONLY) as descriptor:
            data = b""
            while len(data) <= limit and (more := os.read(descriptor, limit + 1 - len(data))):
                data += more
        if len(data) > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), os.path.join(self.path, name))
        return data

    def write(self, name: str, data: bytes, *, mode: int = 0o666, durable: bool = True) -> None:
        """Make a file of the folder hold `data`, atomically. A link in its place is replaced."""
        with self.opened(create=True) as folder, naming(os.path.join(self.path, name)):
            write_in(folder, name, data, mode=mode, durable=durable)

    def remove(self, name: str) -> None:
        """Remove a file of the folder. FileNotFoundError."""
        with self.opened() as folder, naming(os.path.join(self.path, name)):
            os.unlink(name, dir_fd=folder)

    def check_file(self, name: str, *, create: bool = False) -> None:
        """Make sure that what a library will open by its path is a file of ours. FileNotFoundError."""
        flags = os.O_RDWR | os.O_CREAT if create else os.O_RDONLY
        with self.opened(create=create) as folder, self._file(folder, name, flags):
            pass

    @contextmanager
    def _file(self, folder: int, name: str, flags: int) -> Iterator[int]:
        path = os.path.join(self.path, name)
        try:
            with naming(path):
                descriptor = os.open(name, flags | _FLAGS, 0o666, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK):
                raise foreign(path, "is a link") from None
            raise
        try:
            _check(os.fstat(descriptor), path, {0, os.geteuid(), os.fstat(folder).st_uid})
            yield descriptor
        finally:
            os.close(descriptor)

    def check_all(self) -> None:
        """Make sure that nothing in the folder, or in a folder in it, is a link or somebody else's."""
        with self.opened() as folder:
            owners = {0, os.geteuid(), os.fstat(folder).st_uid}
            for name in os.listdir(folder):
                _check_entry(folder, name, os.path.join(self.path, name), owners)

    def clear_temporary(self) -> None:
        """Remove the temporary files that killed processes have left in the folder."""
        try:
            with self.opened() as folder:
                clear_temporary(folder)
        except FileNotFoundError:
            pass


class State:
    """The folder `.assetsync` in `root`, made at first use and ignored by git through a `.gitignore` of its own."""

    def __init__(self, root: str) -> None:
        self.top = Folder(root, (STATE,))

    @classmethod
    def at(cls, folder: str) -> State:
        """The state in a folder of any name, which is the user's choice: a link is followed."""
        state = cls("")
        state.top = Folder.at(os.path.realpath(folder))
        return state

    @property
    def folder(self) -> str:
        """The path of `.assetsync` itself."""
        return self.top.path

    @property
    def cache(self) -> str:
        """The path of the SQLite file with hashes and facts."""
        return os.path.join(self.folder, "cache.db")

    @property
    def journal(self) -> Folder:
        """For claims and uploads that are under way."""
        return self.top.within("journal")

    @property
    def pulls(self) -> Folder:
        """For markers of pulls that are under way, and what they have got so far."""
        return self.top.within("pulls")

    @property
    def incoming(self) -> Folder:
        """For what is downloaded to be published."""
        return self.top.within("incoming")

    @property
    def lock(self) -> str:
        """The path of the file that one writer of assets.lock at a time holds locked."""
        return os.path.join(self.folder, "lock")

    def ensure(self) -> bool:
        """Make the folder, and clear away what killed processes have left in it.

        False where it can't be written: plans work without it. InvalidError when it, or what is in it, is a link or
        somebody else's.
        """
        try:
            with self.top.opened(create=True):
                pass
            self.top.check_all()
            for folder in (self.top, self.journal, self.pulls):
                folder.clear_temporary()
            if ".gitignore" not in self.top.names():
                self.top.write(".gitignore", _IGNORE)
        except OSError:
            return False
        return os.access(self.folder, os.W_OK)


def foreign(path: str, why: str, way_out: str = "remove it") -> InvalidError:
    """Says of state at `path` that it is not ours, why, and the way out."""
    return InvalidError(
        f"`{printable(path)}` {why}; assetsync reads and writes nothing there",
        hint=f"`{STATE}` is for assetsync alone, on this machine: {way_out}, and run the same command again",
    )


def _step(descriptor: int, name: str, path: str, create: bool) -> int:
    if create:
        try:
            os.mkdir(name, dir_fd=descriptor)
        except FileExistsError:
            pass
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=descriptor)
    except OSError as error:
        if stat.S_ISLNK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
            raise foreign(path, "is a link") from error
        raise


def _check_entry(folder: int, name: str, path: str, owners: set[int]) -> None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        _check(status, path, owners)
        if not stat.S_ISDIR(status.st_mode):
            return
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=folder)
    except FileNotFoundError:
        return  # removed meanwhile
    try:
        with os.scandir(below) as entries:
            for entry in entries:
                if entry.is_symlink():
                    raise foreign(os.path.join(path, entry.name), "is a link")
    finally:
        os.close(below)


def _check(status: os.stat_result, path: str, owners: set[int]) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise foreign(path, "is a link")
    if not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
        raise foreign(path, "is neither a file nor a folder")
    if status.st_uid not in owners:
        raise foreign(path, "belongs to another user")
