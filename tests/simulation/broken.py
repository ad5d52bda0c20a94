"""Protocols that are broken on purpose, to show that a schedule finds what is wrong with them, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from assetsync.backends.memory.store import MemoryBackend
from assetsync.errors import NotFoundError
from assetsync.model.marks import Act, Marks
from assetsync.project import execute, gather, promote
from assetsync.remote import doctor, documents, layout, marks, yank
from assetsync.remote.index import Indexes
from assetsync.remote.store import Store
from assetsync.state.pull_markers import Markers
from assetsync.transfer import publish
from assetsync.transfer.publication import Publication
from assetsync.transfer.sending import Sending

Break = Callable[[pytest.MonkeyPatch], None]


def no_second_look(patch: pytest.MonkeyPatch) -> None:
    """Commits without a look whether the claim still holds."""
    patch.setattr(publish, "_still_claimed", lambda *_: True)


def commit_before_data(patch: pytest.MonkeyPatch) -> None:
    """Writes `.meta` first."""
    send = Sending.send

    def committing(self: Sending) -> None:
        publish._commit(self._store, self._what)
        send(self)

    patch.setattr(Sending, "send", committing)


def blind_index(patch: pytest.MonkeyPatch) -> None:
    """Writes `.versions` whatever it is by then."""

    def rewrite(self: Indexes, name: str, change: Callable[[tuple[str, ...]], Iterable[str]]) -> None:
        key = layout.versions_key(name)
        raw = self._now(name)
        ordered = self._changed(raw, change)
        if ordered is None:
            return
        try:
            tag: str | None = self._backend.read(key).tag
        except NotFoundError:
            tag = None
        self._backend.replace(key, documents.render_versions(ordered), tag)

    patch.setattr(Indexes, "rewrite", rewrite)


def no_create_only(patch: pytest.MonkeyPatch) -> None:
    """The store takes a write where something is."""
    patch.setattr(MemoryBackend, "_check_free", lambda self, key: None)


def early_release(patch: pytest.MonkeyPatch) -> None:
    """Deletes the claim before the commit."""
    commit = publish._commit

    def released(store: Store, what: Publication) -> None:
        store.backend.delete(layout.claim_key(what.name, what.version))
        commit(store, what)

    patch.setattr(publish, "_commit", released)


def clear_without_barrier(patch: pytest.MonkeyPatch) -> None:
    """`doctor` clears an old version without a claim of its own."""

    def clear(store: Store, name: str, version: str) -> None:
        data = layout.data_key(name, version)
        keys = [entry.key for entry in store.backend.list(data + "/").objects]
        for key in (layout.claim_key(name, version), *keys, data):
            store.backend.delete(key)

    patch.setattr(doctor, "_clear", clear)


def old_claims_stay(patch: pytest.MonkeyPatch) -> None:
    """Whoever goes on under an old claim leaves it old, and `doctor` deletes what it has found old."""
    patch.setattr(publish, "_renewed", lambda *_: True)


def look_once(patch: pytest.MonkeyPatch) -> None:
    """Takes a version for abandoned that one listing shows without claim and `.meta`."""

    def look_into(self: gather._Asking, name: str, tree: Any) -> gather._Seen:
        committed, unfinished = self._folder(name)
        unfinished = tuple(self._checked(name, one, tree) for one in unfinished)

        def seen(known: Any) -> Any:
            unlisted = tuple(version for version in committed if version not in set(known.listed))
            return replace(known, unlisted=unlisted, unfinished=unfinished, looked_into=True)

        return seen

    patch.setattr(gather._Asking, "_look_into", look_into)


def lock_before_publish(patch: pytest.MonkeyPatch) -> None:
    """Saves assets.lock first."""
    real = execute.Execution._publish

    def recorded(self: execute.Execution, action: Any) -> Any:
        self._recorded(action, action.local.tree.content)
        return real(self, action)

    patch.setattr(execute.Execution, "_publish", recorded)


def no_marker(patch: pytest.MonkeyPatch) -> None:
    """Pulls without a marker."""
    patch.setattr(Markers, "write", lambda self, marker: None)


def promote_meta_first(patch: pytest.MonkeyPatch) -> None:
    """Writes the `.meta` of what is promoted first."""
    send = Sending.send

    def committing(self: Sending) -> None:
        if self._what.record is not None:
            publish._commit(self._store, self._what)
        send(self)

    patch.setattr(Sending, "send", committing)


def blind_marks(patch: pytest.MonkeyPatch) -> None:
    """Writes `.marks` whatever it is by then."""

    def change(store: Store, name: str, change: Callable[[Marks], Marks]) -> Marks:
        before, _ = marks._read(store, name)
        after = change(before)
        if after != before:
            _, tag = marks._read(store, name)
            store.backend.replace(layout.marks_key(name), documents.render_marks(after), tag)
        return after

    patch.setattr(marks, "change_marks", change)
    patch.setattr(yank, "change_marks", change)


def roll_back_unseen(patch: pytest.MonkeyPatch) -> None:
    """Rolls an alias back from wherever it is by then."""

    def roll_back(store: Store, name: str, alias: str, act: Act, *, seen: str | None) -> Marks:
        return marks.change_marks(store, name, lambda found: found.rolled_back(name, alias, act))

    patch.setattr(marks, "roll_back", roll_back)


def yank_deletes(patch: pytest.MonkeyPatch) -> None:
    """Deletes the `.meta` of a version that is yanked."""
    drop = yank._drop

    def deleting(store: Store, name: str, versions: Iterable[str]) -> None:
        drop(store, name, [*versions])
        for version in versions:
            store.backend.delete(layout.meta_key(name, version))

    patch.setattr(yank, "_drop", deleting)


def unlist_before_mark(patch: pytest.MonkeyPatch) -> None:
    """Takes a version out of `.versions` before it is marked."""
    check = yank.check_yankable

    def unlisting(store: Store, name: str, version: str, **more: Any) -> bool:
        begins = check(store, name, version, **more)
        if begins:
            yank._drop(store, name, [version])
        return begins

    patch.setattr(yank, "check_yankable", unlisting)


def yank_the_newest(patch: pytest.MonkeyPatch) -> None:
    """Yanks the newest version of a line, and nothing newer is there."""
    patch.setattr(yank, "would_be_taken", lambda *_: False)


def repair_lists_the_yanked(patch: pytest.MonkeyPatch) -> None:
    """Repairs `.versions` by what is committed, whether it is yanked or not."""
    patch.setattr(doctor, "read_marks", lambda *_: Marks())
    patch.setattr(doctor, "relist", lambda *_: ())


def promote_listed_first(patch: pytest.MonkeyPatch) -> None:
    """Lists what is promoted before it is there."""
    real = publish.publish

    def listing(store: Store, what: Publication, **more: Any) -> None:
        store.indexes.add(what.name, what.version)
        real(store, what, **more)

    patch.setattr(promote, "publish", listing)


def promote_unclaimed(patch: pytest.MonkeyPatch) -> None:
    """Promotes without a claim, and without a look whether it holds."""
    claim, still = publish._claim, publish._still_claimed
    patch.setattr(publish, "_claim", lambda store, what, *more: bool(what.record) or claim(store, what, *more))
    patch.setattr(publish, "_still_claimed", lambda store, what, *more: bool(what.record) or still(store, what, *more))


# With the kind of trouble that shows it, and the number of schedules of that kind within which it does.
BROKEN: dict[Break, tuple[str, int]] = {
    no_second_look: ("clearing", 4_000),
    commit_before_data: ("race", 100),
    blind_index: ("race", 3_000),
    no_create_only: ("race", 3_000),
    early_release: ("race", 100),
    clear_without_barrier: ("clearing", 2_000),
    old_claims_stay: ("clearing", 5_000),
    look_once: ("race", 4_000),
    lock_before_publish: ("race", 1_000),
    no_marker: ("pulling", 1_000),
    promote_meta_first: ("promoting", 100),
    promote_listed_first: ("promoting", 100),
    promote_unclaimed: ("promoting", 100),
    blind_marks: ("marking", 500),
    roll_back_unseen: ("marking", 2_000),
    yank_deletes: ("marking", 100),
    unlist_before_mark: ("marking", 100),
    yank_the_newest: ("marking", 100),
    repair_lists_the_yanked: ("marking", 100),
}
