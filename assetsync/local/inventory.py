"""The files below a folder, by path, by size and by stem: where the content of an asset might lie."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from assetsync.model.files import LOCK, MANIFEST
from assetsync.model.versioning import looks_like_version

# Folders that hold no assets, and much else; so do those whose names begin with a dot.
_NOT_SEARCHED = frozenset({"node_modules", "__pycache__"})


class Inventory(Struct, frozen=True):
    """All regular files below `root` that may belong to an asset: their sizes, by path, the paths by size and by their
    stem, and the folders that they lie in. Links are not followed."""

    root: str
    taken: Sequence[str]
    store: str | None
    sizes: dict[str, int] = field(default_factory=dict)
    by_size: dict[int, list[str]] = field(default_factory=dict)
    by_stem: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._walk("")

    def _walk(self, folder: str) -> None:
        try:
            inside = sorted(os.scandir(os.path.join(self.root, folder)), key=lambda entry: entry.name)
        except OSError:
            return  # what can't be read can't be adopted
        for entry in inside:
            path = os.path.join(folder, entry.name)
            # A file or folder that is called like a version lies in an assets directory, where things are fetched to.
            if path in (self.store, MANIFEST, LOCK, *self.taken) or looks_like_version(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                # Hidden files are content of an asset; a hidden folder in the project is a tool's.
                if entry.name not in _NOT_SEARCHED and not entry.name.startswith("."):
                    self._walk(path)
            elif entry.is_file(follow_symlinks=False):
                size = self.sizes[path] = entry.stat().st_size
                self.by_size.setdefault(size, []).append(path)
                self.folders.update(_above(path))
                for stem in stems(path):
                    self.by_stem.setdefault(stem, path)

    def at(self, guesses: Sequence[str]) -> str | None:
        """The path where an asset is looked for first: a file, maybe with an ending, or a folder."""
        for guess in guesses:
            if guess in self.by_stem:
                return self.by_stem[guess]
            if guess in self.folders:
                return guess
        return None


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in."""
    while path := os.path.dirname(path):
        yield path


def stems(path: str) -> Iterator[str]:
    """A path, and the same without one ending after the other."""
    yield path
    start = path.rfind("/") + 2  # a name that begins with a dot has no ending there
    dot = path.rfind(".")
    while dot >= start:
        yield path[:dot]
        dot = path.rfind(".", 0, dot)
