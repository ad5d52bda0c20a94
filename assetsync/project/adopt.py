"""From a store to a project: what is here of its assets gets into assets.yaml and assets.lock. Nothing is published."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from filelock import FileLock, Timeout
from msgspec import Struct
from msgspec.structs import replace

from assetsync.atomic import write_atomically
from assetsync.errors import ConflictError, LockError, UsageError
from assetsync.escape import printable
from assetsync.lock.text import render_lock
from assetsync.manifest.edit import add_entries, new_manifest
from assetsync.manifest.nodes import decoded
from assetsync.model.files import LOCK
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.manifest import Manifest, StoreConfig
from assetsync.model.mismatch import lock_mismatches
from assetsync.progress import Reporter
from assetsync.project.locate import open_state
from assetsync.project.matching import Match, Search, look
from assetsync.project.texts import parse_project, read_lock
from assetsync.project.workspace import Workspace
from assetsync.reading import read_file, shown_path


class Adoption(Struct, frozen=True):
    """The result of a search: the matches, sorted by name, and the assets.yaml they were found with, or a new one.

    `present` are the wanted assets that it has already.
    """

    matches: tuple[Match, ...]
    manifest_file: str
    manifest_text: str
    is_new: bool
    filename: str
    versioning: str
    present: tuple[str, ...] = ()

    @property
    def entered(self) -> Sequence[Match]:
        """Those that get an entry."""
        return [match for match in self.matches if match.entry is not None]

    def new_text(self) -> str:
        """assets.yaml with the entries. InvalidError, ManifestError."""
        entries = [match.entry for match in self.matches if match.entry is not None]
        return add_entries(self.manifest_text, entries, filename=self.filename, default_versioning=self.versioning)


def find(workspace: Workspace, manifest_file: str, search: Search, reporter: Reporter) -> Adoption:
    """As `AssetStore.find_local`, for the assets.yaml at `manifest_file`, which need not be there yet."""
    url, versioning = workspace.config.url, workspace.versioning_name
    data, filename = read_file(manifest_file), shown_path(manifest_file)
    text = new_manifest(url, versioning) if data is None else decoded(data, filename)
    named = {name: value for name, value in workspace.environ.items() if name != "ASSETSYNC_STORE"}
    manifest = parse_project(text.encode(), manifest_file, store=None, environ=named)
    if (manifest.store.url, manifest.versioning) != (url, versioning):
        raise UsageError(
            f"`{filename}` names another store, `{printable(manifest.store.url)}`",
            hint="adopt from the store that it names, or begin a project of its own with `-C DIR`",
        )
    matches, present = look(workspace, search, manifest.entries, os.path.dirname(manifest_file), reporter)
    return Adoption(matches, manifest_file, text, data is None, filename, versioning, present)


def write(adoption: Adoption, store_url: str, environ: Mapping[str, str]) -> None:
    """Write assets.yaml and assets.lock. ConflictError when one of them changed meanwhile; OSError."""
    root = os.path.dirname(adoption.manifest_file)
    state = open_state(root, environ)
    try:
        with FileLock(state.lock, timeout=0):
            now = read_file(adoption.manifest_file)
            if now != (None if adoption.is_new else adoption.manifest_text.encode()):
                raise ConflictError(f"`{adoption.filename}` changed meanwhile", hint="run the command again")
            _write(adoption, store_url, root, state.folder)
    except Timeout:
        raise ConflictError(f"another assetsync is at work in `{root}`", hint="wait for it") from None


def _write(adoption: Adoption, store_url: str, root: str, aside: str) -> None:
    text = adoption.new_text()
    path = os.path.join(root, LOCK)
    lock = read_lock(path) or Lock(store_url, adoption.versioning)
    for problem in lock_mismatches(lock, Manifest(StoreConfig(store_url), adoption.versioning, ())):
        raise LockError(problem.message, hint=problem.fix)
    locked = {
        match.name: LockEntry(match.version or match.newest, match.content, match.entry.path)
        for match in adoption.matches
        if match.entry is not None and match.content is not None
    }
    # The lock first: when this is interrupted in between, the same command finds everything once more.
    write_atomically(path, render_lock(replace(lock, assets={**lock.assets, **locked})).encode(), aside=aside)
    write_atomically(adoption.manifest_file, text.encode(), aside=aside)
