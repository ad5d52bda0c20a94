"""Yanking a version, with an older one published once more where the version is the newest of its line."""

from __future__ import annotations

from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from assetsync.errors import ConflictError, DamagedError, NotFoundError, UsageError
from assetsync.model.history import History
from assetsync.model.names import Spec, parse_spec
from assetsync.model.tree import FileEntry, Tree
from assetsync.model.versioning import Lines, is_valid
from assetsync.plan.snapshot import Present
from assetsync.pool import Transfers
from assetsync.progress import Reporter
from assetsync.project import numbering
from assetsync.project.browse import meta_of
from assetsync.project.execute import who
from assetsync.project.marking import act
from assetsync.project.workspace import Workspace
from assetsync.remote import layout
from assetsync.remote import yank as remote
from assetsync.remote.documents import Meta
from assetsync.remote.marks import read_marks
from assetsync.transfer.publication import Publication
from assetsync.transfer.publish import probe, publish, release

# Somebody else may publish the number that was meant for the old content.
_ATTEMPTS = 5


class Yanked(Struct, frozen=True):
    """A version that was yanked, the one that has older content once more, if that was needed, and the reason, which is
    that of the first who yanked it; None for a yank that was taken back."""

    name: str
    version: str
    republished: str | None = None
    why: str | None = None


def yank(workspace: Workspace, spec: str, message: str, republish: str | None, reporter: Reporter) -> Yanked:
    """As `AssetStore.yank`."""
    name, version = _exactly(workspace, spec)
    if not message.strip():
        raise UsageError("a yank needs a reason", hint="give `--message`")
    again = None
    if republish is not None and check(workspace, spec, republish):
        again = _Again(workspace, name, version, republish, reporter).publish(message)
    found = remote.yank(workspace.store, name, version, act(workspace, message))
    return Yanked(name, version, again, found.why)


def check(workspace: Workspace, spec: str, republish: str | None) -> bool:
    """As `AssetStore.check_yank`; whether it has all to do, and is not merely to be finished."""
    name, version = _exactly(workspace, spec)
    begins = remote.check_yankable(workspace.store, name, version, is_followed=republish is not None)
    if begins and republish is not None:
        _check_old(workspace, name, version, republish)
    return begins


def undo(workspace: Workspace, spec: str, message: str | None) -> Yanked:
    """As `AssetStore.undo_yank`."""
    name, version = _exactly(workspace, spec)
    remote.undo(workspace.store, name, version, act(workspace, message))
    return Yanked(name, version)


def check_undo(workspace: Workspace, spec: str) -> None:
    """As `AssetStore.check_yank` with `undo`."""
    name, version = _exactly(workspace, spec)
    read_marks(workspace.store, name).check_was_yanked(name, version)


def _exactly(workspace: Workspace, text: str) -> tuple[str, str]:
    spec = parse_spec(text)
    if spec.part is not None or spec.version is None or not is_valid(workspace.versioning, spec.version):
        raise UsageError(f"`{spec}` is not one version", hint=f"name it: `{spec.name}:VERSION`")
    return spec.name, spec.version


def _check_old(workspace: Workspace, name: str, version: str, old: str) -> None:
    """UsageError, NotFoundError when the content of the version `old` can't come once more."""
    if not is_valid(workspace.versioning, old) or old == version:
        raise UsageError(
            f"`{old}` is no other version of `{name}`", hint="name the good one, such as `--republish 1.2`"
        )
    yanked = read_marks(workspace.store, name).yanked.get(old)
    if yanked is not None:
        raise NotFoundError(f"`{name}:{old}` was yanked itself: {yanked.why}", hint="name one that is good")
    meta_of(workspace.store, Spec(name, old))


class _Again(Struct, frozen=True):
    """Publishes the content of `old` as the version that follows `bad`; the store copies it."""

    workspace: Workspace
    name: str
    bad: str
    old: str
    reporter: Reporter

    def publish(self, why: str) -> str | None:
        """The version that has the content then; None when a newer one than the bad one is there already."""
        store = self.workspace.store
        meta = meta_of(store, Spec(self.name, self.old))
        tree = meta.tree or store.learn(self.name, self.old, meta, partial(self.reporter.advance, self.name))
        for _ in range(_ATTEMPTS):
            if not remote.would_be_taken(store, self.name, self.bad):
                self._let_go()
                return None
            version = self._number(tree)
            if version is None:
                continue
            try:
                self._publish(version, replace(meta, tree=tree), why)
            except ConflictError:
                continue
            return version
        raise ConflictError(
            f"others publish `{self.name}` all the time; nothing was yanked", hint="run the same command again later"
        )

    def _let_go(self) -> None:
        """Release what an earlier try has published, if it died before it did so."""
        for version in self.workspace.store.folder(self.name).committed:
            if self.workspace.has_claim(f"{self.name}:{version}"):
                release(self.workspace.store, self.name, version, self.workspace.journal)

    def _number(self, tree: Tree) -> str | None:
        """The version to publish: one that another try left unfinished or unlisted, or else the next one.

        All by one look, so that whoever publishes the same after that is met in the same number. None when a claim has
        gone since: its publish has ended, maybe with this very content.
        """
        store, system = self.workspace.store, self.workspace.versioning
        line = system.line_of(self.bad) if isinstance(system, Lines) else None
        index = store.indexes.of(self.name)
        folder = store.folder(self.name)
        history = History.of((*folder.committed, *folder.claimed), system)
        begun = [one for one in history.in_line(line) if history.is_newer(one, self.bad)]
        for version in begun:
            if version in folder.committed:
                found = store.look(self.name, version, like=tree)
                if found is not None and tree.content.same_as(found.content):
                    return version
                continue
            try:
                claimed = store.tagged_claim(self.name, version)
            except DamagedError:
                continue  # nobody can go on with that one
            if claimed is None:
                return None
            if (claimed[0].digest, claimed[0].is_directory) == (tree.digest, tree.is_directory):
                return version
        return numbering.following(store, self.name, index, folder, bump_major=False, major=line)

    def _publish(self, version: str, meta: Meta, why: str) -> None:
        workspace, store = self.workspace, self.workspace.store
        if meta.tree is None:
            raise TypeError("the content is known by now")
        reason = f"the content of {self.old} once more, for {self.bad} was yanked: {why}"
        what = Publication(
            name=self.name,
            version=version,
            path="",
            local=Present(meta.tree),
            provenance=workspace.provenance(reason),
            description=meta.description,
            owner=meta.owner,
            tags=meta.tags,
            copy=self._copy,
        )
        probe(store)
        self.reporter.begin(self.name, "copy", meta.tree.content.size)
        with Transfers(traffic=workspace.traffic) as transfers:
            publish(
                store,
                what,
                transfers=transfers,
                journal=workspace.journal,
                who=who(),
                progress=partial(self.reporter.advance, self.name),
            )
        release(store, self.name, version, workspace.journal)
        self.reporter.end(self.name, f"published {version}, with the content of {self.old}")

    def _copy(self, entry: FileEntry, key: str) -> bool:
        return self.workspace.store.backend.copy(layout.data_key(self.name, self.old, entry.path), key, entry)
