"""Writing a small local file so that a reader, or a crash, sees the old bytes or the new ones."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Beside the file it will become; `assetsync.local.scan` leaves such names out.
TEMPORARY_PREFIX = ".assetsync-tmp-"
# Seconds. Where the file system has no locks, a temporary file of this age belongs to a process that is dead.
ABANDONED = 24 * 3600.0

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Errors of the system in the block tell `path`: else those of writing name no file, and those of a folder's
    descriptor the last step alone, or a temporary file that the user has never heard of."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # not of the system, and told in words
            raise
        raise OSError(error.errno, error.strerror, path) from error


def write_atomically(path: str, data: bytes, *, aside: str | None = None) -> None:
    """Make the file at `path` hold `data`: temporary file, fsync, rename, fsync of the folder. OSError.

    An existing file keeps its permissions; a new one gets those of the umask. The temporary file is made in the folder
    `aside` when that is on the same disk: there, one that a killed process leaves is in nobody's way.
    """
    with naming(path), _opened(os.path.dirname(path) or ".") as folder:
        if aside is None:
            write_in(folder, os.path.basename(path), data)
            return
        with _opened(aside) as other:
            same_disk = os.fstat(other).st_dev == os.fstat(folder).st_dev
            write_in(folder, os.path.basename(path), data, aside=other if same_disk else None)


def write_in(
    folder: int, name: str, data: bytes, *, mode: int = 0o666, aside: int | None = None, durable: bool = True
) -> None:
    """`write_atomically` for the file `name` in the folder of a descriptor. OSError.

    `mode` is that of a new file, before the umask. Not `durable`: without fsync, so a loss of power may empty the file.
    """
    beside = folder if aside is None else aside
    with _temporary(beside, mode) as (descriptor, temporary):
        _write_all(descriptor, data)
        if durable:
            os.fsync(descriptor)
        try:
            # Not the bits that would let the new bytes run as somebody else.
            os.fchmod(descriptor, os.stat(name, dir_fd=folder).st_mode & 0o777)
        except FileNotFoundError:
            pass
        os.replace(temporary, name, src_dir_fd=beside, dst_dir_fd=folder)
    if durable:
        _sync(folder)


def clear_temporary(folder: int) -> None:
    """Remove the temporary files that killed processes have left in the folder of a descriptor.

    A file that a living process writes is locked by it, and stays. A file that can't be removed stays, too.
    """
    for name in os.listdir(folder):
        if name.startswith(TEMPORARY_PREFIX):
            try:
                _remove_if_left(folder, name)
            except OSError:
                pass  # renamed meanwhile, a folder, or not ours to remove


def _remove_if_left(folder: int, name: str) -> None:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and (_locked(descriptor) or time.time() - status.st_mtime > ABANDONED):
            os.unlink(name, dir_fd=folder)
    finally:
        os.close(descriptor)


def open_temporary(folder: str) -> tuple[int, str]:
    """A new file in `folder`, open for reading and writing, with the permissions of the umask: descriptor and path.

    Not `tempfile.mkstemp`, whose files are private: to undo that takes the umask, which can only be read by setting it,
    for all threads.
    """
    path = os.path.join(folder, _name())
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), path


@contextmanager
def _temporary(folder: int, mode: int) -> Iterator[tuple[int, str]]:
    """A new file, locked as long as it is open; removed on an error."""
    while True:
        name = _name()
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode, dir_fd=folder)
        try:
            # One who clears up may have locked it first, and removes it before it lets go.
            _wait_for(descriptor)
            if os.fstat(descriptor).st_nlink:
                yield descriptor, name
                return
        except BaseException:
            try:
                os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                pass  # the error came after the rename
            raise
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock a file until it is closed. False when another process has locked it, or the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def held(path: str) -> Iterator[None]:
    """Hold a lock on the file at `path`, which is made for it and removed afterwards; waits for who holds it. OSError.

    Where the file system has no locks, nothing is held.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            _wait_for(descriptor)
            if _is_at(path, descriptor):  # not the file of one who has removed it meanwhile
                try:
                    yield
                finally:
                    os.unlink(path)
                return
        finally:
            os.close(descriptor)


def _wait_for(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise


def _is_at(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _name() -> str:
    return TEMPORARY_PREFIX + os.urandom(8).hex()


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    descriptor = os.open(folder, _FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sync_folder(folder: str) -> None:
    """Make renames inside `folder` durable, where the system can sync a folder."""
    try:
        with _opened(folder) as descriptor:
            _sync(descriptor)
    except OSError:
        pass


def _sync(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError:
        pass  # some network and virtual file systems refuse; the rename itself is done
