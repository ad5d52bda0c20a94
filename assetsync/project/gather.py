"""Gathering a Snapshot: local trees and what the store holds of each asset, with as few requests as will do.

An asset that is locked, unchanged and known costs one small GET, of its `.versions`. Only those that something may be
done about are looked at further: the versions that matter, and what lies in the asset's folder. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from assetsync.errors import DamagedError
from assetsync.local.scan import scan_all
from assetsync.model.history import History
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.manifest import Entry, Manifest
from assetsync.model.tree import Tree
from assetsync.model.versioning import Lines, Versioning, is_valid
from assetsync.plan.request import Options, Purpose
from assetsync.plan.snapshot import Absent, Local, Present, RemoteAsset, RemoteVersion, Snapshot, Unfinished, Unusable
from assetsync.pool import together
from assetsync.progress import Reporter
from assetsync.remote.store import Index, Store
from assetsync.state.cache import Cache
from assetsync.state.journal import Journal
from assetsync.state.pull_markers import Markers


@dataclass(frozen=True, slots=True)
class Site:
    """Where a snapshot is taken: the folder `root` that entries are relative to, and what remembers things there."""

    root: str
    manifest: Manifest
    lock: Lock | None
    versioning: Versioning
    cache: Cache
    journal: Journal
    markers: Markers

    def only(self, names: Collection[str]) -> Site:
        """The same, narrowed to the assets called `names`; all of them when `names` is empty."""
        if not names:
            return self
        entries = tuple(entry for entry in self.manifest.entries if entry.name in names)
        lock = self.lock and replace(
            self.lock, assets={name: locked for name, locked in self.lock.assets.items() if name in names}
        )
        return replace(self, manifest=replace(self.manifest, entries=entries), lock=lock)

    def locked(self, name: str) -> LockEntry | None:
        return self.lock.assets.get(name) if self.lock else None


def gather(
    site: Site,
    store: Store | None,
    *,
    now: datetime,
    reporter: Reporter,
    purpose: Purpose = Purpose.SYNC,
    options: Options | None = None,
    not_considered: int = 0,
    local: Mapping[str, Local] | None = None,
) -> Snapshot:
    """The three states of every asset of `site`. Without a store, `remote` is made up from the lock alone. `local`
    saves the look at the paths.

    StoreError. What is wrong with local files, or with the objects of one asset, is part of the snapshot.
    """
    entries = site.manifest.entries
    if store is None:
        local = local_states(site, reporter) if local is None else local
        remote = {entry.name: _from_lock(site.locked(entry.name)) for entry in entries}
    else:
        local, indexes = _scan_and_ask(site, store, reporter, local)
        looker = _Looker(site, store, purpose, options or Options())
        looked = together(lambda entry: looker.look(entry, local[entry.name], indexes[entry.name]), entries)
        remote = dict(zip((entry.name for entry in entries), looked, strict=True))
    return Snapshot(
        manifest=site.manifest,
        lock=site.lock,
        local=local,
        remote=remote,
        versioning=site.versioning,
        now=now,
        online=store is not None,
        not_considered=not_considered,
    )


def _scan_and_ask(
    site: Site, store: Store, reporter: Reporter, local: Mapping[str, Local] | None
) -> tuple[Mapping[str, Local], Mapping[str, Index | DamagedError | None]]:
    """Scan while the store answers: hashing wants a processor, the requests only wait."""
    names = [entry.name for entry in site.manifest.entries]
    side = ThreadPoolExecutor(1, thread_name_prefix="ask")
    try:
        asked = side.submit(lambda: dict(zip(names, together(partial(_index, store), names), strict=True)))
        return local_states(site, reporter) if local is None else local, asked.result()
    finally:
        side.shutdown(wait=False, cancel_futures=True)


def _index(store: Store, name: str) -> Index | DamagedError | None:
    """What is damaged concerns one asset, and must not keep the others from being planned."""
    try:
        return store.index(name)
    except DamagedError as error:
        return error


def local_states(site: Site, reporter: Reporter) -> dict[str, Local]:
    """What is at the path of each asset, interrupted pulls included."""
    entries = site.manifest.entries
    found = scan_all(site.root, entries, cache=site.cache, reporter=reporter)
    return {entry.name: _with_marker(site, entry.name, found[entry.name]) for entry in entries}


def _with_marker(site: Site, name: str, found: Present | Absent | Unusable) -> Local:
    """The local state of an asset, an interrupted pull of it included."""
    half = site.markers.get(name)
    return found if half is None or isinstance(found, Unusable) else half.half_pulled(found)


def _from_lock(locked: LockEntry | None) -> RemoteAsset:
    if locked is None:
        return RemoteAsset()
    return RemoteAsset(listed=(locked.version,), known={locked.version: RemoteVersion(locked.version, locked.content)})


class _Looker:
    """Looks at one asset after the other in the store, as far as the decision about it will need."""

    def __init__(self, site: Site, store: Store, purpose: Purpose, options: Options) -> None:
        self._site = site
        self._store = store
        self._purpose = purpose
        self._options = options
        self._own_claims = site.journal.claims()

    def look(self, entry: Entry, local: Local, index: Index | DamagedError | None) -> RemoteAsset:
        if isinstance(index, DamagedError):
            return RemoteAsset(damaged=index.message)
        try:
            return self._look(entry, local, index)
        except DamagedError as error:
            return RemoteAsset(damaged=error.message)

    def _look(self, entry: Entry, local: Local, index: Index | None) -> RemoteAsset:
        listed, foreign = (index.listed, index.foreign) if index else ((), ())
        locked = self._site.locked(entry.name)
        tree = None if isinstance(local, Absent | Unusable) else local.tree
        history = History(self._site.versioning, listed)
        if locked is not None and self._is_settled(entry, locked, tree, history):
            return RemoteAsset(listed, foreign, known=self._glance(entry.name, locked))
        unlisted: tuple[str, ...] = ()
        unfinished: tuple[Unfinished, ...] = ()
        if tree is not None or not listed or (locked is not None and locked.version not in listed):
            unlisted, unfinished = self._folder(entry.name, listed)
            history = History(self._site.versioning, tuple(self._site.versioning.sort({*listed, *unlisted})))
        known = {}
        for version in self._versions_that_matter(entry, locked, history):
            known[version] = self._version(entry.name, version, locked, tree)
        # What was locked here, and is here, is known for what it is; anything else may be another version of the line.
        searching = self._purpose is not Purpose.UPDATE and not entry.readonly
        if searching and tree is not None and not (locked and tree.content.same_as(locked.content)):
            known |= self._search(entry, locked, tree, history, known)
        found = {version: remote for version, remote in known.items() if remote is not None}
        return RemoteAsset(listed, foreign, unlisted, found, unfinished)

    def _is_settled(self, entry: Entry, locked: LockEntry, tree: Tree | None, history: History) -> bool:
        """Whether there is surely nothing to do but to know that the store has the locked version."""
        unchanged = tree is not None and tree.content.same_as(locked.content) and locked.version in history.versions
        forced = entry.name in self._options.bump_major | self._options.force
        return (
            unchanged
            and not forced
            and self._purpose is not Purpose.UPGRADE
            and not _wants_other(entry, locked.version, history)
        )

    def _glance(self, name: str, locked: LockEntry) -> dict[str, RemoteVersion]:
        """The locked version, from memory when it has been seen before: versions never change."""
        content = self._store.content(name, locked.version)
        if content is not None:
            return {locked.version: RemoteVersion(locked.version, content)}
        found = self._store.look(name, locked.version, assumed=locked.content)
        return {locked.version: found} if found else {}

    def _folder(self, name: str, listed: Sequence[str]) -> tuple[tuple[str, ...], tuple[Unfinished, ...]]:
        """The committed versions that are not listed, and the unfinished ones.

        A publish that ends between the listing and the look at its claim looks like one whose process died, and its
        number would be skipped and published over. So what looks abandoned is believed when it looks so twice: its
        `.meta` came before its claim went.
        """
        committed, unfinished = self._look_into(name)
        while abandoned := _without_claim(unfinished):
            committed, unfinished = self._look_into(name)
            if _without_claim(unfinished) == abandoned:
                break
        return tuple(version for version in committed if version not in set(listed)), unfinished

    def _look_into(self, name: str) -> tuple[tuple[str, ...], tuple[Unfinished, ...]]:
        folder = self._store.folder(name)
        claimed = [self._store.unfinished(name, version, self._own_claims) for version in folder.claimed]
        return folder.committed, (*claimed, *map(Unfinished, folder.data_only))

    def _versions_that_matter(self, entry: Entry, locked: LockEntry | None, history: History) -> list[str]:
        """The locked version, the newest that the entry stands for, and the newest of all, each once."""
        newest_wanted = history.matching(entry.version)[:1]
        if self._purpose is Purpose.PULL:
            newest_wanted = []
        base = [locked.version] if locked else []
        # The newest of all is what a new line takes its unchanged files from.
        publishing = self._purpose in (Purpose.SYNC, Purpose.UPDATE)
        opening = history.versions[:1] if not newest_wanted and publishing else ()
        bumping = history.versions[:1] if entry.name in self._options.bump_major else ()
        return list(dict.fromkeys([*base, *newest_wanted, *opening, *bumping]))

    def _version(self, name: str, version: str, locked: LockEntry | None, tree: Tree | None) -> RemoteVersion | None:
        assumed = locked.content if locked is not None and locked.version == version else None
        return self._store.look(name, version, like=tree, assumed=assumed)

    def _search(
        self,
        entry: Entry,
        locked: LockEntry | None,
        tree: Tree,
        history: History,
        known: Mapping[str, RemoteVersion | None],
    ) -> dict[str, RemoteVersion | None]:
        """The versions of the line, newest first, down to the one that is here, or to the locked one."""
        found: dict[str, RemoteVersion | None] = {}
        for version in history.in_line(entry.version or next(iter(history.lines), None)):
            if locked is not None and version == locked.version:
                break
            remote = known.get(version) or self._version(entry.name, version, None, tree)
            found[version] = remote
            if remote is not None and tree.content.same_as(remote.content):
                break
        return found


def _without_claim(unfinished: Iterable[Unfinished]) -> set[str]:
    """The versions of which no claim was found; one that can't be read counts as none."""
    return {one.version for one in unfinished if one.claim_age is None}


def _wants_other(entry: Entry, version: str, history: History) -> bool:
    """Whether the entry declares a line or a version that the locked one is not of."""
    wanted = entry.version
    system = history.versioning
    if wanted is None or wanted == version or not isinstance(system, Lines):
        return False
    return is_valid(system, wanted) or system.line_of(version) != wanted
