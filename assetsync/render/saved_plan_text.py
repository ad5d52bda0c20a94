"""A saved plan as text, from its file alone: what it would do, whatever has moved since."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assetsync.escape import printable
from assetsync.plan.plan import Problem
from assetsync.render.columns import cells, padded
from assetsync.render.plan_text import COLOURS, Paint, plain, problem_lines
from assetsync.render.plan_words import SYMBOLS, counted, total_of, versions
from assetsync.render.saved_plan import Document, check_plan, parse_plan
from assetsync.render.units import size

_MAYBE = (str, type(None))
_SHAPE: dict[str, Any] = {
    "store": str,
    "fingerprint": str,
    "actions": [
        {
            "asset": str,
            "action": str,
            "from": _MAYBE,
            "to": _MAYBE,
            "reason": str,
            "bytes": {"upload": int, "reuse": int, "download": int},
        }
    ],
    "problems": [{"asset": str, "code": str, "message": str, "hint": _MAYBE}],
}


def parse_shown_plan(text: str) -> Document:
    """The document of a plan with all that `saved_plan_text` shows. InvalidError."""
    document = parse_plan(text)
    check_plan(document, _SHAPE)
    return document


def saved_plan_text(document: Document, *, paint: Paint = plain, verbose: bool = False) -> str:
    """The plan as `plan` shows it, without single files, which the document does not have."""
    actions, problems = document["actions"], document["problems"]
    lines = [f"Store: {printable(document['store'])}"]
    if document.get("offline"):
        lines.append(paint("Offline: compared with assets.lock alone; the store was not asked", "yellow"))
    lines += ["", *_actions([one for one in actions if verbose or one["action"] != "none"], paint)]
    for one in problems:
        lines += problem_lines(Problem(one["asset"], one["code"], one["message"], one["hint"]), paint)
    kinds = [one["action"] for one in actions]
    lines += ["", f"Plan: {counted({kind: kinds.count(kind) for kind in SYMBOLS}, len(problems))}."]
    total = total_of(*(sum(one["bytes"][way] for one in actions) for way in ("upload", "reuse", "download")))
    lines += [f"Bytes: {total}."] if total else []
    lines.append(f"Fingerprint: {printable(document['fingerprint'])}")
    return "\n".join(lines) + "\n"


def _actions(actions: list[dict[str, Any]], paint: Paint) -> Iterator[str]:
    names = [printable(one["asset"]) for one in actions]
    arrows = [printable(versions(one["from"], one["to"])) for one in actions]
    widths = [max(map(cells, column), default=0) for column in (names, arrows)]
    for one, name, arrow in zip(actions, names, arrows, strict=True):
        mark = SYMBOLS.get(one["action"], "?")
        head = paint(f"{mark} {padded(name, widths[0])}  {padded(arrow, widths[1])}", COLOURS.get(mark, ""))
        yield f"  {head}  {printable(one['reason'])}{_cost(one['bytes'])}"


def _cost(moved: dict[str, int]) -> str:
    words = (("upload", "to upload"), ("reuse", "reused"), ("download", "to download"))
    parts = [f"{size(moved[way])} {text}" for way, text in words if moved[way]]
    return f"  ({', '.join(parts)})" if parts else ""
