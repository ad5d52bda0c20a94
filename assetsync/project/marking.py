"""Marking versions of a store, as who and from which commit: aliases are moved, rolled back and removed."""

from __future__ import annotations

from datetime import UTC, datetime

from assetsync.errors import NotFoundError
from assetsync.model.marks import NO_MARKS, Act, Marks, check_alias
from assetsync.model.names import check_name, parse_spec
from assetsync.project.browse import index_of
from assetsync.project.execute import who
from assetsync.project.workspace import Workspace
from assetsync.remote import marks as remote
from assetsync.remote.resolve import resolve, unknown
from assetsync.remote.store import Store


def act(workspace: Workspace, message: str | None) -> Act:
    """Who acts now, as far as git and the CI system know, and why. A reason is one line."""
    reason = " ".join((message or "").split()) or None
    made = workspace.provenance(reason)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Act(made.author or who(), now, made.commit, made.run_url, made.message)


def marks_of(store: Store, name: str) -> Marks:
    """As `AssetStore.marks`."""
    found = remote.read_marks(store, check_name(name))
    if found == NO_MARKS:
        index_of(store, name)
    return found


def move(workspace: Workspace, name: str, alias: str, version: str, message: str | None) -> str:
    """As `AssetStore.move_alias`."""
    store = workspace.store
    check_alias(alias)
    spec = parse_spec(f"{check_name(name)}{'' if version.startswith('@') else ':'}{version}")
    exact = resolve(store, spec)
    try:
        remote.move_alias(store, name, alias, exact, act(workspace, message))
    except NotFoundError as error:
        raise unknown(store, spec) from error  # which says what there is
    return exact


def remove(workspace: Workspace, name: str, alias: str, message: str | None) -> None:
    """As `AssetStore.remove_alias`."""
    remote.move_alias(workspace.store, check_name(name), alias, None, act(workspace, message))


def roll_back(workspace: Workspace, name: str, alias: str, message: str | None) -> str:
    """As `AssetStore.roll_back_alias`."""
    seen = marks_of(workspace.store, name).at(alias)
    after = remote.roll_back(workspace.store, name, alias, act(workspace, message), seen=seen)
    return after.at(alias) or ""
