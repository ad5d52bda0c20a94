"""Merging two assets.lock, asset by asset: what git leaves as a conflict, and what its merge driver is asked.

An asset that changed on one side only is taken from that side. Changed on both, the newer version of one line wins;
anything else is for a person to decide.
"""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

from assetsync.errors import LockError, UsageError
from assetsync.lock.text import EDITED, LockText, edited_hint, parse_lock, read_lock_text
from assetsync.model.files import LOCK
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.versioning import Lines, Versioning, is_valid, load_versioning

# With this, git merges assets.lock by asset: a line of .gitattributes, and a setting that each clone needs for it.
DRIVER_ATTRIBUTES = f"{LOCK} merge=assetsync"
DRIVER_SETTING = "merge.assetsync.driver"
DRIVER_COMMAND = "assetsync lock --merge-driver %O %A %B"


def resolve_conflicts(text: str, *, filename: str = LOCK) -> Lock:
    """Merge both sides of a text with git's conflict markers into one lock.

    Without markers it is the lock itself. In git's styles diff3 and zdiff3 the common ancestor is in the text too and
    is used; without one, an asset that only one side has is kept. LockError when the markers are damaged or a side is,
    or as `merge_locks`.
    """
    sides = _sides(text, filename)
    if sides is None:
        return parse_lock(text, filename=filename)
    ours = read_lock_text(sides.ours, filename=filename)
    theirs = read_lock_text(sides.theirs, filename=filename)
    _check_seals(ours, theirs, filename)
    return merge_locks(_ancestor(sides.base, filename), ours.lock, theirs.lock)


def _check_seals(ours: LockText, theirs: LockText, filename: str) -> None:
    """LockError for an asset without a conflict that was edited.

    In a block with a conflict the seals say nothing: git takes each line outside the markers from whichever side
    changed it.
    """
    for name, line in ours.edited.items():
        if name in theirs.edited and ours.lock.assets[name] == theirs.lock.assets[name]:
            raise LockError(f"{filename}:{line}: `{name}`: {EDITED}", hint=edited_hint(name), line=line)


def merge_locks(base: Lock | None, ours: Lock, theirs: Lock) -> Lock:
    """Both sides in one, by their common ancestor where there is one.

    An asset that one side removed and the other changed is kept: the manifest decides, and the next plan drops it if it
    is gone from there. LockError, naming the assets, when they differ in a way that no rule settles, or only the rules
    of a versioning system that is not installed here.
    """
    for what, one, other in (("stores", ours.store, theirs.store), ("versioning", ours.versioning, theirs.versioning)):
        if one != other:
            raise LockError(
                f"the two sides of `{LOCK}` have different {what}: `{one}` and `{other}`",
                hint=f"decide in assets.yaml, then take the side that fits it with `git checkout --ours {LOCK}` or "
                "`--theirs`",
            )
    ordering = _Ordering(_system(ours.versioning))
    before = base.assets if base is not None and base.store == ours.store else {}
    merged, undecided = {}, []
    for name in sorted({*ours.assets, *theirs.assets}):
        try:
            entry = _merge(before.get(name), ours.assets.get(name), theirs.assets.get(name), ordering)
        except _UndecidedError as error:
            undecided.append(f"`{name}` ({error})")
            continue
        if entry is not None:
            merged[name] = entry
    if undecided:
        raise LockError(
            f"both sides of `{LOCK}` changed {', '.join(undecided)}",
            hint=f"take one side with `git checkout --ours {LOCK}` or `--theirs`, and plan again",
        )
    return replace(ours, assets=merged)


def _system(name: str) -> Versioning | None:
    try:
        return load_versioning(name)
    except UsageError:
        return None


class _UndecidedError(Exception):
    pass


def _merge(
    base: LockEntry | None, ours: LockEntry | None, theirs: LockEntry | None, ordering: _Ordering
) -> LockEntry | None:
    if ours in (base, theirs):
        return theirs
    if theirs == base:
        return ours
    if ours is None or theirs is None:
        return ours or theirs
    newer = ours
    if (ours.version, ours.content) != (theirs.version, theirs.content):
        if base is not None and (ours.version, ours.content) == (base.version, base.content):
            newer = theirs
        elif base is None or (theirs.version, theirs.content) != (base.version, base.content):
            newer = ordering.newer(ours, theirs)
    # The path only repeats the manifest, and the next plan sets it right.
    moved = theirs if base is not None and ours.path == base.path else ours
    return replace(newer, path=moved.path)


class _Ordering(Struct, frozen=True):
    system: Versioning | None

    def newer(self, ours: LockEntry, theirs: LockEntry) -> LockEntry:
        """The entry with the newer version. _UndecidedError unless both are versions of one line."""
        versions = [ours.version, theirs.version]
        system = self.system
        if ours.version == theirs.version:
            raise _UndecidedError(f"`{ours.version}` with two contents")
        if system is None or not all(is_valid(system, version) for version in versions):
            raise _UndecidedError(f"`{ours.version}` and `{theirs.version}`")
        if isinstance(system, Lines) and system.line_of(ours.version) != system.line_of(theirs.version):
            raise _UndecidedError(f"`{ours.version}` and `{theirs.version}`, which are of different lines")
        return ours if system.sort(versions)[0] == ours.version else theirs


_MARKER = re.compile(r"([<|=>])\1{6}(?: .*)?")
# Which side begins at a marker, by the side that it ends; "" is what all sides share.
_NEXT_SIDE = {
    ("", "<"): "ours",
    ("ours", "|"): "base",
    ("ours", "="): "theirs",
    ("base", "="): "theirs",
    ("theirs", ">"): "",
}


class _Sides(Struct, frozen=True):
    """The texts of a conflict. `base` holds what git shows of the common ancestor: all, some or nothing."""

    ours: str
    base: str
    theirs: str


def _sides(text: str, filename: str) -> _Sides | None:
    """None for a text without markers; LockError when they do not pair up.

    Lines of other sides, and markers, are blank in a side, so that line numbers stay right.
    """
    lines: dict[str, list[str]] = {"ours": [], "base": [], "theirs": []}
    side, at = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        marker = _MARKER.fullmatch(line.rstrip("\r"))
        if marker is not None:
            if (side, marker[1]) not in _NEXT_SIDE:
                raise _unpaired(filename, number)
            side, at = _NEXT_SIDE[side, marker[1]], number
        for name, own in lines.items():
            own.append(line if marker is None and side in ("", name) else "")
    if side:
        raise _unpaired(filename, at)
    if not at:
        return None
    return _Sides(*("\n".join(own) for own in lines.values()))


def _unpaired(filename: str, line: int) -> LockError:
    return LockError(
        f"{filename}:{line}: the conflict markers do not pair up",
        hint=f"let git write them anew with `git checkout --merge {filename}`",
    )


def _ancestor(text: str, filename: str) -> Lock | None:
    """The common ancestor, as far as the text shows it; None where that is no lock.

    An asset that is missing in it, because git shows no ancestors, is merged as a new one. In the style zdiff3 the rest
    may be damaged too: lines that both sides have in common stand outside the conflict.
    """
    try:
        return read_lock_text(text, filename=filename).lock
    except LockError:
        return None
