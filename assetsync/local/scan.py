"""Local paths -> trees: walk, stat cache, hashing.

A file whose stamp is the one that is remembered is not read again. The stamp is made of size, mtime, ctime and inode: a
program can set an mtime back, but not a ctime. As in git, a file that was changed within moments of being read is not
remembered, because a further change could leave the same stamp ("racily clean").
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache as cache_of
from functools import cached_property, partial
from typing import NamedTuple, TypeVar, overload

from msgspec import Struct

from assetsync.atomic import TEMPORARY_PREFIX
from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.local.boundary import Boundary, Outside
from assetsync.local.exclude import JUNK, Excludes
from assetsync.local.hashing import ChangingError, Clock, Files, hash_files, sizes_of, stamp_of
from assetsync.model.manifest import Entry
from assetsync.model.paths import parts_problem
from assetsync.model.tree import Content, FileEntry, Tree, directory_tree, file_tree
from assetsync.plan.snapshot import Absent, Present, Unusable
from assetsync.progress import Progress, Reporter, Silent, no_progress
from assetsync.state.cache import Cache, Hashes

_KINDS = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
_EXCLUDE_HINT = "rename or remove it, or leave it out by the asset's `exclude` in assets.yaml"
_CHANGING_HINT = "run the command again when nothing writes to it"


def scan(
    root: str,
    path: str,
    *,
    exclude: Sequence[str] = (),
    cache: Cache,
    boundary: Boundary | None = None,
    progress: Progress = no_progress,
    clock: Clock = time.time_ns,
) -> Present | Absent | Unusable:
    """The local state of `path`, which is POSIX and relative to the absolute directory `root`.

    `boundary` tells of links that lead out of the project; without one, each link is followed.

    `exclude` are patterns in gitignore syntax, relative to the path. An excluded folder counts as one file, and is not
    looked into. `progress` is told of the bytes of those files that have to be read.
    """
    found = _find(root, path, exclude, boundary, cache)
    if not isinstance(found, _Asset):
        return found
    found.files.progress = progress
    _hash([found], cache, clock)
    return found.result()


def scan_all(
    root: str,
    entries: Sequence[Entry],
    *,
    cache: Cache,
    boundary: Boundary | None = None,
    reporter: Reporter | None = None,
    clock: Clock = time.time_ns,
) -> dict[str, Present | Absent | Unusable]:
    """`scan` for the entries of a manifest in `root`, by name; their files are hashed side by side.

    `reporter` hears of the assets of which something has to be read.
    """
    told = reporter or Silent()
    results: dict[str, Present | Absent | Unusable] = {}
    assets: dict[str, _Asset] = {}
    real = cache_of(os.path.realpath)
    for entry in entries:
        found = _find(root, entry.path, entry.exclude, boundary, cache, real)
        if isinstance(found, _Asset):
            assets[entry.name] = found
        else:
            results[entry.name] = found
    busy = {name: asset for name, asset in assets.items() if asset.files.todo}
    for name, asset in busy.items():
        asset.files.progress = partial(told.advance, name)
        told.begin(name, "hash", asset.bytes_to_read)
    _hash(list(assets.values()), cache, clock)
    for name, asset in assets.items():
        result = results[name] = asset.result()
        if name in busy:
            told.end(
                name, result.message if isinstance(result, Unusable) else f"hashed {len(asset.files.todo)} file(s)"
            )
    return results


def stamp_changed(path: str, stamp: object) -> bool:
    """Whether the file at `path` is another than the one that a scan gave this stamp."""
    try:
        return stamp_of(os.stat(path)) != stamp
    except OSError:
        return True


# FileEntry of a tuple, at a third of what its own constructor costs.
_entry = partial(tuple.__new__, FileEntry)

T = TypeVar("T")


class _Later(Sequence[T]):
    """A tuple that is made when it is first looked into. Of many files that are unchanged, nobody looks at one."""

    def __init__(self, count: int, make: Callable[[], Iterable[T]]) -> None:
        self._count = count
        self._make = make

    @cached_property
    def _made(self) -> tuple[T, ...]:
        return tuple(self._make())

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return iter(self._made)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...
    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        return self._made[at]

    def __eq__(self, other: object) -> bool:
        return self._made == (other._made if isinstance(other, _Later) else other)

    def __hash__(self) -> int:
        return hash(self._made)

    def __repr__(self) -> str:
        return repr(self._made)


class _Problem(NamedTuple):
    """Why one file, by its path in the asset, can't be published."""

    path: str
    message: str
    hint: str
    code: str = "unusable"


