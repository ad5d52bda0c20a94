"""Changing git's index so that a killed run never stands in the way of the next one.

A git command locks its index by creating `index.lock`, which stays when the command is killed, and then every other one
refuses. Our commands change a copy instead, named by GIT_INDEX_FILE, and a killed one leaves the copy's lock. While
they run, this process holds `index.lock`, with a text in it that names assetsync; and besides, a file lock, which the
system releases when the process dies. So an `index.lock` with this text that no living process holds is a remnant.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from assetsync.atomic import naming
from assetsync.errors import GitError

_TEXT = b"held by assetsync\n"
# Seconds to wait for another assetsync in this checkout. It holds the lock for as long as a few git commands take.
_PATIENCE = 60


class Index:
    """The index at `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = f"{path}.lock"
        self._copy = f"{path}.assetsync"

    def clear(self) -> None:
        """Remove what a killed run of assetsync left. GitError when another git holds the index."""
        if os.path.exists(self._lock):
            with self._alone():
                pass
        if os.path.exists(self._lock):
            raise _busy()

    def change(self, edit: Callable[[Mapping[str, str]], bool]) -> bool:
        """Have `edit` change the index, by git commands with the variables it gets; whether it says to keep that.

        GitError when another git holds the index.
        """
        with self._alone(), self._held():
            if os.path.exists(self._path):
                shutil.copy2(self._path, self._copy)  # with its time, by which git knows whom to look at again
            keep = edit({"GIT_INDEX_FILE": self._copy})
            if keep:
                os.replace(self._copy, self._path)
            return keep

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only assetsync that changes this index, with the remnants of earlier ones gone."""
        from filelock import FileLock, Timeout

        try:
            with FileLock(f"{self._path}.assetsync-lock", timeout=_PATIENCE):
                if _read(self._lock) == _TEXT:
                    os.remove(self._lock)
                self._remove_copies()
                yield
        except Timeout:
            raise GitError("another assetsync is at work in this checkout", hint="wait for it") from None

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold `index.lock`, as git does."""
        marked = f"{self._copy}.marked"
        with naming(marked), open(marked, "wb") as file:
            file.write(_TEXT)
        try:
            _link(marked, self._lock)
        except FileExistsError:
            raise _busy() from None
        try:
            yield
        finally:
            os.remove(self._lock)
            self._remove_copies()

    def _remove_copies(self) -> None:
        for path in (self._copy, f"{self._copy}.lock", f"{self._copy}.marked"):
            with suppress(FileNotFoundError):
                os.remove(path)


def _link(source: str, target: str) -> None:
    """Let `target` be what `source` is, all at once. FileExistsError."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links; a reader may see an empty file for a moment
        with open(target, "xb") as file:
            file.write(_TEXT)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read(len(_TEXT) + 1)
    except FileNotFoundError:
        return None


def _busy() -> GitError:
    return GitError(
        "another git is at work here: there is an `index.lock`",
        hint="wait for it; if there is none, remove the file that `git rev-parse --git-path index.lock` prints",
    )
