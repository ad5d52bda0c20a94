"""Snapshot + Request -> Plan: the decision table of the design, pure.

In the words of the table: L is the local content, B the locked version, R the newest version of the entry's line in the
store. A decision asks the situation of its asset for what it needs to know; see `assetsync.plan.needs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple, assert_never

from assetsync.errors import InvalidError, NotFoundError
from assetsync.model.history import History, satisfies
from assetsync.model.lock import LockEntry
from assetsync.model.manifest import Entry
from assetsync.model.marks import alias_in
from assetsync.model.mismatch import lock_mismatches
from assetsync.model.versioning import Lines, is_valid
from assetsync.plan.plan import Action, Adopt, Basis, Create, Forget, Plan, Problem, Seen, Update
from assetsync.plan.request import Purpose, Request
from assetsync.plan.situation import Situation, Stop
from assetsync.plan.snapshot import Absent, HalfPulled, Local, Present, Snapshot, Unusable


def make_plan(snapshot: Snapshot, request: Request) -> Plan:
    """Decide about each asset of `snapshot`, which holds all that `needs` asks for with this request."""
    actions: list[Action] = []
    problems: list[Problem] = list(problems_of_all(snapshot, request))
    if not problems:
        for entry in snapshot.manifest.entries:
            try:
                actions.append(_at_home(snapshot, decide(snapshot, entry, request)))
            except Stop as stop:
                problems.append(stop.problem)
        if request.purpose is Purpose.SYNC:
            actions.extend(_forgotten(snapshot))
    return Plan(
        store=snapshot.manifest.store.url,
        actions=tuple(actions),
        problems=tuple(problems),
        online=snapshot.online,
        dated=_dated(snapshot),
        not_considered=snapshot.not_considered,
        makes_store=snapshot.makes_store,
        asked=any(remote.indexed or remote.known for remote in snapshot.remote.values()),
        price=snapshot.manifest.store.price_per_gb_month,
        basis=Basis(assets={entry.name: _seen(snapshot, entry) for entry in snapshot.manifest.entries}),
    )


def decide(snapshot: Snapshot, entry: Entry, request: Request) -> Action:
    """Decide about one asset. Stop when nothing can be done; Unseen when more must be looked at first."""
    asset = Situation.of(snapshot, entry)
    exact = entry.version if request.purpose is Purpose.PUBLISH else None
    if exact is not None and is_valid(snapshot.versioning, exact):
        return _publish_exactly(asset, exact)
    match request.purpose:
        case Purpose.SYNC | Purpose.PUBLISH:
            return _decide_sync(asset, request)
        case Purpose.PULL:
            return _decide_pull(asset, request)
        case Purpose.UPGRADE:
            return _decide_upgrade(asset, request)
        case _:
            assert_never(request.purpose)


def _at_home(snapshot: Snapshot, action: Action) -> Action:
    """`action`, which publishes in the default store alone: numbers given in two places would soon mean two contents.

    Stop.
    """
    store, home = snapshot.manifest.store, snapshot.manifest.home
    if home is None or not isinstance(action, Create | Update):
        return action
    raise Stop(
        action.asset,
        "not_home",
        f"`{action.asset}:{action.to}` would be published in `{store.shown}`, and assets.lock belongs to"
        f" `{home.shown}`, where versions get their numbers",
        f"publish it there, and then run `assetsync promote {action.asset} --to {store.shown}`",
    )


def _dated(snapshot: Snapshot) -> bool:
    """Whether versions are named by the time. Such a system names the first version otherwise 400 days later, even when
    it names it by the year alone."""
    system, now = snapshot.versioning, snapshot.now
    return system.initial(now=now) != system.initial(now=now + timedelta(days=400))


def _seen(snapshot: Snapshot, entry: Entry) -> Seen:
    locked = snapshot.lock.assets.get(entry.name) if snapshot.lock else None
    history = History.of(snapshot.remote[entry.name].committed, snapshot.versioning)
    return Seen(_local_in_words(snapshot.local[entry.name]), locked.version if locked else None, history.versions)


def _local_in_words(local: Local) -> str:
    match local:
        case Present():
            return f"{'directory' if local.tree.is_directory else 'file'} {local.tree.digest}"
        case Absent():
            return "nothing"
        case Unusable():
            return "unusable"
        case HalfPulled():
            return f"half-pulled {local.version}"
        case _:
            assert_never(local)


def problems_of_all(snapshot: Snapshot, request: Request) -> Iterator[Problem]:
    """The problems that leave nothing to decide about any asset."""
    lock, manifest = snapshot.lock, snapshot.manifest
    for one in lock_mismatches(lock, manifest) if lock is not None else ():
        yield Problem("", one.code, one.message, one.fix)
    for name in sorted(request.wishes - {entry.name for entry in manifest.entries}):
        yield Problem(
            "",
            "not_considered",
            f"an option names `{name}`, which is not among the assets of this plan",
            "name assets of assets.yaml, and of those that the command is about",
        )


def _forgotten(snapshot: Snapshot) -> Iterator[Forget]:
    named = {entry.name for entry in snapshot.manifest.entries}
    for name, locked in (snapshot.lock.assets if snapshot.lock else {}).items():
        if name not in named:
            yield Forget(
                asset=name,
                path=locked.path,
                reason="no longer in assets.yaml; the store keeps it",
                base=locked.version,
                content=locked.content,
            )


# -- sync: the decision table


def _decide_sync(asset: Situation, request: Request) -> Action:
    name = asset.name
    if asset.entry.readonly:
        return _decide_readonly(asset, request)
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
        return asset.publish(line.name, reason="new asset")
    if forced and not _behind(asset, locked, newest):
        return asset.publish(line.name, notes=["published even if unchanged, as asked"])
    if locked is not None and asset.is_as_locked and not forced:
        return _unchanged(asset, locked, line, newest)
    if locked is None or asset.history.is_newer(locked.version, newest):  # the declared line is an older one
        return _unlocked(asset, line, newest, request)
    if locked.version == newest:
        return asset.publish(line.name, notes=_going_back(asset, request))
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
    return _finish(asset, half, half.version, request)


def _publish_exactly(asset: Situation, version: str) -> Action:
    """Publish what is here as this version and no other. Stop when that exists with other content."""
    if isinstance(asset.local, HalfPulled):
        raise asset.incomplete_pull(asset.local)
    asset.ask(digests=(version,), folder=True)
    if version not in asset.history.versions:
        return asset.publish(None, exact=version, reason=None if asset.history.versions else "new asset")
    if asset.has_here(version):
        return asset.adopt(version, asset.here, "the store has this content already")
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
        return asset.pull(locked.version, f"not here; locked at `{locked.version}`", *_waiting(asset, locked, line))
    newest = None if line.opens else asset.newest_in(line.name)
    if newest is not None:
        return asset.pull(newest, "not here, and the store has it")
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
        return _take(asset, _newest_wanted(asset), request)
    if asset.name in request.publishing:
        raise asset.stop(
            "left_behind",
            f"what is at `{asset.entry.path}` came with an earlier lock; publishing it would undo `{locked.version}`",
            f"get that first with `assetsync pull {asset.name}`",
        )
    action = _take(asset, locked.version, request)
    return replace(action, notes=(*action.notes, *_waiting(asset, locked, line)))


def _waiting(asset: Situation, locked: LockEntry, line: _Line) -> Iterator[str]:
    """Notes on what comes after the pull of the locked version."""
    newest = None if line.opens else asset.newest_in(line.name)
    if line.opens:
        yield f"version line `{line.name}` is opened when the content is here: plan again then"
    elif newest is not None and asset.history.is_newer(newest, locked.version):
        yield _available(asset, newest)


def _open_line(asset: Situation, locked: LockEntry | None, line: _Line, request: Request) -> Action:
    set_line = line.name if asset.entry.version not in (None, line.name) else None
    opened = _opened_before(asset, locked) if asset.name in request.bump_major else None
    if opened is not None:
        return asset.adopt(
            opened.version,
            asset.here,
            "the bump was published before, and the store has this content already",
            set_line=opened.line if asset.entry.version not in (None, opened.line) else None,
        )
    notes = _going_back(asset, request)
    if locked is not None and _behind(asset, locked, asset.history.newest):
        notes.append(f"`{asset.history.newest}` was published meanwhile, and is not what this follows from")
    return asset.publish(line.name, reason=f"opens version line `{line.name}`", notes=notes, set_line=set_line)


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
        return asset.keep("unchanged")
    if asset.history.is_newer(locked.version, newest) and locked.version not in asset.remote.yanked:
        return asset.keep("unchanged", f"the next change goes into version line `{line.name}`")
    if asset.has_here(newest):  # also: published from here, by a run that died before it saved assets.lock
        return asset.adopt(newest, asset.here, "the store has this content already")
    return asset.keep("unchanged", _available(asset, newest))


def _unlocked(asset: Situation, line: _Line, newest: str, request: Request) -> Action:
    """Decide about content that can only be compared with the versions of the line, for none of it is locked."""
    # Whoever publishes by hand, or lets the newest line be taken, has not said that an older version will do.
    is_declared = asset.entry.version is not None and request.purpose is Purpose.SYNC
    known = asset.first_here(asset.history.in_line(line.name) if is_declared else [newest])
    if known is not None:
        return _adopt_known(asset, known, newest)
    return asset.publish(line.name, notes=_going_back(asset, request))


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
        return asset.publish(line.name, notes=[f"on top of `{newest}`, as asked by --supersede"])
    _check_not_yanked(asset, request)
    raise asset.stop(
        "diverged",
        f"`{asset.name}` is locked at `{locked.version}`, but `{newest}` was published meanwhile and is not here",
        f"publish on top of it with `--supersede {asset.name}`, or take it with "
        f"`assetsync upgrade {asset.name} --discard-local {asset.name}`",
    )


def _adopt_known(asset: Situation, version: str, newest: str) -> Adopt:
    if version == newest:
        return asset.adopt(version, asset.here, "the store has this content already")
    note = f"`{newest}` is newer: `assetsync upgrade {asset.name}`"
    return asset.adopt(version, asset.here, "the store has this content already, as an older version", note)


def _available(asset: Situation, version: str) -> str:
    return f"`{version}` is available: `assetsync upgrade {asset.name}`"


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


# -- readonly, pull and upgrade: the store's version is taken


def _decide_readonly(asset: Situation, request: Request) -> Action:
    if asset.name in request.publishing:
        message = f"`{asset.name}` is `readonly`, so it is never published from here"
        raise asset.stop("readonly", message, "drop the option, or `readonly` in assets.yaml")
    alias = alias_in(asset.entry.version)
    locked = asset.checked_lock()
    if locked is not None and alias is not None:
        return _follow_alias(asset, locked, alias, request)
    if locked is None or not satisfies(locked.version, asset.entry.version, asset.snapshot.versioning):
        return _take(asset, _newest_wanted(asset), request)
    action = _take(asset, locked.version, request)
    newest = next(iter(asset.history.matching(asset.entry.version)), None)
    if newest is not None and asset.history.is_newer(newest, locked.version):
        return replace(action, notes=(_available(asset, newest), *action.notes))
    return action


def _follow_alias(asset: Situation, locked: LockEntry, alias: str, request: Request) -> Action:
    """Keep the locked version, wherever the alias is by now: `upgrade` alone moves the lock."""
    asset.ask(marks=True)
    action = _take(asset, locked.version, request)
    marks = asset.remote.marks
    at = marks.at(alias) if marks else locked.version  # offline, nobody knows
    if at is None:
        note = f"`{asset.name}` has no alias `{alias}` any more"
    elif at != locked.version:
        note = f"`@{alias}` is at `{at}`: `assetsync upgrade {asset.name}`"
    else:
        return action
    return replace(action, notes=(note, *action.notes))


def _decide_pull(asset: Situation, request: Request) -> Action:
    locked = asset.locked
    if locked is None:
        return asset.keep("not in assets.lock, so there is nothing to pull")
    if isinstance(asset.local, Present) and asset.is_as_locked:
        return asset.keep("unchanged")  # and the store is not asked: that is for `plan` and `check --remote`
    asset.ask(files=(locked.version,), marks=True)  # marks, to say that it was yanked
    asset.checked_lock()
    return _take(asset, locked.version, request)


def _decide_upgrade(asset: Situation, request: Request) -> Action:
    # Content of a version that the store lost may be the last there is: only who gives it up moves on.
    locked = asset.locked if asset.name in request.discard_local else asset.checked_lock()
    asset.ask(folder=True)
    if not asset.history.matching(asset.entry.version) and not asset.entry.readonly:
        wanted = f"version line `{asset.entry.version}`" if asset.history.versions else "version"
        return asset.keep(f"the store has no {wanted} of it yet")
    newest = _newest_wanted(asset)
    edited = isinstance(asset.local, Present) and not (
        asset.is_as_locked
        or asset.is_untouched
        or asset.has_here(newest)
        or asset.name in request.discard_local
        or asset.is_part_of(newest)
    )
    if locked is not None and locked.version == newest and edited:
        return asset.keep("locked at the newest version; the changes here stay")
    return _take(asset, newest, request)


def _newest_wanted(asset: Situation) -> str:
    alias = alias_in(asset.entry.version)
    if alias is not None:
        return _aliased(asset, alias)
    asset.ask(folder=True)
    versions = asset.history.matching(asset.entry.version)
    if versions:
        return versions[0]
    yank = asset.remote.yanked.get(asset.entry.version or "")
    if yank is not None:
        if asset.is_locked_at(yank.version):
            return yank.version
        message = f"`{asset.name}:{yank.version}` was yanked: {yank.why}"
        raise asset.stop("yanked", message, "name another `version` in assets.yaml")
    wanted = f"{asset.name}:{asset.entry.version}" if asset.entry.version else asset.name
    if not asset.snapshot.online:
        raise asset.stop("needs_store", f"only the store knows which version `{wanted}` is", "ask it: no `--offline`")
    existing = ", ".join(f"`{version}`" for version in asset.history.versions[:10]) or "none"
    raise asset.stop("unknown_version", f"the store has no `{wanted}`", f"its versions are: {existing}")


def _aliased(asset: Situation, alias: str) -> str:
    """The version that an alias is at. Stop when there is none that can be taken."""
    asset.ask(marks=True)
    marks = asset.remote.marks
    if marks is None:
        message = f"only the store knows which version `{asset.name}@{alias}` is"
        raise asset.stop("needs_store", message, "ask it: no `--offline`")
    try:
        version = marks.resolved(asset.name, alias)
    except NotFoundError as error:
        raise asset.stop("unknown_alias", error.message, error.hint) from None
    asset.ask(files=(version,))
    if version not in asset.remote.committed:
        message = f"`{asset.name}@{alias}` is at `{version}`, which the store does not have"
        raise asset.stop("unknown_version", message, f"move it with `assetsync alias {asset.name} {alias} VERSION`")
    return version


def _take(asset: Situation, version: str, request: Request) -> Action:
    """Make lock and local path `version`; never at the cost of local edits that nobody gave up."""
    if isinstance(asset.local, HalfPulled):
        return _finish(asset, asset.local, version, request)
    at_version = asset.is_locked_at(version)
    if asset.here is None:
        why = f"; locked at `{version}`" if at_version else ", and the store has it"
        return asset.pull(version, f"not here{why}")
    if at_version and asset.is_as_locked:
        return asset.keep("unchanged")
    if asset.has_here(version):
        return asset.adopt(version, asset.here, "the store has this content already")
    if asset.is_as_locked:
        return asset.pull(version, _asked_for(asset))
    if asset.is_untouched:
        why = f"assets.lock moved to `{version}`" if at_version else _asked_for(asset)
        return asset.pull(version, why)
    if asset.name in request.discard_local:
        return asset.pull(version, "what is here is given up, as asked by --discard-local")
    if asset.is_part_of(version):
        return asset.pull(version, "files are missing here")
    kept = [*asset.history.older_than(version), *asset.remote.yanked]
    older = None if asset.entry.readonly else asset.first_here(kept)
    if older is not None and asset.is_stored_as(older):
        return asset.pull(version, f"what is here is `{older}`, which the store keeps")
    raise asset.modified(version)


def _asked_for(asset: Situation) -> str:
    alias = asset.entry.version if alias_in(asset.entry.version) is not None else None
    return f"where `{alias}` is, as assets.yaml asks for" if alias else "the newest version that assets.yaml asks for"


def _finish(asset: Situation, half: HalfPulled, version: str, request: Request) -> Action:
    """Go on with a pull that stopped half-way, unless someone edited files since."""
    edited = set() if asset.name in request.discard_local else asset.unstored(half, version)
    if edited:
        raise asset.modified(version, edited)
    verb = "finishes" if half.version == version else "replaces"
    return asset.pull(version, f"{verb} the interrupted pull of `{half.version}`")
