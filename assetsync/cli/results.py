"""How the work on each asset ended, as lines: in the order of the plan, and condensed where there are many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assetsync.escape import presentable

# Assets that have a line each. More would bury what matters.
EACH_SHOWN = 20
# Names of a condensed line.
NAMES_SHOWN = 6


class Results:
    """Lines about the assets of a plan, which end in any order. `each`: a line for each, however many there are."""

    def __init__(self, order: Sequence[str], *, each: bool = False) -> None:
        self._order = list(order)
        self._each = each or len(order) <= EACH_SHOWN
        self._ended: dict[str, tuple[str, str]] = {}
        self._next = 0

    @property
    def count(self) -> str:
        """How many have ended, of how many: `57 of 200 assets`."""
        return f"{len(self._ended):,} of {len(self._order):,} assets"

    @property
    def are_condensed(self) -> bool:
        """Whether lines come at the end alone."""
        return not self._each

    def add(self, asset: str, outcome: str, cost: str = "") -> list[str]:
        """Note how an asset ended; the lines that can be shown now, those that waited for it included."""
        self._ended[asset] = outcome, cost
        if asset not in self._order:
            return [_line(asset, outcome, cost)]
        return list(self._ready()) if self._each else []

    def rest(self) -> list[str]:
        """The lines that were not shown yet, at the end of the work."""
        if not self._each:
            return list(self._groups())
        left = [asset for asset in self._order[self._next :] if asset in self._ended]
        self._next = len(self._order)
        return [_line(asset, *self._ended[asset]) for asset in left]

    def _ready(self) -> Iterator[str]:
        while self._next < len(self._order) and self._order[self._next] in self._ended:
            asset = self._order[self._next]
            self._next += 1
            yield _line(asset, *self._ended[asset])

    def _groups(self) -> Iterator[str]:
        groups: dict[str, list[str]] = {}
        for asset in self._order:
            if asset in self._ended:
                verb, _, version = self._ended[asset][0].partition(" ")
                shown = asset if verb == "failed:" else f"{asset} {version}".rstrip()
                groups.setdefault(verb.rstrip(":"), []).append(shown)
        for verb, names in groups.items():
            shown = ", ".join(names[:NAMES_SHOWN])
            more = f", and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
            yield f"  {verb} {len(names):,}: {presentable(shown)}{more}"


def _line(asset: str, outcome: str, cost: str) -> str:
    return f"  {asset}: {presentable(outcome)}{cost}"
