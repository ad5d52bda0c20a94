"""The faults of a store, and their repair: access, unfinished publishes, and indexes that do not say what is there.

The truth is which `.meta` exist. Repair rewrites `.versions` by compare-and-swap and clears what no version will ever
need. It has no way to delete or alter a committed version.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial

from msgspec import Struct

from assetsync.backends.contract import RemoteBackend
from assetsync.backends.probe import check_create, check_replace, refuses_writes
from assetsync.errors import ChangedError, ConflictError, DamagedError, NoStoreError, NotFoundError, StoreError
from assetsync.escape import brief, printable
from assetsync.model.names import name_problem
from assetsync.model.paths import part_problem
from assetsync.model.tree import FileEntry
from assetsync.model.versioning import is_valid
from assetsync.plan.snapshot import CLAIM_LIFETIME
from assetsync.pool import Transfers, together
from assetsync.progress import Silent
from assetsync.remote import documents, layout
from assetsync.remote.documents import Claim
from assetsync.remote.marks import read_marks
from assetsync.remote.store import AssetFolder, Folder, Store
from assetsync.remote.verify import verify_all
from assetsync.remote.yank import relist

# Seconds. Leftovers of an unfinished publish are only cleared when its claim is older: large uploads take long.
CLEARED_AGE = 86_400.0
# Seconds. S3 refuses requests whose time is 15 minutes off.
SKEW_ALLOWED = 300.0
PROBE_PREFIX = "assetsync-probe-"


class Probe(Struct, frozen=True):
    """One thing that was tried on the store. `error` is None when it works. Not all of it is `needed` to publish.

    Not `told`: the store's answer leaves it open, and `detail` says why.
    """

    what: str
    error: StoreError | None = None
    needed: bool = True
    detail: str = ""
    told: bool = True


class Reindex(Struct, frozen=True):
    """Rewrite `.versions`: with these versions added, and these taken out. `damaged`: it can't be read at all."""

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    damaged: bool = False


class Clear(Struct, frozen=True):
    """Delete the leftovers of an unfinished version: its claim and its data. `claim_only`: the version is committed."""

    version: str
    claim_only: bool = False


class Ailment(Struct, frozen=True):
    """A fault of an asset in the store, and the repair where there is one."""

    asset: str
    code: str
    message: str
    repair: Reindex | Clear | None = None


def probe_access(store: Store) -> Iterator[Probe]:
    """Try each operation that assetsync needs, harmlessly, on objects of names of their own.

    Stops at the first failure that makes the others pointless. The objects are deleted again, where that is allowed.
    """
    backend = store.backend
    key = PROBE_PREFIX + uuid.uuid4().hex
    copied = f"{key}-copy"
    refusing = refuses_writes(backend)
    if isinstance(backend, RemoteBackend):
        found = _identity(backend)
        yield found
        if found.error is not None:
            return
    reading = _tried("list", lambda: backend.list("", delimiter=True))
    yield reading
    if isinstance(reading.error, NoStoreError):
        return  # writing would make a mistyped directory
    writing = _tried("create an object", lambda: backend.create(key, b"probe"))
    yield writing
    if reading.error is not None or writing.error is not None:
        return
    try:
        yield _tried("read it", lambda: backend.read(key))
        yield from _clock(store, key)
        yield _tried("refuse to create it twice", lambda: check_create(backend, key), needed=refusing)
        yield _tried("refuse a stale replacement", lambda: check_replace(backend, key), needed=refusing)
        yield _tried("replace it", lambda: backend.replace(key, b"again", backend.read(key).tag))
        yield _tried("copy it", lambda: _copy(store, key, copied), needed=False)
    finally:
        deleting = _tried("delete it", partial(_delete, store, key, copied), needed=False)
    yield deleting


def _identity(backend: RemoteBackend) -> Probe:
    what = "find credentials"
    try:
        return Probe(what, detail=backend.identity)
    except StoreError as error:
        return Probe(what, error)


def _copy(store: Store, source: str, target: str) -> None:
    data = store.backend.read(source).data
    store.backend.copy(source, target, FileEntry("", len(data), hashlib.sha256(data).hexdigest()))


def _delete(store: Store, *keys: str) -> None:
    for key in keys:
        store.backend.delete(key)


def _tried(what: str, call: Callable[[], object], *, needed: bool = True) -> Probe:
    try:
        call()
    except StoreError as error:
        return Probe(what, error, needed)
    return Probe(what, None, needed)


