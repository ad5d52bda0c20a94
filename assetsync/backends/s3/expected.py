"""Whether objects are there, for stores that have to be asked before each write, because they ignore its condition."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping

# Seconds for which a listing is believed. What keeps others from writing meanwhile is the claim on the version, as it
# does between a HEAD and a write.
LIFE = 10.0


class Expected:
    """Tells by a listing which of the many objects that are about to be written are there, instead of by a request for
    each.

    `is_there` asks for one object, `listed` for the keys of all that lie in a folder (a prefix with a slash at its
    end). Both may raise StoreError. Safe to use from many threads.
    """

    def __init__(self, is_there: Callable[[str], bool], listed: Callable[[str], Collection[str]]) -> None:
        self._is_there = is_there
        self._listed = listed
        self._lock = threading.Lock()
        # Replaced as a whole, because others are looking at it.
        self._folders: Mapping[str, _Folder] = {}

    def expect(self, folder: str) -> None:
        """Many objects of `folder` will be asked for, by who has claimed it."""
        now = time.monotonic()
        with self._lock:
            kept = {path: one for path, one in self._folders.items() if one.until > now}
            self._folders = {**kept, folder: _Folder(now + LIFE)}

    def has(self, key: str) -> bool:
        """Whether there is an object at `key`, asked by who is about to write it. StoreError.

        One that was asked for before may have been written since, and is looked at again.
        """
        for path, folder in self._folders.items():
            if key.startswith(path) and folder.is_first(key):
                return key in folder.keys(self._listed, path)
        return self._is_there(key)


class _Folder:
    """The keys that lie in a folder, as long as they are believed, and those that were asked for."""

    def __init__(self, until: float) -> None:
        self.until = until
        self._lock = threading.Lock()
        self._asked: set[str] = set()
        self._keys: Collection[str] | None = None

    def is_first(self, key: str) -> bool:
        """Whether the listing answers for that key: it did not before, and is new enough."""
        with self._lock:
            is_first = key not in self._asked and time.monotonic() < self.until
            self._asked.add(key)
            return is_first

    def keys(self, listed: Callable[[str], Collection[str]], path: str) -> Collection[str]:
        with self._lock:
            if self._keys is None:
                self._keys = listed(path)
            return self._keys
