"""The library's front door: a repo's assets.yaml and assets.lock, planned and carried out.

::

    with Project.load() as project:
        plan = project.plan()
        result = project.apply(plan)

Nothing here prints or asks. Work is reported through a `Reporter`, errors come from `assetsync.errors`.
"""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import overload

from assetsync import __version__
from assetsync.atomic import write_atomically
from assetsync.errors import AssetsyncError, ConflictError, InvalidError, NotFoundError, PartialError, UsageError
from assetsync.git.provenance import provenance
from assetsync.lock.text import parse_lock, render_lock
from assetsync.manifest import settings
from assetsync.manifest.edit import set_version
from assetsync.manifest.parse import parse_manifest
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.manifest import Manifest
from assetsync.model.provenance import Provenance
from assetsync.model.versioning import BUILT_IN, Versioning, load_versioning
from assetsync.plan.decide import plan_pull, plan_sync, plan_upgrade
from assetsync.plan.plan import CONFLICTS, Action, Adopt, Create, Plan, Pull, Update
from assetsync.plan.request import Options, Purpose, Request
from assetsync.plan.snapshot import Snapshot
from assetsync.pool import Transfers
from assetsync.progress import Reporter, Silent
from assetsync.project.execute import Execution, Outcome, who
from assetsync.project.gather import Site, gather
from assetsync.project.locate import LOCK, MANIFEST, find_manifest
from assetsync.remote.store import Store, open_store
from assetsync.render.saved_plan import parse_saved_plan, render_saved_plan, what_moved
from assetsync.state.cache import Cache
from assetsync.state.folder import State
from assetsync.state.journal import Journal
from assetsync.state.last_seen import Placed
from assetsync.state.pull_markers import Markers

_PLANNERS: dict[Purpose, Callable[[Snapshot, Options | None], Plan]] = {
    Purpose.SYNC: plan_sync,
    Purpose.PULL: plan_pull,
    Purpose.UPGRADE: plan_upgrade,
}


@dataclass(frozen=True, slots=True)
class Result:
    """How carrying out a plan ended, asset by asset, in the order of the plan."""

    outcomes: tuple[Outcome, ...]

    @property
    def done(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.error is None)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.error is not None)

    @property
    def lines(self) -> Mapping[str, str]:
        """The lines that one-shot bumps opened, by asset: what its `version` in assets.yaml became."""
        lines = {}
        for outcome in self.done:
            action = outcome.action
            if isinstance(action, Update | Adopt) and action.set_line is not None:
                lines[action.asset] = action.set_line
        return lines

    @property
    def published(self) -> frozenset[str]:
        """The assets of which a new version is in the store now."""
        return frozenset(o.action.asset for o in self.done if isinstance(o.action, Create | Update))

    @property
    def changed_lock(self) -> bool:
        """Whether assets.lock says something else now: a pull of what was locked leaves it as it is."""
        return any(not isinstance(o.action, Pull) or o.action.base != o.action.to for o in self.done)

    @property
    def error(self) -> AssetsyncError | None:
        """None when all went well; PartialError when only some did; otherwise what stopped them."""
        errors = [outcome.error for outcome in self.outcomes if outcome.error is not None]
        if not errors:
            return None
        names = ", ".join(f"`{outcome.action.asset}`" for outcome in self.failed)
        if self.done:
            return PartialError(
                f"{len(errors)} of {len(self.outcomes)} assets failed: {names}",
                hint="assets.lock holds those that succeeded; run the same command again for the others",
            )
        if len(errors) == 1:
            return errors[0]
        kind = ConflictError if all(isinstance(error, ConflictError) for error in errors) else AssetsyncError
        return kind(f"all {len(errors)} assets failed: {names}", hint=errors[0].hint)


