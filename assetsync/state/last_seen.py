"""What assetsync has put, or has seen as locked, at the path of each asset.

Content that is still that was not edited since, even when a pull or a checkout of the repo has moved assets.lock. It is
remembered in the cache, so it may be forgotten: then content that is not what the lock says counts as edited.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from assetsync.model.manifest import Entry
from assetsync.model.tree import Content
from assetsync.plan.snapshot import Present, Snapshot
from assetsync.state.cache import Cache


class Placed:
    """The memory of one project, in its cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def of(self, entries: Iterable[Entry]) -> dict[str, Content]:
        """What is remembered, by asset."""
        facts = {entry.name: self._cache.fact(_key(entry.name, entry.path)) for entry in entries}
        return {name: Content(*json.loads(fact)) for name, fact in facts.items() if fact is not None}

    def put(self, name: str, path: str, content: Content) -> None:
        """Remember what is at `path` now."""
        fact = [content.digest, content.is_directory, content.size, content.files]
        self._cache.remember(_key(name, path), json.dumps(fact))

    def see(self, snapshot: Snapshot) -> None:
        """Remember all that is here as the lock has it."""
        for entry in snapshot.manifest.entries:
            local = snapshot.local[entry.name]
            locked = snapshot.lock.assets.get(entry.name) if snapshot.lock else None
            if locked is not None and isinstance(local, Present) and local.tree.content.same_as(locked.content):
                self.put(entry.name, entry.path, locked.content)


def _key(name: str, path: str) -> str:
    return f"placed {name} at {path}"
