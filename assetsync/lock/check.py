"""Is assets.lock right for assets.yaml? Pure: manifest and lock as values, and what is wrong as findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from assetsync.errors import DamagedError, LockError
from assetsync.lock.text import EDITED, LockText, block_lines, edited_hint, read_lock_text, render_lock
from assetsync.model.files import LOCK, MANIFEST
from assetsync.model.history import satisfies
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.manifest import Entry, Manifest
from assetsync.model.marks import Yank, alias_in
from assetsync.model.mismatch import lock_mismatches
from assetsync.model.versioning import Lines, Versioning, is_valid
from assetsync.plan.plan import Problem
from assetsync.plan.snapshot import Absent, HalfPulled, Local, Present, RemoteVersion, Unusable


class Finding(Struct, frozen=True):
    """One thing that is wrong: with which asset (empty: the whole lock), in which file and line, and what mends it."""

    asset: str
    code: str
    message: str
    fix: str
    file: str = LOCK
    line: int = 1


def read_lock(data: bytes | None) -> tuple[Lock | None, list[Finding]]:
    """The lock in `data`, and findings about its text. Neither a lock nor a finding means that there is no file."""
    if data is None:
        return None, []
    try:
        text = read_lock_text(data, filename=LOCK)
    except LockError as error:
        message = error.message.removeprefix(f"{LOCK}:{error.line}: ")
        return None, [Finding("", "unreadable", message, error.hint or "restore it from git", LOCK, error.line)]
    edited = [Finding(name, "edited", EDITED, edited_hint(name), LOCK, line) for name, line in text.edited.items()]
    return text.lock, edited or _unusual(text, data)


def _unusual(text: LockText, data: bytes) -> list[Finding]:
    """Find where the text is not the one that assetsync writes for this lock."""
    # git may check text out with other line ends.
    there = data.replace(b"\r\n", b"\n").split(b"\n")
    ours = render_lock(text.lock, sealed=text.sealed).encode().split(b"\n")
    if there == ours:
        return []
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(there, ours, strict=False)))
    line = min(same + 1, len(data.splitlines()))
    message = "edited by hand: this is not how assetsync writes it"
    fix = f"restore it with `git checkout HEAD -- {LOCK}`, or write it anew with `assetsync lock --resolve`"
    return [Finding("", "hand_edited", message, fix, LOCK, line)]


def with_lines(findings: Iterable[Finding], lock_data: bytes | None) -> list[Finding]:
    """The findings, with the lines of the lock where they are about an asset in it."""
    lines = block_lines(lock_data or b"")
    return [
        replace(one, line=lines.get(one.asset, one.line)) if one.file == LOCK and one.asset else one for one in findings
    ]


def check_lock(manifest: Manifest, lock: Lock | None, versioning: Versioning) -> list[Finding]:
    """Find where the lock is wrong for the manifest, in the manifest's order. Neither store nor files are asked."""
    if lock is None:
        if not manifest.entries:
            return []
        return [Finding("", "no_lock", f"`{LOCK}` is missing", "run `assetsync apply`, and commit it", MANIFEST)]
    mismatches = lock_mismatches(lock, manifest)
    if mismatches:
        return [Finding("", one.code, one.message, one.fix) for one in mismatches]
    findings = [finding for entry in manifest.entries for finding in _entry(entry, lock, versioning)]
    named = {entry.name for entry in manifest.entries}
    findings.extend(
        Finding(name, "not_in_manifest", f"locked, but not in `{MANIFEST}`", "run `assetsync apply`")
        for name in lock.assets
        if name not in named
    )
    return findings


def _entry(entry: Entry, lock: Lock, versioning: Versioning) -> Iterator[Finding]:
    def finding(code: str, message: str, fix: str) -> Finding:
        return Finding(entry.name, code, message, fix, MANIFEST, entry.line)

    locked = lock.assets.get(entry.name)
    verb = "sync" if entry.readonly else "apply"
    if locked is None:
        yield finding("not_locked", f"not in `{LOCK}`", f"run `assetsync {verb} {entry.name}`")
        return
    if not is_valid(versioning, locked.version):
        yield finding(
            "bad_version",
            f"locked at `{locked.version}`, which is no version of `{lock.versioning}`",
            f"restore it with `git checkout {LOCK}`, or run `assetsync {verb} {entry.name}`",
        )
    elif not _may_be_locked_at(locked.version, entry, versioning):
        yield finding(
            "other_line",
            f'locked at `{locked.version}`, but `{MANIFEST}` says `version: "{entry.version}"`',
            f"run `assetsync {verb} {entry.name}`",
        )
    if locked.path != entry.path:
        yield finding(
            "other_path",
            f"locked with the path `{locked.path}`, but `{MANIFEST}` says `{entry.path}`",
            f"run `assetsync {verb} {entry.name}`",
        )


