"""A version on its way from a store to a path: download -> verify -> rename.

All that is needed is downloaded and verified aside, in a folder of the same disk, before the first file is put into
place: a download that fails changes nothing here, and the next try goes on with the files that it did get.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from assetsync.atomic import TEMPORARY_PREFIX
from assetsync.errors import AssetsyncError, ContentError, DamagedError, InvalidError, NotFoundError
from assetsync.escape import printable
from assetsync.local.install import Change, Place, is_same_file
from assetsync.model.names import Spec
from assetsync.model.tree import FileEntry, Tree, directory_tree, file_tree
from assetsync.plan.snapshot import Present
from assetsync.pool import Transfers
from assetsync.progress import Progress
from assetsync.remote import layout
from assetsync.remote.documents import Meta
from assetsync.remote.resolve import unknown
from assetsync.remote.store import Store
from assetsync.transfer.download import Got, Item, download

# modelkit's mark of a complete download.
SUCCESS = ".SUCCESS"


class Source(Struct, frozen=True):
    """A version, or the part of it under `part`, as its `.meta` has it. `tree` is None in versions of modelkit.

    The paths of `files` are relative to the part; the only file of a single-file one has the empty path. Files of
    versions of modelkit have an empty sha256.
    """

    name: str
    version: str
    meta: Meta
    is_directory: bool
    files: Sequence[FileEntry]
    tree: Tree | None
    part: str = ""

    @classmethod
    def of(cls, store: Store, name: str, version: str) -> Source:
        """NotFoundError when there is no such version; DamagedError."""
        try:
            meta = store.planned_meta(name, version)
        except NotFoundError as error:
            raise unknown(store, Spec(name, version)) from error
        _check_paths(name, version, meta.paths)
        files = meta.tree.files if meta.tree is not None else _sized(store, name, version, meta)
        return cls(name, version, meta, meta.is_directory, files, meta.tree)

    def only(self, part: str) -> Source:
        """The part under `part`, a file or a folder of a directory. InvalidError when nothing does."""
        below = tuple(
            file._replace(path=file.path[len(part) + 1 :])
            for file in self.files
            if file.path == part or file.path.startswith(f"{part}/")
        )
        if not below or not self.is_directory:
            raise InvalidError(
                f"`{self.name}:{self.version}` has no part `{printable(part)}`",
                hint=f"`assetsync show {self.name}:{self.version}` lists its files",
            )
        return replace(self, files=below, tree=None, is_directory=bool(below[0].path), part=part)

    def key(self, file: FileEntry) -> str:
        """The key of the object that holds a file of `files`."""
        return layout.data_key(self.name, self.version, "/".join(filter(None, (self.part, file.path))))

    def learn(self, got: Sequence[Got]) -> Tree:
        """The tree of a version of modelkit, all of which was downloaded."""
        entries = [file._replace(sha256=one.sha256) for file, one in zip(self.files, got, strict=True)]
        return directory_tree(entries) if self.is_directory else file_tree(entries[0].size, entries[0].sha256)


def _check_paths(name: str, version: str, paths: Sequence[str]) -> None:
    """Refuse what no version is made with, and what would do harm where it is put. DamagedError."""
    if not paths:
        raise DamagedError(f"`{name}:{version}` is an empty directory, of which there is nothing to get")
    for path in paths:
        segments = path.casefold().split("/")
        ours = any(segment.startswith(TEMPORARY_PREFIX) for segment in segments)
        # A `.git` is a way to run commands; the others mean something here.
        if ".git" in segments or segments[-1] == SUCCESS.casefold() or ours:
            raise DamagedError(f"`{name}:{version}` is refused: `{path}` is no name for a file of an asset")


def _sized(store: Store, name: str, version: str, meta: Meta) -> tuple[FileEntry, ...]:
    """The files of a version of modelkit, with the sizes of their objects. DamagedError when one is missing."""
    sizes = store.sizes(name, version, meta)
    missing = [path for path in meta.paths if path not in sizes]
    if missing:
        key = layout.data_key(name, version, missing[0])
        raise DamagedError(
            f"`{key}` in `{store.url}` is damaged: it is missing",
            hint="nothing here was changed; `assetsync verify` tells what else is damaged",
        )
    return tuple(FileEntry(path, sizes[path], "") for path in meta.paths)


class Installation:
    """Makes what is at `place` the files of a source, in steps: `check`, `download`, `put`.

    `over` is what may be replaced there, as it was scanned; `left` is what `emptied` was when this was cut short.
    """

    def __init__(
        self, store: Store, source: Source, place: Place, over: Present | None, left: Collection[str] = ()
    ) -> None:
        self.place = place
        self._left = left
        self._store = store
        self._source = source
        local = zip(over.tree.files, over.stamps, strict=True) if over else ()
        here = {place.of(file.path): (file.sha256, stamp) for file, stamp in local}
        self._known = {path: stamp for path, (_, stamp) in here.items()}
        self._sha256 = {path: sha256 for path, (sha256, _) in here.items()}
        self._needed = [file for file in source.files if not self._is_here(file)]
        self._removed = sorted(self._known.keys() - {place.of(file.path) for file in source.files})

    def _is_here(self, file: FileEntry) -> bool:
        path = self.place.of(file.path)
        if path in self._known:
            return bool(file.sha256) and self._sha256[path] == file.sha256
        return is_same_file(self.place.full(path), file.sha256)

    @property
    def download_size(self) -> int:
        """Bytes to download: what is here under another path is copied from there."""
        here = set(self._sha256.values())
        return sum(file.size for file in self._needed if file.sha256 not in here)

    def check(self) -> None:
        """ContentError when something would be lost, or a symlink is in the way."""
        self._change(self._coming).check()

    @property
    def emptied(self) -> tuple[str, ...]:
        """The folders that go when the last file has gone from them, in paths below the place's base."""
        return tuple(self._change(self._coming).emptied())

    @property
    def _coming(self) -> dict[str, str]:
        return dict.fromkeys((self.place.of(file.path) for file in self._needed), "")

    def download(self, folder: str, transfers: Transfers, progress: Progress) -> list[Got]:
        """Get what is needed into `folder`, verified."""
        like = {sha256: self.place.full(path) for path, sha256 in self._sha256.items()}
        items = [
            Item(self._source.key(file), file.size, file.sha256, like.get(file.sha256) if file.sha256 else None)
            for file in self._needed
        ]
        return download(self._store, items, folder, transfers=transfers, progress=progress)

    def put(self, got: Sequence[Got]) -> None:
        """Put what was got into place, and remove what the version lacks."""
        arrived = {self.place.of(file.path): one for file, one in zip(self._needed, got, strict=True)}
        # Of a version of modelkit, only now is it known which files are others.
        placed = {path: one.path for path, one in arrived.items() if self._sha256.get(path) != one.sha256}
        change = self._change(placed)
        change.check()
        change.carry_out()

    def _change(self, placed: dict[str, str]) -> Change:
        return Change(self.place, placed, self._removed, self._known, self._left)


