"""Reading a file that somebody else may have put there: a regular file of bounded size, or the reason why not.

The files of a project come with a branch. A branch may hold a link to a device that never ends or to a private file of
its reader, a FIFO that nobody writes to, or a file that fills the memory.
"""

from __future__ import annotations

import os
import stat

from assetsync.errors import InvalidError, NoFileError
from assetsync.escape import printable

# Of a text of a project, of which assets.lock is the largest; a manifest is held to less by its parser.
MAX_TEXT = 64 * 1024 * 1024  # bytes
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_file(path: str, *, limit: int = MAX_TEXT) -> bytes | None:
    """All bytes of the regular file `path`, or None where there is no file.

    A link is followed only to a file of the same name: so a shared assets.yaml can be linked to, and none that its
    owner never meant for this. InvalidError, with the reason, for anything else, for more than `limit` bytes, and for
    what can't be read. It neither waits for a writer nor reads more than `limit` bytes.
    """
    try:
        # Before opening, too: to open some devices is to do something.
        _check_kind(path, os.stat(path))
        descriptor = os.open(path, _FLAGS)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            _check_kind(path, os.fstat(descriptor))
            return _bounded(path, file.fileno(), limit)
    except (FileNotFoundError, NotADirectoryError):
        if not os.path.islink(path):
            return None
        raise InvalidError(f"can't read `{shown_path(path)}`: it is a link to nothing") from None
    except OSError as error:
        raise InvalidError(f"can't read `{shown_path(path)}`: {(error.strerror or str(error)).lower()}") from error


def read_existing(path: str, *, hint: str | None = None) -> bytes:
    """As `read_file`, for a file that must be there. NoFileError, with `hint`, when it is not."""
    data = read_file(path)
    if data is None:
        raise NoFileError(f"`{shown_path(path)}` does not exist", hint=hint)
    return data


def _check_kind(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = next((word for is_kind, word in _KINDS if is_kind(found.st_mode)), "not a file")
        raise InvalidError(f"can't read `{shown_path(path)}`: it is {kind}", hint="put the file in its place")
    if os.path.islink(path):
        target = os.path.realpath(path)
        if os.path.basename(target) != os.path.basename(path):
            raise InvalidError(
                f"`{shown_path(path)}` is a link to `{printable(target)}`, a file of another name, and is not read",
                hint="put the file itself in its place",
            )


def _bounded(path: str, descriptor: int, limit: int) -> bytes:
    chunks: list[bytes] = []
    room = limit + 1
    while room and (chunk := os.read(descriptor, min(room, 1 << 20))):
        chunks.append(chunk)
        room -= len(chunk)
    if not room:
        size = f"{limit >> 20} MiB" if limit >> 20 else f"{limit} bytes"
        raise InvalidError(f"`{shown_path(path)}` is larger than {size}, and is not read")
    return b"".join(chunks)


def shown_path(path: str) -> str:
    """A path as a person at the current directory finds it, and as annotations of CI systems want it."""
    return printable(os.path.relpath(path).replace(os.sep, "/"))
