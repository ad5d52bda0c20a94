"""Who takes part in a schedule: people with checkouts, readers, `doctor`, and modelkit. Each method is a command.

Commands run the program's own code. What comes out of them is held against the promises of docs/protocol.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from assetsync.errors import AssetsyncError, ChecksumError, DamagedError, NotFoundError, StoreError
from assetsync.lock.text import parse_lock
from assetsync.manifest.parse import parse_manifest
from assetsync.model.lock import LockEntry
from assetsync.model.manifest import Manifest, StoreConfig
from assetsync.model.marks import Act
from assetsync.model.names import Spec
from assetsync.model.tree import FileEntry, Tree, directory_tree, file_tree
from assetsync.model.versioning import Lines, load_versioning
from assetsync.plan.plan import Update
from assetsync.plan.request import Purpose, Request
from assetsync.pool import Transfers
from assetsync.progress import Silent
from assetsync.project.project import Project
from assetsync.project.result import Outcome
from assetsync.remote import layout
from assetsync.remote.doctor import examine, mend
from assetsync.remote.marks import move_alias
from assetsync.remote.resolve import resolve
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from assetsync.transfer.fetch import fetch
from tests.simulation.seams import Stage
from tests.simulation.store import URL
from tests.simulation.watch import NAME

# The files of an asset by path; of an asset that is a single file, one with an empty path.
Files = Mapping[str, bytes]

PATH = "data"
ASSET = frozenset({NAME})
ALIAS = "production"


class Checkout:
    """Somebody's checkout of a project that has the asset. It outlives the processes in it."""

    def __init__(self, stage: Stage, name: str, versioning: str) -> None:
        self.name = name
        self.root = os.path.join(stage.folder, name)
        self._stage = stage
        self._text = f"store: {URL}\nversioning: {versioning}\nguards: {{secrets: 'off'}}\nassets: {{{NAME}: {PATH}}}\n"
        self._lock_file = os.path.join(self.root, "assets.lock")
        # The last content that somebody wrote here: of theirs, nothing may be lost.
        self._own: Files | None = None
        self._versioning = load_versioning(versioning)
        os.mkdir(self.root)
        with open(os.path.join(self.root, "assets.yaml"), "w") as file:
            file.write(self._text)

    def edit(self, files: Files) -> None:
        """Somebody changes the content."""
        self.check()
        self._stage.schedule.note("edits", tree_of(files).digest[7:15])
        path = os.path.join(self.root, PATH)
        if os.path.isdir(path):
            shutil.rmtree(path)
        write(path, files)
        self._own = files
        self._stage.store.watch.meant.add(tree_of(files).digest)

    def sync(self) -> None:
        self._run(Request(), pulls=True)

    def apply(self) -> None:
        self._run(Request(), pulls=False)

    def pull(self) -> None:
        self._run(Request(purpose=Purpose.PULL), pulls=True)

    def upgrade(self) -> None:
        self._run(Request(purpose=Purpose.UPGRADE), pulls=True)

    def supersede(self) -> None:
        self._run(Request(supersede=ASSET), pulls=False)

    def bump(self) -> None:
        self._run(Request(bump_major=ASSET), pulls=False)

    def start_over(self) -> None:
        """Keep a copy, take what the store has, put the copy back, and publish it: what the messages advise."""
        own = read(os.path.join(self.root, PATH))
        self._own = None
        self._run(Request(purpose=Purpose.UPGRADE, discard_local=ASSET), pulls=True)
        self.edit(own)
        self.supersede()

    def _run(self, request: Request, *, pulls: bool) -> None:
        note, began = self._stage.schedule.note, self._stage.schedule.now
        try:
            with Project(os.path.join(self.root, "assets.yaml"), self._text, _manifest(self._text), {}) as project:
                plan = project.plan(request)
                if plan.problems:
                    note("problem", ", ".join(problem.code for problem in plan.problems))
                    return
                for outcome in project.apply(plan, pulls=pulls).outcomes:
                    self._look(outcome, began, request)
        except AssetsyncError as error:
            self._stage_error(error)
        finally:
            self.check()

    def _look(self, outcome: Outcome, began: float, request: Request) -> None:
        if outcome.error is not None:
            self._stage_error(outcome.error)
            return
        kind = type(outcome.action).__name__
        self._stage.schedule.note("reports", f"{kind} {outcome.entry.version if outcome.entry else ''}")
        if outcome.entry is None:
            return
        watch = self._stage.store.watch
        version = outcome.entry.version
        if not watch.holds(version, outcome.entry.content):
            self._stage.schedule.blame(f"`{self.name}` is told of {version}, which is not there")
        if kind in ("Create", "Update") and version not in watch.listed() and not watch.with_modelkit:
            self._stage.schedule.blame(f"`{self.name}` is told of {version}, which is not listed")
        # Dates are never the same, so that nothing tells two who publish at the same time of each other.
        if isinstance(outcome.action, Update) and not request.publishing and isinstance(self._versioning, Lines):
            unseen = [] if watch.with_modelkit else watch.unseen(self._between(outcome.action), version, began)
            if unseen:
                self._stage.schedule.blame(f"`{self.name}` publishes {version} over {', '.join(unseen)}, unseen")

    def _between(self, action: Update) -> list[str]:
        """The versions between the one that was to be followed and the one that was published."""
        known = [v for v in (*self._stage.store.watch.committed, action.base or "", action.to or "") if v]
        order = self._versioning.sort(dict.fromkeys(known))
        return order[order.index(action.to or "") + 1 : order.index(action.base or "")]

    def _stage_error(self, error: AssetsyncError) -> None:
        note_error(self._stage, self.name, error)

    def locked(self) -> LockEntry | None:
        """What assets.lock says of the asset."""
        try:
            with open(self._lock_file, "rb") as file:
                return parse_lock(file.read()).assets.get(NAME)
        except FileNotFoundError:
            return None

    def is_settled(self) -> bool:
        """Whether assets.lock says what lies at the asset's path, or nothing does."""
        here, locked = read(os.path.join(self.root, PATH)), self.locked()
        return not here or (locked is not None and tree_of(here).content.same_as(locked.content))

    def check(self) -> None:
        """The lock is right, and nothing of the user's is lost."""
        schedule, watch = self._stage.schedule, self._stage.store.watch
        locked = self.locked()
        if locked is not None and not watch.holds(locked.version, locked.content):
            schedule.blame(f"assets.lock of `{self.name}` has {locked.version}, which is not in the store as it says")
        if self._own is None:
            return
        here = read(os.path.join(self.root, PATH))
        for path, data in self._own.items():
            if here.get(path) != data and not watch.keeps(path, data):
                schedule.blame(f"`{path}` of `{self.name}` is lost")


