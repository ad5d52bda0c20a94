"""The objects of a directory: its files, but for our own and for links that lead in circles."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from assetsync.backends.contract import Listing, ObjectInfo

RESERVED_PREFIX = ".assetsync-"


def listing(top: str, prefix: str, delimiter: bool) -> Listing:
    """The objects below the folder `top`, whose keys begin with `prefix`; with `delimiter`, those in it, and the
    folders that hold some. OSError.
    """
    objects: list[ObjectInfo] = []
    folders: list[str] = []
    todo = [(top, prefix)]
    while todo:
        folder, before = todo.pop()
        for entry in _entries(folder):
            if entry.is_dir():
                if not delimiter:
                    todo.append((entry.path, f"{before}{entry.name}/"))
                elif _holds_objects(entry.path):
                    folders.append(f"{before}{entry.name}/")
            else:
                with suppress(FileNotFoundError):  # it went while we looked, or is a broken link
                    status = entry.stat()
                    if stat.S_ISREG(status.st_mode):
                        objects.append(ObjectInfo(before + entry.name, status.st_size))
    return Listing(sorted(objects), sorted(folders))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """The entries of a folder, but for our own files and links that lead in circles; none when it is no folder."""
    try:
        with os.scandir(folder) as found:
            return [
                entry
                for entry in found
                if not entry.name.startswith(RESERVED_PREFIX) and not (entry.is_symlink() and _leads_back(entry))
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _leads_back(link: os.DirEntry[str]) -> bool:
    target = os.path.realpath(link.path)
    here = os.path.realpath(os.path.dirname(link.path))
    return here == target or here.startswith(target.rstrip(os.sep) + os.sep)


def _holds_objects(folder: str) -> bool:
    """Whether any object is below; object stores know no empty folders, so none is listed here either."""
    todo = [folder]
    while todo:
        entries = _entries(todo.pop())
        if any(entry.is_file() for entry in entries):
            return True
        todo.extend(entry.path for entry in entries if entry.is_dir())
    return False
