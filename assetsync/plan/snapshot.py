"""All that the planner may know: the manifest, the lock, the local trees and what the store holds, at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from assetsync.model.lock import Lock, LockEntry
from assetsync.model.manifest import Manifest
from assetsync.model.marks import Marks, Yank
from assetsync.model.tree import Content, FileEntry, Tree
from assetsync.model.versioning import Versioning

# Seconds. A claim that is younger, by the store's clock, is taken for a publish that is still going on.
CLAIM_LIFETIME = 3600.0


class Present(Struct, frozen=True):
    """The path is there. `excluded` files were left out; `left_out` names them, as far as they are here.

    `stamps` are what `assetsync.local.scan` tells a change by, parallel to the files of the tree. `through` says where
    links lead by which the path, or a file below it, lies outside of the project.
    """

    tree: Tree
    excluded: int = 0
    stamps: Sequence[object] = ()
    through: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Absent(Struct, frozen=True):
    """Nothing is at the path, or an empty folder. `through` is as in Present."""

    empty_folder: bool = False
    through: tuple[str, ...] = ()


class Unusable(Struct, frozen=True):
    """Something is at the path that can't be an asset: a broken link, an unreadable file, a bad name.

    `code` is that of the problem; `outside` for a link that git tracks and that leads out of the project.
    """

    message: str
    hint: str | None = None
    code: str = "unusable"


class HalfPulled(Struct, frozen=True):
    """A pull of `version` to this path did not finish. `tree` is what is there, None when nothing is.

    `stamps` and `through` are as in Present.
    """

    version: str
    tree: Tree | None
    excluded: int = 0
    stamps: Sequence[object] = ()
    through: tuple[str, ...] = ()


Local = Present | Absent | Unusable | HalfPulled


class RemoteVersion(Struct, frozen=True):
    """A committed version, as far as somebody looked at it.

    `content` is None for a version of modelkit, which records no digest, as long as nobody had to learn it: then it is
    not what is here. `files` is None where its `.meta` was not read. A file of modelkit has an empty hash until it is
    learnt; when `is_compared`, such a file surely is none of those that are here under the same path.
    """

    version: str
    content: Content | None
    files: Sequence[FileEntry] | None = None
    is_compared: bool = False

    @property
    def has_hashes(self) -> bool:
        """Whether `files` can be compared with what is here, file by file."""
        return self.files is not None and (self.is_compared or all(file.sha256 for file in self.files))

    def contradicts(self, expected: Content) -> bool:
        """Whether this can't be `expected`: by its digest, or, where that is not known, by its files and sizes."""
        if self.content is not None:
            return not self.content.same_as(expected)
        if self.files is None:
            return False
        is_directory = any(file.path for file in self.files)
        size = sum(file.size for file in self.files)
        return (is_directory, len(self.files), size) != (expected.is_directory, expected.files, expected.size)


class Unfinished(Struct, frozen=True):
    """A version without `.meta`: claimed, or with data already there. Without a claim, `claim_age` and digest are None.

    `own`: this project made the claim. `claim_age` is in seconds, by the store's clock. `is_spoiled`: what is here was
    to become this version, but an object of it is there and is another: nothing is overwritten, so it never can.
    """

    version: str
    digest: str | None = None
    is_directory: bool = False
    who: str = ""
    claim_age: float | None = None
    own: bool = False
    is_spoiled: bool = False

    def holds(self, content: Content) -> bool:
        """Whether a publish of `content` can go on with this."""
        return not self.is_spoiled and (self.digest, self.is_directory) == (content.digest, content.is_directory)

    @property
    def in_progress(self) -> bool:
        """Whether someone else probably is at it: the claim is not ours and is younger than CLAIM_LIFETIME."""
        return self.claim_age is not None and self.claim_age < CLAIM_LIFETIME and not self.own


class RemoteAsset(Struct, frozen=True):
    """One asset as the store has it.

    `listed` are the versions of `.versions` that the versioning system knows, newest first; `foreign` the others.
    `unlisted` have a `.meta` but are not in `.versions`, be it that they were yanked. `damaged` says what can't be read
    of the asset, if anything.

    `known` are the versions that somebody looked at; None is one that the store turned out not to have. `looked_into`
    says whether its folder was listed: before that, `unlisted` and `unfinished` are empty because nobody knows. So are
    `listed` and `foreign` before `.versions` was read, see `indexed`. `marks` are None before somebody read them.
    """

    listed: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    known: Mapping[str, RemoteVersion | None] = field(default_factory=dict)
    unfinished: tuple[Unfinished, ...] = ()
    damaged: str | None = None
    looked_into: bool = True
    indexed: bool = True
    marks: Marks | None = None

    @property
    def yanked(self) -> Mapping[str, Yank]:
        """The yanks that hold, by version; of a version that is listed all the same, none does yet."""
        found = self.marks.yanked if self.marks else {}
        return {version: yank for version, yank in found.items() if version not in self.listed}

    @property
    def strays(self) -> tuple[str, ...]:
        """The ones that `.versions` should have and lacks: unlisted, and not yanked."""
        yanked = self.yanked
        return tuple(version for version in self.unlisted if version not in yanked)

    @property
    def committed(self) -> tuple[str, ...]:
        """All that have a `.meta`, listed or not, and were not yanked."""
        return (*self.listed, *self.strays)


class Snapshot(Struct, frozen=True):
    """The three states of every considered asset, and how many were left out of consideration.

    `manifest` and `lock` are cut down to the considered assets. `now` is in UTC and serves date versions alone.
    `online` is False when `remote` was made up from the lock; `makes_store` is True when the store is a directory that
    does not exist yet. `last_seen` is what assetsync last saw at a path as locked, by asset, as far as that is
    remembered: content that is still that has not been edited, whatever the lock says now. `tracked` are the assets of
    which git tracks files, as far as somebody asked git.
    """

    manifest: Manifest
    lock: Lock | None
    local: Mapping[str, Local]
    remote: Mapping[str, RemoteAsset]
    versioning: Versioning
    now: datetime
    online: bool = True
    not_considered: int = 0
    makes_store: bool = False
    last_seen: Mapping[str, LockEntry] = field(default_factory=dict)
    tracked: frozenset[str] = frozenset()
