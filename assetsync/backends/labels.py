"""The storage class and the tags that new data objects get.

Documents such as `.meta` stay as the store makes them: they are read all the time, and at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from assetsync.model.manifest import StoreConfig


class Labels(Struct, frozen=True):
    """Both as the store has them; no `storage_class` is its default. Google has no tags: there they are metadata."""

    storage_class: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: StoreConfig) -> Labels:
        """Those of a store."""
        return cls(config.storage_class, dict(config.object_tags))


UNLABELLED = Labels()
