"""Holding a plan against the guards of assets.yaml: looks for secrets in what it would publish, and remembers that."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence

from msgspec import MsgspecError, Struct, field
from msgspec.json import decode, encode

from assetsync.model.guards import Guards, Secret
from assetsync.model.manifest import Entry, Manifest
from assetsync.model.tree import FileEntry
from assetsync.plan.guards import guarded
from assetsync.plan.plan import Create, Plan, Update
from assetsync.plan.snapshot import Present, RemoteVersion, Snapshot
from assetsync.state.cache import Cache

# Gets the first bytes of a file, by its path in the asset and their number. For content that is in a store, not here.
ReadAway = Callable[[str, int], bytes]


class Guarding(Struct, frozen=True):
    """The guards that hold in a folder; where there is no assets.yaml, those that hold without one.

    `root` is the folder that paths of assets are relative to.
    """

    root: str
    cache: Cache
    guards: Guards = field(default_factory=Guards)
    entries: Mapping[str, Entry] = field(default_factory=dict)

    @classmethod
    def of(cls, manifest: Manifest | None, root: str, cache: Cache) -> Guarding:
        """Those of a manifest."""
        if manifest is None:
            return cls(root, cache)
        return cls(root, cache, manifest.guards, {entry.name: entry for entry in manifest.entries})

    def applied(
        self, plan: Plan, snapshot: Snapshot, *, away: Mapping[str, tuple[str, ReadAway | None]] | None = None
    ) -> Plan:
        """`plan`, made of `snapshot`, with problems for all that breaks a guard.

        `away` says of assets whose content is not at their path where it is, and what reads it when it is not here.
        """
        secrets: dict[str, Sequence[Secret]] = {}
        for action in plan.actions:
            if isinstance(action, Create | Update) and self.guards.secrets != "off":
                followed = action.source if isinstance(action, Update) else None
                place, read = (away or {}).get(action.asset) or (os.path.join(self.root, action.path), None)
                secrets[action.asset] = self.secrets_in(action.path, action.local, place, followed=followed, read=read)
        return guarded(plan, snapshot, self.guards, self.entries, secrets)

    def secrets_in(
        self,
        path: str,
        here: Present,
        place: str,
        *,
        followed: RemoteVersion | None = None,
        read: ReadAway | None = None,
    ) -> Sequence[Secret]:
        """The secrets in what is `here`, of the asset at `path`, that the version it follows does not have as well.

        The content is at the absolute path `place`, or is got by `read`. Files that did not change since they were
        looked at are not looked at again.
        """
        from assetsync.local.secrets import find_secrets, read_at

        files: Sequence[FileEntry] = here.tree.files
        if followed is not None and followed.files is not None:
            old = {(file.path, file.sha256) for file in followed.files}
            files = [file for file in files if (file.path, file.sha256) not in old]
        name = path.rpartition("/")[2]
        key = _key(here, name, files)
        fact = self.cache.fact(key)
        known = None if fact is None else _parsed(fact, files)
        if known is None:
            known = find_secrets(name, files, read or read_at(place))
            self.cache.remember(key, encode([[one.path, one.line, one.kind] for one in known]).decode())
        return known


def _key(here: Present, name: str, files: Sequence[FileEntry]) -> str:
    """The key to remember by: content and stamps, so that the files still are those that were looked at."""
    from assetsync.local.secrets import scanner_version

    digest = hashlib.sha256(repr((name, here.tree.is_directory, here.tree.digest)).encode())
    digest.update(b"".join(stamp for stamp in here.stamps if isinstance(stamp, bytes)))
    if len(files) < len(here.tree.files):
        digest.update("\n".join(file.path for file in files).encode())
    return f"secrets {scanner_version()} {digest.hexdigest()}"


def _parsed(fact: str, files: Sequence[FileEntry]) -> Sequence[Secret] | None:
    """The secrets of a remembered text; None for a text that this program would not have written."""
    from assetsync.local.secrets import KINDS

    try:
        rows = decode(fact)
    except (MsgspecError, ValueError, RecursionError):
        return None
    if not isinstance(rows, list):
        return None
    paths = {file.path for file in files} if rows else frozenset()
    secrets = []
    for row in rows:
        if not isinstance(row, list) or len(row) != 3 or row[0] not in paths or row[2] not in KINDS:
            return None
        if row[1] is not None and (type(row[1]) is not int or row[1] < 1):
            return None
        secrets.append(Secret(*row))
    return tuple(secrets)
