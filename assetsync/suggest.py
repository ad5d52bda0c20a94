"""Did you mean? One rule of what is near enough to a mistyped name to be worth suggesting."""

from __future__ import annotations

from collections.abc import Iterable

from assetsync.escape import printable


def did_you_mean(given: str, known: Iterable[str], *, prefix: str = "") -> str | None:
    """A hint that names the one of `known` that is nearest to `given`, behind `prefix`; None when none is near."""
    from difflib import get_close_matches  # errors alone need it, and `check` has to be fast

    near = get_close_matches(given, list(known), 1)
    return f"did you mean `{printable(prefix + near[0])}`?" if near else None
