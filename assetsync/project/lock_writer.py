"""Saving assets.lock while assets resolve, from many threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec.structs import replace

from assetsync.atomic import write_atomically
from assetsync.errors import InvalidError
from assetsync.lock.text import render_lock
from assetsync.model.lock import Lock, LockEntry
from assetsync.plan.plan import Action
from assetsync.reading import read_file


class LockWriter:
    """Writes the assets.lock at `path`, which begins as `lock`, once more for each asset that resolves.

    Threads that record while a save is running wait for the next one and share it. `before` runs ahead of each change,
    one at a time: it writes assets.yaml. Temporary files go into the folder `aside`.
    """

    def __init__(self, path: str, lock: Lock, *, before: Callable[[Action], None], aside: str) -> None:
        self._path = path
        self._aside = aside
        self._lock = lock
        self._before = before
        self._assets = dict(lock.assets)
        self._changing = threading.Lock()
        self._saving = threading.Lock()
        self._changes = 0
        self._saved = 0

    def record(self, action: Action, entry: LockEntry | None) -> None:
        """Note what the asset of `action` resolved to (None: forget it); returns when that is in assets.lock. OSError.

        assets.yaml is written first: a bump that is in the lock alone would be bumped again.
        """
        with self._changing:
            self._before(action)
            if entry is None:
                self._assets.pop(action.asset, None)
            else:
                self._assets[action.asset] = entry
            self._changes += 1
            mine = self._changes
        with self._saving:
            if self._saved >= mine:
                return
            with self._changing:
                lock = replace(self._lock, assets=dict(self._assets))
                upto = self._changes
            _save(self._path, lock, aside=self._aside)
            self._saved = upto


def _save(path: str, lock: Lock, *, aside: str) -> None:
    """Write assets.lock, atomically, and only when its bytes change. OSError."""
    data = render_lock(lock).encode()
    try:
        if read_file(path, limit=len(data)) == data:
            return
    except InvalidError:
        pass  # no regular file, or a longer one: it is replaced
    write_atomically(path, data, aside=aside)
