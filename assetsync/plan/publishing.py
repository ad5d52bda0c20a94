"""The decision table of the design, for an asset whose content is published from here.

In the words of the table: L is the local content, B the locked version, R the newest version of the entry's line in the
store.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from assetsync.errors import InvalidError
from assetsync.model.lock import LockEntry
from assetsync.model.versioning import Lines, is_valid
from assetsync.plan.actions import adopt, keep, publish, pull
from assetsync.plan.plan import Action, Adopt
from assetsync.plan.request import Purpose, Request
from assetsync.plan.situation import Situation, Stop
from assetsync.plan.snapshot import Absent, HalfPulled
from assetsync.plan.taking import available, decide_readonly, finish, newest_wanted, take


def decide_sync(asset: Situation, request: Request) -> Action:
    """Publish what changed here, or take what is missing here. Stop."""
    name = asset.name
    if asset.entry.readonly:
        return decide_readonly(asset, request)
    if name in request.publishing & request.discard_local:
        raise asset.stop("contradiction", f"one option publishes what is here of `{name}`, another gives it up")
    if isinstance(asset.local, HalfPulled):
        return _finish_sync(asset, asset.local, request)
    locked = asset.checked_lock()
    if asset.here is not None and not asset.is_as_locked:
        asset.ask(folder=True)
    line = _line(asset, request)
    if asset.here is None:
        return _absent(asset, locked, line, request)
    if _follows_lock(asset, locked, request):
        return _follow_lock(asset, locked, line, request)
    return _decide_present(asset, locked, line, request)


def _decide_present(asset: Situation, locked: LockEntry | None, line: _Line, request: Request) -> Action:
    """Decide about content that is here, and does not merely wait for what is locked."""
    if line.opens:
        return _open_line(asset, locked, line, request)
    newest = asset.newest_in(line.name)
    forced = asset.name in request.force
    if newest is None:
        return publish(asset, line.name, reason="new asset")
    if forced and not _behind(asset, locked, newest):
        return publish(asset, line.name, notes=["published even if unchanged, as asked"])
    if locked is not None and asset.is_as_locked and not forced:
        return _unchanged(asset, locked, line, newest)
    if locked is None or asset.history.is_newer(locked.version, newest):  # the declared line is an older one
        return _unlocked(asset, line, newest, request)
    if locked.version == newest:
        return publish(asset, line.name, notes=_going_back(asset, request))
    return _overtaken(asset, locked, line, newest, request)


def _finish_sync(asset: Situation, half: HalfPulled, request: Request) -> Action:
    """Go on with the pull of what is locked, or of the newest version where nothing is. Any other one was begun by a
    command that moves the lock: whether that is still wanted, only the user knows."""
    locked = asset.checked_lock()
    line = _line(asset, request)
    wanted = locked.version if locked else None if line.opens else asset.newest_in(line.name)
    publishes = request.purpose is Purpose.PUBLISH or asset.name in request.publishing
    # Without the store, nothing tells whether files were edited since.
    if publishes or half.version != wanted or not asset.snapshot.online:
        raise asset.incomplete_pull(half)
    return finish(asset, half, half.version, request)


def publish_exactly(asset: Situation, version: str) -> Action:
    """Publish what is here as this version and no other. Stop when that exists with other content."""
    if isinstance(asset.local, HalfPulled):
        raise asset.incomplete_pull(asset.local)
    asset.ask(digests=(version,), folder=True)
    if version not in asset.history.versions:
        return publish(asset, None, exact=version, reason=None if asset.history.versions else "new asset")
    if asset.has_here(version):
        return adopt(asset, version, asset.here, "the store has this content already")
    raise asset.stop(
        "taken",
        f"`{asset.name}:{version}` exists already, with other content",
        "a version never changes: publish this as another one",
    )


def _absent(asset: Situation, locked: LockEntry | None, line: _Line, request: Request) -> Action:
    path = f"`{asset.entry.path}`"
    if asset.name in request.bump_major | request.force:
        raise asset.stop("missing", f"{path} is not here, so it can't be published", "get it first, or drop the option")
    if locked is not None:
        return pull(asset, locked.version, f"not here; locked at `{locked.version}`", *_waiting(asset, locked, line))
    newest = None if line.opens else asset.newest_in(line.name)
    if newest is not None:
        return pull(asset, newest, "not here, and the store has it")
    empty = isinstance(asset.local, Absent) and asset.local.empty_folder
    asset.ask(folder=True)
    what = f"{path} is an empty directory" if empty else f"{path} does not exist"
    if not asset.snapshot.online:
        raise asset.stop(
            "missing", f"{what}, and assets.lock names no version to pull", "ask the store: no `--offline`"
        )
    wanted = f"{asset.name}:{line.name}" if line.opens else asset.name
    raise asset.stop(
        "missing", f"{what}, and the store has no `{wanted}` to pull", "create it, or mend `path` in assets.yaml"
    )


def _follows_lock(asset: Situation, locked: LockEntry | None, request: Request) -> bool:
    """Whether the locked version replaces what is here, which is given up, or came with an earlier lock unedited."""
    if asset.is_as_locked:
        return False
    return asset.name in request.discard_local or (locked is not None and asset.is_untouched)


def _follow_lock(asset: Situation, locked: LockEntry | None, line: _Line, request: Request) -> Action:
    if locked is None:
        return take(asset, newest_wanted(asset), request)
    if asset.name in request.publishing:
        raise asset.stop(
            "left_behind",
            f"what is at `{asset.entry.path}` came with an earlier lock; publishing it would undo `{locked.version}`",
            f"get that first with `assetsync pull {asset.name}`",
        )
    action = take(asset, locked.version, request)
    return replace(action, notes=(*action.notes, *_waiting(asset, locked, line)))


def _waiting(asset: Situation, locked: LockEntry, line: _Line) -> Iterator[str]:
    """Notes on what comes after the pull of the locked version."""
    newest = None if line.opens else asset.newest_in(line.name)
    if line.opens:
        yield f"version line `{line.name}` is opened when the content is here: plan again then"
    elif newest is not None and asset.history.is_newer(newest, locked.version):
        yield available(asset, newest)


def _open_line(asset: Situation, locked: LockEntry | None, line: _Line, request: Request) -> Action:
    set_line = line.name if asset.entry.version not in (None, line.name) else None
    opened = _opened_before(asset, locked) if asset.name in request.bump_major else None
    if opened is not None:
        return adopt(
            asset,
            opened.version,
            asset.here,
            "the bump was published before, and the store has this content already",
            set_line=opened.line if asset.entry.version not in (None, opened.line) else None,
        )
    notes = _going_back(asset, request)
    if locked is not None and _behind(asset, locked, asset.history.newest):
        notes.append(f"`{asset.history.newest}` was published meanwhile, and is not what this follows from")
    return publish(asset, line.name, reason=f"opens version line `{line.name}`", notes=notes, set_line=set_line)


class _Opened(NamedTuple):
    version: str
    line: str


def _opened_before(asset: Situation, locked: LockEntry | None) -> _Opened | None:
    """The version that an earlier run of the same bump published, when it died before it could save assets.lock.

    Otherwise, running the command again would open one more line.
    """
    system = asset.snapshot.versioning
    newest = asset.history.newest
    if locked is None or newest is None or not isinstance(system, Lines) or not asset.has_here(newest):
        return None
    line = system.line_of(newest)
    is_alone = asset.history.in_line(line) == [newest]
    return _Opened(newest, line) if is_alone and system.line_of(locked.version) != line else None


def _behind(asset: Situation, locked: LockEntry | None, newest: str | None) -> bool:
    """Whether the lock is behind `newest`, and that is not what is here either."""
    return (
        locked is not None
        and newest is not None
        and asset.history.is_newer(newest, locked.version)
        and not asset.has_here(newest)
    )


def _unchanged(asset: Situation, locked: LockEntry, line: _Line, newest: str) -> Action:
    if newest == locked.version:
        return keep(asset, "unchanged")
    if asset.history.is_newer(locked.version, newest) and locked.version not in asset.remote.yanked:
        return keep(asset, "unchanged", f"the next change goes into version line `{line.name}`")
    if asset.has_here(newest):  # also: published from here, by a run that died before it saved assets.lock
        return adopt(asset, newest, asset.here, "the store has this content already")
    return keep(asset, "unchanged", available(asset, newest))


def _unlocked(asset: Situation, line: _Line, newest: str, request: Request) -> Action:
    """Decide about content that can only be compared with the versions of the line, for none of it is locked."""
    # Whoever publishes by hand, or lets the newest line be taken, has not said that an older version will do.
    is_declared = asset.entry.version is not None and request.purpose is Purpose.SYNC
    known = asset.first_here(asset.history.in_line(line.name) if is_declared else [newest])
    if known is not None:
        return _adopt_known(asset, known, newest)
    return publish(asset, line.name, notes=_going_back(asset, request))


def _going_back(asset: Situation, request: Request) -> list[str]:
    """A note where the content of an older version is published on purpose. Stop where nobody asked for that, or for
    that of a yanked one."""
    _check_not_yanked(asset, request)
    older = _older_version_here(asset, request)
    if older is None:
        return []
    if asset.name not in request.supersede:
        raise _goes_back(asset, older)
    return [f"the content of `{older}` once more, as asked by --supersede"]


def _check_not_yanked(asset: Situation, request: Request) -> None:
    """Stop where the local content is a version that was yanked, unless it is published on purpose."""
    if asset.name in request.supersede:
        return
    by_hand = request.purpose is Purpose.PUBLISH
    yanked = asset.yanked_here("--force-new-version" if by_hand else f"--supersede {asset.name}")
    if yanked is not None:
        raise yanked


def _older_version_here(asset: Situation, request: Request) -> str | None:
    """The version that the local content is, when that is older than what it should follow.

    Such content is more often a copy that was left behind than a wish: files that git tracks, or an old backup. Content
    that is published by hand, or whose entry declares a line without a lock, is meant.
    """
    locked, newest = asset.locked, asset.history.newest
    if request.purpose is Purpose.PUBLISH or asset.is_as_locked or newest is None:
        return None
    if locked is not None:
        return asset.first_here(asset.history.older_than(locked.version))
    if asset.entry.version is not None:
        return None
    return asset.first_here(asset.history.older_than(newest))


def _goes_back(asset: Situation, older: str) -> Stop:
    name, locked, system = asset.name, asset.locked, asset.snapshot.versioning
    supersede = f"publish it once more, on purpose, with `--supersede {name}`"
    if asset.is_tracked:
        supersede += f"; git tracks it, and may have put it there: `{asset.untrack}`, and ignore it"
    what = f"what is at `{asset.entry.path}` is `{name}:{older}`"
    if locked is not None:
        return asset.stop(
            "goes_back",
            f"{what}, which is older than the locked `{locked.version}`",
            f"get the locked version with `assetsync pull {name}`, or {supersede}",
        )
    declare = f'declare its line with `version: "{system.line_of(older)}"`, ' if isinstance(system, Lines) else ""
    return asset.stop(
        "goes_back",
        f"{what}, which is older than the newest, `{asset.history.newest}`",
        f"{declare}take the newest with `assetsync upgrade {name}`, or {supersede}",
    )


def _overtaken(asset: Situation, locked: LockEntry, line: _Line, newest: str, request: Request) -> Action:
    """The content changed here, and someone published meanwhile; or we did, and died before saving assets.lock."""
    is_newer = asset.history.is_newer
    since = [version for version in asset.history.in_line(line.name) if is_newer(version, locked.version)]
    known = asset.first_here(since)
    if known is not None:
        return _adopt_known(asset, known, newest)
    if asset.name in request.supersede:
        return publish(asset, line.name, notes=[f"on top of `{newest}`, as asked by --supersede"])
    _check_not_yanked(asset, request)
    raise asset.stop(
        "diverged",
        f"`{asset.name}` is locked at `{locked.version}`, but `{newest}` was published meanwhile and is not here",
        f"publish on top of it with `--supersede {asset.name}`, or take it with "
        f"`assetsync upgrade {asset.name} --discard-local {asset.name}`",
    )


def _adopt_known(asset: Situation, version: str, newest: str) -> Adopt:
    if version == newest:
        return adopt(asset, version, asset.here, "the store has this content already")
    note = f"`{newest}` is newer: `assetsync upgrade {asset.name}`"
    return adopt(asset, version, asset.here, "the store has this content already, as an older version", note)


class _Line(NamedTuple):
    """The line that an entry publishes into, and whether that opens it.

    `name` is None under a system without lines, and for a new asset whose line the system's initial version decides."""

    name: str | None
    opens: bool = False