@contextmanager
def staging(preferred: str, place: Place) -> Iterator[str]:
    """A folder on the disk of `place`, for files until they are put there.

    It goes when all went well, and when the disk is full; after other errors it stays for the next try.
    """
    folder = _on_same_disk(preferred, place)
    if os.path.islink(folder):
        shown = printable(folder)
        raise ContentError(f"`{shown}` is a symlink, where temporary files are to be put", hint="remove it")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    try:
        yield folder
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            if error.errno is not None:
                error.filename = error.filename or folder  # writing to a descriptor names none
            raise
        shutil.rmtree(folder, ignore_errors=True)
        raise AssetsyncError(
            f"no room is left on the disk of `{printable(place.path)}`",
            hint="make room, and run the same command again",
        ) from error
    shutil.rmtree(folder, ignore_errors=True)


def _on_same_disk(preferred: str, place: Place) -> str:
    """`preferred`, or a folder beside or inside the place where that is on another disk, behind a link or a mount."""
    beside = os.path.join(os.path.dirname(place.path), TEMPORARY_PREFIX + os.path.basename(place.path))
    inside = os.path.join(place.path, TEMPORARY_PREFIX + "pull")
    disk = _disk(place.path)
    return next((folder for folder in (preferred, beside) if _disk(folder) == disk), inside)


def _disk(path: str) -> int:
    """The device of the folder that `path` is, or would be in. Of a file, layered file systems tell another one."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return os.stat(path).st_dev
