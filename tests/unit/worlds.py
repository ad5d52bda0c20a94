"""Snapshots in a few words, and what carrying out a plan makes of them. For the tests of the pure core.

A content is a capital letter: `A` is a file, `dir(A,B)` a directory with the files `a` and `b`. A version is written
`1.2=A`, see `remote`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache

from msgspec import Struct, field
from msgspec.structs import replace

from assetsync.model.lock import Lock, LockEntry
from assetsync.model.manifest import Entry, Manifest, StoreConfig
from assetsync.model.marks import NO_MARKS
from assetsync.model.tree import FileEntry, Tree, directory_tree, file_tree
from assetsync.model.versioning import Versioning, is_valid, load_versioning
from assetsync.plan.decide import make_plan
from assetsync.plan.needs import needs
from assetsync.plan.plan import Action, Adopt, Create, Forget, Plan, Pull, Update
from assetsync.plan.request import Purpose, Request
from assetsync.plan.snapshot import (
    Absent,
    HalfPulled,
    Local,
    Present,
    RemoteAsset,
    RemoteVersion,
    Snapshot,
    Unfinished,
    Unusable,
)

STORE = "s3://bucket/assets"
NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def tree(content: str) -> Tree:
    """`A` as a file, `dir(A,B)` as a directory. A file's size is 10 for A, 20 for B, …"""
    match = re.fullmatch(r"dir\(([A-Z,]*)\)", content)
    if match is None:
        return file_tree(_size(content), sha256(content))
    letters = [letter for letter in match[1].split(",") if letter]
    return directory_tree(FileEntry(letter.lower(), _size(letter), sha256(letter)) for letter in letters)


def _size(letter: str) -> int:
    return 10 * (ord(letter) - ord("A") + 1)


def locked(text: str, path: str) -> LockEntry:
    """`1.2=A`, or `1.2=A@other/path`."""
    version, _, rest = text.partition("=")
    content, _, other = rest.partition("@")
    return LockEntry(version, tree(content).content, other or path)


def local(text: str) -> Local:
    """A content, `-` for nothing, `empty` for an empty directory, `bad`, or `half 1.2=A` for an interrupted pull."""
    if text == "-":
        return Absent()
    if text == "empty":
        return Absent(empty_folder=True)
    if text == "bad":
        return Unusable("`models/x` is a broken link", "mend the link")
    if text.startswith("half "):
        version, _, content = text.removeprefix("half ").partition("=")
        return HalfPulled(version, tree(content) if content else None)
    return Present(tree(text))


_VERSION = re.compile(r"(?P<version>[^=!~?^]+)(?P<kind>[=!~?^])(?P<content>[^@]*)(?:@(?P<minutes>\d+)(?P<own>own)?)?")


def remote(text: str, system: Versioning) -> RemoteAsset:
    """What the store has of an asset, as words:

    `1.2=A` a version; `1.2!A` one that `.versions` misses; `1.2~B@5` an unfinished publish of B, claimed 5 minutes ago,
    by this project with `@5own`; `1.2~` data without a claim; `1.2?A` a version of modelkit with the paths and sizes of
    A, whose digest is not known; `1.2^` one that is listed, but whose `.meta` is gone.
    A version of another scheme is foreign.
    """
    listed: list[str] = []
    foreign: list[str] = []
    unlisted: list[str] = []
    known: dict[str, RemoteVersion | None] = {}
    unfinished: list[Unfinished] = []
    for word in text.split():
        match = _VERSION.fullmatch(word)
        assert match is not None, word
        version, kind, content = match["version"], match["kind"], match["content"]
        if not is_valid(system, version):
            foreign.append(version)
        elif kind == "~":
            unfinished.append(_unfinished(version, content, match["minutes"], own=match["own"] is not None))
        else:
            (unlisted if kind == "!" else listed).append(version)
            known[version] = None if kind == "^" else _version(version, content, is_learnt=kind != "?")
    return RemoteAsset(
        tuple(system.sort(listed)), tuple(foreign), tuple(unlisted), known, tuple(unfinished), marks=NO_MARKS
    )


