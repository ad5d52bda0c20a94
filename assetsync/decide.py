"""Snapshot -> Plan: the decision table of the design, pure.

`plan_sync` decides what publishing and getting would do, `plan_pull` what makes local paths what the lock says, and
`plan_upgrade` what moves the lock to the newest versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from assetsync.model import Content, Entry, LockEntry, Tree
from assetsync.plan import (
    Action,
    Adopt,
    Changes,
    Create,
    Forget,
    Keep,
    Plan,
    Problem,
    Pull,
    Transfer,
    Update,
    compare,
)
from assetsync.snapshot import (
    Absent,
    HalfPulled,
    History,
    Present,
    RemoteAsset,
    RemoteVersion,
    Snapshot,
    Unfinished,
    Unusable,
)
from assetsync.versioning import Lines, is_valid


@dataclass(frozen=True, slots=True)
class Options:
    """One-shot wishes: names to bump, to publish on top of a newer version, and to take over local edits."""

    bump_major: frozenset[str] = frozenset()
    supersede: frozenset[str] = frozenset()
    discard_local: frozenset[str] = frozenset()


class _Stop(Exception):  # noqa: N818 - control flow inside this module, never an error for others
    """Ends the decision about one asset with a problem."""

    def __init__(self, asset: str, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(asset, code, message, hint)


def plan_sync(snapshot: Snapshot, options: Options | None = None) -> Plan:
    """The plan of `plan`, `apply` and `sync`: both directions, by the decision table."""
    chosen = options or Options()
    return _plan(snapshot, lambda entry: _decide_sync(_Case.of(snapshot, entry), chosen), forget=True)


def plan_pull(snapshot: Snapshot, options: Options | None = None) -> Plan:
    """The plan of `pull`: local paths become what the lock says; what the lock does not name stays out of it."""
    chosen = options or Options()
    return _plan(snapshot, lambda entry: _decide_pull(_Case.of(snapshot, entry), chosen), forget=False)


def plan_upgrade(snapshot: Snapshot, options: Options | None = None) -> Plan:
    """The plan of `upgrade`: the lock moves to the newest version of each line, and local paths with it."""
    chosen = options or Options()
    return _plan(snapshot, lambda entry: _decide_upgrade(_Case.of(snapshot, entry), chosen), forget=False)


def _plan(snapshot: Snapshot, decide: Callable[[Entry], Action], *, forget: bool) -> Plan:
    actions: list[Action] = []
    problems: list[Problem] = []
    elsewhere = _lock_problem(snapshot)
    if elsewhere is not None:
        return _made(snapshot, actions, [elsewhere])
    for entry in snapshot.manifest.entries:
        try:
            actions.append(decide(entry))
        except _Stop as stop:
            problems.append(stop.problem)
    if forget:
        actions.extend(_forgotten(snapshot))
    return _made(snapshot, actions, problems)


def _made(snapshot: Snapshot, actions: list[Action], problems: list[Problem]) -> Plan:
    later = snapshot.now + timedelta(days=1)
    dated = snapshot.versioning.initial(now=snapshot.now) != snapshot.versioning.initial(now=later)
    return Plan(
        store=snapshot.manifest.store.url,
        actions=tuple(actions),
        problems=tuple(problems),
        online=snapshot.online,
        dated=dated,
        not_considered=snapshot.not_considered,
    )


def _lock_problem(snapshot: Snapshot) -> Problem | None:
    lock, manifest = snapshot.lock, snapshot.manifest
    if lock is None:
        return None
    if lock.store != manifest.store.url:
        return Problem(
            "",
            "store_mismatch",
            f"assets.lock belongs to the store `{lock.store}`, but the manifest names `{manifest.store.url}`",
            "restore `store` in assets.yaml; to start anew in the other store, remove assets.lock first",
        )
    if lock.versioning != manifest.versioning:
        return Problem(
            "",
            "versioning_mismatch",
            f"assets.lock is under `{lock.versioning}` versions, but the manifest says `{manifest.versioning}`",
            "restore `versioning` in assets.yaml; to start anew, remove assets.lock first",
        )
    return None


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


@dataclass(frozen=True, slots=True)
class _Case:
    """One entry with its three states."""

    entry: Entry
    local: Present | Absent | HalfPulled
    locked: LockEntry | None
    remote: RemoteAsset
    history: History
    snapshot: Snapshot

    @classmethod
    def of(cls, snapshot: Snapshot, entry: Entry) -> _Case:
        """_Stop when the local path is in no state to be compared."""
        local = snapshot.local[entry.name]
        if isinstance(local, Unusable):
            raise _Stop(entry.name, "unusable", local.message, local.hint)
        remote = snapshot.remote[entry.name]
        locked = snapshot.lock.assets.get(entry.name) if snapshot.lock else None
        return cls(entry, local, locked, remote, History.of(remote, snapshot.versioning), snapshot)

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def here(self) -> Content | None:
        return self.tree.content if self.tree else None

    @property
    def tree(self) -> Tree | None:
        return None if isinstance(self.local, Absent) else self.local.tree

    def remote_content(self, version: str) -> Content | None:
        known = self.remote.known.get(version)
        return known.content if known else None

    def has_here(self, version: str) -> bool:
        """Whether the local tree is that version."""
        return self.here is not None and self.here.same_as(self.remote_content(version))

    def stop(self, code: str, message: str, hint: str | None = None) -> _Stop:
        return _Stop(self.name, code, message, hint)

    def checked_lock(self) -> LockEntry | None:
        """The lock entry, after checking that the store still has its version with its digest."""
        locked = self.locked
        if locked is None or not self.snapshot.online:
            return locked
        version = f"`{self.name}:{locked.version}`"
        known = self.remote.known.get(locked.version)
        if known is None:
            raise self.stop(
                "lost",
                f"{version} is locked, but the store does not have it",
                "wrong store, or a damaged one: `assetsync doctor` tells more",
            )
        if known.content is not None and not known.content.same_as(locked.content):
            raise self.stop(
                "lost",
                f"{version} is locked as {locked.content.digest[:19]}…, but the store has {known.content.digest[:19]}…",
                "wrong store, a damaged one, or an edited lock: `git log assets.lock` and `assetsync show` tell",
            )
        return locked

    @property
    def remote_notes(self) -> tuple[str, ...]:
        """What is odd about the asset in the store, and who mends it."""
        notes = []
        if self.remote.unlisted:
            versions = ", ".join(f"`{version}`" for version in self.remote.unlisted)
            notes.append(f"{versions} missing from the store's index: `assetsync doctor --repair`")
        if self.remote.foreign:
            notes.append(
                f"ignored {len(self.remote.foreign)} version(s) that are not `{self.snapshot.manifest.versioning}`"
            )
        return tuple(notes)

    def keep(self, reason: str, *notes: str) -> Action:
        """Nothing to do, or only the new path to record."""
        locked = self.locked
        if locked is not None and locked.path != self.entry.path:
            return self.adopt(locked.version, locked.content, f"path moved from `{locked.path}`", *notes)
        return Keep(
            asset=self.name,
            path=self.entry.path,
            reason=reason,
            base=locked.version if locked else None,
            to=locked.version if locked else None,
            content=locked.content if locked else self.here,
            changes=Changes(unchanged=self.here.files if self.here else 0),
            notes=notes + self.remote_notes,
            excluded=self.excluded,
        )

    def adopt(self, version: str, content: Content | None, reason: str, *notes: str) -> Adopt:
        return Adopt(
            asset=self.name,
            path=self.entry.path,
            reason=reason,
            base=self.locked.version if self.locked else None,
            to=version,
            content=content,
            changes=Changes(unchanged=content.files if content else 0),
            notes=notes + self.remote_notes,
            excluded=self.excluded,
            unlisted=version in self.remote.unlisted,
        )

    def pull(self, version: str, reason: str, *notes: str) -> Pull:
        known = self.remote.known.get(version)
        content = known.content if known else None
        if content is None and self.locked and self.locked.version == version:
            content = self.locked.content
        over = self.local.tree if isinstance(self.local, Present) else None
        wanted = known.files if known and known.files is not None else ()
        changes = compare(over.files if over else (), wanted)
        # A file that is here under any path is copied from there.
        here = {file.sha256 for file in over.files} if over else set()
        download = (
            sum(file.size for file in wanted if file.sha256 not in here) if wanted else content.size if content else 0
        )
        return Pull(
            asset=self.name,
            path=self.entry.path,
            reason=reason,
            base=self.locked.version if self.locked else None,
            to=version,
            content=content,
            changes=changes,
            transfer=Transfer(download=download),
            notes=notes + self.remote_notes,
            over=self.tree,
            excluded=self.excluded,
        )

    @property
    def excluded(self) -> int:
        return 0 if isinstance(self.local, Absent) else self.local.excluded

    def modified(self) -> _Stop:
        return self.stop(
            "modified",
            f"`{self.entry.path}` is not what `{self.name}` was locked at, and pulling would lose that",
            f"keep a copy elsewhere, or take the store's version with `assetsync pull --discard-local {self.name}`",
        )


def _decide_sync(case: _Case, options: Options) -> Action:
    if isinstance(case.local, HalfPulled):
        raise case.stop(
            "incomplete_pull",
            f"a pull of `{case.name}:{case.local.version}` to `{case.entry.path}` did not finish",
            f"finish it with `assetsync pull {case.name}`",
        )
    if case.entry.readonly:
        return _decide_readonly(case, options)
    locked = case.checked_lock()
    if case.here is None:
        return _absent(case, locked)
    line, raised = _line(case, options)
    newest = next(iter([] if raised else case.history.in_line(line)), None)
    if newest is None:
        return _publish(case, line, reason=_opening(case, line))
    if locked is None:
        return _without_lock(case, line, newest)
    if case.here.same_as(locked.content):
        return _unchanged(case, locked, line, newest)
    if locked.version == newest:
        return _publish(case, line, base=newest)
    if case.history.is_newer(locked.version, newest):  # the declared line is an older one
        return _without_lock(case, line, newest)
    if case.has_here(newest):
        return case.adopt(newest, case.here, "the store has this content already")
    if case.name in options.supersede:
        return _publish(case, line, base=newest, why=f"on top of `{newest}`, as asked by --supersede")
    raise case.stop(
        "diverged",
        f"`{case.name}` is locked at `{locked.version}` and changed here, but `{newest}` was published meanwhile",
        f"publish on top of it with `--supersede {case.name}`, or take it with "
        f"`assetsync upgrade {case.name} --discard-local {case.name}`",
    )


def _absent(case: _Case, locked: LockEntry | None) -> Action:
    if locked is not None:
        return case.pull(locked.version, f"not here; locked at `{locked.version}`")
    versions = case.history.matching(case.entry.version)
    if not versions:
        what = (
            "is an empty directory" if isinstance(case.local, Absent) and case.local.empty_folder else "does not exist"
        )
        raise case.stop(
            "missing",
            f"`{case.entry.path}` {what}, and the store has no `{case.name}` to pull",
            "create the file, or mend `path` in assets.yaml",
        )
    return case.pull(versions[0], "not here, and the store has it")


def _unchanged(case: _Case, locked: LockEntry, line: str | None, newest: str) -> Action:
    if case.history.is_newer(newest, locked.version):
        return case.keep("unchanged", f"`{newest}` is available: `assetsync upgrade {case.name}`")
    if newest != locked.version:
        return case.keep("unchanged", f"the next change goes into line `{line}`")
    return case.keep("unchanged")


def _without_lock(case: _Case, line: str | None, newest: str) -> Action:
    if case.has_here(newest):
        return case.adopt(newest, case.here, "the store has this content already")
    for version in case.history.in_line(line):
        if case.has_here(version):
            note = f"`{newest}` is newer: `assetsync upgrade {case.name}`"
            return case.adopt(version, case.here, "the store has this content already, as an older version", note)
    return _publish(case, line, base=newest)


def _line(case: _Case, options: Options) -> tuple[str | None, bool]:
    """The line that the entry publishes into, and whether that opens it. (None, …) under a system without lines."""
    system = case.snapshot.versioning
    bump = case.name in options.bump_major
    if not isinstance(system, Lines):
        if bump:
            raise case.stop("bad_line", f"`{case.snapshot.manifest.versioning}` versions have no major to bump")
        return None, False
    lines = case.history.lines
    wanted = case.entry.version
    if not lines:
        if bump:
            raise case.stop("bad_line", f"`{case.name}` has no version whose major could be bumped")
        return wanted, False
    following = system.next_line(lines[0])
    if bump:
        return following, True
    if wanted is None or wanted in lines:
        return wanted or lines[0], False
    if wanted == following:
        return wanted, True
    allowed = ", ".join(f'"{line}"' for line in [*reversed(lines), following])
    raise case.stop(
        "bad_line",
        f'`{case.name}` has `version: "{wanted}"`, which is neither a line of it nor the next one',
        f"allowed are {allowed}",
    )


def _opening(case: _Case, line: str | None) -> str:
    if case.history.versions:
        return f"opens version line `{line}`"
    return "new asset"


def _publish(
    case: _Case, line: str | None, *, base: str | None = None, reason: str | None = None, why: str | None = None
) -> Action:
    """Publish the local tree as the next version of the line; on top of `base`, or as the line's first."""
    if not isinstance(case.local, Present):
        raise TypeError("only a tree that is there is published")
    tree = case.local.tree
    to, notes = _next_version(case, line, base)
    # A new line has no version of its own to take unchanged files from; the newest of all will do.
    origin = base or next(iter(case.history.versions), None)
    source = case.remote.known.get(origin) if origin else None
    changes = compare((source.files or ()) if source else (), tree.files)
    create = Create(
        asset=case.name,
        path=case.entry.path,
        reason=reason or why or _what_changed(changes, source),
        to=to,
        content=tree.content,
        changes=changes,
        transfer=_upload(tree, source),
        notes=notes + case.remote_notes,
        local=case.local,
        excluded=case.excluded,
    )
    if origin is None:
        return create
    set_line = line if case.entry.version not in (None, line) else None
    fields = {name: getattr(create, name) for name in Create.__dataclass_fields__}
    return Update(**{**fields, "base": origin, "source": source, "set_line": set_line})


