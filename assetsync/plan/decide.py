"""Snapshot -> Plan: the decision table of the design, pure.

`plan_sync` decides what publishing and getting would do, `plan_pull` what makes local paths what the lock says, and
`plan_upgrade` what moves the lock to the newest versions. In the words of the table: L is the local content, B the
locked version, R the newest version of the entry's line in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple, assert_never

from assetsync.errors import InvalidError
from assetsync.model.history import History
from assetsync.model.lock import LockEntry
from assetsync.model.manifest import Entry
from assetsync.model.versioning import Lines, is_valid
from assetsync.plan.plan import Action, Adopt, Basis, Forget, Plan, Problem, Seen
from assetsync.plan.request import Options
from assetsync.plan.situation import Case, Stop
from assetsync.plan.snapshot import Absent, HalfPulled, Local, Present, Snapshot, Unusable


def plan_sync(snapshot: Snapshot, options: Options | None = None) -> Plan:
    """The plan of `plan`, `apply` and `sync`: both directions, by the decision table."""
    return _plan(snapshot, options or Options(), _decide_sync, forget=True)


def plan_pull(snapshot: Snapshot, options: Options | None = None) -> Plan:
    """The plan of `pull`: local paths become what the lock says; what the lock does not name stays out of it."""
    return _plan(snapshot, options or Options(), _decide_pull, forget=False)


def plan_upgrade(snapshot: Snapshot, options: Options | None = None) -> Plan:
    """The plan of `upgrade`: the lock moves to the newest version of each line, and local paths with it."""
    return _plan(snapshot, options or Options(), _decide_upgrade, forget=False)


def _plan(snapshot: Snapshot, options: Options, decide: Callable[[Case, Options], Action], *, forget: bool) -> Plan:
    actions: list[Action] = []
    problems: list[Problem] = list(_problems_of_all(snapshot, options))
    if not problems:
        for entry in snapshot.manifest.entries:
            try:
                actions.append(decide(Case.of(snapshot, entry), options))
            except Stop as stop:
                problems.append(stop.problem)
        if forget:
            actions.extend(_forgotten(snapshot))
    return Plan(
        store=snapshot.manifest.store.url,
        actions=tuple(actions),
        problems=tuple(problems),
        online=snapshot.online,
        dated=_dated(snapshot),
        not_considered=snapshot.not_considered,
        basis=Basis(assets={entry.name: _seen(snapshot, entry) for entry in snapshot.manifest.entries}),
    )


def _dated(snapshot: Snapshot) -> bool:
    """Whether versions are named by their time: by whatever part of a date, it is another after 400 days."""
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


def _problems_of_all(snapshot: Snapshot, options: Options) -> Iterator[Problem]:
    """What makes every decision meaningless."""
    lock, manifest = snapshot.lock, snapshot.manifest
    if lock is not None and lock.store != manifest.store.url:
        yield Problem(
            "",
            "store_mismatch",
            f"assets.lock belongs to the store `{lock.store}`, but the manifest names `{manifest.store.url}`",
            "restore `store` in assets.yaml; to start anew in the other store, remove assets.lock first",
        )
    if lock is not None and lock.versioning != manifest.versioning:
        yield Problem(
            "",
            "versioning_mismatch",
            f"assets.lock is under `{lock.versioning}` versions, but the manifest says `{manifest.versioning}`",
            "restore `versioning` in assets.yaml; to start anew, remove assets.lock first",
        )
    for name in sorted(options.names - {entry.name for entry in manifest.entries}):
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


def _decide_sync(case: Case, options: Options) -> Action:
    if isinstance(case.local, HalfPulled):
        raise case.incomplete_pull(case.local)
    if case.entry.readonly:
        return _decide_readonly(case, options)
    if case.name in options.publishing & options.discard_local:
        raise case.stop("contradiction", f"one option publishes what is here of `{case.name}`, another gives it up")
    locked = case.checked_lock()
    line = _line(case, options)
    if case.here is None:
        return _absent(case, locked, line, options)
    if _follows_lock(case, locked, options):
        return _follow_lock(case, locked, line, options)
    if line.opens:
        return _open_line(case, locked, line, options)
    newest = case.newest_in(line.name)
    if newest is None:
        return case.publish(line.name, reason="new asset")
    if case.name in options.force and not _behind(case, locked, newest):
        return case.publish(line.name, notes=["published even if unchanged, as asked"])
    if locked is not None and case.is_as_locked and case.name not in options.force:
        return _unchanged(case, locked, line, newest)
    if locked is None or case.history.is_newer(locked.version, newest):  # the declared line is an older one
        return _unlocked(case, line, newest)
    if locked.version == newest:
        return case.publish(line.name)
    return _overtaken(case, locked, line, newest, options)


def _absent(case: Case, locked: LockEntry | None, line: _Line, options: Options) -> Action:
    path = f"`{case.entry.path}`"
    if case.name in options.bump_major | options.force:
        raise case.stop("missing", f"{path} is not here, so it can't be published", "get it first, or drop the option")
    if locked is not None:
        return case.pull(locked.version, f"not here; locked at `{locked.version}`", *_waiting(case, locked, line))
    newest = None if line.opens else case.newest_in(line.name)
    if newest is not None:
        return case.pull(newest, "not here, and the store has it")
    empty = isinstance(case.local, Absent) and case.local.empty_folder
    what = f"{path} is an empty directory" if empty else f"{path} does not exist"
    if not case.snapshot.online:
        raise case.stop("missing", f"{what}, and assets.lock names no version to pull", "ask the store: no `--offline`")
    wanted = f"{case.name}:{line.name}" if line.opens else case.name
    raise case.stop(
        "missing", f"{what}, and the store has no `{wanted}` to pull", "create it, or mend `path` in assets.yaml"
    )


def _follows_lock(case: Case, locked: LockEntry | None, options: Options) -> bool:
    """Whether what is here is given up, or came with an earlier lock, which git has replaced since."""
    given_up = case.name in options.discard_local or (locked is not None and case.is_untouched)
    return given_up and not case.is_as_locked


def _follow_lock(case: Case, locked: LockEntry | None, line: _Line, options: Options) -> Action:
    if locked is None:
        return _take(case, _newest_wanted(case), options)
    if case.name in options.publishing:
        raise case.stop(
            "left_behind",
            f"what is at `{case.entry.path}` came with an earlier lock; publishing it would undo `{locked.version}`",
            f"get that first with `assetsync pull {case.name}`",
        )
    action = _take(case, locked.version, options)
    return replace(action, notes=(*action.notes, *_waiting(case, locked, line)))


def _waiting(case: Case, locked: LockEntry, line: _Line) -> Iterator[str]:
    """What comes after the pull of the locked version."""
    newest = None if line.opens else case.newest_in(line.name)
    if line.opens:
        yield f"version line `{line.name}` is opened when the content is here: plan again then"
    elif newest is not None and case.history.is_newer(newest, locked.version):
        yield _available(case, newest)


def _open_line(case: Case, locked: LockEntry | None, line: _Line, options: Options) -> Action:
    set_line = line.name if case.entry.version not in (None, line.name) else None
    opened = _opened_before(case, locked) if case.name in options.bump_major else None
    if opened is not None:
        return case.adopt(
            opened.version,
            case.here,
            "the bump was published before, and the store has this content already",
            set_line=opened.line if case.entry.version not in (None, opened.line) else None,
        )
    notes = []
    if locked is not None and _behind(case, locked, case.history.newest):
        notes.append(f"`{case.history.newest}` was published meanwhile, and is not what this follows from")
    return case.publish(line.name, reason=f"opens version line `{line.name}`", notes=notes, set_line=set_line)


class _Opened(NamedTuple):
    version: str
    line: str


def _opened_before(case: Case, locked: LockEntry | None) -> _Opened | None:
    """What an earlier run of the same bump has published, when it died before it could save assets.lock.

    Otherwise running the command again would open one more line.
    """
    system = case.snapshot.versioning
    newest = case.history.newest
    if locked is None or newest is None or not isinstance(system, Lines) or not case.has_here(newest):
        return None
    line = system.line_of(newest)
    is_alone = case.history.in_line(line) == [newest]
    return _Opened(newest, line) if is_alone and system.line_of(locked.version) != line else None


def _behind(case: Case, locked: LockEntry | None, newest: str | None) -> bool:
    """Whether the lock is behind `newest`, and that is not what is here either."""
    return (
        locked is not None
        and newest is not None
        and case.history.is_newer(newest, locked.version)
        and not case.has_here(newest)
    )


def _unchanged(case: Case, locked: LockEntry, line: _Line, newest: str) -> Action:
    if newest == locked.version:
        return case.keep("unchanged")
    if case.history.is_newer(locked.version, newest):
        return case.keep("unchanged", f"the next change goes into version line `{line.name}`")
    if case.has_here(newest):  # also: published from here, by a run that died before it saved assets.lock
        return case.adopt(newest, case.here, "the store has this content already")
    return case.keep("unchanged", _available(case, newest))


def _unlocked(case: Case, line: _Line, newest: str) -> Action:
    """Content that has nothing to be compared with but the versions of the line."""
    for version in case.history.in_line(line.name):
        if case.has_here(version):
            return _adopt_known(case, version, newest)
    return case.publish(line.name)


def _overtaken(case: Case, locked: LockEntry, line: _Line, newest: str, options: Options) -> Action:
    """The content changed here, and someone published meanwhile; or we did, and died before saving assets.lock."""
    for version in case.history.in_line(line.name):
        if case.history.is_newer(version, locked.version) and case.has_here(version):
            return _adopt_known(case, version, newest)
    if case.name in options.supersede:
        return case.publish(line.name, notes=[f"on top of `{newest}`, as asked by --supersede"])
    raise case.stop(
        "diverged",
        f"`{case.name}` is locked at `{locked.version}`, but `{newest}` was published meanwhile and is not here",
        f"publish on top of it with `--supersede {case.name}`, or take it with "
        f"`assetsync upgrade {case.name} --discard-local {case.name}`",
    )


def _adopt_known(case: Case, version: str, newest: str) -> Adopt:
    if version == newest:
        return case.adopt(version, case.here, "the store has this content already")
    note = f"`{newest}` is newer: `assetsync upgrade {case.name}`"
    return case.adopt(version, case.here, "the store has this content already, as an older version", note)


def _available(case: Case, version: str) -> str:
    return f"`{version}` is available: `assetsync upgrade {case.name}`"


class _Line(NamedTuple):
    """The line that an entry publishes into, and whether that opens it. None under a system without lines, and where
    the system's initial version says it."""

    name: str | None
    opens: bool = False


