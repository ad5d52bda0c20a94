"""`.assetsync/` beside the manifest: what can be thrown away, and what protects an interrupted operation."""

from __future__ import annotations

import os

from assetsync.atomic import write_atomically
from assetsync.model.files import STATE


class State:
    """The folder `.assetsync` in `root`, made at first use and ignored by git through a `.gitignore` of its own."""

    def __init__(self, root: str) -> None:
        self.folder = os.path.join(root, STATE)

    @classmethod
    def at(cls, folder: str) -> State:
        """The state in a folder of any name."""
        state = cls("")
        state.folder = folder
        return state

    @property
    def cache(self) -> str:
        return os.path.join(self.folder, "cache.db")

    @property
    def journal(self) -> str:
        return os.path.join(self.folder, "journal")

    @property
    def pulls(self) -> str:
        return os.path.join(self.folder, "pulls")

    @property
    def lock(self) -> str:
        return os.path.join(self.folder, "lock")

    @property
    def logs(self) -> str:
        return os.path.join(self.folder, "logs")

    def ensure(self) -> bool:
        """Make the folder. False where it can't be written: plans work without it."""
        ignore = os.path.join(self.folder, ".gitignore")
        try:
            os.makedirs(self.folder, exist_ok=True)
            if not os.path.exists(ignore):
                write_atomically(ignore, b"# Made by assetsync; may be deleted when no assetsync is running.\n*\n")
        except OSError:
            return False
        return os.access(self.folder, os.W_OK)
