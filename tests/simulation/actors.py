"""Who takes part in a schedule beside people with checkouts. Each method is a command, or what somebody does by hand.

Commands run the program's own code. What comes out of them is held against the promises of docs/protocol.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from assetsync.errors import AssetsyncError, NotFoundError, StoreError
from assetsync.git.tracked import TrackedLinks
from assetsync.local.boundary import Boundary
from assetsync.model.guards import Guards
from assetsync.model.manifest import StoreConfig
from assetsync.model.names import Spec
from assetsync.model.provenance import Provenance
from assetsync.model.versioning import load_versioning
from assetsync.pool import Transfers
from assetsync.progress import Silent
from assetsync.project import marking, yanking
from assetsync.project.guarding import Guarding
from assetsync.project.promote import Promotable, exact, promoting_between
from assetsync.project.workspace import Workspace
from assetsync.remote import layout
from assetsync.remote import marks as remote_marks
from assetsync.remote.doctor import examine, mend
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from assetsync.state.folder import State
from assetsync.transfer.fetch import fetch
from tests.simulation.checkout import Files, note_error, read, tree_of
from tests.simulation.seams import Stage
from tests.simulation.store import PRODUCTION, URL, SimulatedStore
from tests.simulation.watch import NAME

ALIASES = ("production", "staging")
HURTS = ("drop index", "cut index", "old index")


class _Command:
    """Somebody with a store, and a folder that outlives the processes in it."""

    def __init__(self, stage: Stage, name: str, versioning: str, *, url: str = URL) -> None:
        self._stage = stage
        self._name = name
        self._versioning = versioning
        self._folder = os.path.join(stage.folder, name)
        self._at = stage.stores[url]
        self._store = Store(self._at, load_versioning(versioning), Cache(None))

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Around a command."""
        try:
            yield
        except AssetsyncError as error:
            note_error(self._stage, self._at, self._name, error)

    def _told(self, what: str) -> None:
        self._stage.schedule.note("reports", what)

    def _blame(self, message: str) -> None:
        self._stage.schedule.blame(f"`{self._name}` {message}")

    @contextmanager
    def _workspace(self) -> Iterator[Workspace]:
        """A process in the folder."""
        found = Workspace(
            self._folder,
            StoreConfig(self._at.url),
            self._versioning,
            State(self._folder),
            Boundary(self._folder, TrackedLinks({})),
            environ={},
        )
        try:
            yield found
        finally:
            found.close()


class Reader(_Command):
    """Gets the newest version, with `fetch`, into an assets directory."""

    _newest: str | None = None

    def fetch(self) -> None:
        with self._reported():
            with Transfers() as transfers:
                path = fetch(self._store, Spec(NAME), self._folder, transfers=transfers, reporter=Silent())
            self._look(path)

    def _look(self, path: str) -> None:
        version = os.path.basename(path)
        self._stage.schedule.note("reads", version)
        watch = self._at.watch
        files = {name: data for name, data in read(path).items() if name != ".SUCCESS"}
        if not watch.holds(version, tree_of(files).content):
            self._blame(f"reads {version} with other content")
        before = self._newest if self._newest not in watch.bad else None
        newest = self._store.versioning.sort([one for one in (before, version) if one])[0]
        if newest != version and watch.is_trusted:
            self._blame(f"reads {version} after {before}")
        self._newest = version


class Doctor(_Command):
    """`assetsync doctor --repair`, which somebody runs."""

    def repair(self) -> None:
        ailments = []
        with self._reported():
            ailments = examine(self._store)
        for ailment in ailments:
            self._stage.schedule.note("finds", ailment.code)
            if ailment.code in ("phantom", "twice", "unsorted") and self._at.watch.is_trusted:
                self._blame(f"finds that {ailment.message}")
            with self._reported():
                mend(self._store, ailment)


class Release(_Command):
    """Moves aliases, as `assetsync alias` does; each move has a reason of its own."""

    _moves = 0

    def move(self) -> None:
        with self._reported():
            listed = _listed(self._store)
            if listed:
                alias, _ = self._next()
                self.move_to(alias, self._stage.schedule.random.choice(listed[:3]))

    def move_to(self, alias: str, version: str) -> None:
        with self._reported(), self._workspace() as workspace:
            _, why = self._next()
            marking.move(workspace, NAME, alias, version, why)
            self._told(f"{alias} at {version}")
            self._check(alias, version)

    def remove(self) -> None:
        with self._reported(), self._workspace() as workspace:
            alias, why = self._next()
            marking.remove(workspace, NAME, alias, why)
            self._told(f"{alias} is removed")
            self._check(alias, None)

    def roll_back(self) -> None:
        """From where it is seen, one back, and never two."""
        with self._reported(), self._workspace() as workspace:
            alias, why = self._next()
            seen = marking.marks_of(workspace.store, NAME).at(alias)
            act = marking.act(workspace, why)
            at = remote_marks.roll_back(workspace.store, NAME, alias, act, seen=seen).at(alias)
            self._told(f"{alias} back at {at}")
            moves = self._at.watch.marks.moves.get(alias, ())
            found = [number for number, move in enumerate(moves) if move.act.message == why]
            if not found or moves[found[0] - 1].version != seen:
                self._blame(f"rolls {alias} back from {seen}, which is not where it was")

    def _next(self) -> tuple[str, str]:
        self._moves += 1
        alias = self._stage.schedule.random.choice((ALIASES[0], *ALIASES))
        return alias, f"{self._name} {self._moves}"

    def _check(self, alias: str, version: str | None) -> None:
        if version not in (move.version for move in self._at.watch.marks.moves.get(alias, ())):
            self._blame(f"is told of a move of `{alias}` that nobody has kept")