class _Asset(Struct):
    """An asset on its way to a tree. `path` is relative to the manifest; `unchanged` is all that the cache remembers of
    its files, where that holds.
    """

    path: str
    is_directory: bool
    files: Files
    left_out: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    unchanged: Hashes | None = None
    tree: Tree | None = None

    def recall(self, cache: Cache) -> None:
        """Take the hashes of unchanged files from the cache; the others have to be read."""
        files = self.files
        known = cache.hashes(files.root)
        # Mostly all of them are unchanged and found in the same order, which three passes tell that are not in Python.
        same = known.stamps == b"".join(files.stamps.values()) and known.paths == "\0".join(files.stamps)
        if same and (known.digest or not self.is_directory):
            self.unchanged = known
            return
        stamp_now = files.stamps.get
        files.sha256 = {path: sha256 for path, stamp, sha256 in known.files() if stamp_now(path) == stamp}
        files.todo = [path for path in files.stamps if path not in files.sha256]

    @property
    def bytes_to_read(self) -> int:
        return sum(sizes_of(self.files.stamps[path] for path in self.files.todo))

    def news(self) -> Hashes | None:
        """The hashes for the cache to remember; None when it has them already."""
        if self.unchanged:
            return None
        stamps, sha256, racy = self.files.stamps, self.files.sha256, self.files.racy
        paths = [path for path in stamps if path in sha256 and path not in racy]
        digest = self._hashed().digest if len(paths) == len(stamps) else ""
        return Hashes.of(paths, map(stamps.__getitem__, paths), map(sha256.__getitem__, paths), digest)

    def result(self) -> Present | Unusable:
        """The tree, once all is hashed."""
        files = self.files
        if files.failed:
            return _unusable(self.path, [_unreadable(self.path, path, error) for path, error in files.failed.items()])
        tree = _remembered(self.unchanged) if self.unchanged and self.is_directory else self._hashed()
        stamps = _Later(len(files.stamps), lambda: [files.stamps[path] for path in sorted(files.stamps)])
        return Present(tree, len(self.left_out), stamps, self.through, self.left_out)

    def _hashed(self) -> Tree:
        """The tree of files that all have their sha256."""
        if self.tree is None:
            stamps, sha256 = self.files.stamps, self.files.sha256
            sizes = sizes_of(stamps.values())
            if self.is_directory:
                hashes = map(sha256.__getitem__, stamps)
                self.tree = directory_tree(list(map(_entry, zip(stamps, sizes, hashes, strict=True))))
            else:
                self.tree = file_tree(sizes[0], self.unchanged.sha256.hex() if self.unchanged else sha256[""])
        return self.tree


def _remembered(files: Hashes) -> Tree:
    """The tree of files that are all remembered."""
    sizes = sizes_of([files.stamps])

    def entries() -> list[FileEntry]:
        return sorted(
            _entry((path, size, sha256)) for size, (path, _, sha256) in zip(sizes, files.files(), strict=True)
        )

    return Tree(_Later(len(sizes), entries), Content(files.digest, True, sum(sizes), len(sizes)))


def _hash(assets: Sequence[_Asset], cache: Cache, clock: Clock) -> None:
    """Hash what is to be hashed, and remember it, even when interrupted."""
    try:
        hash_files([asset.files for asset in assets], clock)
    finally:
        news = {asset.files.root: asset.news() for asset in assets}
        cache.remember_hashes({root: hashes for root, hashes in news.items() if hashes is not None})