def _version(version: str, content: str, *, is_learnt: bool) -> RemoteVersion:
    files = tree(content).files
    if is_learnt:
        return RemoteVersion(version, tree(content).content, files)
    return RemoteVersion(version, None, tuple(file._replace(sha256="") for file in files), is_compared=True)


def _unfinished(version: str, content: str, minutes: str | None, *, own: bool) -> Unfinished:
    if not content:
        return Unfinished(version)
    found = tree(content).content
    return Unfinished(version, found.digest, found.is_directory, "bob@ci", 60.0 * int(minutes or 0), own)


class Asset(Struct, frozen=True):
    """One asset in all its states, in words."""

    name: str = "nlp/x"
    lock: str = "-"
    remote: str = ""
    local: str = "-"
    version: str | None = None
    readonly: bool = False
    in_manifest: bool = True
    path: str | None = None

    @property
    def where(self) -> str:
        return self.path or f"models/{self.name}"


class World(Struct, frozen=True):
    """Assets and what else a snapshot has."""

    assets: tuple[Asset, ...]
    versioning: str = "major_minor"
    online: bool = True
    now: datetime = NOW
    lock_store: str = STORE
    lock_versioning: str | None = None
    request: Request = field(default_factory=Request)

    def snapshot(self) -> Snapshot:
        system = load_versioning(self.versioning)
        named = [asset for asset in self.assets if asset.in_manifest]
        entries = tuple(Entry(a.name, a.where, a.version, a.readonly) for a in named)
        locks = {a.name: locked(a.lock, a.where) for a in self.assets if a.lock != "-"}
        lock = Lock(self.lock_store, self.lock_versioning or self.versioning, locks)
        return Snapshot(
            manifest=Manifest(StoreConfig(STORE), self.versioning, entries),
            lock=lock if locks else None,
            local={asset.name: local(asset.local) for asset in named},
            remote={asset.name: remote(asset.remote, system) for asset in named},
            versioning=system,
            now=self.now,
            online=self.online,
        )


def one(**states: object) -> Snapshot:
    """The snapshot of a single asset `nlp/x`."""
    return World((Asset(**states),)).snapshot()  # type: ignore[arg-type]


def plan_sync(snapshot: Snapshot, request: Request | None = None) -> Plan:
    return make_plan(snapshot, request or Request())


def plan_pull(snapshot: Snapshot, request: Request | None = None) -> Plan:
    return make_plan(snapshot, replace(request or Request(), purpose=Purpose.PULL))


def plan_upgrade(snapshot: Snapshot, request: Request | None = None) -> Plan:
    return make_plan(snapshot, replace(request or Request(), purpose=Purpose.UPGRADE))


def first_seen(snapshot: Snapshot, purpose: Purpose = Purpose.SYNC) -> Snapshot:
    """What gathering sees at first of all that is in `snapshot`: the listed versions, and the locked ones; for a pull,
    nothing."""
    if purpose is Purpose.PULL:
        nothing = RemoteAsset(looked_into=False, indexed=False)
        return replace(snapshot, remote=dict.fromkeys(snapshot.remote, nothing))
    locks = snapshot.lock.assets if snapshot.lock else {}
    remotes = {}
    for name, full in snapshot.remote.items():
        first = replace(full, known={}, unlisted=(), unfinished=(), looked_into=False, marks=None)
        remotes[name] = seen(first, full, digests=[locks[name].version] if name in locks else [])
    return replace(snapshot, remote=remotes)


def seen(
    remote: RemoteAsset, full: RemoteAsset, *, digests: Iterable[str] = (), files: Iterable[str] = ()
) -> RemoteAsset:
    """`remote` after looking at some versions, of all that there is of it."""
    known = dict(remote.known)
    for version in (*digests, *files):
        found = full.known.get(version)
        known[version] = found if found is None or version in files else replace(found, files=None)
    return replace(remote, known=known)


