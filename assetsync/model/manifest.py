"""The content of assets.yaml, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where assets live, as written in assets.yaml or given by flag or environment. Holds no secret."""

    url: str
    endpoint: str | None = None
    region: str | None = None
    kms_key_id: str | None = None
    # False for stores that ignore preconditions: check-then-write, which can't exclude a race.
    conditional_writes: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One asset of assets.yaml. `path` is POSIX and relative to the manifest; `line` and `column` say where."""

    name: str
    path: str
    version: str | None = None
    readonly: bool = False
    exclude: tuple[str, ...] = ()
    description: str | None = None
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """assets.yaml, checked. `entries` keep the order of the file."""

    store: StoreConfig
    versioning: str
    entries: tuple[Entry, ...]
