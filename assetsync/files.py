"""Reading a local file whole, and naming one for a person."""

from __future__ import annotations

import os

from assetsync.errors import InvalidError, NotFoundError
from assetsync.escape import printable


def shown_path(path: str) -> str:
    """A path as a person at the current directory finds it, and as annotations of CI systems want it."""
    return printable(os.path.relpath(path).replace(os.sep, "/"))


def read(path: str) -> bytes | None:
    """The bytes of a file, or None where there is none. InvalidError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InvalidError(f"can't read `{shown_path(path)}`: {(error.strerror or str(error)).lower()}") from error


def read_existing(path: str, *, hint: str | None = None) -> bytes:
    """The bytes of a file that must be there. NotFoundError, with `hint`, when it is not; InvalidError."""
    data = read(path)
    if data is None:
        raise NotFoundError(f"`{shown_path(path)}` does not exist", hint=hint)
    return data