def _line(case: Case, options: Options) -> _Line:
    """Stop, naming what is allowed, when the entry or an option asks for a line that can't be."""
    system = case.snapshot.versioning
    wanted = case.entry.version
    bump = case.name in options.bump_major
    if not isinstance(system, Lines):
        if bump or wanted is not None:
            message = f"`{case.snapshot.manifest.versioning}` versions have no lines, so `{case.name}` can't choose one"
            raise case.stop("bad_line", message, "drop `--bump-major`" if bump else "drop `version`")
        return _Line(None)
    lines = case.history.lines
    if not lines:
        return _first_line(case, system, bump)
    following = system.next_line(lines[0])
    if bump:
        return _Line(following, opens=True)
    if wanted is None or wanted in lines:
        return _Line(wanted or lines[0])
    if wanted == following:
        return _Line(wanted, opens=True)
    if not case.snapshot.online:
        message = f"only the store knows whether `{case.name}` has the version line `{wanted}`"
        raise case.stop("needs_store", message, "ask it: no `--offline`")
    allowed = ", ".join(f'"{line}"' for line in [*reversed(lines), following])
    pin = "; a complete version can be pinned with `readonly: true`" if is_valid(system, wanted) else ""
    raise case.stop(
        "bad_line",
        f'`{case.name}` has `version: "{wanted}"`, which is neither a version line of it nor the next one',
        f"allowed are {allowed}{pin}",
    )


