"""What assets.lock records, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from assetsync.model.tree import Content


@dataclass(frozen=True, slots=True)
class LockEntry:
    """What one asset resolved to."""

    version: str
    content: Content
    path: str


@dataclass(frozen=True, slots=True)
class Lock:
    """assets.lock: the store and the versions that this commit of the repo stands for."""

    store: str
    versioning: str
    assets: Mapping[str, LockEntry] = field(default_factory=dict)