def _may_be_locked_at(version: str, entry: Entry, versioning: Versioning) -> bool:
    """Whether a version is what the entry declares, or still precedes what its declared line will be."""
    wanted = entry.version
    if alias_in(wanted) is not None or satisfies(version, wanted, versioning):
        return True  # where an alias is, and was when this was locked, the store alone knows
    if wanted is None or entry.readonly or not isinstance(versioning, Lines) or is_valid(versioning, wanted):
        return False
    # An older line may be declared before its next change is published; a newer one is published at once.
    line = versioning.line_of(version)
    return versioning.sort_lines([line, wanted])[0] == line


def check_guards(manifest: Manifest, lock: Lock | None, local: Mapping[str, Iterable[Problem]]) -> list[Finding]:
    """The guards that are broken, as far as it shows offline: by locked file counts, and by local content, of which
    `local` are the problems."""
    most = manifest.guards.max_files
    findings = []
    for entry in manifest.entries:
        locked = lock.assets.get(entry.name) if lock else None
        if most is not None and locked is not None and locked.content.files > most and not entry.readonly:
            message = f"locked with {locked.content.files:,} files, and `max_files` allows {most:,}"
            fix = f"leave files out with `exclude`, or raise `max_files` in `{MANIFEST}`"
            findings.append(Finding(entry.name, "too_many_files", message, fix, MANIFEST, entry.line))
        for problem in local.get(entry.name, ()):
            fix = problem.hint or f"take it out, or name it in `allow_secrets` of `{MANIFEST}`"
            findings.append(Finding(entry.name, problem.code, problem.message, fix, MANIFEST, entry.line))
    return findings


def check_content(manifest: Manifest, lock: Lock, local: Mapping[str, Local]) -> list[Finding]:
    """Find local content that differs from the lock. Absent content is no finding: not everybody needs it all."""
    findings = []
    for entry in manifest.entries:
        locked = lock.assets.get(entry.name)
        found = _content(entry, locked, local[entry.name]) if locked else None
        if found is not None:
            findings.append(found)
    return findings


def _content(entry: Entry, locked: LockEntry, local: Local) -> Finding | None:
    def finding(code: str, message: str, fix: str) -> Finding:
        return Finding(entry.name, code, message, fix, MANIFEST, entry.line)

    match local:
        case Absent():
            return None
        case Unusable():
            return finding("unusable", local.message, local.hint or "mend it")
        case HalfPulled():
            message = f"a pull of `{local.version}` did not finish"
            return finding("incomplete_pull", message, f"run `assetsync pull {entry.name}`")
        case Present():
            if local.tree.content.same_as(locked.content):
                return None
            verb = "pull --discard-local" if entry.readonly else "apply"
            fix = f"run `assetsync {verb} {entry.name}`; `assetsync plan {entry.name}` shows what differs"
            return finding("modified", f"`{entry.path}` is not what `{locked.version}` is", fix)
        case _:
            assert_never(local)


def check_remote(
    manifest: Manifest,
    lock: Lock,
    remote: Mapping[str, RemoteVersion | DamagedError | None],
    yanked: Mapping[str, Yank],
) -> list[Finding]:
    """Locked versions that the store lacks, can't show, or has with another digest.

    `remote` holds the locked version by asset. One of modelkit, which records no digest, is judged by files and sizes.
    `yanked` holds the yank of the locked version, by asset, where there is one.
    """
    findings = []
    store = f"the store `{manifest.store.name}`" if manifest.home is not None else "the store"
    for entry in manifest.entries:
        locked = lock.assets.get(entry.name)
        if locked is not None and entry.name in yanked:
            message = f"locked at `{locked.version}`, which was yanked: {yanked[entry.name].why}"
            fix = f"run `assetsync upgrade {entry.name}`"
            findings.append(Finding(entry.name, "yanked", message, fix, LOCK))
        what = _remote(f"`{entry.name}:{locked.version}`", store, locked, remote.get(entry.name)) if locked else None
        if what is not None:
            code, fix = "lost", f"see `assetsync plan {entry.name}` and `assetsync doctor`"
            if manifest.home is not None and remote.get(entry.name) is None:
                code, fix = "not_there", f"run `assetsync promote {entry.name} --to {manifest.store.name}`"
            findings.append(Finding(entry.name, code, what, fix, LOCK))
    return findings


def _remote(what: str, store: str, locked: LockEntry, found: RemoteVersion | DamagedError | None) -> str | None:
    if found is None:
        return f"{store} has no {what}"
    if isinstance(found, DamagedError):
        return f"{what} is damaged in {store}: {found.message}"
    if found.contradicts(locked.content):
        return f"{store} has {what} with {'another digest' if found.content else 'other files or sizes'}"
    return None