def _first_line(case: Case, system: Lines, bump: bool) -> _Line:
    wanted = case.entry.version
    if bump:
        raise case.stop("bad_line", f"`{case.name}` has no version yet whose major could be bumped")
    if wanted is not None:
        try:
            system.check_line(wanted)
        except InvalidError as error:
            raise case.stop("bad_line", f"`version` of `{case.name}`: {error.message}") from None
    return _Line(wanted)


# -- readonly, pull and upgrade: the store's version is taken


def _decide_readonly(case: Case, options: Options) -> Action:
    if case.name in options.publishing:
        message = f"`{case.name}` is `readonly`, so it is never published from here"
        raise case.stop("readonly", message, "drop the option, or `readonly` in assets.yaml")
    locked = case.checked_lock()
    if locked is None or not _satisfies(case, locked.version):
        return _take(case, _newest_wanted(case), options)
    action = _take(case, locked.version, options)
    newest = next(iter(case.history.matching(case.entry.version)), None)
    if newest is not None and case.history.is_newer(newest, locked.version):
        return replace(action, notes=(_available(case, newest), *action.notes))
    return action


def _decide_pull(case: Case, options: Options) -> Action:
    locked = case.checked_lock()
    if locked is None:
        return case.keep("not in assets.lock, so there is nothing to pull")
    return _take(case, locked.version, options)


