"""The values that assetsync is about: files, trees, digests, locks, manifests, and what is known of a store.

All of them are frozen; nothing here reads a file, a clock or a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

DIGEST_PREFIX = "sha256:"


class FileEntry(NamedTuple):
    """One file of a tree: POSIX path relative to the asset's root, size in bytes, lower-case hex sha256.

    The path of a single-file asset is the empty string. A named tuple, because trees have 50,000 of them.
    """

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a tree amounts to: its digest, whether it is a directory, total bytes and number of files."""

    digest: str
    is_directory: bool
    size: int
    files: int

    def same_as(self, other: Content | None) -> bool:
        """Whether both are the same bytes under the same paths. A file never equals a directory."""
        return other is not None and (self.digest, self.is_directory) == (other.digest, other.is_directory)


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of an asset, sorted by the UTF-8 bytes of their paths. Built by `file_tree` or `directory_tree`."""

    files: tuple[FileEntry, ...]
    content: Content

    @property
    def digest(self) -> str:
        return self.content.digest

    @property
    def is_directory(self) -> bool:
        return self.content.is_directory


def file_tree(size: int, sha256: str) -> Tree:
    """The tree of a single-file asset. Its digest is the sha256 of the bytes."""
    return Tree((FileEntry("", size, sha256),), Content(DIGEST_PREFIX + sha256, False, size, 1))


def directory_tree(files: Iterable[FileEntry]) -> Tree:
    """The tree of a directory asset.

    The digest is the sha256 of the listing in the format of coreutils' ``sha256sum``: ``<hex>  <path>\\n``, sorted by
    the UTF-8 bytes of the paths, so that ``find`` and ``sha256sum`` can check it.
    """
    # Surrogate-free str sorts by code point, which is the order of its UTF-8 bytes.
    ordered = tuple(sorted(files))
    listing = "".join([f"{sha256}  {path}\n" for path, _, sha256 in ordered])
    digest = DIGEST_PREFIX + hashlib.sha256(listing.encode()).hexdigest()
    size = sum([entry.size for entry in ordered])
    return Tree(ordered, Content(digest, True, size, len(ordered)))


@dataclass(frozen=True, slots=True)
class Spec:
    """`name`, `name:1`, `name:1.2`, `name:1.2[sub/part]`. `version` may be complete or a line."""

    name: str
    version: str | None = None
    part: str | None = None

    def __str__(self) -> str:
        version = f":{self.version}" if self.version else ""
        part = f"[{self.part}]" if self.part else ""
        return f"{self.name}{version}{part}"


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where assets live, as written in assets.yaml or given by flag or environment. Holds no secret."""

    url: str
    endpoint: str | None = None
    region: str | None = None
    kms_key_id: str | None = None
    # False for stores that ignore preconditions: check-then-write, which can't exclude a race.
    conditional_writes: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One asset of assets.yaml. `path` is POSIX and relative to the manifest; `line` and `column` say where."""

    name: str
    path: str
    version: str | None = None
    readonly: bool = False
    exclude: tuple[str, ...] = ()
    description: str | None = None
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """assets.yaml, checked. `entries` keep the order of the file."""

    store: StoreConfig
    versioning: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class LockEntry:
    """What one asset resolved to."""

    version: str
    content: Content
    path: str


@dataclass(frozen=True, slots=True)
class Lock:
    """assets.lock: the store and the versions that this commit of the repo stands for."""

    store: str
    versioning: str
    assets: Mapping[str, LockEntry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who made a version, from what. Written into `.meta`; every field may be unknown. `repository` holds no user."""

    tool: str
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    repository: str | None = None
    author: str | None = None
    run_url: str | None = None
    message: str | None = None


class ListedAsset(NamedTuple):
    """An asset as a list of a store has it: its versions newest first, and those of other schemes as found.

    `error` says why its versions can't be read; then both tuples are empty.
    """

    name: str
    versions: tuple[str, ...]
    foreign: tuple[str, ...]
    error: str | None = None
