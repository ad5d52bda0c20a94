"""Errors of a file system and their meaning for a store in a directory: one table, by the names of `errno`."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from assetsync.backends.refusal import Operation, Place, Rule, error_by
from assetsync.errors import (
    DeniedError,
    ExistsError,
    NotFoundError,
    StoreError,
    TransientError,
    UnreachableError,
)

# Where there is no reason, the system's own words say most.
_ABSENT = Rule(NotFoundError, "it does not exist")
_DENIED = Rule(DeniedError, "", "check who owns the directory and its files, and whether it is mounted read-only")
_FULL = Rule(StoreError, "the disk or the quota is full", "make room and run the same command again; it goes on")
_BAD_NAME = Rule(StoreError, "", "the file system of the store can't hold an object of this name")
_PASSING = Rule(TransientError, "", "run the same command again; if it persists, look at the mount of the store")
_GONE = Rule(UnreachableError, "", "check that the file system of the store is mounted and its server is up")
_OTHER = Rule(StoreError, "", "look at the file system of the store")

# By name, since not every system has all of them.
TABLE: Mapping[str, Rule] = {
    "ENOENT": _ABSENT,
    "ENOTDIR": Rule(
        StoreError, "a part of its path is a file or a link", "a directory store can't hold both `a` and `a/b`"
    ),
    "EEXIST": Rule(ExistsError, "it exists already"),
    "EACCES": _DENIED,
    "EPERM": _DENIED,
    "EROFS": _DENIED,
    "ENOSPC": _FULL,
    "EDQUOT": _FULL,
    "EFBIG": Rule(StoreError, "", "the file system of the store can't hold a file of this size"),
    "ENAMETOOLONG": _BAD_NAME,
    "EILSEQ": _BAD_NAME,
    "EINVAL": _BAD_NAME,
    "ELOOP": Rule(StoreError, "", "a symbolic link in the store leads in circles"),
    "EMFILE": Rule(StoreError, "", "raise the limit of open files (`ulimit -n`)"),
    "ENFILE": Rule(StoreError, "", "this machine has too many files open: end what holds them, or raise its limit"),
    "ENOMEM": Rule(StoreError, "this machine has no memory left", "end other programs"),
    "EIO": Rule(StoreError, "the disk or its server reports an error", "check the disk before anything else"),
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
    """The error of the tree for an OSError that came up in `doing` something to an object; `key` is empty for all."""
    rule = TABLE.get(errno.errorcode.get(error.errno or 0, ""), _OTHER)
    words = error.strerror or str(error)
    reason = rule.reason or (words[:1].lower() + words[1:]).replace("{", "{{").replace("}", "}}")
    return error_by(rule._replace(reason=reason), Operation(doing), key, Place(url))
