"""Where a store in a directory may not lie: in what belongs to git or to assetsync itself.

Whoever writes `store: ./.git/refs` has every publish create a branch; as a link, the name need not show it.
"""

from __future__ import annotations

import os

from assetsync.errors import InvalidError
from assetsync.escape import brief
from assetsync.manifest.store_url import PRIVATE


def check_place(folder: str) -> None:
    """Return when the absolute `folder`, which need not exist, may be a store, its links resolved. InvalidError."""
    real = os.path.realpath(folder)
    here = real
    while True:
        if os.path.basename(here).casefold() in PRIVATE or _is_git_directory(here):
            raise InvalidError(
                f"the store `{brief(folder)}` lies in `{brief(here)}`, which belongs to git or to assetsync",
                hint="name a directory of its own, such as `store: ./store`",
            )
        above = os.path.dirname(here)
        if above == here:
            return
        here = above


def _is_git_directory(folder: str) -> bool:
    """As git tells it; such a directory may have any name: a bare repository, or one of `--separate-git-dir`."""
    return os.path.lexists(f"{folder}/HEAD") and all(os.path.isdir(f"{folder}/{name}") for name in ("objects", "refs"))
