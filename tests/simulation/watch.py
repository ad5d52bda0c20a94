"""The promises of the protocol that the store itself can tell: looked at after every change, by whomever.

- `.meta` comes last, under a claim, and names data that is there.
- Nothing of a version changes once it has its `.meta`.
- `.versions` loses no version, and names none that does not exist.
- `.marks` loses no move of an alias, and no alias is at a version that does not exist.

modelkit promises none of this. A version that both have written to is `contested`: it is nobody's fault. But only
modelkit may make one so: that is the one thing that assetsync does not promise beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from assetsync.backends.memory.store import MemoryBackend
from assetsync.errors import DamagedError
from assetsync.model.marks import NO_MARKS
from assetsync.model.names import CLAIM, META, VERSIONS
from assetsync.model.tree import Content, Tree
from assetsync.plan.snapshot import CLAIM_LIFETIME
from assetsync.remote import documents, layout
from tests.simulation.schedule import Schedule

NAME = "x"


class Watch:
    """Looks at each change of `raw`."""

    def __init__(self, raw: MemoryBackend, schedule: Schedule) -> None:
        self._raw = raw
        self._schedule = schedule
        # The objects of committed versions, with the bytes that they must keep.
        self._kept: dict[str, str] = {}
        # The files of each version that assetsync has committed.
        self.committed: dict[str, Tree] = {}
        # The steps in which they were committed, and the digests of all contents that somebody wrote.
        self.since: dict[str, int] = {}
        self.meant: set[str] = set()
        # The step and the time in which each version was first claimed.
        self.claimed: dict[str, tuple[int, float]] = {}
        self._ours: set[str] = set()
        self._foreign: set[str] = set()
        self.listed_before: tuple[str, ...] = ()
        self.marks = NO_MARKS

    @property
    def with_modelkit(self) -> bool:
        """Whether modelkit has written anything."""
        return bool(self._foreign)

    def contested(self, version: str) -> bool:
        """Whether both have written to a version."""
        return version in self._ours and version in self._foreign

    @contextmanager
    def foreign(self, key: str) -> Iterator[None]:
        """Around a write of modelkit."""
        version = _version(key)
        self._foreign.add(version)
        for kept in [kept for kept in self._kept if _version(kept) == version]:
            del self._kept[kept]
        yield
        if key == layout.versions_key(NAME):
            self.listed_before = ()

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
            self.claimed.setdefault(version, (self._schedule.number, self._schedule.now))
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
        tree = documents.parse_meta(self._raw.read(key).data, key=key).tree
        if tree is None:
            return
        if not self._is_claimed(version, tree):
            self._schedule.blame(f"{version} is committed by one who has no claim")
        self.committed[version] = tree
        self.since[version] = self._schedule.number
        if tree.digest not in self.meant:
            self._schedule.blame(f"{version} holds what nobody wrote")
        self._kept[key] = self._raw.found(key) or ""
        for file in tree.files:
            data = layout.data_key(NAME, version, file.path)
            self._kept[data] = file.sha256
            if self._raw.found(data) != file.sha256:
                self._schedule.blame(f"`{key}` is there, and `{data}` is not what it says")

    def _look_at_marks(self) -> None:
        key = layout.marks_key(NAME)
        marks = documents.parse_marks(self._raw.read(key).data, key=key)
        for alias, moves in self.marks.moves.items():
            if marks.moves.get(alias, ())[: len(moves)] != moves:
                self._schedule.blame(f"a move of the alias `{alias}` is lost")
        gone = [version for version in marks.aliases.values() if not self.exists(version)]
        if gone:
            self._schedule.blame(f"an alias is at {', '.join(gone)}, which does not exist")
        self.marks = marks

    def _is_claimed(self, version: str, tree: Tree) -> bool:
        key = layout.claim_key(NAME, version)
        if self._raw.found(key) is None:
            return False
        return documents.parse_claim(self._raw.read(key).data, key=key).digest == tree.digest

    def unseen(self, versions: Sequence[str], version: str, since: float) -> list[str]:
        """Those of `versions` that were there when `version` was claimed, by who looked at the store from `since` on,
        and could not take them for abandoned then."""
        number, _ = self.claimed[version]
        return [v for v in versions if self.since[v] < number and since - self.claimed[v][1] < CLAIM_LIFETIME]

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
        lost = [v for v in self.listed_before if v not in listed and self.exists(v)]
        if lost:
            self._schedule.blame(f"the index loses {', '.join(lost)}")
        phantoms = [v for v in listed if v not in self.listed_before and not self.exists(v)]
        if phantoms and not self.with_modelkit:
            self._schedule.blame(f"the index names {', '.join(phantoms)}, which do not exist")
        self.listed_before = listed

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


def _version(key: str) -> str:
    """The version that an object belongs to; empty for `.versions`."""
    if key.endswith(VERSIONS):
        return ""
    return key.removeprefix(f"{NAME}/").partition("/")[0].removesuffix(META).removesuffix(CLAIM)
