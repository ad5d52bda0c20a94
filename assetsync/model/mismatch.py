"""A lock that belongs to another store or versioning system than the manifest names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from assetsync.model.lock import Lock
from assetsync.model.manifest import Manifest


class Mismatch(NamedTuple):
    """A property in which lock and manifest differ. Then nothing that the lock says holds; `fix` says what mends it."""

    code: str
    message: str
    fix: str


def lock_mismatches(lock: Lock, manifest: Manifest) -> Sequence[Mismatch]:
    """The properties of the lock as a whole that the manifest contradicts."""
    found = []
    if lock.store != manifest.lock_store:
        message = f"`assets.lock` belongs to the store `{lock.store}`, but `assets.yaml` names `{manifest.lock_store}`"
        fix = "restore `store` in `assets.yaml`; to start anew in the other store, remove `assets.lock` first"
        found.append(Mismatch("store_mismatch", message, fix))
    if lock.versioning != manifest.versioning:
        message = f"`assets.lock` is under `{lock.versioning}` versions, but `assets.yaml` says `{manifest.versioning}`"
        fix = "restore `versioning` in `assets.yaml`; to start anew, remove `assets.lock` first"
        found.append(Mismatch("versioning_mismatch", message, fix))
    return found