def _decide_upgrade(case: Case, options: Options) -> Action:
    # Content of a version that the store lost may be the last there is: only who gives it up moves on.
    locked = case.locked if case.name in options.discard_local else case.checked_lock()
    if not case.history.matching(case.entry.version) and not case.entry.readonly:
        wanted = f"version line `{case.entry.version}`" if case.history.versions else "version"
        return case.keep(f"the store has no {wanted} of it yet")
    newest = _newest_wanted(case)
    kept = case.is_as_locked or case.is_untouched or case.has_here(newest)
    edited = isinstance(case.local, Present) and not kept
    if locked is not None and locked.version == newest and edited and case.name not in options.discard_local:
        return case.keep("locked at the newest version; the changes here stay")
    return _take(case, newest, options)


def _satisfies(case: Case, version: str) -> bool:
    wanted = case.entry.version
    system = case.snapshot.versioning
    if wanted is None or wanted == version:
        return True
    return isinstance(system, Lines) and not is_valid(system, wanted) and system.line_of(version) == wanted


def _newest_wanted(case: Case) -> str:
    versions = case.history.matching(case.entry.version)
    if versions:
        return versions[0]
    wanted = f"{case.name}:{case.entry.version}" if case.entry.version else case.name
    if not case.snapshot.online:
        raise case.stop("needs_store", f"only the store knows which version `{wanted}` is", "ask it: no `--offline`")
    existing = ", ".join(f"`{version}`" for version in case.history.versions[:10]) or "none"
    raise case.stop("unknown_version", f"the store has no `{wanted}`", f"its versions are: {existing}")


def _take(case: Case, version: str, options: Options) -> Action:
    """Make lock and local path `version`; never at the cost of local edits that nobody gave up."""
    if isinstance(case.local, HalfPulled):
        return _finish(case, case.local, version, options)
    at_version = case.is_locked_at(version)
    if case.here is None:
        why = f"; locked at `{version}`" if at_version else ", and the store has it"
        return case.pull(version, f"not here{why}")
    if at_version and case.is_as_locked:
        return case.keep("unchanged")
    if case.has_here(version):
        return case.adopt(version, case.here, "the store has this content already")
    if case.is_as_locked:
        return case.pull(version, "the newest version that assets.yaml asks for")
    if case.is_untouched:
        why = f"assets.lock moved to `{version}`" if at_version else "the newest version that assets.yaml asks for"
        return case.pull(version, why)
    if case.name in options.discard_local:
        return case.pull(version, "what is here is given up, as asked by --discard-local")
    raise case.modified(version)


def _finish(case: Case, half: HalfPulled, version: str, options: Options) -> Action:
    """Go on with a pull that stopped half-way, unless someone edited files since."""
    wanted = {(file.path, file.sha256) for file in case.files_of(version) or ()}
    here = {(file.path, file.sha256) for file in half.tree.files} if half.tree else set()
    edited = here - half.expendable - wanted
    if edited and case.name not in options.discard_local:
        raise case.modified(version, (path for path, _ in edited))
    verb = "finishes" if half.version == version else "replaces"
    return case.pull(version, f"{verb} the interrupted pull of `{half.version}`")
