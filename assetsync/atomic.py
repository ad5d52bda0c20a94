"""Writing small local files so that a reader, or a crash, sees the old bytes or the new ones; and our own folder."""

from __future__ import annotations

import os
import tempfile

# Beside the file it will become; `assetsync.scan` leaves such names out.
TEMPORARY_PREFIX = ".assetsync-tmp-"


def write_atomically(path: str, data: bytes) -> None:
    """Make the file at `path` hold `data`: temporary file, fsync, rename, fsync of the folder. OSError.

    An existing file keeps its permissions; a new one gets those of the umask.
    """
    folder = os.path.dirname(path) or "."
    descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_folder(folder)


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o7777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


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


def make_private_folder(folder: str) -> None:
    """Make `folder` if it is not there. A new one tells git to ignore it, by a `.gitignore` of its own. OSError."""
    try:
        os.makedirs(folder)
    except FileExistsError:
        return
    with open(os.path.join(folder, ".gitignore"), "w", encoding="utf-8") as file:
        file.write("# Made by assetsync; may be deleted when no assetsync is running.\n*\n")