def _clock(store: Store, key: str) -> Iterator[Probe]:
    """Whether both clocks agree, where the store tells its time."""
    what = "agree about the time"
    before = time.time()
    try:
        now = store.backend.read_dated(key).now
    except StoreError as error:
        yield Probe(what, error)
        return
    if now is None:
        yield Probe(what, needed=False, detail="not known: the store does not tell its time", told=False)
        return
    skew = before - now
    if abs(skew) <= SKEW_ALLOWED:
        yield Probe(what, detail=f"{abs(skew):.0f} s apart")
        return
    direction = "ahead of" if skew > 0 else "behind"
    yield Probe(
        what, StoreError(f"this machine's clock is {abs(skew):.0f} s {direction} the store's", hint="set the clock")
    )


def examine(store: Store, pattern: str | None = None) -> list[Ailment]:
    """Find what is odd about the assets whose names match a glob, or all, sorted by name. It only reads from the store.

    NotFoundError when none matches; StoreError.
    """
    surveyed = [one for one in store.survey() if pattern is None or fnmatchcase(one.name, pattern)]
    if pattern is not None and not surveyed:
        message = f"`{store.called}` has nothing that matches `{printable(pattern)}`"
        raise NotFoundError(message, hint="`assetsync list` shows what it has")
    return [ailment for found in together(partial(_asset, store), surveyed) for ailment in found]


def _asset(store: Store, seen: AssetFolder) -> list[Ailment]:
    refused = name_problem(seen.name)
    if refused is not None:
        return [Ailment(seen.name, "refused_name", f"made by modelkit, and can't be used or looked at: {refused}")]
    try:
        yanked = frozenset(read_marks(store, seen.name).yanked if seen.marked else ())
    except DamagedError as error:
        # Which versions belong into the index, nobody can tell then.
        return [Ailment(seen.name, "damaged_marks", error.message), *_leftovers(store, seen.name, seen.folder)]
    return [*_index(store, seen, yanked), *_leftovers(store, seen.name, seen.folder)]


def _index(store: Store, seen: AssetFolder, yanked: Collection[str]) -> Iterator[Ailment]:
    name = seen.name
    committed = tuple(version for version in seen.folder.committed if version not in yanked)
    if not seen.indexed:
        if committed:
            message = f"has {len(committed)} committed version(s), but no index"
            yield Ailment(name, "no_index", message, Reindex(add=committed))
        return
    try:
        listed = store.indexes.raw(name)
    except DamagedError as error:
        yield Ailment(name, "damaged_index", error.message, Reindex(add=committed, damaged=True))
        return
    ours = [version for version in listed if is_valid(store.versioning, version)]
    times = Counter(listed)
    known = set(ours)
    missing = [version for version in committed if version not in known]
    if missing:
        yield Ailment(name, "unlisted", f"the index misses {_quoted(missing)}", Reindex(add=tuple(missing)))
    half = [version for version in ours if version in yanked]
    if half:
        message = f"the index still holds {_quoted(half)}, which were yanked"
        yield Ailment(name, "yanked", message, Reindex(drop=tuple(half)))
    unseen = known.difference(seen.folder.committed)
    phantoms = [version for version in times if version in unseen and not _exists(store, name, version)]
    if phantoms:
        message = f"the index names {_quoted(phantoms)}, which do not exist"
        yield Ailment(name, "phantom", message, Reindex(drop=tuple(phantoms)))
    twice = [version for version, count in times.items() if count > 1]
    if twice:
        yield Ailment(name, "twice", f"the index holds {_quoted(twice)} more than once", Reindex())
    elif ours != store.versioning.sort(ours):
        yield Ailment(name, "unsorted", "the index is not sorted; modelkit takes the first for the newest", Reindex())
    foreign = [version for version in times if version not in known]
    if foreign:
        message = f"the index holds versions of another scheme, which modelkit can't sort: {_quoted(foreign)}"
        yield Ailment(name, "foreign", message)


def _exists(store: Store, name: str, version: str) -> bool:
    """Whether a version exists. A listing that lacks it may be older than the index that names it."""
    try:
        store.backend.stat(layout.meta_key(name, version))
    except NotFoundError:
        return False
    return True


def _leftovers(store: Store, name: str, folder: Folder) -> Iterator[Ailment]:
    for version in folder.done_claims:
        message = f"`{version}` is published, and its claim is still there"
        yield Ailment(name, "done_claim", message, Clear(version, claim_only=True))
    for version in folder.claimed:
        yield _unfinished(store, name, version)
    for version in folder.data_only:
        message = f"`{version}` has data, but neither `.meta` nor claim: modelkit pushes it now, or died doing so"
        yield Ailment(name, "unclaimed", message)


def _unfinished(store: Store, name: str, version: str) -> Ailment:
    unfinished = store.unfinished(name, version, ())
    age = unfinished.claim_age
    if age is None:
        return Ailment(name, "unfinished", f"`{version}` is unfinished, and its claim can't be read")
    what = f"`{version}` was begun {_ago(age)} ago by {unfinished.who}"
    if age < CLAIM_LIFETIME:
        return Ailment(name, "in_progress", f"{what}, and may still be going on")
    if age < CLEARED_AGE:
        return Ailment(name, "unfinished", f"{what}, and is not finished; it can be cleared after a day")
    return Ailment(name, "unfinished", f"{what}, and never finished", Clear(version))


