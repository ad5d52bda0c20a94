"""The two texts of a project, assets.yaml and assets.lock: from the working tree, or from git's index."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from assetsync.errors import GitError, InvalidError, NoFileError
from assetsync.escape import printable
from assetsync.lock.check import Finding
from assetsync.lock.text import parse_lock
from assetsync.manifest import settings
from assetsync.manifest.parse import parse_manifest
from assetsync.manifest.store_url import is_store_name
from assetsync.model.files import LOCK, MANIFEST
from assetsync.model.lock import Lock
from assetsync.model.manifest import Manifest, StoreConfig
from assetsync.model.versioning import DEFAULT, load_versioning
from assetsync.reading import read_existing, read_file, shown_path

if TYPE_CHECKING:
    from assetsync.git.repository import Repository, Staged

# Of a manifest that leaves its store to variables, where there is no lock to name it.
_NO_STORE = StoreConfig("memory://unknown")


class Source(Struct, frozen=True):
    """Both texts. `lock_data` is None where there is no lock, or none that can be read: then `problem` says why."""

    manifest_file: str
    manifest_data: bytes
    lock_data: bytes | None
    problem: Finding | None = None

    @property
    def root(self) -> str:
        """The folder of the project."""
        return os.path.dirname(self.manifest_file)


def worktree_source(manifest_file: str) -> Source:
    """The texts in the working tree. NoFileError, InvalidError."""
    return Source(
        manifest_file, read_manifest(manifest_file), read_file(os.path.join(os.path.dirname(manifest_file), LOCK))
    )


def staged_sources(directory: str, manifest_file: str | None, environ: Mapping[str, str]) -> list[Source]:
    """The texts in git's index of the project of `manifest_file`.

    Without one: of all projects in and below `directory`, or else of the nearest one above it. A project whose
    assets.yaml is not in the index is none yet. GitError, NoFileError, InvalidError.
    """
    from assetsync.git.repository import open_repository

    folder = os.path.realpath(directory)
    if not os.path.isdir(folder):
        raise NoFileError(f"`{printable(directory)}` is not a directory")
    repository = open_repository(folder, environ)
    if repository is None:
        raise GitError(
            f"`{printable(folder)}` is in no git checkout, or git is not installed, so nothing is staged",
            hint="check the files as they are: leave out `--staged`",
        )
    if manifest_file is not None:
        path = _inside(repository, os.path.join(folder, manifest_file))
        index = _Index(repository, os.path.basename(path))
        if path not in index.files:
            raise NoFileError(f"`{printable(path)}` is not in git's index", hint=f"run `git add {printable(path)}`")
        return [index.source(os.path.dirname(path))]
    index = _Index(repository, MANIFEST)
    return [index.source(project) for project in index.projects(_inside(repository, folder))]


class _Index:
    """All that could be files of a project in git's index. Folders are POSIX, relative to the top; the top is empty."""

    def __init__(self, repository: Repository, manifest: str) -> None:
        self._root = repository.root
        self._manifest = manifest
        escaped = "".join(f"\\{char}" if char in "*?[]\\" else char for char in manifest)
        patterns = [f":(top,glob)**/{name}" for name in (escaped, LOCK)]
        self.files: Mapping[str, Staged] = {file.path: file for file in repository.staged_files(patterns)}

    def projects(self, folder: str) -> list[str]:
        """The projects in and below a folder, or else the nearest above it."""
        every = sorted({os.path.dirname(path) for path in self.files if self._is_of_project(path)})
        below = [one for one in every if not folder or one == folder or one.startswith(f"{folder}/")]
        above = [one for one in every if not one or folder.startswith(f"{one}/")]
        return below or above[-1:]

    def _is_of_project(self, path: str) -> bool:
        """Also for a lock alone where assets.yaml lies beside it and was not staged with it."""
        beside = os.path.join(self._root, os.path.dirname(path), self._manifest)
        return os.path.basename(path) == self._manifest or os.path.lexists(beside)

    def source(self, project: str) -> Source:
        manifest, lock = (self.files.get(os.path.join(project, name)) for name in (self._manifest, LOCK))
        manifest_file = os.path.join(self._root, project, self._manifest)
        if manifest is None:
            raise InvalidError(
                f"`{LOCK}` is in git's index, but `{shown_path(manifest_file)}` is not",
                hint=f"run `git add {shown_path(manifest_file)}`",
            )
        if manifest.data is None:
            what = "has a merge conflict" if manifest.unmerged else "is no file"
            raise InvalidError(
                f"`{shown_path(manifest_file)}` {what} in git's index",
                hint=f"settle it, then run `git add {shown_path(manifest_file)}`",
            )
        return Source(manifest_file, manifest.data, lock.data if lock else None, _lock_problem(lock))


def _lock_problem(lock: Staged | None) -> Finding | None:
    if lock is None or lock.data is not None:
        return None
    if lock.unmerged:
        fix = f"run `assetsync lock --resolve`, then `git add {LOCK}`"
        return Finding("", "unreadable", "has a merge conflict that git has not seen settled", fix)
    return Finding("", "unreadable", "is no file in git's index", f"put the file in its place and `git add {LOCK}`")


def _inside(repository: Repository, path: str) -> str:
    """`path`, POSIX and relative to the top of the checkout; the top itself is empty."""
    real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    relative = os.path.relpath(os.path.normpath(real), repository.root).replace(os.sep, "/")
    return "" if relative == "." else relative


def read_manifest(path: str) -> bytes:
    """The bytes of an assets.yaml. NoFileError, InvalidError."""
    return read_existing(path, hint="write one with `assetsync init`")


def parse_project(data: bytes, path: str, *, store: str | None, environ: Mapping[str, str]) -> Manifest:
    """The assets.yaml at `path`, whose bytes are `data`, as the flag `store` and the environment change it.

    ManifestError, UsageError.
    """
    by_name = is_store_name(store or environ.get("ASSETSYNC_STORE") or "")
    default = settings.default_store(environ) if by_name else settings.given_store(environ, store)
    manifest = _parse(data, path, default, settings.default_versioning(environ))
    return settings.chosen(manifest, environ, store)


def parse_as_locked(source: Source, lock: Lock | None) -> Manifest:
    """The assets.yaml of `source`. Where it names no store or versioning, `lock` does; the environment never does.

    ManifestError; UsageError for a versioning system that is not installed.
    """
    store = StoreConfig(lock.store) if lock else _NO_STORE
    return _parse(source.manifest_data, source.manifest_file, store, lock.versioning if lock else DEFAULT)


def read_lock(path: str) -> Lock | None:
    """The assets.lock at `path`; None where there is none. LockError, InvalidError."""
    data = read_file(path)
    return None if data is None else parse_lock(data, filename=shown_path(path))


def _parse(data: bytes, path: str, default_store: StoreConfig | None, default_versioning: str) -> Manifest:
    return parse_manifest(
        data,
        filename=shown_path(path),
        default_store=default_store,
        default_versioning=default_versioning,
        plugin=load_versioning,
    )
