"""Putting files into place below an asset's path, and removing those that its version lacks.

Two things must never happen: that a file is lost which nobody agreed to lose, and that a symlink leads a write outside.
So every file that goes is compared with what the scan saw, at first for all and again right before each; and folders
are opened one step at a time, without following links. The path of the asset itself may be a link: that is the user's.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from assetsync.atomic import naming, sync_folder
from assetsync.errors import ContentError
from assetsync.escape import printable
from assetsync.local.boundary import Boundary
from assetsync.local.hashing import sha256_of, stamp_of

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class Place(Struct, frozen=True):
    """Where an asset lies: at `name`, a relative POSIX path, below the folder `base`, which is real."""

    base: str
    name: str

    @property
    def path(self) -> str:
        """The absolute path of the asset."""
        return os.path.join(self.base, self.name)

    def of(self, part: str) -> str:
        """The path of a file of the asset, below `base`. The only file of a single-file asset has the empty path."""
        return f"{self.name}/{part}" if part else self.name

    def full(self, below: str) -> str:
        """The absolute path of what lies at `below`, which is relative to `base`."""
        return os.path.join(self.base, below)


def locate(boundary: Boundary, path: str) -> Place:
    """The place of `path`, which is relative to the root of `boundary`. ContentError when a link that git tracks leads
    it out of the project; GitError."""
    out = boundary.way_out(path)
    if out is not None and out.tracked:
        message, hint = out.problem(boundary.root)
        raise ContentError(f"{message}; nothing is written there", hint=hint)
    inside = os.path.realpath(boundary.root)
    real = os.path.realpath(os.path.join(boundary.root, path))
    if out is None and real != inside:
        return Place(inside, os.path.relpath(real, inside))
    return Place(os.path.dirname(real), os.path.basename(real))


class Change(Struct, frozen=True):
    """The files that come to a place (`placed`) and that go from it (`removed`), in paths below its base.

    `known` are the local files that may be lost, with the stamps that the scan saw. `left` are folders that files went
    from before, when this was cut short.
    """

    place: Place
    placed: Mapping[str, str]
    removed: Sequence[str]
    known: Mapping[str, object]
    left: Collection[str] = ()

    def check(self) -> None:
        """ContentError when something is in the way that nobody agreed to lose, or that a scan did not see."""
        gone = set(self.removed)
        for path in gone:
            self._check_folders(path, gone)
            self._check_file(path)
        for path in self.placed:
            self._check_folders(path, gone)
            mode = self._check_file(path)
            if mode is not None and stat.S_ISDIR(mode):
                self._check_folder_in_the_way(path, gone)

    def _check_folders(self, path: str, gone: set[str]) -> None:
        for folder in _parents(path):
            mode = _mode(self.place.full(folder))
            if mode is None or (stat.S_ISREG(mode) and folder in gone):
                return
            if not stat.S_ISDIR(mode):
                raise _in_the_way(self.place.full(folder), mode)

    def _check_file(self, path: str, at: tuple[int | None, str] | None = None) -> int | None:
        """The mode of what is there, by a folder's descriptor and the name in it; None when there is nothing.

        ContentError when it is a file that must not be lost.
        """
        full = self.place.full(path)
        folder, name = at or (None, full)
        status = _status(name, folder)
        if status is None or stat.S_ISDIR(status.st_mode):
            return status and status.st_mode
        if path not in self.known or not stat.S_ISREG(status.st_mode):
            raise _in_the_way(full, status.st_mode)
        if stamp_of(status) != self.known[path]:
            raise _changed(full)
        return status.st_mode

    def _check_folder_in_the_way(self, path: str, gone: set[str]) -> None:
        """A folder where a file comes must hold nothing but files that go."""
        for folder, folders, files in os.walk(self.place.full(path)):
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in (*files, *links):
                full = os.path.join(folder, name)
                if os.path.relpath(full, self.place.base) not in gone:
                    raise _in_the_way(full, os.lstat(full).st_mode)

    def carry_out(self) -> None:
        """Remove, then place. ContentError as in `check`; then files before that one have changed already. OSError."""
        with _Folders(self.place.base) as folders:
            for path in sorted(self.removed):
                with naming(self.place.full(path)):
                    self._remove(folders, path)
            for folder in self.emptied():
                with naming(self.place.full(folder)):
                    folders.remove_if_empty(folder)
            for path in sorted(self.placed):
                with naming(self.place.full(path)):
                    self._put(folders, path)
        # After all renames: the first one makes the file system write all of them.
        for folder in folders.entered:
            sync_folder(self.place.full(folder))

    def _remove(self, folders: _Folders, path: str) -> None:
        if _mode(self.place.full(path)) is None:
            return
        descriptor, name = folders.enter(path)
        mode = self._check_file(path, (descriptor, name))
        if mode is not None and not stat.S_ISDIR(mode):
            os.unlink(name, dir_fd=descriptor)

    def _put(self, folders: _Folders, path: str) -> None:
        descriptor, name = folders.enter(path, create=True)
        mode = self._check_file(path, (descriptor, name))
        staged = self.placed[path]
        if mode is not None and stat.S_ISDIR(mode):
            _remove_empty_folders(name, descriptor)
        elif mode is not None:
            # Not the bits that would let the new bytes run as somebody else.
            os.chmod(staged, mode & 0o777)
        os.rename(staged, name, dst_dir_fd=descriptor)

    def emptied(self) -> list[str]:
        """The folders of the place that files are removed from and that no file needs, the deepest first."""
        kept = {
            folder for path in (*self.placed, *(self.known.keys() - set(self.removed))) for folder in _parents(path)
        }
        left = {*self.left, *(folder for path in self.removed for folder in _parents(path))}
        own = self.place.of("")
        return sorted((folder for folder in left - kept if f"{folder}/".startswith(f"{own}/")), reverse=True)


def move(place: Place, name: str) -> None:
    """Rename what is at `place` to `name`, in the same folder; nothing but an empty folder may be there. OSError."""
    with _Folders(place.base) as folders, naming(place.path):
        descriptor, old = folders.enter(place.name)
        os.rename(old, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
    sync_folder(os.path.dirname(place.path))


def is_same_file(path: str, sha256: str) -> bool:
    """Whether a regular file with this content is at `path`."""
    try:
        return bool(sha256) and sha256_of(path) == sha256
    except OSError:
        return False


class _Folders:
    """Folders below `base`, opened one step at a time, so that no link is ever followed."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._open: list[tuple[str, int]] = [("", os.open(base, _FOLDER))]
        self.entered: set[str] = {""}

    def __enter__(self) -> _Folders:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._leave()

    def enter(self, path: str, *, create: bool = False) -> tuple[int, str]:
        """A descriptor of the folder that `path` is in, and the name there. Valid until the next `enter`."""
        folder, _, name = path.rpartition("/")
        while self._open[-1][0] and not f"{folder}/".startswith(self._open[-1][0] + "/"):
            self._leave()
        rest = folder.removeprefix(self._open[-1][0]).strip("/")
        for step in rest.split("/") if rest else ():
            self._step(step, create)
        return self._open[-1][1], name

    def remove_if_empty(self, folder: str) -> None:
        try:
            descriptor, name = self.enter(folder)
            os.rmdir(name, dir_fd=descriptor)
        except (OSError, ContentError):
            pass  # gone, or not empty: excluded files stay, and so does their folder

    def _step(self, name: str, create: bool) -> None:
        above, parent = self._open[-1]
        if create:
            try:
                os.mkdir(name, dir_fd=parent)
            except FileExistsError:
                pass
        try:
            descriptor = os.open(name, _FOLDER, dir_fd=parent)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            full = os.path.join(self._base, above, name)
            raise _in_the_way(full, os.lstat(full).st_mode) from None
        folder = f"{above}/{name}" if above else name
        self._open.append((folder, descriptor))
        self.entered.add(folder)

    def _leave(self) -> None:
        os.close(self._open.pop()[1])


