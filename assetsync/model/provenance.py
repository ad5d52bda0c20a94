"""Where a version comes from, as a value."""

from __future__ import annotations

from msgspec import Struct


class Provenance(Struct, frozen=True):
    """Who published a version, and from what. It is kept in `.meta`; None is unknown. `repository` holds no user."""

    tool: str
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    repository: str | None = None
    author: str | None = None
    run_url: str | None = None
    message: str | None = None


class Promoted(Struct, frozen=True):
    """A step of a version from one store to another: from where, when (ISO 8601, UTC), and by whom."""

    store: str
    date: str
    tool: str
    author: str | None = None
    commit: str | None = None
    run_url: str | None = None
    message: str | None = None
