"""Removing a file below a folder without following a link: whoever may write into a store may put one there."""

from __future__ import annotations

import os
from collections.abc import Sequence

# Windows has no such descriptors, and lets only administrators make links.
_BY_DESCRIPTOR = os.unlink in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


def unlink_below(root: str, segments: Sequence[str]) -> None:
    """Remove the file at `segments` below `root`. OSError, also where a folder on the way is a link."""
    *folders, name = segments
    if not _BY_DESCRIPTOR:
        os.unlink(os.path.join(root, *segments))
        return
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = inner
        os.unlink(name, dir_fd=here)
    finally:
        os.close(here)
