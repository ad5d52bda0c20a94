"""What the errors of a file system mean for a store in a directory: one table, by the names of `errno`."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import NamedTuple

from assetsync.errors import (
    DeniedError,
    ExistsError,
    NotFoundError,
    StoreError,
    TransientError,
    UnreachableError,
)
from assetsync.escape import printable


class Row(NamedTuple):
    """What an errno means. `why` is put into the message in place of the system's words, where it says more."""

    error: type[StoreError]
    why: str = ""
    hint: str | None = None


_ABSENT = Row(NotFoundError)
_DENIED = Row(DeniedError, "", "check who owns the directory and its files, and whether it is mounted read-only")
_FULL = Row(StoreError, "the disk or the quota is full", "make room and run the same command again; it goes on")
_BAD_NAME = Row(StoreError, "", "the file system of the store can't hold an object of this name")
_PASSING = Row(TransientError, "", "run the same command again; if it persists, look at the mount of the store")
_GONE = Row(UnreachableError, "", "check that the file system of the store is mounted and its server is up")
_OTHER = Row(StoreError, "", "look at the file system of the store")

# By name, since not every system has all of them.
TABLE: Mapping[str, Row] = {
    "ENOENT": _ABSENT,
    "ENOTDIR": Row(StoreError, "a part of its path is a file", "a directory store can't hold both `a` and `a/b`"),
    "EEXIST": Row(ExistsError),
    "EACCES": _DENIED,
    "EPERM": _DENIED,
    "EROFS": _DENIED,
    "ENOSPC": _FULL,
    "EDQUOT": _FULL,
    "EFBIG": Row(StoreError, "", "the file system of the store can't hold a file of this size"),
    "ENAMETOOLONG": _BAD_NAME,
    "EILSEQ": _BAD_NAME,
    "EINVAL": _BAD_NAME,
    "ELOOP": Row(StoreError, "", "a symbolic link in the store leads in circles"),
    "EMFILE": Row(StoreError, "", "raise the limit of open files (`ulimit -n`)"),
    "EIO": Row(StoreError, "the disk or its server reports an error", "check the disk before anything else"),
    "ESTALE": _PASSING,
    "ETIMEDOUT": _PASSING,
    "EAGAIN": _PASSING,
    "EBUSY": _PASSING,
    "ENOTCONN": _GONE,
    "EHOSTDOWN": _GONE,
    "EHOSTUNREACH": _GONE,
    "ENODEV": _GONE,
    "ENXIO": _GONE,
}


def translated(error: OSError, doing: str, key: str, url: str) -> StoreError:
    """The error of the tree for an OSError that came up in `doing` something to an object."""
    row = TABLE.get(errno.errorcode.get(error.errno or 0, ""), _OTHER)
    what = f"`{printable(key)}` in `{url}`" if key else f"`{url}`"
    if row is _ABSENT:
        return NotFoundError(f"{what} does not exist")
    why = row.why or error.strerror or str(error)
    return row.error(f"cannot {doing} {what}: {why[:1].lower() + why[1:]}", hint=row.hint)