def _what_changed(changes: Changes, source: RemoteVersion | None) -> str:
    if source is None or source.files is None:
        return "content changed"
    counts = [(len(changes.changed), "changed"), (len(changes.added), "added"), (len(changes.removed), "removed")]
    if not counts[1][0] and not counts[2][0]:
        return f"content changed: {_files(counts[0][0])}"
    return "content changed: " + ", ".join(f"{_files(count)} {word}" for count, word in counts if count)


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _upload(tree: Tree, source: RemoteVersion | None) -> Transfer:
    has = {file.sha256 for file in source.files or ()} if source else set()
    reuse = sum(file.size for file in tree.files if file.sha256 in has)
    return Transfer(upload=tree.content.size - reuse, reuse=reuse)


def _next_version(case: _Case, line: str | None, base: str | None) -> tuple[str, tuple[str, ...]]:
    """The version to publish, past what unfinished publishes occupy, and notes about those."""
    content = case.here
    system = case.snapshot.versioning
    taken = case.history.in_line(line) if base else []
    notes: list[str] = []
    for unfinished in reversed(_unfinished(case, line, base)):
        if content is not None and unfinished.holds(content):
            return unfinished.version, (*notes, f"goes on with the unfinished publish of `{unfinished.version}`")
        if unfinished.in_progress:
            minutes = int((unfinished.claim_age or 0) // 60)
            raise case.stop(
                "in_progress",
                f"`{case.name}:{unfinished.version}` is being published by {unfinished.who}, since {minutes} min",
                "wait for it and plan again; if that process is dead, its number is skipped after an hour",
            )
        taken = [*taken, unfinished.version]
        notes.append(f"skips `{unfinished.version}`, which an unfinished publish occupies")
    if taken:
        return system.next(taken, now=case.snapshot.now), tuple(notes)
    if line is not None and isinstance(system, Lines):
        return system.first_of_line(line), tuple(notes)
    return system.initial(now=case.snapshot.now), tuple(notes)


def _unfinished(case: _Case, line: str | None, base: str | None) -> list[Unfinished]:
    """The unfinished versions of the line that are newer than `base`, newest first."""
    system = case.snapshot.versioning
    by_version = {one.version: one for one in case.remote.unfinished}
    candidates = system.sort(by_version)
    if isinstance(system, Lines):
        wanted = line if line is not None else system.line_of(system.initial(now=case.snapshot.now))
        candidates = [version for version in candidates if system.line_of(version) == wanted]
    return [by_version[version] for version in candidates if base is None or case.history.is_newer(version, base)]


def _decide_readonly(case: _Case, options: Options) -> Action:
    locked = case.checked_lock()
    satisfied = locked is not None and _satisfies(case, locked.version)
    if locked is not None and satisfied:
        action = _take(case, locked.version, options)
        newer = case.history.matching(case.entry.version)
        if newer and case.history.is_newer(newer[0], locked.version):
            return replace(action, notes=(f"`{newer[0]}` is available: `assetsync upgrade {case.name}`", *action.notes))
        return action
    return _take(case, _newest_wanted(case), options)


def _satisfies(case: _Case, version: str) -> bool:
    wanted = case.entry.version
    system = case.snapshot.versioning
    if wanted is None or wanted == version:
        return True
    return isinstance(system, Lines) and not is_valid(system, wanted) and system.line_of(version) == wanted


def _newest_wanted(case: _Case) -> str:
    versions = case.history.matching(case.entry.version)
    if versions:
        return versions[0]
    wanted = f"{case.name}:{case.entry.version}" if case.entry.version else case.name
    existing = ", ".join(f"`{version}`" for version in case.history.versions[:10]) or "none"
    raise case.stop("unknown_version", f"the store has no `{wanted}`", f"its versions are: {existing}")


def _take(case: _Case, version: str, options: Options) -> Action:
    """Make lock and local path `version`; never at the cost of local edits that nobody gave up."""
    if isinstance(case.local, HalfPulled):
        return _finish(case, case.local, version, options)
    content = case.remote_content(version)
    if case.here is None:
        reason = (
            f"not here; locked at `{version}`" if _is_locked_at(case, version) else "not here, and the store has it"
        )
        return case.pull(version, reason)
    if case.has_here(version) or (_is_locked_at(case, version) and _is_as_locked(case)):
        if _is_locked_at(case, version):
            return case.keep("unchanged")
        return case.adopt(version, content or case.here, "the store has this content already")
    if _is_as_locked(case):
        return case.pull(version, f"`{case.locked.version}` → `{version}`" if case.locked else "newer version")
    if case.name in options.discard_local:
        return case.pull(version, "local content is given up, as asked by --discard-local")
    raise case.modified()


def _finish(case: _Case, half: HalfPulled, version: str, options: Options) -> Action:
    """Go on with a pull that stopped half-way, unless someone edited files since."""
    known = case.remote.known.get(version)
    wanted = {(file.path, file.sha256) for file in (known.files or ())} if known else set()
    here = {(file.path, file.sha256) for file in half.tree.files} if half.tree else set()
    if here <= half.expendable | wanted or case.name in options.discard_local:
        return case.pull(version, f"finishes the interrupted pull of `{half.version}`")
    raise case.modified()


def _is_locked_at(case: _Case, version: str) -> bool:
    return case.locked is not None and case.locked.version == version


def _is_as_locked(case: _Case) -> bool:
    return case.locked is not None and case.here is not None and case.here.same_as(case.locked.content)


def _decide_pull(case: _Case, options: Options) -> Action:
    locked = case.checked_lock()
    if locked is None:
        return case.keep("not in assets.lock, so there is nothing to pull")
    return _take(case, locked.version, options)


def _decide_upgrade(case: _Case, options: Options) -> Action:
    case.checked_lock()
    if not case.history.matching(case.entry.version) and not case.entry.readonly:
        return case.keep("the store has no version of it yet")
    return _take(case, _newest_wanted(case), options)
