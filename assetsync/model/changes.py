"""The file-level difference between two lists of files."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from assetsync.model.tree import FileEntry


class Changes(Struct, frozen=True):
    """The file-level difference between the version that an action starts from and the one it leads to."""

    added: tuple[FileEntry, ...] = ()
    changed: tuple[FileEntry, ...] = ()
    removed: tuple[FileEntry, ...] = ()
    unchanged: int = 0


def compare(old: Iterable[FileEntry], new: Iterable[FileEntry]) -> Changes:
    """The changes from one list of files to another. A file with an empty (unknown) hash counts as changed."""
    before = {file.path: file for file in old}
    added, changed, unchanged = [], [], 0
    for file in new:
        was = before.pop(file.path, None)
        if was is None:
            added.append(file)
        elif was.sha256 != file.sha256 or not file.sha256:
            changed.append(file)
        else:
            unchanged += 1
    return Changes(tuple(added), tuple(changed), tuple(before.values()), unchanged)
