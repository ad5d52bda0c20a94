"""Promotion: the same versions in another store as well, planned, confirmed and carried out.

Each version is published in the target by the protocol of `transfer.publish`, with the number, the content and the
`.meta` that it has in the source; so two promotions at once, and one after another was killed, are what two publishes
are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial

from msgspec import Struct, field
from msgspec.structs import replace

from assetsync.errors import (
    AssetsyncError,
    ConflictError,
    ContentError,
    DamagedError,
    NotFoundError,
    UsageError,
)
from assetsync.model.guards import Secret
from assetsync.model.lock import LockEntry
from assetsync.model.manifest import StoreConfig
from assetsync.model.names import Spec
from assetsync.model.provenance import Promoted, Provenance
from assetsync.model.tree import Content, Tree
from assetsync.plan.promotion import (
    CONFLICTS,
    Candidate,
    Place,
    PromotionPlan,
    Step,
    guarded,
    plan_promotion,
)
from assetsync.plan.snapshot import Present, RemoteVersion, Unfinished
from assetsync.pool import Cancelled, Transfers, together
from assetsync.progress import Reporter
from assetsync.project.execute import who
from assetsync.project.guarding import Guarding
from assetsync.project.result import Outcomes, failure, problems_error
from assetsync.project.workspace import Workspace
from assetsync.remote import layout
from assetsync.remote.index import Index
from assetsync.remote.marks import read_marks
from assetsync.remote.resolve import resolve
from assetsync.remote.store import Folder, Store
from assetsync.state.folder import State
from assetsync.state.journal import Journal
from assetsync.system import local_error
from assetsync.traffic import UNLIMITED, Traffic
from assetsync.transfer.across import Across, copies_by_itself
from assetsync.transfer.from_url import fresh_folder
from assetsync.transfer.publication import Publication
from assetsync.transfer.publish import probe, publish, release

# Promotions from one folder at once that need a scratch folder each.
_AT_ONCE = 100


class Promotable(Struct, frozen=True):
    """A version to promote. `locked` is its content by assets.lock, where that names it."""

    name: str
    version: str
    locked: Content | None = None


class PromotionOutcome(Struct, frozen=True):
    """How one step ended."""

    step: Step
    error: AssetsyncError | None = None


class PromotionResult(Outcomes[PromotionOutcome], frozen=True):
    """How a promotion ended, step by step."""

    @property
    def error(self) -> AssetsyncError | None:
        """None when all went well; PartialError when only some did; otherwise what stopped them."""
        return failure([(str(one.step), one.error) for one in self.outcomes], "versions", "the others are promoted")


class _There(Struct, frozen=True):
    """An asset in the target, before its versions are looked at; and which of its versions are yanked in the source."""

    index: Index | None
    folder: Folder
    yanked: Mapping[str, str] = field(default_factory=dict)
    yanked_there: frozenset[str] = frozenset()
    damaged: str | None = None


class Promoting(Struct, frozen=True):
    """From `source`, at `origin`, to `target`, at `place`. `state` and `journal` remember what is under way here."""

    source: Store
    target: Store
    origin: Place
    place: Place
    state: State
    journal: Journal
    guarding: Guarding
    traffic: Traffic = UNLIMITED

    def __post_init__(self) -> None:
        if self.source.url == self.target.url:
            raise UsageError(
                f"`{self.origin.shown}` and `{self.place.shown}` are the same store",
                hint="give another `--to`",
            )

    @property
    def by_store(self) -> bool:
        """Whether the target copies from the source, and no content comes through here."""
        return copies_by_itself(self.source.backend, self.target.backend)

    def plan(self, wanted: Sequence[Promotable], reporter: Reporter) -> PromotionPlan:
        """Which of the versions would be copied. Sends only reads; a version of modelkit without checksums is read
        once. StoreError."""
        makes_store = self.target.is_to_be_made
        names = list(dict.fromkeys(one.name for one in wanted))
        there = dict(zip(names, together(partial(self._there, makes_store), names), strict=True))
        candidates = list(together(lambda one: self._candidate(one, there[one.name], reporter), wanted))
        plan = plan_promotion(candidates, self.origin, self.place, by_store=self.by_store, makes_store=makes_store)
        return self._guarded(plan)

    def carry_out(self, plan: PromotionPlan, *, provenance: Provenance, reporter: Reporter) -> PromotionResult:
        """Do what `plan` says. Errors of single versions are in the result. Raised are what the problems of the plan
        amount to, and UnsupportedError for a store that can't promise create-only writes."""
        error = problems_of(plan)
        if error is not None:
            raise error
        by_name: dict[str, list[Step]] = {}
        for step in plan.changes:
            by_name.setdefault(step.name, []).append(step)
        if not by_name:
            return PromotionResult(())
        probe(self.target)
        with Transfers(traffic=self.traffic) as transfers, self._scratch() as scratch:
            across = Across(self.source, self.target, self.journal, scratch, transfers.pace)
            job = _Job(self, across, transfers, reporter, _promoted(self.origin.url, provenance))
            # Of one asset one after the other, oldest first: its versions share an index.
            done = transfers.each(job.steps, list(by_name.values()))
        ended = {outcome.step: outcome for outcomes in done for outcome in outcomes}
        return PromotionResult(tuple(ended[step] for step in plan.changes))

    @contextmanager
    def _scratch(self) -> Iterator[str]:
        """A folder of our own for files on their way; nothing is made where the store copies by itself."""
        if self.by_store:
            yield ""
            return
        with ExitStack() as closing:
            for number in range(_AT_ONCE):
                try:
                    folder = fresh_folder(self.state.incoming, f"promote {number}", closing)
                except ConflictError:
                    continue  # another promotion has that one
                yield folder
                return
            raise ConflictError(f"{_AT_ONCE} promotions are at work in `{self.state.folder}`", hint="wait for one")

    def _there(self, makes_store: bool, name: str) -> _There:
        try:
            marks = read_marks(self.source, name)
            yanked = {version: yank.why for version, yank in marks.yanked.items()}
            if makes_store:
                return _There(None, Folder(), yanked)
            index, folder = self.target.indexes.of(name), self.target.folder(name)
            unlisted = set(folder.committed) - set(index.listed if index else ())
            yanked_there = frozenset(read_marks(self.target, name).yanked) if unlisted else frozenset()
        except DamagedError as error:
            return _There(None, Folder(), damaged=error.message)
        return _There(index, folder, yanked, yanked_there)

    def _candidate(self, one: Promotable, there: _There, reporter: Reporter, *, again: bool = False) -> Candidate:
        found = Candidate(one.name, one.version, one.locked, damaged=there.damaged)
        if there.damaged is not None:
            return found
        if one.version in there.yanked:
            return replace(found, yanked=there.yanked[one.version])
        try:
            tree = self._tree(one.name, one.version, reporter)
            if tree is None:
                return found
            found = replace(found, tree=tree)
            if one.version in there.folder.committed:
                return self._with_version(found, there)
            unfinished = self._unfinished(one, tree, there.folder)
            if _ended(unfinished, there.folder) and not again:
                return self._candidate(one, self._there(False, one.name), reporter, again=True)
            return replace(found, unfinished=unfinished, base=None if self.by_store else self._base(one.name, there))
        except DamagedError as error:
            return replace(found, damaged=error.message)

    def _tree(self, name: str, version: str, reporter: Reporter) -> Tree | None:
        try:
            meta = self.source.meta(name, version)
        except NotFoundError:
            return None
        if meta.tree is not None:
            return meta.tree
        spec = f"{name}:{version}"
        sizes = self.source.sizes(name, version, meta)
        reporter.begin(spec, "hash", sum(sizes.values()))
        tree = self.source.learn(name, version, meta, partial(reporter.advance, spec))
        reporter.end(spec, "read, because modelkit records no checksums")
        return tree

    def _with_version(self, found: Candidate, there: _There) -> Candidate:
        assert found.tree is not None  # noqa: S101 - its caller has found it
        version = self.target.compare(found.name, found.version, found.tree)
        listed = there.index is not None and found.version in there.index.listed
        return replace(
            found,
            there=version,
            listed=listed or found.version in there.yanked_there,
            yanked_there=found.version in there.yanked_there,
            begun=self.journal.has_claim(self.target.url, str(found)),
        )

    def _unfinished(self, one: Promotable, tree: Tree, folder: Folder) -> Unfinished | None:
        if one.version in folder.claimed:
            found = self.target.unfinished(one.name, one.version, self.journal.claims())
        elif one.version in folder.data_only:
            # Without a claim, its objects alone tell: those that are right count as sent.
            found = Unfinished(one.version, tree.digest, tree.is_directory)
        else:
            return None
        return replace(found, is_spoiled=self.target.is_spoiled(one.name, one.version, tree))

    def _base(self, name: str, there: _There) -> RemoteVersion | None:
        """The newest version in the target, whose files it need not get again."""
        listed = there.index.listed if there.index else ()
        found = self.target.look(name, listed[0]) if listed else None
        return found if found is not None and found.has_hashes else None

    def _guarded(self, plan: PromotionPlan) -> PromotionPlan:
        guards = self.guarding.guards
        copies = [step for step in plan.steps if step.kind == "copy"]
        secrets = {}
        if guards.secrets != "off":
            secrets = dict(zip(map(str, copies), together(self._secrets, copies), strict=True))
        return guarded(plan, guards, self.guarding.entries, secrets)

    def _secrets(self, step: Step) -> Sequence[Secret]:
        def read(path: str, size: int) -> bytes:
            key = layout.data_key(step.name, step.version, path)
            return b"".join(self.source.backend.read_range(key, 0, size))

        entry = self.guarding.entries.get(step.name)
        path = entry.path if entry else step.name
        return self.guarding.secrets_in(path, Present(step.tree), "", followed=step.base, read=read)


