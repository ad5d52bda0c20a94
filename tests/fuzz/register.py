"""The targets by name, with inputs to start from. The modules beside this one fill it."""

from __future__ import annotations

from collections.abc import Callable

from assetsync.errors import AssetsyncError
from assetsync.escape import printable

# Twice the longest quote, and what surrounds it, for each of up to 101 problems.
LONGEST_MESSAGE = 101 * 2_500

Target = Callable[[bytes], None]
TARGETS: dict[str, Target] = {}
SEEDS: dict[str, list[bytes]] = {}


def target(*seeds: bytes) -> Callable[[Target], Target]:
    """Register a target, and inputs that it takes, under its name.

    Errors of assetsync that it raises are looked at and are no failure.
    """

    def register(function: Target) -> Target:
        def run(data: bytes) -> None:
            try:
                function(data)
            except AssetsyncError as error:
                said = f"{error.message}\n{error.hint or ''}"
                assert len(said) <= LONGEST_MESSAGE, len(said)
                for line in said.split("\n"):
                    assert printable(line) == line, line

        TARGETS[function.__name__] = run
        SEEDS[function.__name__] = list(seeds) or [b""]
        return run

    return register
