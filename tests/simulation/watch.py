"""The promises of the protocol that a store itself can tell: looked at after every change, by whomever.

- `.meta` comes last, under a claim, and names data that is there.
- Nothing of a version changes once it has its `.meta`; what was promoted is what it is where it comes from.
- `.versions` loses no version, but for those that are yanked, and names none that does not exist.
- `.marks` loses no move of an alias and no yank, and no alias is at a version that does not exist or is yanked.
- Who takes the next number from `.versions` alone, as modelkit does, never gets that of a yanked version.

modelkit promises none of this. A version that both have written to is `contested`: it is nobody's fault. But only
modelkit may make one so: that is the one thing that assetsync does not promise beside it.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from assetsync.backends.memory.store import MemoryBackend
from assetsync.errors import DamagedError
from assetsync.model.marks import NO_MARKS, Marks
from assetsync.model.names import CLAIM, META, VERSIONS
from assetsync.model.tree import Content, Tree
from assetsync.model.versioning import MajorMinor
from assetsync.plan.snapshot import CLAIM_LIFETIME
from assetsync.remote import documents, layout
from tests.simulation.schedule import Schedule

NAME = "x"

_SYSTEM = MajorMinor()
_NOW = datetime(2026, 1, 31, tzinfo=UTC)


class Watch:
    """Looks at each change of `raw`. `origin` is the watch of the store that versions are promoted from."""

    def __init__(self, raw: MemoryBackend, schedule: Schedule, origin: Watch | None = None) -> None:
        self._raw = raw
        self._schedule = schedule
        self._origin = origin
        # The objects of committed versions, with the bytes that they must keep.
        self._kept: dict[str, str] = {}
        # The files of each version that assetsync has committed.
        self.committed: dict[str, Tree] = {}
        # The steps in which they were committed, and the digests of all contents that somebody wrote.
        self.since: dict[str, int] = {}
        self.meant: set[str] = set()
        # Of each version: the step and the time in which it was first claimed, and those of the look before that.
        self.claimed: dict[str, tuple[int, float, tuple[int, float]]] = {}
        self._ours: set[str] = set()
        self._foreign: set[str] = set()
        self.listed_before: tuple[str, ...] = ()
        self.marks = NO_MARKS
        # Whether somebody has damaged `.versions`: then commands may fail over that, until it is repaired.
        self.index_hurt = False
        # Whether somebody has edited an asset, or overwritten a version, while a command was at work on it.
        self.is_mixed = False
        self._told: list[str] = []

    def begin_as(self, other: Watch) -> None:
        """Know what another watch knows, of a store that is copied."""
        for name in ("_kept", "committed", "since", "meant", "claimed", "_ours", "_foreign", "listed_before", "marks"):
            setattr(self, name, copy.copy(getattr(other, name)))

    @property
    def with_modelkit(self) -> bool:
        """Whether modelkit has written anything."""
        return bool(self._foreign)

    @property
    def is_trusted(self) -> bool:
        """Whether nobody but assetsync has written here."""
        return not self._foreign and not self.index_hurt

    def promise(self, who: str, version: str) -> None:
        """Somebody is told that a version is there, and listed: that must be true, and stay so."""
        self._told.append(version)
        if self.is_forgotten(version):
            self._schedule.blame(f"`{who}` is told of {version}, which is not listed")

    def broken_promises(self) -> list[str]:
        """The versions that somebody was told of, and that are no longer there or listed, or never were."""
        return [version for version in self._told if self.is_forgotten(version)]

    def is_forgotten(self, version: str) -> bool:
        """Whether a version is gone, or neither listed nor yanked."""
        if not self.is_trusted:
            return not self.exists(version) and version not in self._foreign
        return not self.exists(version) or (version not in self.listed() and version not in self.marks.yanked)

    @property
    def bad(self) -> frozenset[str]:
        """The versions that were ever yanked."""
        return frozenset(yank.version for yank in self.marks.yanks)

    def contested(self, version: str) -> bool:
        """Whether both have written to a version."""
        return version in self._ours and version in self._foreign

    @contextmanager
    def foreign(self, key: str) -> Iterator[None]:
        """Around a write of modelkit."""
        version, before = _version(key), self._raw.found(key)
        self._foreign.add(version)
        for kept in [kept for kept in self._kept if _version(kept) == version]:
            del self._kept[kept]
        yield
        if version and before not in (None, self._raw.found(key)):
            self.is_mixed = True  # whoever reads that version meanwhile has some of both
        if key == layout.versions_key(NAME):
            self.listed_before = ()

    def index_was_hurt(self) -> None:
        """Somebody has deleted `.versions`, or put something else there."""
        self.index_hurt = True
        self.listed_before = self.listed()

    @contextmanager
    def ours(self, key: str) -> Iterator[None]:
        """Around a write of assetsync."""
        before = self._raw.found(key)
        yield
        after = self._raw.found(key)
        if before == after:
            return
        if key in self._kept and after != self._kept[key]:
            self._schedule.blame(f"`{key}` changes, and is part of a version")
        if key == layout.marks_key(NAME):
            self._look_at_marks()
            return
        version = _version(key)
        if key.endswith(CLAIM):
            self.claimed.setdefault(version, (self._schedule.number, self._schedule.now, self._schedule.looked))
        elif version:
            self._ours.add(version)
        if key == layout.versions_key(NAME):
            self._look_at_index()
        elif self.contested(version):
            return
        elif key.endswith(META):
            self._look_at_meta(version)
        elif version in self.committed and key not in self._kept and not key.endswith(CLAIM):
            self._schedule.blame(f"`{key}` comes after the `.meta` of its version")

    def _look_at_meta(self, version: str) -> None:
        key = layout.meta_key(NAME, version)
        if self._raw.found(key) is None:
            return
        meta = documents.parse_meta(self._raw.read(key).data, key=key)
        tree = meta.tree
        if tree is None:
            return
        if not self._is_claimed(version, tree):
            self._schedule.blame(f"{version} is committed by one who has no claim")
        self.committed[version] = tree
        self.since[version] = self._schedule.number
        if meta.promoted:
            self._look_at_promoted(version, tree)
        elif tree.digest not in self.meant and not self.is_mixed:
            self._schedule.blame(f"{version} holds what nobody wrote")
        self._kept[key] = self._raw.found(key) or ""
        for file in tree.files:
            data = layout.data_key(NAME, version, file.path)
            self._kept[data] = file.sha256
            if self._raw.found(data) != file.sha256:
                self._schedule.blame(f"`{key}` is there, and `{data}` is not what it says")

    def _look_at_promoted(self, version: str, tree: Tree) -> None:
        there = self._origin
        if there is None or version in there._foreign:
            return
        if version not in there.committed or there.committed[version].digest != tree.digest:
            self._schedule.blame(f"{version} is promoted, and is not what it is where it comes from")

    def _look_at_marks(self) -> None:
        key = layout.marks_key(NAME)
        marks = documents.parse_marks(self._raw.read(key).data, key=key)
        for alias, moves in self.marks.moves.items():
            if marks.moves.get(alias, ())[: len(moves)] != moves:
                self._schedule.blame(f"a move of the alias `{alias}` is lost")
        if not _keeps_yanks(self.marks, marks):
            self._schedule.blame("a yank is lost")
        gone = [version for version in marks.aliases.values() if not self.exists(version)]
        if gone:
            self._schedule.blame(f"an alias is at {', '.join(gone)}, which does not exist")
        moved = [alias for alias, version in marks.aliases.items() if version != self.marks.at(alias)]
        bad = [version for alias in moved if (version := marks.aliases[alias]) in marks.yanked]
        if bad:
            self._schedule.blame(f"an alias moves to {', '.join(bad)}, which is yanked")
        self.marks = marks

    def _is_claimed(self, version: str, tree: Tree) -> bool:
        key = layout.claim_key(NAME, version)
        if self._raw.found(key) is None:
            return False
        return documents.parse_claim(self._raw.read(key).data, key=key).digest == tree.digest

    def unseen(self, versions: Sequence[str], version: str) -> list[str]:
        """Those of `versions` that were there when `version` was claimed, and were not abandoned, as far as anybody
        could tell, when its publisher had its last look."""
        number, _, (looked, when) = self.claimed[version]

        def seemed_abandoned(one: str) -> bool:
            return looked < self.since[one] and when - self.claimed[one][1] >= CLAIM_LIFETIME

        return [
            one for one in versions if self.since[one] < number and not seemed_abandoned(one) and one not in self.bad
        ]

    def listed(self) -> tuple[str, ...]:
        """The versions in `.versions`; none where it is missing or damaged."""
        key = layout.versions_key(NAME)
        if self._raw.found(key) is None:
            return ()
        try:
            return documents.parse_versions(self._raw.read(key).data, key=key)
        except DamagedError:
            return ()

    def _look_at_index(self) -> None:
        listed = self.listed()
        lost = [v for v in self.listed_before if v not in listed and self.exists(v) and v not in self.marks.yanked]
        # A yank may be taken back before it has unlisted its version, and who did that lists it again.
        lost = [v for v in lost if v not in self.bad]
        if lost:
            self._schedule.blame(f"the index loses {', '.join(lost)}")
        phantoms = [v for v in listed if v not in self.listed_before and not self.exists(v)]
        if phantoms and not self.with_modelkit:
            self._schedule.blame(f"the index names {', '.join(phantoms)}, which do not exist")
        self.listed_before = listed
        if self.is_trusted and self.marks.yanked:
            self._look_at_next(listed)

    def _look_at_next(self, listed: Sequence[str]) -> None:
        """modelkit overwrites the version whose number comes next by `.versions`."""
        for line in {_SYSTEM.line_of(version) for version in self.marks.yanked if "-" not in version}:
            known = [version for version in listed if _SYSTEM.line_of(version) == line]
            following = _SYSTEM.next(_SYSTEM.sort(known), now=_NOW) if known else _SYSTEM.first_of_line(line)
            if following in self.marks.yanked:
                self._schedule.blame(f"by the index, {following} comes next, which is yanked")

    def exists(self, version: str) -> bool:
        """Whether a version is committed."""
        return self._raw.found(layout.meta_key(NAME, version)) is not None

    def holds(self, version: str, content: Content) -> bool:
        """Whether a version is there with this content; what modelkit did to it is not held against anyone."""
        if self.contested(version) or version not in self._ours:
            return True
        return version in self.committed and self.committed[version].content.same_as(content)

    def keeps(self, path: str, data: bytes) -> bool:
        """Whether some version has this file, modelkit's included."""
        sha256 = hashlib.sha256(data).hexdigest()
        versions = [
            info.key.removesuffix(META) for info in self._raw.list(f"{NAME}/").objects if info.key.endswith(META)
        ]
        return any(self._raw.found(f"{version}/{path}" if path else version) == sha256 for version in versions)


def _keeps_yanks(before: Marks, after: Marks) -> bool:
    """Whether the yanks of before are still there, and none that was taken back holds again."""
    kept = zip(before.yanks, after.yanks, strict=False)
    return len(after.yanks) >= len(before.yanks) and all(
        (old.version, old.act) == (new.version, new.act) and old.undone in (None, new.undone) for old, new in kept
    )


def _version(key: str) -> str:
    """The version that an object belongs to; empty for `.versions`."""
    if key.endswith(VERSIONS):
        return ""
    return key.removeprefix(f"{NAME}/").partition("/")[0].removesuffix(META).removesuffix(CLAIM)
