"""Finding a project: the assets.yaml that a folder belongs to."""

from __future__ import annotations

import os

from assetsync.errors import NotFoundError
from assetsync.model.files import MANIFEST


def find_manifest(directory: str) -> str:
    """The assets.yaml that `directory` belongs to, found by going upward like git. NotFoundError."""
    folder = os.path.abspath(directory)
    while True:
        candidate = os.path.join(folder, MANIFEST)
        if os.path.lexists(candidate):
            return candidate
        parent = os.path.dirname(folder)
        if parent == folder:
            raise NotFoundError(
                f"no `{MANIFEST}` in `{os.path.abspath(directory)}` or above it",
                hint="write one with `assetsync init`, or name it with `--manifest FILE`",
            )
        folder = parent