def _find(
    root: str,
    path: str,
    exclude: Sequence[str],
    boundary: Boundary | None,
    cache: Cache,
    real: Callable[[str], str] = os.path.realpath,
) -> _Asset | Absent | Unusable:
    """The files of an asset, with the hashes that are remembered. `real` is as in `Boundary.way_out`. GitError."""
    absolute = os.path.join(root, path)
    out = boundary.way_out(os.path.relpath(absolute, boundary.root), real) if boundary else None
    if out is not None and boundary is not None and out.tracked:
        return _unusable(path, [_outside("", out, boundary)])
    through = (out.target,) if out else ()
    try:
        status = os.stat(absolute)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not os.path.islink(absolute):
            return Absent(through=through)
        return _unusable(path, [_unreadable(path, "", error, absolute)])
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFREG:
        asset = _Asset(path, False, Files(absolute, {"": stamp_of(status)}), through=through)
        asset.recall(cache)
        return asset
    if kind != stat.S_IFDIR:
        return _unusable(path, [_odd(path, "", kind)])
    try:
        walk = _Walk(absolute, path, Excludes(exclude), None if out else boundary)
    except InvalidError as error:
        return Unusable(error.message, error.hint)
    walk.run(status)
    if walk.problems:
        return _unusable(path, walk.problems)
    if not walk.stamps:
        return Absent(empty_folder=True, through=through)
    asset = _Asset(
        path, True, Files(absolute, walk.stamps), tuple(sorted(walk.left_out)), (*through, *sorted(walk.through))
    )
    asset.recall(cache)
    # Paths that are remembered, and no others, have been found right before.
    problem = None if asset.unchanged else parts_problem(walk.stamps)
    return asset if problem is None else Unusable(f"in `{printable(path)}`: {problem}", _EXCLUDE_HINT)


class _Walk:
    """Finds the files of a directory. Links are followed; what can't be published is collected in `problems`."""

    def __init__(self, root: str, asset: str, excludes: Excludes, boundary: Boundary | None) -> None:
        self._root = root
        self._asset = asset
        self._excludes = excludes
        self._boundary = boundary
        self._folders: list[_Folder] = []
        self.stamps: dict[str, bytes] = {}
        self.left_out: list[str] = []
        self.through: set[str] = set()
        self.problems: list[_Problem] = []

    def run(self, status: os.stat_result) -> None:
        self._folders.append(_Folder("", frozenset([_identity(status)])))
        while self._folders:
            folder = self._folders.pop()
            try:
                # Relative to a descriptor: a stat need not go through all of the path again.
                descriptor = os.open(f"{self._root}/{folder.prefix}", os.O_RDONLY)
                try:
                    with os.scandir(descriptor) as entries:
                        self._read(folder, entries)
                finally:
                    os.close(descriptor)
            except OSError as error:
                self.problems.append(_unreadable(self._asset, folder.prefix.rstrip("/"), error))

    def _read(self, folder: _Folder, entries: Iterable[os.DirEntry[str]]) -> None:
        # The hot loop: a file costs a stat, a stamp, and nothing else.
        any_name, prefix, stamps = self._excludes.has_rules, folder.prefix, self.stamps
        for entry in entries:
            name = entry.name
            path = prefix + name
            try:
                status = entry.stat()
            except OSError as error:
                self._failed(entry, path, error)
                continue
            kind = stat.S_IFMT(status.st_mode)
            if (any_name or name[0] == "." or name in JUNK) and self._leaves_out(path, kind == stat.S_IFDIR):
                continue
            if entry.is_symlink() and self._is_refused(path):
                continue
            if kind == stat.S_IFREG:
                stamps[path] = stamp_of(status)
            elif kind == stat.S_IFDIR:
                self._enter(folder, path, _identity(status))
            else:
                self.problems.append(_odd(self._asset, path, kind))

    def _is_refused(self, path: str) -> bool:
        """Whether a link leads out of the project, and git tracks it. Notes where it leads."""
        if self._boundary is None:
            return False
        out = self._boundary.way_out(os.path.relpath(f"{self._root}/{path}", self._boundary.root))
        if out is not None and out.tracked:
            self.problems.append(_outside(path, out, self._boundary))
            return True
        if out is not None:
            self.through.add(out.target)
        return False

    def _failed(self, entry: os.DirEntry[str], path: str, error: OSError) -> None:
        if isinstance(error, FileNotFoundError) and not entry.is_symlink():
            return  # gone since the folder was listed
        if not self._leaves_out(path, entry.is_dir(follow_symlinks=False)):
            self.problems.append(_unreadable(self._asset, path, error, f"{self._root}/{path}"))

    def _enter(self, folder: _Folder, path: str, identity: tuple[int, int]) -> None:
        if identity in folder.line:
            message = f"{_shown(self._asset, path)} is a link to a folder that it lies in"
            self.problems.append(_Problem(path, message, _way_out(path)))
        else:
            self._folders.append(_Folder(path + "/", folder.line | {identity}))

    def _leaves_out(self, path: str, is_folder: bool) -> bool:
        if path.rpartition("/")[2].startswith(TEMPORARY_PREFIX):
            return True  # of an assetsync that was killed, or is at work
        if self._excludes.leaves_out(path, is_folder):
            self.left_out.append(f"{path}/" if is_folder else path)
            return True
        return False


