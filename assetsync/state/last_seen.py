"""The content that assetsync has last seen, or put, as locked at the path of each asset.

Content that is still that was not edited since, even when a pull or a checkout of the repo has moved assets.lock. It is
remembered in the cache, so it may be forgotten: then content that is not what the lock says counts as edited. It may
also have been written by somebody else: a decision believes it only where the store has that content, too.
"""

from __future__ import annotations

from collections.abc import Iterable

from assetsync.model.lock import LockEntry
from assetsync.model.manifest import Entry
from assetsync.model.tree import Content
from assetsync.plan.snapshot import Present, Snapshot
from assetsync.state.cache import Cache


class LastSeen:
    """The memory of one project, in its cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def of(self, entries: Iterable[Entry]) -> dict[str, LockEntry]:
        """The version and content that are remembered of each asset, by name."""
        found = ((entry, self._cache.content(_key(entry.name, entry.path))) for entry in entries)
        return {entry.name: LockEntry(seen[1], seen[0], entry.path) for entry, seen in found if seen is not None}

    def put(self, name: str, path: str, version: str, content: Content) -> None:
        """Remember that `version`, which has this content, is at `path` now."""
        self._cache.remember_content(_key(name, path), content, version)

    def see(self, snapshot: Snapshot) -> None:
        """Remember all that is here as the lock has it."""
        for entry in snapshot.manifest.entries:
            local = snapshot.local[entry.name]
            locked = snapshot.lock.assets.get(entry.name) if snapshot.lock else None
            if locked is not None and isinstance(local, Present) and local.tree.content.same_as(locked.content):
                self.put(entry.name, entry.path, locked.version, locked.content)


def _key(name: str, path: str) -> str:
    return f"last seen {name} at {path}"