def _ago(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _quoted(versions: Sequence[str]) -> str:
    shown = ", ".join(f"`{printable(version)}`" for version in versions[:5])
    return shown + (f" and {len(versions) - 5} more" if len(versions) > 5 else "")


def mend(store: Store, ailment: Ailment) -> None:
    """Carry out the repair of an ailment. StoreError; ConflictError when it is no longer what it was.

    DamagedError for versions that are not whole: they stay out of the index. All else is repaired then.
    """
    match ailment.repair:
        case Reindex():
            _reindex(store, ailment.asset, ailment.repair)
        case Clear(version, claim_only):
            if claim_only:
                store.backend.delete(layout.claim_key(ailment.asset, version))
            else:
                _clear(store, ailment.asset, version)
        case None:
            return


def _reindex(store: Store, name: str, repair: Reindex) -> None:
    """Rewrite the index, with the versions to add only as far as they are whole: a listed one is taken for the newest,
    and whoever fetches it would fail."""
    flaws = _flaws(store, name, repair.add)
    whole = [version for version in repair.add if not flaws[version]]
    # As it is now: a yank that came after the look must not be undone by a repair.
    yanked = read_marks(store, name).yanked
    if not repair.damaged:
        gone = {*yanked, *(version for version in repair.drop if not _exists(store, name, version))}
        store.indexes.rewrite(name, lambda listed: [v for v in (*listed, *whole) if v not in gone])
    elif whole or not repair.add:
        store.indexes.rebuild(name, [version for version in whole if version not in yanked])
    relist(store, name, whole)
    broken = [f"`{version}` ({flaws[version][0]})" for version in repair.add if flaws[version]]
    if broken:
        raise DamagedError(
            f"what is not whole stays out of the index: {', '.join(broken)}",
            hint=f"see `assetsync verify {name}:{_first(flaws)}`, and publish the content again as a new version",
        )


def _first(flaws: Mapping[str, Sequence[str]]) -> str:
    return next(version for version, found in flaws.items() if found)


def _flaws(store: Store, name: str, versions: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The reasons in words why versions can't be fetched. Objects that their `.meta` does not name are no reason."""
    with Transfers() as transfers:
        found = verify_all(store, [(name, version) for version in versions], transfers=transfers, reporter=Silent())
    return {
        one.version: [f"{flaw.path or 'the object'}: {flaw.message}" for flaw in one.flaws if flaw.code != "extra"]
        for one in found
    }


def _clear(store: Store, name: str, version: str) -> None:
    """Delete an unfinished version: only while this program's own claim keeps publishers away from it.

    That claim takes the place of the old one if that still is the same: a publisher that goes on with an old one, or
    has been at it for long, renews it first. One that is past its claim checks that right before it commits.
    """
    key = layout.claim_key(name, version)
    before = store.tagged_claim(name, version)
    found = store.claim(name, version)
    if before is None or found is None or found[0] != before[0] or found[1] < CLEARED_AGE:
        raise ConflictError(f"`{name}:{version}` moved meanwhile", hint="look again with `assetsync doctor`")
    _data_keys(store, name, version)
    barrier = Claim(
        uuid.uuid4().hex,
        "sha256:" + "0" * 64,
        False,
        "assetsync doctor",
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    try:
        store.backend.replace(key, documents.render_claim(barrier), before[1])
    except ChangedError:
        raise ConflictError(f"`{name}:{version}` is being published again", hint="look again later") from None
    if _exists(store, name, version):
        store.backend.delete(key)
        raise ConflictError(f"`{name}:{version}` was finished meanwhile", hint="look again with `assetsync doctor`")
    *parts, whole = _data_keys(store, name, version)
    list(together(store.backend.delete, parts))
    store.backend.delete(whole)
    store.backend.delete(key)


def _data_keys(store: Store, name: str, version: str) -> list[str]:
    """The objects of an unfinished version. DamagedError when there are some that can't be its data.

    A claim can be put over what is of others: assets of modelkit, which may lie in a folder like `1.0`. And a key with
    a `..` in it would be that of another object to whatever tidies up paths on the way.
    """
    data = layout.data_key(name, version)
    keys = [entry.key for entry in store.backend.list(data + "/").objects]
    for key in keys:
        part = key.removeprefix(data + "/")
        if not key.startswith(data + "/") or part_problem(part) is not None or layout.is_of_nested_asset(part):
            raise DamagedError(
                f"`{name}:{version}` is not cleared: `{printable(brief(key))}` is none of its data",
                hint=f"look at it, and delete `{layout.claim_key(name, version)}` by hand if it is not wanted",
            )
    return [*keys, data]
