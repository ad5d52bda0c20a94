"""Which version comes next, for those who choose versions themselves."""

from __future__ import annotations

from datetime import UTC, datetime

from assetsync.errors import InvalidError, UsageError
from assetsync.model.history import History
from assetsync.model.names import Spec, check_name
from assetsync.model.versioning import Lines, Versioning, is_valid
from assetsync.remote.index import Index
from assetsync.remote.resolve import unknown
from assetsync.remote.store import Folder, Store


def initial_version(system: Versioning) -> str:
    """The first version of a new asset."""
    return system.initial(now=datetime.now(UTC))


def next_version(store: Store, name: str, *, bump_major: bool, major: str | None) -> str:
    """As `AssetStore.next_version`."""
    check_name(name)
    index = store.indexes.of(name)
    return following(store, name, index, store.folder(name), bump_major=bump_major, major=major)


def following(
    store: Store, name: str, index: Index | None, folder: Folder, *, bump_major: bool, major: str | None
) -> str:
    """The same, by an index and by a folder that was listed after it."""
    system, now = store.versioning, datetime.now(UTC)
    history = History.of((*(index.listed if index else ()), *folder.committed), system)
    if not history.versions:
        raise unknown(store, Spec(name), ())
    line = _line(history, bump_major=bump_major, major=major)
    taken = History.of((*history.versions, *folder.claimed, *folder.data_only), system).in_line(line)
    if not taken and line is not None and isinstance(system, Lines):
        return system.first_of_line(line)
    version = system.next(taken, now=now)
    if not is_valid(system, version):
        raise InvalidError(f"`{name}` can't have a next version: `{version}` is none")
    return version


def _line(history: History, *, bump_major: bool, major: str | None) -> str | None:
    """The line that the next version belongs to; None under a system without lines."""
    system = history.versioning
    if not isinstance(system, Lines):
        if bump_major or major is not None:
            raise UsageError("these versions have no lines, so none can be chosen or opened")
        return None
    if bump_major and major is not None:
        raise UsageError(f"a major bump opens the next line, so it can't go on with `{major}`")
    if bump_major:
        return system.next_line(history.lines[0])
    if major is not None and major not in history.lines:
        known = ", ".join(f"`{line}`" for line in history.lines)
        raise InvalidError(f"there is no version line `{major}`; there are {known}")
    return major or history.lines[0]