def _line(asset: Situation, request: Request) -> _Line:
    """Stop, naming what is allowed, when the entry or an option asks for a line that can't be."""
    system = asset.snapshot.versioning
    wanted = asset.entry.version
    bump = asset.name in request.bump_major
    if not isinstance(system, Lines):
        if bump or wanted is not None:
            message = (
                f"`{asset.snapshot.manifest.versioning}` versions have no lines, so `{asset.name}` can't choose one"
            )
            raise asset.stop("bad_line", message, "drop `--bump-major`" if bump else "drop `version`")
        return _Line(None)
    lines = asset.history.lines
    if not lines:
        asset.ask(folder=True)
        return _first_line(asset, system, bump)
    following = system.next_line(lines[0])
    if bump:
        return _Line(following, opens=True)
    if wanted is None or wanted in lines:
        return _Line(wanted or lines[0])
    if wanted == following:
        return _Line(wanted, opens=True)
    asset.ask(folder=True)
    if not asset.snapshot.online:
        message = f"only the store knows whether `{asset.name}` has the version line `{wanted}`"
        raise asset.stop("needs_store", message, "ask it: no `--offline`")
    allowed = ", ".join(f'"{line}"' for line in [*reversed(lines), following])
    pin = "; a complete version can be pinned with `readonly: true`" if is_valid(system, wanted) else ""
    raise asset.stop(
        "bad_line",
        f'`{asset.name}` has `version: "{wanted}"`, which is neither a version line of it nor the next one',
        f"allowed are {allowed}{pin}",
    )


def _first_line(asset: Situation, system: Lines, bump: bool) -> _Line:
    wanted = asset.entry.version
    if bump:
        raise asset.stop("bad_line", f"`{asset.name}` has no version yet whose major could be bumped")
    if wanted is not None:
        try:
            system.check_line(wanted)
        except InvalidError as error:
            raise asset.stop("bad_line", f"`version` of `{asset.name}`: {error.message}") from None
    return _Line(wanted)
