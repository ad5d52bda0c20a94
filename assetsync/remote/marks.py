"""Aliases and yanked versions in a store: `NAME.marks`, read whole and changed by compare-and-swap only.

Both lie in one object, so that no alias can move to a version while that is being yanked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from assetsync.errors import ChangedError, ConflictError, ExistsError, NotFoundError, StoreError
from assetsync.model.marks import NO_MARKS, Act, Marks
from assetsync.remote import documents, layout

if TYPE_CHECKING:
    from assetsync.remote.store import Store

# Compare-and-swap rounds before giving up; each lost round means that another process won one.
MARKS_ATTEMPTS = 50


def read_marks(store: Store, name: str) -> Marks:
    """The marks of an asset, which most have none of. StoreError, DamagedError."""
    return _read(store, name)[0]


def _read(store: Store, name: str) -> tuple[Marks, str | None]:
    """The marks, and the tag for `replace`: None where there is no object."""
    key = layout.marks_key(name)
    try:
        blob = store.backend.read(key, limit=documents.MAX_MARKS_BYTES)
    except NotFoundError:
        return NO_MARKS, None
    return documents.parse_marks(blob.data, key=key), blob.tag


def change_marks(store: Store, name: str, change: Callable[[Marks], Marks]) -> Marks:
    """Replace the marks of an asset by what `change` makes of them; repeated on what is there then, when another
    process came first. Returns what is there in the end. StoreError, DamagedError, and what `change` raises.
    """
    key = layout.marks_key(name)
    for _ in range(MARKS_ATTEMPTS):
        before, tag = _read(store, name)
        after = change(before)
        if after == before:
            return after
        try:
            store.backend.replace(key, documents.render_marks(after), tag)
        except (ChangedError, ExistsError):
            continue
        return after
    raise StoreError(
        f"cannot update `{key}` in `{store.called}`: it changed {MARKS_ATTEMPTS} times meanwhile",
        hint="run the same command again",
    )


def move_alias(store: Store, name: str, alias: str, version: str | None, act: Act) -> Marks:
    """Move an alias to a version that exists; None removes it. Nothing is written when it is there already.

    Of two that move it at once, both moves are kept, and the later one holds. NotFoundError, InvalidError;
    ConflictError for a yanked version; StoreError, DamagedError.
    """
    if version is not None:
        _check_exists(store, name, version)
    return change_marks(store, name, lambda marks: marks.moved(name, alias, version, act))


def roll_back(store: Store, name: str, alias: str, act: Act, *, seen: str | None) -> Marks:
    """Move an alias to where it was before. `seen` is the version that it was seen at.

    ConflictError when it is at another by now: of two that roll it back at once, the second one would else go two back.
    NotFoundError; StoreError, DamagedError.
    """

    def change(marks: Marks) -> Marks:
        at = marks.at(alias)
        if at != seen:
            raise ConflictError(
                f"`{name}@{alias}` moved meanwhile: it is at `{at}`, and was at `{seen}`",
                hint=f"see `assetsync alias {name} {alias}`",
            )
        return marks.rolled_back(name, alias, act)

    return change_marks(store, name, change)


def _check_exists(store: Store, name: str, version: str) -> None:
    try:
        store.backend.stat(layout.meta_key(name, version))
    except NotFoundError:
        raise NotFoundError(
            f"`{store.called}` has no `{name}:{version}`", hint=f"`assetsync log {name}` shows its versions"
        ) from None
