"""The library's front door: a repo's assets.yaml and assets.lock, planned and carried out.

::

    with Project.load() as project:
        plan = project.plan()
        result = project.apply(plan)

Nothing here prints or asks. Work is reported through a `Reporter`, errors come from `assetsync.errors`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, overload

from msgspec.structs import replace

from assetsync.atomic import write_atomically
from assetsync.errors import ConflictError, GitError, InvalidError, UsageError
from assetsync.git.tracked import tracked
from assetsync.lock.text import parse_lock
from assetsync.manifest.parse import parse_manifest
from assetsync.manifest.settings import overridden, store_called
from assetsync.model.files import LOCK, MANIFEST
from assetsync.model.labels import EVERYTHING, Filter, Labels
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.manifest import Manifest, StoreConfig
from assetsync.model.marks import AT
from assetsync.plan.decide import make_plan
from assetsync.plan.plan import Action, Adopt, Create, Plan, Update
from assetsync.plan.request import Purpose, Request
from assetsync.progress import Reporter, Silent
from assetsync.project.gather import Site, gather
from assetsync.project.locate import boundary, find_manifest, open_state
from assetsync.project.result import Result, problems_error
from assetsync.project.texts import parse_project, read_manifest
from assetsync.project.workspace import Workspace
from assetsync.reading import read_existing, read_file, shown_path
from assetsync.state.last_seen import LastSeen
from assetsync.traffic import UNLIMITED, Traffic

if TYPE_CHECKING:
    from assetsync.git.repository import Repository
    from assetsync.model.provenance import Provenance
    from assetsync.project.guarding import Guarding
    from assetsync.project.promote import Promotable, Promoting, PromotionResult
    from assetsync.remote.store import Store


class Project:
    """One assets.yaml with the lock beside it. Made by `load`; a context manager that closes what it opened."""

    def __init__(
        self,
        manifest_file: str,
        manifest_text: str,
        manifest: Manifest,
        environ: Mapping[str, str],
        traffic: Traffic = UNLIMITED,
    ) -> None:
        self.root = os.path.dirname(manifest_file)
        self.manifest_file = manifest_file
        self.lock_file = os.path.join(self.root, LOCK)
        self.manifest = manifest
        self._manifest_text = manifest_text
        self._state = open_state(self.root, environ)
        self._workspace = Workspace(
            self.root,
            manifest.store,
            manifest.versioning,
            self._state,
            boundary(self.root, environ),
            environ=environ,
            traffic=traffic,
        )
        self._last_seen = LastSeen(self._workspace.cache)

    @classmethod
    def load(
        cls,
        directory: str = ".",
        *,
        manifest_file: str | None = None,
        store: str | None = None,
        environ: Mapping[str, str] | None = None,
        traffic: Traffic = UNLIMITED,
    ) -> Project:
        """The project that `directory` belongs to, or that of `manifest_file`.

        `store` overrides the store's URL; `environ` is the environment, the process's own by default. `traffic`
        limits what is asked, sent and got. NoFileError, ManifestError, UsageError.
        """
        environ = os.environ if environ is None else environ
        path = os.path.abspath(os.path.join(directory, manifest_file)) if manifest_file else find_manifest(directory)
        data = read_manifest(path)
        manifest = parse_project(data, path, store=store, environ=environ)  # which says where it is not UTF-8
        return cls(path, data.decode(), manifest, environ, traffic)

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the cache and the connections. Nothing is lost by not calling it."""
        self._workspace.close()

    @property
    def store(self) -> Store:
        """The store, opened at first use. UsageError, DeniedError."""
        return self._workspace.store

    def lock(self) -> Lock | None:
        """The assets.lock as it is now; None where there is none. LockError."""
        return self._parse_lock(read_file(self.lock_file))

    def _parse_lock(self, data: bytes | None) -> Lock | None:
        return None if data is None else parse_lock(data, filename=shown_path(self.lock_file))

    def plan(
        self,
        request: Request | None = None,
        *,
        offline: bool = False,
        reporter: Reporter | None = None,
    ) -> Plan:
        """Plan `request`: by default, both directions for all assets. It only reads from the store.

        UsageError for a name that neither assets.yaml nor assets.lock knows; LockError, StoreError, DamagedError.
        """
        lock_data = read_file(self.lock_file)
        lock = self._parse_lock(lock_data)
        asked = self._chosen(request or Request(), lock)
        site = self._site(lock)
        narrowed = site.only(asked.names)
        snapshot = gather(
            narrowed,
            None if offline else lambda: self.store,
            now=datetime.now(UTC),
            reporter=reporter or Silent(),
            request=asked,
            not_considered=len(site.manifest.entries) - len(narrowed.manifest.entries),
            last_seen=self._last_seen.of(narrowed.manifest.entries),
            # A locked version was published to a store that existed: perhaps it is not mounted.
            may_make_store=asked.purpose is Purpose.SYNC and not (lock and lock.assets),
        )
        self._last_seen.see(snapshot)
        plan = make_plan(snapshot, asked)
        if plan.problems or any(isinstance(action, Create | Update | Adopt) for action in plan.actions):
            plan = make_plan(replace(snapshot, tracked=self._tracked(narrowed.manifest)), asked)
        if asked.purpose is not Purpose.PULL:
            plan = self._guarding().applied(plan, snapshot)
        return plan.based_on(self._manifest_text, _text(lock_data))

    def _tracked(self, manifest: Manifest) -> frozenset[str]:
        """The assets of which git tracks files. It takes a tenth of a second, so only where it matters."""
        paths = {entry.name: os.path.join(self.root, entry.path) for entry in manifest.entries}
        try:
            found = tracked([*paths.values()], self._workspace.environ)
        except GitError:  # it is for a note alone
            found = frozenset()
        return frozenset(name for name, path in paths.items() if path in found)

    def compared(self, plan: Plan) -> Plan:
        """`plan`, with what assets.yaml allows now and did not where the work here started from. Asks git.

        Where CI names a branch that was not fetched, the comparison is with an assets.yaml that says nothing.
        """
        from assetsync.git.base import base_commit
        from assetsync.git.repository import open_repository

        repository = open_repository(self.root, self._workspace.environ)
        if repository is None:
            return plan
        base = base_commit(repository, self._workspace.environ)
        before = self._manifest_at(repository, base) if base is not None else None
        from assetsync.plan.guards import loosened_since

        return replace(plan, loosened=tuple(loosened_since(before, self.manifest)))

    def _manifest_at(self, repository: Repository, commit: str) -> Manifest | None:
        """The manifest in a commit; None where it has none, or none that can be read."""
        blob = repository.line("rev-parse", "-q", "--verify", f"{commit}:{repository.relative(self.manifest_file)}")
        if not blob:
            return None
        try:
            return parse_manifest(
                repository.blob(blob, self.manifest_file),
                default_store=self.manifest.store,
                default_versioning=self.manifest.versioning,
            )
        except InvalidError:
            return None

    def save_plan(self, plan: Plan, path: str, request: Request) -> None:
        """Write `plan`, which was made for `request`, to a file that `load_plan` reads. OSError."""
        from assetsync.render.saved_plan import render_saved_plan

        write_atomically(path, render_saved_plan(plan, request).encode())

    def load_plan(self, path: str, *, reporter: Reporter | None = None) -> Plan:
        """A saved plan, made again and found to be the same. ConflictError, naming what moved, when it is not.

        Besides what `plan` raises: InvalidError for a file that is no saved plan.
        """
        from assetsync.render.saved_plan import parse_saved_plan, request_of, saved_plan, what_moved

        data = read_existing(path, hint="save a plan with `assetsync plan -o FILE`")
        saved = parse_saved_plan(data.decode("utf-8", "replace"))
        request = request_of(saved)
        plan = self.plan(request, reporter=reporter)
        moved = what_moved(saved, saved_plan(plan, request))
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
        error = problems_error(plan.problems)
        if error is not None:
            raise error
        if not plan.online:
            raise UsageError("a plan made offline can't be carried out", hint="plan again without `--offline`")
        actions: Sequence[Action] = plan.changes if pulls else plan.publishes
        if not actions:
            return Result(())
        from assetsync.project.lock_writer import LockWriter

        with self._alone():
            lock = self._checked_lock(plan)
            start = lock or Lock(self.manifest.lock_store, self.manifest.versioning)
            writer = LockWriter(self.lock_file, start, before=self._set_line, aside=self._state.folder)

            def record(action: Action, entry: LockEntry | None) -> None:
                writer.record(action, entry)
                if entry is not None:
                    self._last_seen.put(action.asset, entry.path, entry.version, entry.content)

            outcomes = self._workspace.carry_out(
                actions, self._site(lock), record=record, message=message, reporter=reporter or Silent()
            )
        return Result(tuple(outcomes))

    def select(self, names: Iterable[str] = (), labels: Filter = EVERYTHING) -> tuple[str, ...]:
        """The names of the assets that `names` and patterns among them stand for, as far as `labels` keeps them.

        Without either, none: a request without names is about all assets. UsageError for a name that is not known, and
        when nothing is left.
        """
        found = self._chosen(Request(tuple(names)), self.lock()).names
        if not labels:
            return found
        entries = {entry.name: Labels(entry.owner, entry.tags) for entry in self.manifest.entries}
        return labels.narrowed(found, entries, f"`{shown_path(self.manifest_file)}`")

    @contextmanager
    def promoting(self, *, to: str, source: str | None = None) -> Iterator[Promoting]:
        """Promotion to the store `to`, from the default one or `source`; each is a name of `stores` or a URL.

        UsageError, InvalidError, DeniedError.
        """
        from assetsync.project.promote import promoting_between

        origin = self._workspace.config if source is None else self._called(source, "--from")
        with promoting_between(self._workspace, origin, self._called(to, "--to"), self._guarding()) as found:
            yield found

    def _called(self, given: str, option: str) -> StoreConfig:
        """The store of a name or a URL, with its settings. UsageError, InvalidError."""
        environ = self._workspace.environ
        return overridden(store_called(self.manifest, given, option), environ)

    def promotable(self, specs: Sequence[str], source: Store, labels: Filter = EVERYTHING) -> Sequence[Promotable]:
        """The versions that `specs` stand for: a name or a pattern is what assets.lock has of it, one with a version, a
        line or an alias is that of `source`. Without specs, all that is locked. `labels` narrows
        names, not versions.

        UsageError for an asset that is not known, or not locked; NotFoundError, InvalidError, StoreError.
        """
        from assetsync.project.promote import Promotable, exact

        lock = self.lock()
        locked = lock.assets if lock else {}
        from assetsync.project.naming import specs_in

        versions = [text for text in specs if ":" in text or AT in text]
        names = [text for text in specs if text not in versions]
        found = [exact(source, spec, locked.get(spec.name)) for spec in specs_in(source, versions)]
        if names or labels or not specs:
            chosen = self.select(names, labels) or tuple(locked)
            for name in chosen:
                if name not in locked:
                    raise UsageError(
                        f"`{name}` is not in `{LOCK}`, so nothing says which version",
                        hint=f"name one: `{name}:1.2`, or lock it with `assetsync sync {name}`",
                    )
            found += [Promotable(name, locked[name].version, locked[name].content) for name in chosen]
        return list({(one.name, one.version): one for one in found}.values())

    def promote(
        self,
        *specs: str,
        to: str,
        source: str | None = None,
        labels: Filter = EVERYTHING,
        expect: str | None = None,
        message: str | None = None,
        reporter: Reporter | None = None,
    ) -> PromotionResult:
        """Bring versions into the store `to`, from the default one or `source`: plan it, and carry that out.

        Specs and `labels` are those of `promotable`. With `expect`, ConflictError unless the plan has this fingerprint.
        ConflictError too where the target has another content under a number, or a version is yanked; errors of single
        versions are in the result. UsageError, NotFoundError, InvalidError, StoreError. To look first, see `promoting`.
        """
        told = reporter or Silent()
        with self.promoting(to=to, source=source) as promoting:
            plan = promoting.plan(self.promotable(specs, promoting.source, labels), told)
            plan.check_expected(expect)
            return promoting.carry_out(plan, provenance=self.provenance(message), reporter=told)

    def provenance(self, message: str | None = None) -> Provenance:
        """Who works here, and from which commit, with the reason for what is done. Asks git."""
        return self._workspace.provenance(message)

    def _guarding(self) -> Guarding:
        from assetsync.project.guarding import Guarding

        return Guarding.of(self.manifest, self.root, self._workspace.cache)

    def _site(self, lock: Lock | None) -> Site:
        return self._workspace.site(self.manifest, lock)

    def ignores_lock(self) -> bool:
        """Whether git would leave assets.lock out of a commit, because it is told to ignore it."""
        from assetsync.git.repository import open_repository

        try:
            repository = open_repository(self.root, self._workspace.environ)
            return bool(repository and repository.ignores(self.lock_file) and not repository.tracks(self.lock_file))
        except GitError:  # it is for a remark alone
            return False

    def _chosen(self, request: Request, lock: Lock | None) -> Request:
        """`request` with the names that its patterns match. UsageError."""
        paths = {entry.name: entry.path for entry in self.manifest.entries}
        known = dict.fromkeys([*paths, *(lock.assets if lock else ())])

        def named(given: Sequence[str]) -> tuple[str, ...]:
            if not given:
                return ()
            from assetsync.project.naming import chosen

            file = shown_path(self.manifest_file)
            return chosen(given, known, file, paths=paths, otherwise="add it with `assetsync add PATH NAME`")

        found = replace(
            request,
            names=named(request.names),
            bump_major=frozenset(named(sorted(request.bump_major))),
            supersede=frozenset(named(sorted(request.supersede))),
            discard_local=frozenset(named(sorted(request.discard_local))),
            force=frozenset(named(sorted(request.force))),
        )
        for name in sorted(found.wishes):
            if found.names and name not in found.names:
                raise UsageError(
                    f"`{name}` is not among the assets that the command names", hint="name it too, or name none"
                )
        return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold `.assetsync/lock`: one writer of assets.lock at a time. ConflictError when there is another."""
        from filelock import FileLock, Timeout

        if not self._state.ensure():
            raise InvalidError(
                f"can't write to `{self._state.folder}`", hint="applying needs it, to be safe against interruption"
            )
        try:
            with FileLock(self._state.lock, timeout=0):
                yield
        except Timeout:
            raise ConflictError(
                f"another assetsync is at work in `{self.root}`", hint="wait for it, then run the command again"
            ) from None

    def _checked_lock(self, plan: Plan) -> Lock | None:
        lock_data = read_file(self.lock_file)
        now = plan.based_on(_text(read_manifest(self.manifest_file)), _text(lock_data)).basis
        for name, changed in ((MANIFEST, now.manifest != plan.basis.manifest), (LOCK, now.lock != plan.basis.lock)):
            if changed:
                raise ConflictError(f"`{name}` changed since the plan was made", hint="plan again")
        return self._parse_lock(lock_data)

    def with_lines(self, text: str, lines: Mapping[str, str]) -> str:
        """A text of assets.yaml in which the entries of `lines` declare these lines. ManifestError, InvalidError."""
        from assetsync.manifest.edit import set_version

        for name, line in lines.items():
            text = set_version(
                text,
                name,
                line,
                filename=shown_path(self.manifest_file),
                default_versioning=self.manifest.versioning,
            )
        return text

    def _set_line(self, action: Action) -> None:
        """Write the line that a one-shot bump opened into the entry, when that declares one."""
        if not isinstance(action, Update | Adopt) or action.set_line is None:
            return
        self._manifest_text = self.with_lines(self._manifest_text, {action.asset: action.set_line})
        write_atomically(self.manifest_file, self._manifest_text.encode(), aside=self._state.folder)


@overload
def _text(data: bytes) -> str: ...
@overload
def _text(data: None) -> None: ...
def _text(data: bytes | None) -> str | None:
    """Bytes as the text that a digest is made of, valid UTF-8 or not."""
    return None if data is None else data.decode("utf-8", "replace")
