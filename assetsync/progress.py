"""How work that takes long tells its caller how far it is. Nothing here shows anything; `assetsync.cli` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

# Called from any thread, with the number of further bytes that were sent or received.
Progress = Callable[[int], None]


def no_progress(count: int) -> None:
    """A Progress that ignores its calls, for callers who show none."""


class Reporter(Protocol):
    """Told about the work on assets, from any thread. Raising from it stops the work."""

    def begin(self, asset: str, verb: str, total: int) -> None:
        """Work on `asset` begins: `verb` is "hash", "upload", "download"; `total` is in bytes."""

    def advance(self, asset: str, count: int) -> None:
        """Further `count` bytes went through."""

    def end(self, asset: str, outcome: str) -> None:
        """Work on `asset` is over; `outcome` is one line of words."""


class Silent:
    """The reporter of a caller who does not look."""

    def begin(self, asset: str, verb: str, total: int) -> None:
        pass

    def advance(self, asset: str, count: int) -> None:
        pass

    def end(self, asset: str, outcome: str) -> None:
        pass
