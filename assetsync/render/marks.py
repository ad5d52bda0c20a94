"""Aliases of an asset and how they moved, as text and as JSON (format 1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from assetsync.escape import printable
from assetsync.model.marks import Act, Marks, Move
from assetsync.render.document import dump
from assetsync.render.plan_text import Paint, plain


def aliases_text(marks: Marks, aliases: Iterable[str], *, paint: Paint = plain) -> str:
    """Each alias with the version that it is at, and below that its moves, the newest first."""
    lines: list[str] = []
    for alias in aliases:
        at = marks.at(alias)
        lines.append(f"{paint(f'@{alias}', 'cyan')}  {paint(at, 'yellow') if at else 'removed'}")
        moves = marks.moves[alias]
        width = max(len(move.version or "-") for move in moves)
        lines += (f"  {_moved(move, width)}" for move in reversed(moves))
    return "".join(line + "\n" for line in lines)


def _moved(move: Move, width: int) -> str:
    facts = [moment(move.act.when), f"{move.version or '-':<{width}}", *_by(move.act)]
    if move.back:
        facts.append("(rollback)")
    return "  ".join([*facts, *([printable(move.act.message)] if move.act.message else [])]).rstrip()


def _by(act: Act) -> Iterator[str]:
    yield printable(act.who)
    if act.commit:
        yield f"at {printable(act.commit[:12])}"


def moment(text: str) -> str:
    """A time as it is recorded, to the second where it is written as it should be."""
    shown = printable(text)
    return f"{shown[:10]} {shown[11:19]}" if len(shown) >= 19 and shown[10] == "T" else shown[:40]


def acted(act: Act) -> str:
    """Who did it, when and from which commit, in a line."""
    return ", ".join([moment(act.when), *_by(act)])


def aliases_json(store: str, name: str, marks: Marks, aliases: Iterable[str]) -> str:
    """The document of `alias --format json`: for each alias its version, null when it was removed, and its moves, the
    newest first."""
    shown = {
        alias: {"version": marks.at(alias), "moves": [_document(move) for move in reversed(marks.moves[alias])]}
        for alias in aliases
    }
    return dump({"store": store, "asset": name, "aliases": shown})


def _document(move: Move) -> dict[str, Any]:
    return {"version": move.version, "rollback": move.back, **act_document(move.act)}


def act_document(act: Act) -> dict[str, Any]:
    """Who, when, from which commit, in which run and why."""
    return {field: getattr(act, field) for field in Act.__struct_fields__}
