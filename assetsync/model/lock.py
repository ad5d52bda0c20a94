"""The content of assets.lock, as values."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from assetsync.model.tree import Content


class LockEntry(Struct, frozen=True):
    """The version and content that an asset resolved to; `path` is as in `Entry`."""

    version: str
    content: Content
    path: str


class Lock(Struct, frozen=True):
    """assets.lock: the store and the versions that this commit of the repo stands for."""

    store: str
    versioning: str
    assets: Mapping[str, LockEntry] = field(default_factory=dict)
