"""The content of an asset, as values: files, trees and their digests.

All of them are frozen. Sizes are in bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

DIGEST_PREFIX = "sha256:"


class FileEntry(NamedTuple):
    """One file of a tree: POSIX path relative to the asset's root, size in bytes, lower-case hex sha256.

    The path of a single-file asset is the empty string. A named tuple, because trees have 50,000 of them.
    """

    path: str
    size: int
    sha256: str


class Content(Struct, frozen=True):
    """A tree in sum: its digest, whether it is a directory, its size in bytes and its number of files."""

    digest: str
    is_directory: bool
    size: int
    files: int

    def same_as(self, other: Content | None) -> bool:
        """Whether both are the same bytes under the same paths. A file never equals a directory."""
        return other is not None and (self.digest, self.is_directory) == (other.digest, other.is_directory)


class Tree(Struct, frozen=True):
    """The files of an asset, sorted by the UTF-8 bytes of their paths. Built by `file_tree` or `directory_tree`."""

    files: Sequence[FileEntry]
    content: Content

    @property
    def digest(self) -> str:
        """The content identity of the tree, `sha256:<hex>`."""
        return self.content.digest

    @property
    def is_directory(self) -> bool:
        """Whether the asset is a directory, even one of a single file."""
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
