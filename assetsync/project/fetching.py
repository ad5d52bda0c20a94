"""Many versions into an assets directory at once: only what is missing, with one total of bytes.

In rounds, each side by side: what the specs stand for, how large that is, then the bytes. A fetch that fails is told of
beside what was fetched, and keeps no other from being fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from assetsync.errors import AssetsyncError, DamagedError
from assetsync.local.scan import scan
from assetsync.model.names import Spec
from assetsync.model.tree import Content
from assetsync.plan.snapshot import Present
from assetsync.pool import Transfers, together
from assetsync.progress import Reporter
from assetsync.project.result import Outcomes, failure
from assetsync.remote import layout
from assetsync.remote.resolve import resolve, unknown
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from assetsync.system import local_error
from assetsync.traffic import UNLIMITED, Traffic
from assetsync.transfer.fetch import fetch, fetched, unmark


class Wanted(Struct, frozen=True):
    """A spec to fetch, and what assets.lock says that it is, if that asked for it."""

    spec: Spec
    locked: Content | None = None


class Fetched(Struct, frozen=True):
    """How the fetch of one spec ended: its absolute path, or the error."""

    spec: Spec
    path: str | None = None
    error: AssetsyncError | None = None


class FetchResult(Outcomes[Fetched], frozen=True):
    """How a fetch of many ended, in the order of the specs."""

    @property
    def paths(self) -> Sequence[str]:
        """Where what could be fetched is."""
        return [outcome.path for outcome in self.outcomes if outcome.path is not None]

    @property
    def error(self) -> AssetsyncError | None:
        """None when all are there; PartialError when only some are; otherwise what stopped them."""
        return failure([(str(one.spec), one.error) for one in self.outcomes], "fetches", "the others are there")


class Fetching(Struct, frozen=True):
    """Fetches into the absolute `folder`. `open_store` opens the store when something is to be asked of it."""

    open_store: Callable[[], Store]
    folder: str
    force: bool
    reporter: Reporter
    traffic: Traffic = UNLIMITED

    def run(self, wanted: Sequence[Wanted], here: Callable[[Spec], str | None]) -> FetchResult:
        """Fetch what is missing. `here` tells where what a spec names is already, without asking the store."""
        paths = {one.spec: None if self.force else here(one.spec) for one in wanted}
        missing = [one for one in wanted if paths[one.spec] is None]
        found = {one.spec: Fetched(one.spec, paths[one.spec]) for one in wanted}
        found.update(self._fetched(missing) if missing else {})
        return FetchResult(tuple(found[one.spec] for one in wanted))

    def _fetched(self, wanted: Sequence[Wanted]) -> Mapping[Spec, Fetched]:
        store = self.open_store()
        exact = dict(together(lambda one: (one.spec, self._resolved(store, one)), wanted, width=store.width))
        # One spec may stand for the same version as another.
        todo = {one.spec: one for one in exact.values() if isinstance(one, Wanted)}
        done = self._brought(store, [*todo.values()])
        return {
            spec: Fetched(spec, error=one) if isinstance(one, AssetsyncError) else replace(done[one.spec], spec=spec)
            for spec, one in exact.items()
        }

    def _resolved(self, store: Store, one: Wanted) -> Wanted | AssetsyncError:
        try:
            return replace(one, spec=replace(one.spec, version=resolve(store, one.spec)))
        except AssetsyncError as error:
            return error

    def _brought(self, store: Store, wanted: Sequence[Wanted]) -> Mapping[Spec, Fetched]:
        missing = [one for one in wanted if self.force or fetched(one.spec, store.versioning, self.folder) is None]
        # One alone tells of its bytes itself; only a total, or a comparison with the lock, needs a look before.
        looks = len(missing) > 1 or any(one.locked for one in missing)
        sizes = dict(together(lambda one: (one.spec, _size(store, one)), missing, width=store.width)) if looks else {}
        total = _Total(self.reporter, sum(size for size in sizes.values() if isinstance(size, int)), len(missing))

        def bring(one: Wanted) -> Fetched:
            problem = sizes.get(one.spec)
            if isinstance(problem, AssetsyncError):
                return Fetched(one.spec, error=problem)
            reporter = _Share(total, one.spec.name) if len(missing) > 1 else self.reporter
            return self._one(store, one, transfers, reporter)

        with Transfers(traffic=self.traffic) as transfers, total:
            return {outcome.spec: outcome for outcome in transfers.each(bring, wanted)}

    def _one(self, store: Store, one: Wanted, transfers: Transfers, reporter: Reporter) -> Fetched:
        try:
            path = fetch(store, one.spec, self.folder, transfers=transfers, reporter=reporter, force=self.force)
            self._check(store, one, path)
        except AssetsyncError as error:
            return Fetched(one.spec, error=error)
        except OSError as error:
            return Fetched(one.spec, error=local_error(error, self.folder))
        return Fetched(one.spec, path)

    def _check(self, store: Store, one: Wanted, path: str) -> None:
        """Hold a version of modelkit, of which only the bytes tell what it is, against the lock."""
        if one.locked is None or store.meta(one.spec.name, one.spec.version or "").tree is not None:
            return
        with Cache(None) as cache:
            below = layout.data_key(one.spec.name, one.spec.version or "")
            found = scan(self.folder, below, cache=cache)
        if not isinstance(found, Present) or not found.tree.content.same_as(one.locked):
            unmark(path)
            raise _other(one)


def _size(store: Store, one: Wanted) -> int | AssetsyncError:
    """The bytes of what is to be fetched, or why it can't be: also that it is another than the lock says."""
    name, version, part = one.spec.name, one.spec.version or "", one.spec.part
    try:
        found = store.look(name, version)
        if found is None:
            raise unknown(store, one.spec)
        if one.locked is not None and found.contradicts(one.locked):
            raise _other(one)
    except AssetsyncError as error:
        return error
    files = found.files or ()
    return sum(file.size for file in files if part is None or f"{file.path}/".startswith(f"{part}/"))


def _other(one: Wanted) -> DamagedError:
    return DamagedError(
        f"`{one.spec}` in the store is not what assets.lock says",
        hint="wrong store, a damaged one, or an edited lock: `assetsync check --remote` and `assetsync show` tell more",
    )


class _Total:
    """All fetches as one piece of work for a reporter. A context manager, for its begin and end."""

    def __init__(self, reporter: Reporter, size: int, count: int) -> None:
        self.reporter = reporter
        self.name = f"{count} versions"
        self._size = size
        self._count = count

    def __enter__(self) -> None:
        if self._count > 1:
            self.reporter.begin(self.name, "download", self._size)

    def __exit__(self, kind: object, *_: object) -> None:
        if self._count > 1:
            self.reporter.end(self.name, "done" if kind is None else "given up")


class _Share:
    """The reporter of one fetch among many."""

    def __init__(self, total: _Total, name: str) -> None:
        self._total = total
        self._name = name

    def begin(self, asset: str, verb: str, total: int) -> None:
        pass

    def advance(self, asset: str, count: int) -> None:
        self._total.reporter.advance(self._total.name, count)

    def end(self, asset: str, outcome: str) -> None:
        self._total.reporter.end(self._name, outcome)
