"""Whether a store refuses what assetsync never does, as text and as JSON (format 1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assetsync.escape import printable
from assetsync.remote.immutability import Attempt
from assetsync.render.document import dump
from assetsync.render.plan_text import Paint, plain

_MODELKIT = "modelkit writes without conditions: it can't push to a store that refuses that, and fetches as before"


def immutability_text(store: str, attempts: Sequence[Attempt], *, paint: Paint = plain) -> str:
    """A line for each attempt, and what follows for modelkit."""
    lines = [f"Store: {printable(store)}", "", *(_line(one, paint) for one in attempts)]
    if any(one.what == "put without a condition" and one.refused for one in attempts):
        lines += ["", _MODELKIT]
    return "".join(line + "\n" for line in lines)


def _line(attempt: Attempt, paint: Paint) -> str:
    mark, word = _VERDICTS[attempt.refused]
    colour = {True: "green", False: "red", None: "yellow"}[attempt.refused]
    if attempt.refused is False and attempt.is_harmless:
        mark, colour = "-", "yellow"
    detail = attempt.detail or ("it can harm unfinished uploads alone" if attempt.is_harmless else "")
    return f"  {paint(mark, colour)} {attempt.what}: {word}" + (f"  ({printable(detail)})" if detail else "")


_VERDICTS = {True: ("✓", "refused"), False: ("!", "open"), None: ("-", "not told")}


def immutability_json(store: str, attempts: Sequence[Attempt]) -> str:
    """The document of `doctor --immutability --format json`; `refused` is null where that could not be told."""
    return dump({"store": store, "attempts": [*map(dict, map(_fields, attempts))]})


def _fields(attempt: Attempt) -> Iterator[tuple[str, object]]:
    yield "what", attempt.what
    yield "refused", attempt.refused
    yield "detail", attempt.detail or None
