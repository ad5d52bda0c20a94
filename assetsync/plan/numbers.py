"""The number of the version that is published next, past those that unfinished publishes occupy."""

from __future__ import annotations

from collections.abc import Sequence

from assetsync.errors import InvalidError
from assetsync.model.history import History
from assetsync.model.tree import Content
from assetsync.model.versioning import Lines
from assetsync.plan.situation import Situation
from assetsync.plan.snapshot import Unfinished


def next_version(asset: Situation, line: str | None, content: Content) -> tuple[str, tuple[str, ...]]:
    """The version to publish, past what unfinished publishes occupy, and notes about those."""
    taken = History.of((*asset.history.versions, *asset.remote.yanked), asset.snapshot.versioning).in_line(line)
    notes: list[str] = []
    for unfinished in _unfinished(asset, line, taken[0] if taken else None):
        if _goes_on(asset, unfinished, content):
            return unfinished.version, (*notes, _went_on(unfinished))
        taken.append(unfinished.version)
        notes.append(_skips(unfinished))
    return _following(asset, line, taken), tuple(notes)


def exactly(asset: Situation, version: str, content: Content) -> tuple[str, tuple[str, ...]]:
    """The version that was asked for, and notes about it. Stop when it was yanked, or is being published."""
    yank = asset.remote.yanked.get(version)
    if yank is not None:
        raise asset.stop(
            "taken",
            f"`{asset.name}:{version}` was yanked: {yank.why}",
            "its number is never used again: publish this as another version",
        )
    unfinished = next((one for one in asset.remote.unfinished if one.version == version), None)
    if unfinished is None:
        return version, ()
    if _goes_on(asset, unfinished, content):
        return version, (_went_on(unfinished),)
    raise asset.stop(
        "taken",
        f"`{asset.name}:{version}` is occupied by an unfinished publish of other content",
        "nothing is overwritten: publish this as another version",
    )


def _goes_on(asset: Situation, unfinished: Unfinished, content: Content) -> bool:
    """Whether a publish of `content` can go on with this one. Stop while somebody else is at it."""
    if not unfinished.holds(content) and unfinished.in_progress:
        minutes = int((unfinished.claim_age or 0) // 60)
        raise asset.stop(
            "in_progress",
            f"{unfinished.who} began to publish `{asset.name}:{unfinished.version}` {minutes} min ago",
            "wait for it and plan again; if that process is dead, its number is skipped after an hour",
        )
    return unfinished.holds(content)


def _unfinished(asset: Situation, line: str | None, newest: str | None) -> list[Unfinished]:
    """The unfinished versions of the line that are newer than its newest, oldest first."""
    system = asset.snapshot.versioning
    by_version = {one.version: one for one in asset.remote.unfinished}
    candidates = system.sort(by_version)[::-1]
    if isinstance(system, Lines):
        wanted = line if line is not None else system.line_of(system.initial(now=asset.snapshot.now))
        candidates = [version for version in candidates if system.line_of(version) == wanted]
    return [by_version[one] for one in candidates if newest is None or asset.history.is_newer(one, newest)]


def _following(asset: Situation, line: str | None, taken: Sequence[str]) -> str:
    system, now = asset.snapshot.versioning, asset.snapshot.now
    try:
        if taken:
            version = system.next(taken, now=now)
        elif line is not None and isinstance(system, Lines):
            version = system.first_of_line(line)
        else:
            version = system.initial(now=now)
        system.check(version)
    except InvalidError as error:
        raise asset.stop("no_next_version", f"`{asset.name}` can't have a next version: {error.message}") from None
    if version in asset.history.versions or version in taken:
        raise asset.stop(
            "no_next_version",
            f"`{asset.snapshot.manifest.versioning}` names `{version}` as the next version of `{asset.name}`, "
            "which is taken",
            "that is a defect of the versioning system",
        )
    return version


def _went_on(unfinished: Unfinished) -> str:
    return f"goes on with the unfinished publish of `{unfinished.version}`"


def _skips(unfinished: Unfinished) -> str:
    if unfinished.is_spoiled:
        return f"skips `{unfinished.version}`, where an unfinished publish of this left a file that is not what it was"
    return f"skips `{unfinished.version}`, which an unfinished publish occupies"
