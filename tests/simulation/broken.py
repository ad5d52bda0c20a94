"""Protocols that are broken on purpose, to show that a schedule finds what is wrong with them, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from assetsync.backends.memory.store import MemoryBackend
from assetsync.errors import NotFoundError
from assetsync.project import execute, gather
from assetsync.remote import doctor, documents, layout
from assetsync.remote.store import Store
from assetsync.state.pull_markers import Markers
from assetsync.transfer import publish

Break = Callable[[pytest.MonkeyPatch], None]


def no_second_look(patch: pytest.MonkeyPatch) -> None:
    """Commits without a look whether the claim still holds."""
    patch.setattr(publish, "_still_claimed", lambda *_: True)


def commit_before_data(patch: pytest.MonkeyPatch) -> None:
    """Writes `.meta` first."""
    send = publish._Data.send

    def committing(self: publish._Data) -> None:
        publish._commit(self._store, self._what)
        send(self)

    patch.setattr(publish._Data, "send", committing)


def blind_index(patch: pytest.MonkeyPatch) -> None:
    """Writes `.versions` whatever it is by then."""

    def rewrite(self: Store, name: str, change: Callable[[tuple[str, ...]], Iterable[str]]) -> None:
        key = layout.versions_key(name)
        raw = self._read_index(name)
        ordered = self._changed_index(raw, change)
        if ordered is None:
            return
        try:
            tag: str | None = self.backend.read(key).tag
        except NotFoundError:
            tag = None
        self.backend.replace(key, documents.render_versions(ordered), tag)

    patch.setattr(Store, "rewrite_index", rewrite)


def no_create_only(patch: pytest.MonkeyPatch) -> None:
    """The store takes a write where something is."""
    patch.setattr(MemoryBackend, "_check_free", lambda self, key: None)


def early_release(patch: pytest.MonkeyPatch) -> None:
    """Deletes the claim before the commit."""
    commit = publish._commit

    def released(store: Store, what: publish.Publication) -> None:
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


# With the number of schedules within which each is found.
BROKEN: dict[Break, int] = {
    no_second_look: 2_000,
    commit_before_data: 50,
    blind_index: 2_000,
    no_create_only: 200,
    early_release: 50,
    clear_without_barrier: 4_000,
    old_claims_stay: 2_000,
    look_once: 4_000,
    lock_before_publish: 200,
    no_marker: 500,
}
