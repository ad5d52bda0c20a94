"""Gathering a Snapshot: local trees, and of the store what the decisions ask for, in rounds of requests side by side.

The first round reads `.versions` of each asset, and makes sure of its locked version; an asset that is unchanged needs
no other. Then the decisions say what else they need, see `assetsync.plan.needs`. A pull has no first round, because
what is here as locked needs no store. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from assetsync.errors import DamagedError
from assetsync.local.boundary import Boundary
from assetsync.local.scan import scan_all
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.manifest import Manifest
from assetsync.model.tree import Tree
from assetsync.model.versioning import Versioning, is_valid
from assetsync.plan.needs import needs
from assetsync.plan.request import Purpose, Request
from assetsync.plan.situation import Needs
from assetsync.plan.snapshot import Absent, Local, Present, RemoteAsset, RemoteVersion, Snapshot, Unfinished, Unusable
from assetsync.progress import Reporter
from assetsync.state.cache import Cache
from assetsync.state.journal import Journal
from assetsync.state.pull_markers import Marker, Markers

if TYPE_CHECKING:
    from assetsync.remote.store import Store  # 10 ms, which a pull that asks no store need not spend

# Adds what a look at the store has shown to what is known of an asset.
_Seen = Callable[[RemoteAsset], RemoteAsset]


class Site(Struct, frozen=True):
    """Where a snapshot is taken: the folder `root` that entries are relative to, what links may lead out of, and what
    remembers things there.
    """

    root: str
    boundary: Boundary
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
        """The lock's entry of an asset; None without one."""
        return self.lock.assets.get(name) if self.lock else None


def gather(
    site: Site,
    open_store: Callable[[], Store] | None,
    *,
    now: datetime,
    reporter: Reporter,
    request: Request,
    not_considered: int = 0,
    local: Mapping[str, Local] | None = None,
    last_seen: Mapping[str, LockEntry] | None = None,
    may_make_store: bool = False,
) -> Snapshot:
    """The three states of every asset of `site`, as far as a plan for `request` needs them.

    `open_store` is called when there is something to ask; without it, `remote` is made up from the lock alone. `local`
    saves the look at the paths; `last_seen` is as in Snapshot. `may_make_store`: a directory that does not exist yet is
    an empty store. StoreError. Problems with local files, or with the objects of one asset, are part of the snapshot.
    """
    makes_store = open_store is not None and may_make_store and open_store().is_to_be_made
    asking = _Asking(site, open_store, site.journal.claims()) if open_store is not None and not makes_store else None
    local, remote = _scan_and_ask(site, asking, reporter, request, local)
    snapshot = Snapshot(
        manifest=site.manifest,
        lock=site.lock,
        local=local,
        remote=remote,
        versioning=site.versioning,
        now=now,
        online=open_store is not None,
        not_considered=not_considered,
        last_seen=last_seen or {},
        makes_store=makes_store,
    )
    wanted = needs(snapshot, request) if asking else {}
    while asking and wanted:
        snapshot = replace(snapshot, remote={**snapshot.remote, **asking.answers(snapshot, wanted)})
        wanted = needs(snapshot, request, wanted)
    return snapshot


def _scan_and_ask(
    site: Site, asking: _Asking | None, reporter: Reporter, request: Request, local: Mapping[str, Local] | None
) -> tuple[Mapping[str, Local], Mapping[str, RemoteAsset]]:
    """Scan while the store answers: hashing wants a processor, the requests only wait."""
    if asking is None:
        remote = {entry.name: _from_lock(site.locked(entry.name)) for entry in site.manifest.entries}
        return local_states(site, reporter) if local is None else local, remote
    if request.purpose is Purpose.PULL:
        nothing = RemoteAsset(looked_into=False, indexed=False)
        remote = {entry.name: nothing for entry in site.manifest.entries}
        return local_states(site, reporter) if local is None else local, remote
    from assetsync.pool import meanwhile

    with meanwhile(asking.first_answers) as answered:
        return local_states(site, reporter) if local is None else local, answered()


