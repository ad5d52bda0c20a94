"""Somebody's checkout of a project in a schedule. Each method is a command.

Commands run the program's own code. What comes out of them is held against the promises of docs/protocol.md.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from functools import cache, lru_cache

from assetsync.errors import AssetsyncError, ChecksumError, DamagedError
from assetsync.lock.text import parse_lock
from assetsync.manifest.parse import parse_manifest
from assetsync.model.lock import LockEntry
from assetsync.model.manifest import Manifest, StoreConfig
from assetsync.model.tree import FileEntry, Tree, directory_tree, file_tree
from assetsync.model.versioning import Lines, load_versioning
from assetsync.plan.plan import Action, Pull, Update
from assetsync.plan.request import Purpose, Request
from assetsync.project.project import Project
from assetsync.project.result import Outcome
from tests.simulation.seams import Stage
from tests.simulation.store import URL, SimulatedStore
from tests.simulation.watch import NAME

# The files of an asset by path; of an asset that is a single file, one with an empty path.
Files = Mapping[str, bytes]

PATH = "data"
ASSET = frozenset({NAME})


class Checkout:
    """Somebody's checkout of a project that has the asset. It outlives the processes in it."""

    def __init__(self, stage: Stage, name: str, versioning: str, *, url: str = URL) -> None:
        self.name = name
        self.root = os.path.join(stage.folder, name)
        self._stage = stage
        self._store = stage.stores[url]
        self._text = f"store: {url}\nversioning: {versioning}\nguards: {{secrets: 'off'}}\nassets: {{{NAME}: {PATH}}}\n"
        self._lock_file = os.path.join(self.root, "assets.lock")
        # The last content that somebody wrote here: of theirs, nothing may be lost.
        self._own: Files | None = None
        self._edits = 0
        self._running = 0
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
        self._edits += 1
        if self._running:  # a pull may put its files beside these, and that is what is there then
            self._store.watch.is_mixed = True
        self._store.watch.meant.add(tree_of(files).digest)

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
        note = self._stage.schedule.note
        edits = self._edits
        self._running += 1
        try:
            with Project(os.path.join(self.root, "assets.yaml"), self._text, _manifest(self._text), {}) as project:
                plan = project.plan(request)
                if plan.problems:
                    note("problem", ", ".join(problem.code for problem in plan.problems))
                    return
                for outcome in project.apply(plan, pulls=pulls).outcomes:
                    self._look(outcome, request)
                    if isinstance(outcome.action, Pull) and outcome.entry and edits == self._edits:
                        self._check_pulled(outcome.entry)
        except AssetsyncError as error:
            self._stage_error(error)
        finally:
            self._running -= 1
            self.check()

    def _look(self, outcome: Outcome, request: Request) -> None:
        if outcome.error is not None:
            self._stage_error(outcome.error)
            return
        kind = type(outcome.action).__name__
        self._stage.schedule.note("reports", f"{kind} {outcome.entry.version if outcome.entry else ''}")
        if outcome.entry is None:
            return
        watch = self._store.watch
        version = outcome.entry.version
        if not watch.holds(version, outcome.entry.content):
            self._stage.schedule.blame(f"`{self.name}` is told of {version}, which is not there")
        if kind in ("Create", "Update"):
            watch.promise(self.name, version)
        # Dates are never the same, so that nothing tells two who publish at the same time of each other.
        follows = isinstance(outcome.action, Update) and isinstance(self._versioning, Lines) and not request.publishing
        if follows and watch.is_trusted and not self._stage.schedule.weather.outdated:
            unseen = watch.unseen(self._between(outcome.action), version)
            if unseen:
                self._stage.schedule.blame(f"`{self.name}` publishes {version} over {', '.join(unseen)}, unseen")

    def _check_pulled(self, entry: LockEntry) -> None:
        here = read(os.path.join(self.root, PATH))
        if not tree_of(here).content.same_as(entry.content):
            self._stage.schedule.blame(f"`{self.name}` has pulled {entry.version}, and has something else")

    def _between(self, action: Action) -> list[str]:
        """The versions between the one that was to be followed and the one that was published."""
        known = [v for v in (*self._store.watch.committed, action.base or "", action.to or "") if v]
        order = self._versioning.sort(dict.fromkeys(known))
        return order[order.index(action.to or "") + 1 : order.index(action.base or "")]

    def _stage_error(self, error: AssetsyncError) -> None:
        note_error(self._stage, self._store, self.name, error)

    def locked(self) -> LockEntry | None:
        """What assets.lock says of the asset."""
        try:
            with open(self._lock_file, "rb") as file:
                return _parsed(file.read()).assets.get(NAME)
        except FileNotFoundError:
            return None

    def is_settled(self) -> bool:
        """Whether assets.lock says what lies at the asset's path, or nothing does."""
        here, locked = read(os.path.join(self.root, PATH)), self.locked()
        return not here or (locked is not None and tree_of(here).content.same_as(locked.content))

    def check(self) -> None:
        """The lock is right, and nothing of the user's is lost."""
        schedule, watch = self._stage.schedule, self._store.watch
        locked = self.locked()
        if locked is not None and not watch.holds(locked.version, locked.content):
            schedule.blame(f"assets.lock of `{self.name}` has {locked.version}, which is not in the store as it says")
        if self._own is None:
            return
        here = read(os.path.join(self.root, PATH))
        for path, data in self._own.items():
            if here.get(path) != data and not watch.keeps(path, data):
                schedule.blame(f"`{path}` of `{self.name}` is lost")


def note_error(stage: Stage, store: SimulatedStore, who: str, error: AssetsyncError) -> None:
    """Note an error that a command ended with. Damage is never the work of assetsync."""
    stage.schedule.note("fails", type(error).__name__, error.message.replace(stage.folder, ""))
    is_odd = isinstance(error, DamagedError | ChecksumError) and not stage.schedule.weather.outdated
    if is_odd and store.watch.is_trusted:
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


_parsed = lru_cache(maxsize=10_000)(parse_lock)


@cache
def _manifest(text: str) -> Manifest:
    return parse_manifest(
        text, filename="assets.yaml", default_store=StoreConfig(URL), default_versioning="major_minor"
    )
