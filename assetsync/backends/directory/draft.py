"""An object of a directory in the making: a temporary file that gets its name in one step, whole and synced."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from assetsync.atomic import open_temporary, sync_folder
from assetsync.model.tree import FileEntry
from assetsync.progress import Progress

CHUNK = 1024 * 1024
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
# _IOW(0x94, 9, int) of linux/fs.h; `fcntl` names it from Python 3.14 on.
_FICLONE = 0x40049409


class Draft:
    """An object in the making. `path` is where it will be, `born` the time of its creation by the file system's clock.

    `errors` translates what goes wrong in writing, but not in reading the source.
    """

    def __init__(self, path: str, errors: Callable[[], AbstractContextManager[None]]) -> None:
        self.path = path
        self._errors = errors
        descriptor, self._temporary = open_temporary(os.path.dirname(path))
        self._file = io.FileIO(descriptor, "r+")
        self._placed = False
        self.born = os.fstat(descriptor).st_mtime

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`. StoreError."""
        with self._errors():
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]

    def pour(self, source: io.FileIO, entry: FileEntry, progress: Progress) -> bool:
        """Write all of `source`, and say whether it is what `entry` says. Reading it once is all that it takes."""
        cloned = entry.size > CHUNK and clone(source.fileno(), self._file.fileno())
        reader = self._file if cloned else source
        digest, size = hashlib.sha256(), 0
        buffer = memoryview(bytearray(min(entry.size + 1, CHUNK)))
        while size <= entry.size and (count := reader.readinto(buffer)):
            data = buffer[:count]
            digest.update(data)
            if not cloned:
                self.write(data)
            size += count
            progress(count)
        return (size, digest.hexdigest()) == (entry.size, entry.sha256)

    def put_new(self) -> bool:
        """Sync it and link it to its name. FileExistsError when that is taken; False when there are no hard links."""
        status = self._finish()
        try:
            os.link(self._temporary, self.path)
        except FileExistsError:
            # Over NFS the reply to a link that was made can get lost, and the repeated request then fails.
            if not _is(self.path, status):
                raise
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return False
        os.unlink(self._temporary)
        self._placed = True
        sync_folder(os.path.dirname(self.path))
        return True

    def put_over(self) -> None:
        """Sync it and rename it to its name, with the permissions of what had the name before."""
        self._finish()
        try:
            os.chmod(self._temporary, stat.S_IMODE(os.stat(self.path).st_mode))
        except OSError:
            pass  # nothing was there, or this file system has no permissions
        os.replace(self._temporary, self.path)
        self._placed = True
        sync_folder(os.path.dirname(self.path))

    def drop(self) -> None:
        """Close it, and remove it unless it has got its name."""
        self._file.close()
        if not self._placed:
            with suppress(OSError):
                os.unlink(self._temporary)

    def _finish(self) -> os.stat_result:
        if self._file.closed:
            return os.stat(self._temporary)
        os.fsync(self._file.fileno())
        status = os.fstat(self._file.fileno())
        self._file.close()  # Windows renames no file that is open
        return status


def _is(path: str, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.lstat(path), status)
    except FileNotFoundError:
        return False


def clone(source: int, target: int) -> bool:
    """Have `target` share the blocks of `source` until one of them is written to. False where that can't be done."""
    try:
        import fcntl

        fcntl.ioctl(target, _FICLONE, source)
    except (ImportError, OSError):
        return False
    return True