def _ended(unfinished: Unfinished | None, folder: Folder) -> bool:
    """Whether a claim that was listed has gone: its publish has ended meanwhile, unless the claim can't be read."""
    return unfinished is not None and unfinished.claim_age is None and unfinished.version in folder.claimed


class _Job(Struct, frozen=True):
    """One run: publishes version after version in the target."""

    promoting: Promoting
    across: Across
    transfers: Transfers
    reporter: Reporter
    promoted: Promoted

    def steps(self, steps: Iterable[Step]) -> list[PromotionOutcome]:
        """The steps of one asset, one after the other."""
        return [self._outcome(step) for step in steps]

    def _outcome(self, step: Step) -> PromotionOutcome:
        subject = str(step)
        try:
            if step.kind == "copy":
                self._copy(step, subject)
            else:
                self.promoting.target.indexes.add(step.name, step.version)
                release(self.promoting.target, step.name, step.version, self.promoting.journal)
        except AssetsyncError as error:
            self.reporter.end(subject, f"failed: {error.message}")
            return PromotionOutcome(step, error)
        except OSError as error:
            local = local_error(error)
            self.reporter.end(subject, f"failed: {local.message}")
            return PromotionOutcome(step, local)
        except Cancelled:
            return PromotionOutcome(step, ContentError(f"`{subject}` was interrupted"))
        self.reporter.end(subject, f"promoted to {self.promoting.place.shown}")
        return PromotionOutcome(step)

    def _copy(self, step: Step, subject: str) -> None:
        source, target, journal = self.promoting.source, self.promoting.target, self.promoting.journal
        meta = source.planned_meta(step.name, step.version)
        if meta.tree is not None and not meta.tree.content.same_as(step.tree.content):
            raise ConflictError(f"`{subject}` changed in `{source.called}` since the plan", hint="plan again")
        what = Publication(
            name=step.name,
            version=step.version,
            path="",
            local=Present(step.tree),
            source=step.base,
            copy=self.across.copier(step.name, step.version),
            record=replace(meta, tree=step.tree, promoted=(*meta.promoted, self.promoted)),
        )
        self.reporter.begin(subject, "upload", step.tree.content.size)
        publish(
            target,
            what,
            transfers=self.transfers,
            journal=journal,
            who=who(),
            progress=partial(self.reporter.advance, subject),
        )
        release(target, step.name, step.version, journal)