class Yanker(_Command):
    """Yanks the newest version, with an older one published once more, or an older one; and takes it back."""

    # Who died runs the same command again.
    _wish: tuple[str, str | None] | None = None
    _last: str | None = None

    def yank(self) -> None:
        with self._reported(), self._workspace() as workspace:
            self._wish = self._wish or self._chosen(workspace.store)
            if self._wish is None:
                return
            version, old = self._wish
            self._stage.schedule.note("wishes", f"{version} away{f', and {old} again' if old else ''}")
            again = yanking.yank(workspace, f"{NAME}:{version}", "it is bad", old, Silent()).republished
            self._told(f"{version} is yanked{f', {again} published' if again else ''}")
            if version not in self._at.watch.bad:
                self._blame(f"is told that {version} is yanked, which it is not")
            if again is not None:
                self._at.watch.promise(self._name, again)
            self._last = version
        self._wish = None

    def _chosen(self, store: Store) -> tuple[str, str | None] | None:
        listed = _listed(store)
        if not listed:
            return None
        version = self._stage.schedule.random.choice(listed[:2])
        older = listed[listed.index(version) + 1 :]
        return version, self._stage.schedule.random.choice(older) if older else None

    def undo(self) -> None:
        with self._reported(), self._workspace() as workspace:
            version = self._last or next(iter(remote_marks.read_marks(workspace.store, NAME).yanked), None)
            if version is None:
                return
            yanking.undo(workspace, f"{NAME}:{version}", "it is not")
            self._told(f"{version} is listed again")
            self._at.watch.promise(self._name, version)


class Promoter(_Command):
    """Brings the newest version, or all, to production."""

    def promote(self) -> None:
        self._promote(lambda source: [exact(source, Spec(NAME))])

    def promote_all(self) -> None:
        self._promote(lambda source: [Promotable(NAME, version) for version in _listed(source)])

    def _promote(self, chosen: Callable[[Store], Sequence[Promotable]]) -> None:
        note = self._stage.schedule.note
        with self._reported(), self._workspace() as workspace:
            guarding = Guarding(self._folder, workspace.cache, Guards(secrets="off"))
            with promoting_between(workspace, StoreConfig(URL), StoreConfig(PRODUCTION), guarding) as promoting:
                plan = promoting.plan(chosen(promoting.source), Silent())
                for problem in plan.problems:
                    note("problem", problem.code)
                done = promoting.carry_out(plan, provenance=Provenance("simulation"), reporter=Silent())
            for outcome in done.outcomes:
                if outcome.error is not None:
                    note_error(self._stage, self._at, self._name, outcome.error)
                    continue
                self._told(f"promoted {outcome.step.version}")
                there = self._stage.production.watch
                there.promise(self._name, outcome.step.version)
                if not there.holds(outcome.step.version, outcome.step.tree.content):
                    self._blame(f"is told of {outcome.step.version}, which production has with another content")


class Mishap:
    """Somebody damages the index by hand."""

    def __init__(self, stage: Stage, store: SimulatedStore) -> None:
        self._stage = stage
        self._store = store

    def hurt(self) -> None:
        self._store.hurt_index(self._stage.schedule.random.choice(HURTS))


class Modelkit:
    """modelkit 0.1.3, as `StorageProvider.new` and `update` write (modelkit/assets/remote.py).

    It takes its number from `.versions`, looks whether an object has the name of the version, which none of a
    directory has, and writes without conditions.
    """

    def __init__(self, stage: Stage, files: Files) -> None:
        self._stage = stage
        self._files = files

    def update(self) -> None:
        try:
            self._update()
        except StoreError as error:
            self._stage.schedule.note("fails", type(error).__name__)

    def _update(self) -> None:
        store = self._stage.store
        system = load_versioning("major_minor")
        try:
            known = _versions(store.read(layout.versions_key(NAME)).data)
            version = system.next(known, now=None) if known else system.initial(now=None)  # type: ignore[arg-type]
            listed = _versions(store.read(layout.versions_key(NAME)).data)
        except NotFoundError:
            version, listed = "0.0", []
        self._push(version)
        document = {"versions": system.sort([version, *listed])}
        store.put(layout.versions_key(NAME), json.dumps(document).encode())

    def _push(self, version: str) -> None:
        store = self._stage.store
        store.watch.meant.add(tree_of(self._files).digest)  # a yanker may publish it once more
        try:
            store.stat(layout.data_key(NAME, version))
            return
        except NotFoundError:
            pass
        for path, data in self._files.items():
            store.put(layout.data_key(NAME, version, path), data)
        meta = {"push_date": "2026-01-31T09:00:00+00:00", "is_directory": "" not in self._files}
        if meta["is_directory"]:
            meta["contents"] = sorted(self._files)
        store.put(layout.meta_key(NAME, version), json.dumps(meta).encode())


def _listed(store: Store) -> Sequence[str]:
    """The versions that a store lists, newest first."""
    index = store.indexes.of(NAME)
    return index.listed if index else ()


def _versions(data: bytes) -> list[str]:
    found: list[str] = json.loads(data)["versions"]
    return found
