"""Writing a small local file so that a reader, or a crash, sees the old bytes or the new ones."""

from __future__ import annotations

import os
import stat

# Beside the file it will become; `assetsync.local.scan` leaves such names out.
TEMPORARY_PREFIX = ".assetsync-tmp-"


def write_atomically(path: str, data: bytes, *, aside: str | None = None) -> None:
    """Make the file at `path` hold `data`: temporary file, fsync, rename, fsync of the folder. OSError.

    An existing file keeps its permissions; a new one gets those of the umask. The temporary file is made in the folder
    `aside` when that is on the same disk: there, one that a killed process leaves is in nobody's way.
    """
    folder = os.path.dirname(path) or "."
    if aside is None or os.stat(aside).st_dev != os.stat(folder).st_dev:
        aside = folder
    descriptor, temporary = open_temporary(aside)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.chmod(temporary, stat.S_IMODE(os.stat(path).st_mode))
        except FileNotFoundError:
            pass
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_folder(folder)


def open_temporary(folder: str) -> tuple[int, str]:
    """A new file in `folder`, open for reading and writing, with the permissions of the umask: descriptor and path.

    Not `tempfile.mkstemp`, whose files are private: to undo that takes the umask, which can only be read by setting it,
    for all threads.
    """
    path = os.path.join(folder, TEMPORARY_PREFIX + os.urandom(8).hex())
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666), path


def sync_folder(folder: str) -> None:
    """Make renames inside `folder` durable, where the system can sync a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network and virtual file systems refuse; the rename itself is done
    finally:
        os.close(descriptor)