def local_states(site: Site, reporter: Reporter) -> dict[str, Local]:
    """The local state of each asset, interrupted pulls included."""
    entries = site.manifest.entries
    found = scan_all(site.root, entries, cache=site.cache, boundary=site.boundary, reporter=reporter)
    halves = site.markers.of(found)
    return {entry.name: _with_marker(found[entry.name], halves.get(entry.name)) for entry in entries}


def _with_marker(found: Present | Absent | Unusable, half: Marker | None) -> Local:
    """The local state of an asset, an interrupted pull of it included."""
    return found if half is None or isinstance(found, Unusable) else half.half_pulled(found)


def _from_lock(locked: LockEntry | None) -> RemoteAsset:
    if locked is None:
        return RemoteAsset()
    return RemoteAsset(listed=(locked.version,), known={locked.version: RemoteVersion(locked.version, locked.content)})


class _Asking(Struct, frozen=True):
    """Asks the store about the assets of a site, with many requests at once."""

    site: Site
    open_store: Callable[[], Store]
    own_claims: frozenset[str]

    @property
    def store(self) -> Store:
        return self.open_store()

    def first_answers(self) -> Mapping[str, RemoteAsset]:
        """The facts that every decision needs: the listed versions, and the locked one as it is now.

        Of assets that the store has nothing of, these are all.
        """
        from assetsync.remote.absence import absent

        entries = [entry.name for entry in self.site.manifest.entries]
        gone = absent(self.store, (name for name in entries if self.site.locked(name) is None))
        names = [name for name in entries if name not in gone]
        versions = {name: locked.version for name in names if (locked := self.site.locked(name)) is not None}
        confirmed = {name: one for name, one in versions.items() if is_valid(self.site.versioning, one)}
        looks = [(name, partial(self._index, name)) for name in names]
        looks += [(name, partial(self._confirm, name, version)) for name, version in confirmed.items()]
        new = [entry.name for entry in self.site.manifest.entries if not (entry.readonly or entry.name in gone)]
        looks += [(name, partial(self._look_ahead, name)) for name in new if self.site.locked(name) is None]
        known = {name: RemoteAsset(looked_into=name in gone) for name in entries}
        with self.store.listing_ahead(confirmed):
            return self._put_together(known, looks)

    def answers(self, snapshot: Snapshot, wanted: Mapping[str, Needs]) -> Mapping[str, RemoteAsset]:
        """Look at the facts that `wanted` names, by asset, and return all that is known of these assets then."""
        looks = [
            (name, look)
            for name, need in wanted.items()
            for look in self._looks(name, need, _tree(snapshot.local[name]))
        ]
        return self._put_together({name: snapshot.remote[name] for name in wanted}, looks)

    def _put_together(
        self, known: Mapping[str, RemoteAsset], looks: Iterable[tuple[str, Callable[[], _Seen]]]
    ) -> Mapping[str, RemoteAsset]:
        """`known`, with what the looks at assets have shown.

        Damage concerns one asset, and keeps no other from being planned.
        """
        from assetsync.pool import together

        def answer(look: tuple[str, Callable[[], _Seen]]) -> tuple[str, _Seen]:
            name, call = look
            try:
                return name, call()
            except DamagedError as error:
                return name, partial(_damaged, error.message)

        found = dict(known)
        with self.site.cache.at_once():
            for name, seen in together(answer, looks, width=self.store.width):
                found[name] = seen(found[name])
        return found

    def _looks(self, name: str, need: Needs, tree: Tree | None) -> Iterator[Callable[[], _Seen]]:
        if need.index:
            yield partial(self._index, name)
        if need.folder:
            yield partial(self._look_into, name, tree)
        if need.marks:
            yield partial(self._marks, name)
        # A version that is asked for twice is looked at once, as closely as is asked for.
        for version in need.hashes:
            yield partial(self._read, name, version, tree)
        for version in set(need.files) - set(need.hashes):
            yield partial(self._read, name, version, None)
        for version in set(need.digests) - set(need.files) - set(need.hashes):
            yield partial(self._compare, name, version, tree)

    def _index(self, name: str) -> _Seen:
        index = self.store.indexes.of(name)
        listed, foreign = (index.listed, index.foreign) if index else ((), ())
        return lambda known: replace(known, listed=listed, foreign=foreign, indexed=True)

    def _marks(self, name: str) -> _Seen:
        from assetsync.remote.marks import read_marks

        marks = read_marks(self.store, name)
        return lambda known: replace(known, marks=marks)

    def _confirm(self, name: str, version: str) -> _Seen:
        return _with_version(version, self.store.confirm(name, version))

    def _read(self, name: str, version: str, tree: Tree | None) -> _Seen:
        return _with_version(version, self.store.look(name, version, like=tree))

    def _compare(self, name: str, version: str, tree: Tree | None) -> _Seen:
        try:
            found = self.store.compare(name, version, tree) if tree else self.store.look(name, version)
        except DamagedError:
            # A damaged version counts as another than the local one. Nothing takes it, so nothing needs to mend it.
            found = RemoteVersion(version, None)
        return _with_version(version, found)

    def _look_into(self, name: str, tree: Tree | None) -> _Seen:
        """Find the committed versions that are not listed, and the unfinished ones.

        List twice: a publisher writes `.meta` before it deletes its claim, so a version that has neither in two
        listings is abandoned, and so is one with a claim that was old before the second. In one, its publish may have
        ended between the listing and the look at its claim; its number would be skipped, and published over.
        """
        committed, unfinished = self._folder(name)
        while abandoned := _abandoned(unfinished):
            committed, unfinished = self._folder(name)
            if _abandoned(unfinished) == abandoned:
                break
        unfinished = tuple(self._checked(name, one, tree) for one in unfinished)
        return lambda known: _looked_into(known, committed, unfinished)

    def _look_ahead(self, name: str) -> _Seen:
        """`_look_into`, side by side with the first question about an asset that was never published from here.

        Nothing is learnt where versions are unfinished: these are looked into together with what is here.
        """
        folder = self.store.folder(name)
        if folder.claimed or folder.data_only:
            return lambda known: known
        return lambda known: _looked_into(known, folder.committed, ())

    def _checked(self, name: str, unfinished: Unfinished, tree: Tree | None) -> Unfinished:
        """Look closer at an unfinished version that a publish of `tree` would go on with."""
        if tree is None or not unfinished.holds(tree.content):
            return unfinished
        return replace(unfinished, is_spoiled=self.store.is_spoiled(name, unfinished.version, tree))

    def _folder(self, name: str) -> tuple[tuple[str, ...], tuple[Unfinished, ...]]:
        folder = self.store.folder(name)
        claimed = [self.store.unfinished(name, version, self.own_claims) for version in folder.claimed]
        return folder.committed, (*claimed, *map(Unfinished, folder.data_only))


def _looked_into(known: RemoteAsset, committed: Sequence[str], unfinished: tuple[Unfinished, ...]) -> RemoteAsset:
    unlisted = tuple(version for version in committed if version not in set(known.listed))
    return replace(known, unlisted=unlisted, unfinished=unfinished, looked_into=True)


def _damaged(message: str, known: RemoteAsset) -> RemoteAsset:
    return replace(known, damaged=message)


def _with_version(version: str, found: RemoteVersion | None) -> _Seen:
    return lambda known: replace(known, known={**known.known, version: found})


def _tree(local: Local) -> Tree | None:
    return None if isinstance(local, Absent | Unusable) else local.tree


def _abandoned(unfinished: Iterable[Unfinished]) -> set[tuple[str, bool]]:
    """The versions of which no claim was found, or one that is old or ours, and which of the two.

    A claim that can't be read counts as none. One that was old, and is gone at the next look, may have been of a
    publish that has just ended: that is another finding, and takes one more look.
    """
    return {(one.version, one.claim_age is None) for one in unfinished if not one.in_progress}
