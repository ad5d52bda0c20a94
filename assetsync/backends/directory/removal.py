"""Removing a file below a folder without following the links of strangers, who may be allowed to write there."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Sequence

# Windows has no such descriptors, and lets only administrators make links.
_BY_DESCRIPTOR = os.unlink in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


def unlink_below(root: str, segments: Sequence[str]) -> None:
    """Remove the file at `segments` below `root`.

    OSError, also where a folder on the way is a link, unless it belongs to this user, to root, or to whose the folder
    `root` is: a large store may be spread over several disks.
    """
    *folders, name = segments
    if not _BY_DESCRIPTOR:
        os.unlink(os.path.join(root, *segments))
        return
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        owners = trusted(os.fstat(here).st_uid)
        for folder in folders:
            inner = _enter(here, folder, owners)
            os.close(here)
            here = inner
        os.unlink(name, dir_fd=here)
    finally:
        os.close(here)


def trusted(owner: int) -> Collection[int]:
    """The users whose links are followed, in a store that belongs to `owner`."""
    return {0, os.geteuid(), owner}


def _enter(here: int, folder: str, owners: Collection[int]) -> int:
    found = os.stat(folder, dir_fd=here, follow_symlinks=False)
    is_known = stat.S_ISLNK(found.st_mode) and found.st_uid in owners
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | (0 if is_known else os.O_NOFOLLOW), dir_fd=here)