class _Folder(NamedTuple):
    """A folder to look into: its path with a trailing slash, and the identities of itself and all above it."""

    prefix: str
    line: frozenset[tuple[int, int]]


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _unreadable(asset: str, path: str, error: OSError, absolute: str = "") -> _Problem:
    """`absolute` leads to what may be a broken link."""
    name = _shown(asset, path)
    if isinstance(error, ChangingError):
        return _Problem(path, f"{name} changed while it was read", _CHANGING_HINT)
    if error.errno == errno.ELOOP:
        return _Problem(path, f"{name} is a link that leads back to itself", _way_out(path))
    if error.errno == errno.ENOENT and absolute and os.path.islink(absolute):
        target = printable(os.readlink(absolute))
        return _Problem(path, f"{name} is a broken link: `{target}` does not exist", _way_out(path))
    if error.errno == errno.ENOENT:
        return _Problem(path, f"{name} vanished while it was read", _CHANGING_HINT)
    return _Problem(path, f"cannot read {name}: {error.strerror}", _way_out(path))


def _outside(path: str, out: Outside, boundary: Boundary) -> _Problem:
    message, hint = out.problem(boundary.root)
    return _Problem(path, message, hint, "outside")


def _odd(asset: str, path: str, kind: int) -> _Problem:
    what = _KINDS.get(kind, "neither a file nor a directory")
    return _Problem(path, f"{_shown(asset, path)} is {what}", _way_out(path))


def _shown(asset: str, path: str) -> str:
    return f"`{printable(f'{asset}/{path}' if path else asset)}`"


def _way_out(path: str) -> str:
    if not path:
        return "the path of an asset must lead to a file or a directory that can be read"
    if printable(path) != path or "\\" in path:
        return _EXCLUDE_HINT
    pattern = re.sub(r"([*?[])", r"\\\1", f"/{path}")
    return f"remove it, or leave it out: add `{pattern}` to the asset's `exclude` in assets.yaml"


def _unusable(asset: str, problems: Sequence[_Problem]) -> Unusable:
    """The first problem, and how many more there are."""
    first = min(problems, key=lambda problem: (problem.code != "outside", problem))
    others = f", and {len(problems) - 1} more in `{printable(asset)}`" if len(problems) > 1 else ""
    return Unusable(first.message + others, first.hint, first.code)