class Project:
    """One assets.yaml with the lock beside it. Made by `load`; a context manager that closes what it opened."""

    def __init__(self, manifest_file: str, manifest_text: str, manifest: Manifest, environ: Mapping[str, str]) -> None:
        self.root = os.path.dirname(manifest_file)
        self.manifest_file = manifest_file
        self.lock_file = os.path.join(self.root, LOCK)
        self.manifest = manifest
        self.versioning: Versioning = load_versioning(manifest.versioning)
        self.state = State(self.root)
        self._manifest_text = manifest_text
        self._environ = environ
        self.state.ensure()
        self._cache = Cache(self.state.cache)
        self._placed = Placed(self._cache)
        self._journal = Journal(self.state.journal)
        self._markers = Markers(self.state.pulls)
        self._store: Store | None = None

    @classmethod
    def load(
        cls,
        directory: str = ".",
        *,
        manifest_file: str | None = None,
        store: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Project:
        """The project that `directory` belongs to, or that of `manifest_file`.

        `store` overrides the store's URL; `environ` is the environment, the process's own by default. NotFoundError,
        ManifestError, UsageError.
        """
        environ = os.environ if environ is None else environ
        path = os.path.abspath(os.path.join(directory, manifest_file)) if manifest_file else find_manifest(directory)
        data = _read(path)
        return cls(path, data.decode(), _checked(data, path, environ, store), environ)

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the cache and the connections. Nothing is lost by not calling it."""
        self._cache.close()
        if self._store is not None:
            self._store.close()

    @property
    def store(self) -> Store:
        """The store, opened at first use. UsageError, DeniedError."""
        if self._store is None:
            self._store = open_store(
                self.manifest.store, self.versioning, self._cache, root=self.root, environ=self._environ
            )
        return self._store

    def lock(self) -> Lock | None:
        """What assets.lock says now; None where there is none. LockError."""
        return self._parse_lock(self._lock_data())

    def _parse_lock(self, data: bytes | None) -> Lock | None:
        return None if data is None else parse_lock(data, filename=os.path.relpath(self.lock_file))

    def plan(
        self,
        names: Collection[str] = (),
        *,
        options: Options | None = None,
        purpose: Purpose = Purpose.SYNC,
        offline: bool = False,
        reporter: Reporter | None = None,
    ) -> Plan:
        """What would be done about the assets called `names`, or about all. Sends only reads.

        UsageError for a name that neither assets.yaml nor assets.lock knows; LockError, StoreError, DamagedError.
        """
        chosen = options or Options()
        lock_data = self._lock_data()
        lock = self._parse_lock(lock_data)
        self._check_names(names, chosen, lock)
        site = self._site(lock)
        narrowed = site.only(names)
        snapshot = gather(
            narrowed,
            None if offline else self.store,
            now=datetime.now(UTC),
            reporter=reporter or Silent(),
            purpose=purpose,
            options=chosen,
            not_considered=len(site.manifest.entries) - len(narrowed.manifest.entries),
        )
        snapshot = replace(snapshot, placed=self._placed.of(narrowed.manifest.entries))
        self._placed.see(snapshot)
        plan = _PLANNERS[purpose](snapshot, chosen)
        return plan.based_on(self._manifest_text, _text(lock_data))

    def save_plan(self, plan: Plan, path: str, request: Request) -> None:
        """Write `plan`, which was made for `request`, to a file that `load_plan` reads. OSError."""
        write_atomically(path, render_saved_plan(plan, request).encode())

    def load_plan(self, path: str, *, reporter: Reporter | None = None) -> Plan:
        """A saved plan, made again and found to be the same. ConflictError, naming what moved, when it is not.

        Besides what `plan` raises: InvalidError for a file that is no saved plan.
        """
        saved = parse_saved_plan(_read(path).decode("utf-8", "replace"))
        plan = self.plan(saved.request.names, options=saved.request.options, reporter=reporter)
        moved = what_moved(saved, plan)
        if moved:
            raise ConflictError("\n".join(["the saved plan is stale", *moved]), hint="plan again, and approve that")
        return plan

    def apply(
        self,
        plan: Plan,
        *,
        pulls: bool = False,
        message: str | None = None,
        reporter: Reporter | None = None,
    ) -> Result:
        """Carry out `plan`: publish, lock and forget; with `pulls`, get what is missing here too.

        assets.lock is saved after each asset. Errors of single assets are in the result; raised are ConflictError when
        assets.yaml or assets.lock changed since the plan was made or another assetsync is at work here, and what the
        problems of the plan amount to when it has any.
        """
        error = problems_error(plan)
        if error is not None:
            raise error
        if not plan.online:
            raise UsageError("a plan made offline can't be carried out", hint="plan again without `--offline`")
        actions: Sequence[Action] = plan.changes if pulls else plan.publishes
        if not actions:
            return Result(())
        with self._alone():
            lock = self._checked_lock(plan)
            start = lock or Lock(self.manifest.store.url, self.manifest.versioning)
            keeper = _LockKeeper(self.lock_file, start, self._set_line, aside=self.state.folder)

            def record(action: Action, entry: LockEntry | None) -> None:
                keeper.record(action, entry)
                if entry is not None:
                    self._placed.put(action.asset, entry.path, entry.content)

            with Transfers() as transfers:
                outcomes = Execution(
                    site=self._site(lock),
                    store=self.store,
                    transfers=transfers,
                    reporter=reporter or Silent(),
                    record=record,
                    who=who(),
                    provenance=self._provenance(actions, message),
                ).carry_out(actions)
        return Result(tuple(outcomes))

    def _provenance(self, actions: Sequence[Action], message: str | None) -> Provenance:
        """Where what is published comes from. Asking git takes a tenth of a second, so only for what is published."""
        tool = f"assetsync {__version__}"
        if any(isinstance(action, Create | Update) for action in actions):
            return provenance(self.root, self._environ, tool=tool, message=message)
        return Provenance(tool=tool)

    def _site(self, lock: Lock | None) -> Site:
        return Site(self.root, self.manifest, lock, self.versioning, self._cache, self._journal, self._markers)

    def _lock_data(self) -> bytes | None:
        try:
            return _read(self.lock_file)
        except NotFoundError:
            return None

    def _check_names(self, names: Collection[str], options: Options, lock: Lock | None) -> None:
        in_manifest = {entry.name for entry in self.manifest.entries}
        known = in_manifest | set(lock.assets if lock else ())
        for name in (*names, *sorted(options.names)):
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                raise UsageError(
                    f"`{name}` is not an asset of `{os.path.relpath(self.manifest_file)}`",
                    hint=f"did you mean `{near[0]}`?" if near else f"add it with `assetsync add PATH {name}`",
                )
        for name in sorted(options.names):
            if names and name not in names:
                raise UsageError(f"`{name}` is not among the assets that the command names")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold `.assetsync/lock`: one writer of assets.lock at a time. ConflictError when there is another."""
        from filelock import FileLock, Timeout

        if not self.state.ensure():
            raise InvalidError(
                f"can't write to `{self.state.folder}`", hint="applying needs it, to be safe against interruption"
            )
        try:
            with FileLock(self.state.lock, timeout=0):
                yield
        except Timeout:
            raise ConflictError(
                f"another assetsync is at work in `{self.root}`", hint="wait for it, then run the command again"
            ) from None

    def _checked_lock(self, plan: Plan) -> Lock | None:
        lock_data = self._lock_data()
        now = plan.based_on(_text(_read(self.manifest_file)), _text(lock_data)).basis
        for name, changed in ((MANIFEST, now.manifest != plan.basis.manifest), (LOCK, now.lock != plan.basis.lock)):
            if changed:
                raise ConflictError(f"`{name}` changed since the plan was made", hint="plan again")
        return self._parse_lock(lock_data)

    def with_lines(self, text: str, lines: Mapping[str, str]) -> str:
        """A text of assets.yaml in which the entries of `lines` declare these lines. ManifestError, InvalidError."""
        for name, line in lines.items():
            text = set_version(
                text,
                name,
                line,
                filename=os.path.relpath(self.manifest_file),
                default_versioning=self.manifest.versioning,
            )
        return text

    def _set_line(self, action: Action) -> None:
        """Write the line that a one-shot bump opened into the entry, when that declares one."""
        if not isinstance(action, Update | Adopt) or action.set_line is None:
            return
        self._manifest_text = self.with_lines(self._manifest_text, {action.asset: action.set_line})
        write_atomically(self.manifest_file, self._manifest_text.encode(), aside=self.state.folder)


class _LockKeeper:
    """Saves assets.lock as assets resolve, from many threads. Those that come while one save runs share the next."""

    def __init__(self, path: str, lock: Lock, before: Callable[[Action], None], *, aside: str) -> None:
        self._path = path
        self._aside = aside
        self._lock = lock
        self._before = before
        self._assets = dict(lock.assets)
        self._changing = threading.Lock()
        self._saving = threading.Lock()
        self._changes = 0
        self._saved = 0

    def record(self, action: Action, entry: LockEntry | None) -> None:
        """Note what the asset of `action` resolved to (None: forget it); returns when that is in assets.lock. OSError.

        assets.yaml is written first: a bump that is in the lock alone would be bumped again.
        """
        with self._changing:
            self._before(action)
            if entry is None:
                self._assets.pop(action.asset, None)
            else:
                self._assets[action.asset] = entry
            self._changes += 1
            mine = self._changes
        with self._saving:
            if self._saved >= mine:
                return
            with self._changing:
                lock = replace(self._lock, assets=dict(self._assets))
                upto = self._changes
            save_lock(self._path, lock, aside=self._aside)
            self._saved = upto


def save_lock(path: str, lock: Lock, *, aside: str) -> None:
    """Write assets.lock, atomically by way of the folder `aside`, and only when its bytes change. OSError."""
    data = render_lock(lock).encode()
    try:
        with open(path, "rb") as file:
            if file.read() == data:
                return
    except FileNotFoundError:
        pass
    write_atomically(path, data, aside=aside)


def problems_error(plan: Plan) -> AssetsyncError | None:
    """What the problems of a plan amount to: ConflictError when each is someone else's doing, None without any."""
    if not plan.problems:
        return None
    count = len(plan.problems)
    what = f"the plan has {count} problem{'s' if count > 1 else ''}; nothing was written"
    if all(problem.code in CONFLICTS for problem in plan.problems):
        return ConflictError(what)
    return InvalidError(what)


@overload
def _text(data: bytes) -> str: ...
@overload
def _text(data: None) -> None: ...
def _text(data: bytes | None) -> str | None:
    """What a digest is made of, whatever the bytes are."""
    return None if data is None else data.decode("utf-8", "replace")


def read_manifest(path: str, *, store: str | None, environ: Mapping[str, str]) -> Manifest:
    """The assets.yaml at `path`, as the flag `store` and the environment change it. ManifestError, NotFoundError."""
    return _checked(_read(path), path, environ, store)


def read_lock(path: str) -> Lock | None:
    """The assets.lock at `path`; None where there is none. LockError."""
    try:
        return parse_lock(_read(path), filename=os.path.relpath(path))
    except NotFoundError:
        return None


def _checked(data: bytes, path: str, environ: Mapping[str, str], store: str | None) -> Manifest:
    manifest = _parse(data, path, environ, store)
    return replace(manifest, store=settings.overridden(manifest.store, environ, store))


def _parse(data: bytes, path: str, environ: Mapping[str, str], store: str | None) -> Manifest:
    def parse(system: Versioning | None) -> Manifest:
        return parse_manifest(
            data,
            filename=os.path.relpath(path),
            default_store=settings.given_store(environ, store),
            default_versioning=settings.default_versioning(environ),
            system=system,
        )

    manifest = parse(None)
    # Only a plug-in itself can say which versions it knows.
    return manifest if manifest.versioning in BUILT_IN else parse(load_versioning(manifest.versioning))


def _read(path: str) -> bytes:
    """A file of the project. NotFoundError, InvalidError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise NotFoundError(f"`{path}` does not exist") from None
    except OSError as error:
        raise InvalidError(f"can't read `{path}`: {error.strerror}") from error
