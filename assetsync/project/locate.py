"""Finding a project: the assets.yaml that a folder belongs to."""

from __future__ import annotations

import os

from assetsync.errors import NoFileError
from assetsync.escape import printable
from assetsync.model.files import MANIFEST


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
