"""Finding a project: the assets.yaml that a folder belongs to, and the state beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from assetsync.errors import NoFileError
from assetsync.escape import printable
from assetsync.git.tracked import TrackedLinks, may_track, tracked
from assetsync.local.boundary import Boundary
from assetsync.model.files import LOCK, MANIFEST, STATE
from assetsync.reading import read_file
from assetsync.state.folder import State, foreign


def find_manifest(directory: str) -> str:
    """The assets.yaml that `directory` belongs to, found by going upward like git. NoFileError."""
    folder = os.path.abspath(directory)
    if not os.path.isdir(folder):
        raise NoFileError(f"`{printable(folder)}` is not a directory")
    while True:
        candidate = os.path.join(folder, MANIFEST)
        if os.path.lexists(candidate):
            return candidate
        parent = os.path.dirname(folder)
        if parent == folder:
            raise NoFileError(
                f"no `{MANIFEST}` in `{os.path.abspath(directory)}` or above it",
                hint="write one with `assetsync init`, or name it with `--manifest FILE`",
            )
        folder = parent


def moved_since(plan: Mapping[str, Any], directory: str, manifest_file: str | None = None) -> list[str]:
    """Which of the project's two files are others than when the document of a plan was made; none without a project."""
    try:
        path = os.path.join(directory, manifest_file) if manifest_file else find_manifest(directory)
    except NoFileError:
        return []
    from assetsync.render.saved_plan import files_moved

    manifest = read_file(path)
    lock = read_file(os.path.join(os.path.dirname(path), LOCK))
    return files_moved(plan, _text(manifest) or "", _text(lock))


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "replace")


def boundary(root: str, environ: Mapping[str, str]) -> Boundary:
    """The folder `root` as a project that links may lead out of; git is asked about those when one does."""
    return Boundary(root, TrackedLinks(environ))


def open_state(root: str, environ: Mapping[str, str]) -> State:
    """The `.assetsync` of the project in `root`, made where that can be written.

    InvalidError when it, or something in it, is a link, somebody else's, or tracked by git: then it came with a branch,
    and says what its author wants. GitError.
    """
    state = State(root)
    if os.path.lexists(state.folder) and may_track(root, STATE) and tracked([state.folder], environ):
        raise foreign(state.folder, "is tracked by git", f"remove it with `git rm -r {STATE}`")
    state.ensure()
    return state
