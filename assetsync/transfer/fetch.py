"""Getting a version: download -> verify -> rename. To the path of an asset (`pull`), or an assets directory (`fetch`).

All that is needed is downloaded and verified aside, in a folder of the same disk, before the first file is put into
place: a download that fails changes nothing here, and what it did get is used by the next try. A pull marker covers the
time until the last file is in place.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from filelock import FileLock

from assetsync.atomic import TEMPORARY_PREFIX, sync_folder
from assetsync.backends.contract import Progress
from assetsync.errors import (
    AssetsyncError,
    ContentError,
    DamagedError,
    InvalidError,
    NotFoundError,
    UsageError,
)
from assetsync.escape import printable
from assetsync.local.boundary import Boundary
from assetsync.local.install import Change, Place, is_same_file, locate, move
from assetsync.local.scan import scan
from assetsync.model.names import Spec
from assetsync.model.tree import Content, FileEntry, Tree, directory_tree, file_tree
from assetsync.model.versioning import Versioning, is_valid
from assetsync.plan.snapshot import Present, Unusable
from assetsync.pool import Transfers
from assetsync.progress import Reporter
from assetsync.remote import layout
from assetsync.remote.documents import Meta
from assetsync.remote.store import Store, resolve, unknown
from assetsync.state.cache import Cache
from assetsync.state.folder import State
from assetsync.state.pull_markers import Marker, Markers
from assetsync.transfer.download import Got, Item, download

SUCCESS = ".SUCCESS"


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What is to be pulled: `name:version` to `path`, which is relative to the root of `boundary`.

    `over` is what may be replaced there, as it was scanned; whatever else is there stays, excluded files among it.
    `content` is what the version is known to be, by the lock or by an earlier look.
    """

    name: str
    version: str
    boundary: Boundary
    path: str
    over: Present | None = None
    content: Content | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


def pull(store: Store, what: Retrieval, *, transfers: Transfers, markers: Markers, progress: Progress) -> Content:
    """Make the path what the version is; returns its content.

    ContentError when that would lose something or lead outside, before anything is changed; ChecksumError or
    DamagedError when the store has other bytes than it should, and nothing is changed; StoreError; OSError.
    """
    source = _Source.of(store, what.name, what.version)
    if source.tree is not None:
        _check_expected(what, source.tree.content)
    arrival = _Arrival(store, source, locate(what.boundary, what.path), what.over)
    arrival.check()
    markers.write(Marker(what.name, what.version, what.path))
    with _staging(markers.staging(what.name), arrival.place) as folder:
        got = arrival.download(folder, transfers, progress)
        tree = source.tree or source.learn(got)
        _check_expected(what, tree.content)
        arrival.put(got)
    if source.tree is None:
        store.learnt(what.name, what.version, source.meta, tree)
    markers.clear(what.name)
    return tree.content


def _check_expected(what: Retrieval, content: Content) -> None:
    if what.content is not None and not what.content.same_as(content):
        raise DamagedError(
            f"`{what}` is locked as {what.content.digest[:19]}…, but the store has {content.digest[:19]}…",
            hint="wrong store, a damaged one, or an edited lock: `git log assets.lock` and `assetsync show` tell",
        )


@dataclass(frozen=True, slots=True)
class _Source:
    """A version, or the part of it under `part`, as its `.meta` has it. `tree` is None in versions of modelkit.

    The paths of `files` are relative to the part; the only file of a single-file one has the empty path. Files of
    versions of modelkit have an empty sha256.
    """

    name: str
    version: str
    meta: Meta
    is_directory: bool
    files: tuple[FileEntry, ...]
    tree: Tree | None
    part: str = ""

    @classmethod
    def of(cls, store: Store, name: str, version: str) -> _Source:
        """NotFoundError when there is no such version; DamagedError."""
        try:
            meta = store.meta(name, version)
        except NotFoundError as error:
            raise unknown(store, Spec(name, version)) from error
        _check_paths(name, version, meta.paths)
        files = meta.tree.files if meta.tree is not None else _sized(store, name, version, meta)
        return cls(name, version, meta, meta.is_directory, files, meta.tree)

    def only(self, part: str) -> _Source:
        """What lies under `part`, which is a file or a folder of a directory. InvalidError when nothing does."""
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


class _Arrival:
    """The files of a source on their way to a place. `over` is what may be replaced there."""

    def __init__(self, store: Store, source: _Source, place: Place, over: Present | None) -> None:
        self.place = place
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
        self._change(dict.fromkeys((self.place.of(file.path) for file in self._needed), "")).check()

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
        return Change(self.place, placed, self._removed, self._known)


@contextmanager
def _staging(preferred: str, place: Place) -> Iterator[str]:
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


def fetch(
    store: Store,
    spec: Spec,
    assets_dir: str,
    *,
    transfers: Transfers,
    reporter: Reporter,
    force: bool = False,
) -> str:
    """Get a version, or a part of one, into DIR/NAME/VERSION; returns its absolute path there.

    What is there completely is not looked at again, and a complete version in `spec` then sends no request; `force`
    compares it with the store and gets what differs. modelkit can use what was fetched. A newly fetched version or part
    appears all at once. NotFoundError, InvalidError, ChecksumError, DamagedError, ContentError; StoreError; OSError.
    """
    exact = replace(spec, version=resolve(store, spec))
    there = None if force else fetched(exact, store.versioning, assets_dir)
    if there is not None:
        return there
    staging = Markers(_state(store, assets_dir).pulls).staging(str(replace(exact, part=None)))
    with FileLock(f"{staging}.lock"):
        # Another process may have got it while this one waited.
        there = None if force else fetched(exact, store.versioning, assets_dir)
        return there or _Fetching(store, exact, os.path.abspath(assets_dir), transfers, reporter).run(staging)


