"""The content of assets.lock, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from assetsync.model.tree import Content


@dataclass(frozen=True, slots=True)
class LockEntry:
    """The version and content that an asset resolved to; `path` is as in `Entry`."""

    version: str
    content: Content
    path: str


@dataclass(frozen=True, slots=True)
class Lock:
    """assets.lock: the store and the versions that this commit of the repo stands for."""

    store: str
    versioning: str
    assets: Mapping[str, LockEntry] = field(default_factory=dict)