@contextmanager
def promoting_between(
    workspace: Workspace, origin: StoreConfig, place: StoreConfig, guarding: Guarding
) -> Iterator[Promoting]:
    """Promotion between two stores, with the cache and the journal of a workspace. Both are closed at the end.

    UsageError, DeniedError.
    """
    with ExitStack() as closing:
        stores = []
        for config in (origin, place):
            store = workspace.open(config)
            closing.callback(store.close)
            stores.append(store)
        yield Promoting(
            stores[0],
            stores[1],
            Place(origin.shown, origin.url),
            Place(place.shown, place.url),
            workspace.state,
            workspace.journal,
            guarding,
            workspace.traffic,
        )


def exact(source: Store, spec: Spec, locked: LockEntry | None = None) -> Promotable:
    """The version that a spec stands for in `source`. UsageError for a part of one; NotFoundError, InvalidError."""
    if spec.part is not None:
        raise UsageError(f"`{spec}` is a part of a version, and versions are promoted whole", hint="leave the part out")
    version = resolve(source, spec)
    return Promotable(spec.name, version, locked.content if locked and locked.version == version else None)


def problems_of(plan: PromotionPlan) -> AssetsyncError | None:
    """All problems of a plan as one error; None without problems."""
    return problems_error(plan.problems, what="promotion", conflicts=CONFLICTS)


def _promoted(source: str, made: Provenance) -> Promoted:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Promoted(source, now, made.tool, made.author, made.commit, made.run_url, made.message)