def fetched(spec: Spec, versioning: Versioning, assets_dir: str) -> str | None:
    """The path of what `spec` names, where a complete version was fetched, completely, before; None otherwise."""
    if spec.version is None or not is_valid(versioning, spec.version):
        return None
    path = os.path.join(os.path.abspath(assets_dir), _below(spec))
    wholes = [path]
    for _ in spec.part.split("/") if spec.part else ():
        wholes.append(os.path.dirname(wholes[-1]))
    return path if os.path.exists(path) and any(os.path.exists(_success(whole)) for whole in wholes) else None


def _below(spec: Spec) -> str:
    """Where a complete version, or a part of it, lies in an assets directory."""
    return layout.data_key(spec.name, spec.version or "", spec.part or "")


def _success(path: str) -> str:
    """modelkit's mark that `path` is complete; for parts, the same beside or inside them."""
    if os.path.isdir(path):
        return os.path.join(path, SUCCESS)
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}{SUCCESS}")


def _mark(path: str) -> None:
    """Mark `path` as complete. The file is empty, as modelkit's is."""
    mark = _success(path)
    os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666))
    sync_folder(os.path.dirname(mark))


def _state(store: Store, assets_dir: str) -> State:
    """`.assetsync` in the assets directory, made if need be. UsageError when that lies in the store itself."""
    directory = store.url.removeprefix("file://")
    if directory != store.url and f"{os.path.realpath(assets_dir)}/".startswith(f"{os.path.realpath(directory)}/"):
        raise UsageError(
            f"the assets directory `{assets_dir}` lies in the store `{store.url}`", hint="give another `--assets-dir`"
        )
    os.makedirs(assets_dir, exist_ok=True)
    state = State(assets_dir)
    state.ensure()
    with state.pulls.opened(create=True):
        pass
    return state


@dataclass(frozen=True, slots=True)
class _Fetching:
    """One fetch of a complete version, or of a part of it, under its lock."""

    store: Store
    spec: Spec
    assets_dir: str
    transfers: Transfers
    reporter: Reporter

    @property
    def path(self) -> str:
        return os.path.join(self.assets_dir, _below(self.spec))

    def run(self, staging: str) -> str:
        """Get it; returns its path."""
        source = _Source.of(self.store, self.spec.name, self.spec.version or "")
        if self.spec.part:
            source = source.only(self.spec.part)
        place = self._place()
        if source.is_directory and not os.path.lexists(self.path):
            self._appear(source, place, staging)
        else:
            self._fill(source, place, self._here(), staging)
        self.reporter.end(self.spec.name, f"fetched {self.spec}")
        return self.path

    def _place(self) -> Place:
        if os.path.islink(self.path):
            raise ContentError(f"`{self.path}` is a symlink; none is followed or replaced here", hint="remove the link")
        inside = os.path.realpath(self.assets_dir)
        if not f"{os.path.realpath(self.path)}/".startswith(f"{inside}/"):
            raise ContentError(
                f"`{self.path}` lies in a folder that is a symlink to outside of `{inside}`; nothing is written there",
                hint="remove the link",
            )
        return Place(inside, os.path.relpath(os.path.realpath(self.path), inside))

    def _appear(self, source: _Source, place: Place, staging: str) -> None:
        """Make a directory under a name that is no version, and rename it: it is complete as soon as it is there."""
        folder, slash, name = place.name.rpartition("/")
        hidden = replace(place, name=f"{folder}{slash}{TEMPORARY_PREFIX}{name}")
        shutil.rmtree(hidden.path, ignore_errors=True)
        arrival = _Arrival(self.store, source, hidden, None)
        arrival.check()
        self._bring(arrival, staging)
        _mark(hidden.path)
        move(hidden, name)

    def _fill(self, source: _Source, place: Place, over: Present | None, staging: str) -> None:
        """Get a file, or complete what is there."""
        arrival = _Arrival(self.store, source, place, over)
        arrival.check()
        try:
            os.unlink(_success(self.path))
        except (FileNotFoundError, NotADirectoryError):
            pass
        self._bring(arrival, staging)
        _mark(self.path)
        for folder, _, files in os.walk(self.path):
            if folder != self.path and SUCCESS in files:  # of a part: now it says nothing any more
                os.unlink(os.path.join(folder, SUCCESS))

    def _here(self) -> Present | None:
        """What an interrupted fetch, a fetch of a part, or modelkit has left. Nothing else is kept there."""
        with Cache(None) as cache:  # in memory, so that every byte is read: that is what `force` is for
            found = scan(self.assets_dir, _below(self.spec), cache=cache)
        if isinstance(found, Unusable):
            raise ContentError(found.message, hint=found.hint)
        return found if isinstance(found, Present) else None

    def _bring(self, arrival: _Arrival, staging: str) -> None:
        name = self.spec.name
        self.reporter.begin(name, "download", arrival.download_size)
        with _staging(staging, arrival.place) as folder:
            arrival.put(arrival.download(folder, self.transfers, lambda count: self.reporter.advance(name, count)))