def gathered(snapshot: Snapshot, request: Request) -> Snapshot:
    """What gathering sees of all that is in `snapshot`, in as many rounds as it takes."""
    partly = first_seen(snapshot, request.purpose)
    while wanted := needs(partly, request):
        remotes = dict(partly.remote)
        for name, need in wanted.items():
            full, remote = snapshot.remote[name], remotes[name]
            if need.index:
                remote = replace(remote, listed=full.listed, foreign=full.foreign, indexed=True)
            if need.folder:
                remote = replace(remote, unlisted=full.unlisted, unfinished=full.unfinished, looked_into=True)
            if need.marks:
                remote = replace(remote, marks=full.marks)
            remotes[name] = seen(remote, full, digests=need.digests, files=(*need.files, *need.hashes))
        assert remotes != partly.remote
        partly = replace(partly, remote=remotes)
    return partly


def carried_out(snapshot: Snapshot, plan: Plan, *, save_lock: bool = True, pulls: bool = True) -> Snapshot:
    """The snapshot after `plan` was done. Without `save_lock`, as if the process had died before assets.lock was."""
    entries = {entry.name: entry for entry in snapshot.manifest.entries}
    locks = dict(snapshot.lock.assets) if snapshot.lock else {}
    locals_, remotes = dict(snapshot.local), dict(snapshot.remote)
    for action in plan.changes:
        if isinstance(action, Pull) and not pulls:
            continue
        if isinstance(action, Create | Update | Adopt):
            remotes[action.asset] = _published(remotes[action.asset], action, snapshot.versioning)
        if isinstance(action, Pull):
            locals_[action.asset] = _pulled(remotes[action.asset], action)
        if not save_lock:
            continue
        if isinstance(action, Forget):
            del locks[action.asset]
            continue
        assert action.to is not None
        assert action.content is not None
        locks[action.asset] = LockEntry(action.to, action.content, action.path)
        if isinstance(action, Update | Adopt) and action.set_line is not None:
            entries[action.asset] = replace(entries[action.asset], version=action.set_line)
    manifest = replace(snapshot.manifest, entries=tuple(entries.values()))
    lock = Lock(STORE, snapshot.manifest.versioning, locks) if locks else None
    return replace(snapshot, manifest=manifest, lock=lock, local=locals_, remote=remotes)


def _published(before: RemoteAsset, action: Create | Update | Adopt, system: Versioning) -> RemoteAsset:
    assert action.to is not None
    if isinstance(action, Adopt) and not action.unlisted:
        return before
    known = dict(before.known)
    if not isinstance(action, Adopt):
        known[action.to] = RemoteVersion(action.to, action.local.tree.content, action.local.tree.files)
    return replace(
        before,
        listed=tuple(system.sort({*before.listed, action.to})),
        unlisted=tuple(version for version in before.unlisted if version != action.to),
        unfinished=tuple(one for one in before.unfinished if one.version != action.to),
        known=known,
    )


def _pulled(before: RemoteAsset, action: Pull) -> Present:
    assert action.to is not None
    version = before.known[action.to]
    assert version is not None
    assert version.files is not None
    files = version.files
    is_directory = action.content is not None and action.content.is_directory
    return Present(directory_tree(files) if is_directory else file_tree(files[0].size, files[0].sha256))


def outcome(plan: Plan, name: str = "nlp/x") -> str:
    """What a plan says of an asset, in the words of the decision table."""
    for problem in plan.problems:
        if problem.asset in (name, ""):
            return f"problem {problem.code}"
    return said(next(action for action in plan.actions if action.asset == name))


def said(action: Action) -> str:
    kind = {"Create": "create", "Update": "update", "Adopt": "lock", "Pull": "pull", "Forget": "forget", "Keep": "none"}
    word = kind[type(action).__name__]
    if isinstance(action, Update):
        return f"{word} {action.base} → {action.to}"
    if isinstance(action, Forget):
        return word
    return f"{word} {action.to}" if action.to else word


def by_asset(actions: Iterable[Action]) -> Mapping[str, Action]:
    return {action.asset: action for action in actions}