def _parents(path: str) -> Iterator[str]:
    """The folders that `path` is in, the outermost first."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _mode(path: str) -> int | None:
    status = _status(path)
    return status and status.st_mode


def _status(path: str, folder: int | None = None) -> os.stat_result | None:
    """The status of a path, without following a link in its last step."""
    try:
        return os.stat(path, dir_fd=folder, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _remove_empty_folders(name: str, parent: int) -> None:
    """Remove a folder and all below it, by the descriptor of the one that it is in. OSError when a file is there."""
    for _, folders, _, descriptor in os.fwalk(name, topdown=False, dir_fd=parent):
        for folder in folders:
            os.rmdir(folder, dir_fd=descriptor)
    os.rmdir(name, dir_fd=parent)


def _in_the_way(path: str, mode: int) -> ContentError:
    shown = printable(path)
    if stat.S_ISLNK(mode):
        return ContentError(
            f"`{shown}` is a symlink; below an asset's path, none is followed or replaced",
            hint="remove the link, or put what it points to in its place, and run the same command again",
        )
    return ContentError(
        f"`{shown}` is in the way, and is not part of what may be replaced",
        hint="move it elsewhere, or remove it, and run the same command again",
    )


def _changed(path: str) -> ContentError:
    return ContentError(
        f"`{printable(path)}` changed since it was looked at, and would be lost",
        hint="run the command again when nothing writes to it",
    )