class Reader:
    """Gets the newest version, with `fetch`, into an assets directory."""

    def __init__(self, stage: Stage, name: str, versioning: str) -> None:
        self._stage = stage
        self._name = name
        self._folder = os.path.join(stage.folder, name)
        self._store = Store(stage.store, load_versioning(versioning), Cache(None))
        self._newest: str | None = None

    def fetch(self) -> None:
        try:
            with Transfers() as transfers:
                path = fetch(self._store, Spec(NAME), self._folder, transfers=transfers, reporter=Silent())
        except AssetsyncError as error:
            note_error(self._stage, self._name, error)
            return
        version = os.path.basename(path)
        self._stage.schedule.note("reads", version)
        watch, schedule = self._stage.store.watch, self._stage.schedule
        files = {name: data for name, data in read(path).items() if name != ".SUCCESS"}
        if not watch.holds(version, tree_of(files).content):
            schedule.blame(f"`{self._name}` reads {version} with other content")
        newest = self._store.versioning.sort(list(filter(None, [self._newest, version])))[0]
        if newest != version and not watch.with_modelkit:
            schedule.blame(f"`{self._name}` reads {version} after {self._newest}")
        self._newest = version


class Doctor:
    """`assetsync doctor --repair`, which somebody runs."""

    def __init__(self, stage: Stage, name: str, versioning: str) -> None:
        self._stage = stage
        self._name = name
        self._store = Store(stage.store, load_versioning(versioning), Cache(None))

    def repair(self) -> None:
        try:
            ailments = examine(self._store)
        except AssetsyncError as error:
            note_error(self._stage, self._name, error)
            return
        for ailment in ailments:
            self._stage.schedule.note("finds", ailment.code)
            if ailment.code in ("phantom", "twice", "unsorted") and not self._stage.store.watch.with_modelkit:
                self._stage.schedule.blame(f"{ailment.message}")
            try:
                mend(self._store, ailment)
            except AssetsyncError as error:
                note_error(self._stage, self._name, error)


class Release:
    """Moves an alias to the newest version, as `assetsync alias` does."""

    def __init__(self, stage: Stage, name: str, versioning: str) -> None:
        self._stage = stage
        self._name = name
        self._store = Store(stage.store, load_versioning(versioning), Cache(None))

    def move(self) -> None:
        """Move it, and see that the move is kept."""
        watch, schedule = self._stage.store.watch, self._stage.schedule
        act = Act(self._name, datetime.fromtimestamp(schedule.now, UTC).isoformat(), None, None)
        try:
            version = resolve(self._store, Spec(NAME))
            move_alias(self._store, NAME, ALIAS, version, act)
        except AssetsyncError as error:
            note_error(self._stage, self._name, error)
            return
        schedule.note("reports", f"{ALIAS} at {version}")
        if version not in (move.version for move in watch.marks.moves.get(ALIAS, ())):
            schedule.blame(f"`{self._name}` is told of a move of `{ALIAS}` that nobody has kept")


class Modelkit:
    """modelkit 0.1.3, as `StorageProvider.new` and `update` write (modelkit/assets/remote.py).

    It takes its number from `.versions`, looks whether an object has the name of the version, which none of a
    directory has, and writes without conditions.
    """

    def __init__(self, stage: Stage, name: str, files: Files) -> None:
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


def note_error(stage: Stage, who: str, error: AssetsyncError) -> None:
    """Note an error that a command ended with. Damage is nobody's but modelkit's."""
    stage.schedule.note("fails", type(error).__name__, error.message)
    if isinstance(error, DamagedError | ChecksumError) and not stage.store.watch.with_modelkit:
        stage.schedule.blame(f"`{who}` meets damage: {error.message}")


def tree_of(files: Files) -> Tree:
    """The tree of some files."""
    entries = [FileEntry(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in files.items()]
    return file_tree(entries[0].size, entries[0].sha256) if "" in files else directory_tree(entries)


def write(path: str, files: Files) -> None:
    """Put files where there is nothing but perhaps a file."""
    for name, data in files.items():
        full = os.path.join(path, name) if name else path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(data)


def read(path: str) -> dict[str, bytes]:
    """The files at a path, as `Files`; empty where there are none."""
    if os.path.isfile(path):
        with open(path, "rb") as file:
            return {"": file.read()}
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            full = os.path.join(folder, name)
            with open(full, "rb") as file:
                found[os.path.relpath(full, path)] = file.read()
    return found


@cache
def _manifest(text: str) -> Manifest:
    return parse_manifest(
        text, filename="assets.yaml", default_store=StoreConfig(URL), default_versioning="major_minor"
    )


def _versions(data: bytes) -> list[str]:
    found: list[str] = json.loads(data)["versions"]
    return found
