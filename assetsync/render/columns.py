"""Tables for terminals: columns that line up, also where a character is two cells wide, or none."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_JOINERS = "\u200c\u200d"


def cells(text: str) -> int:
    """The cells of a terminal that `text` takes: two for a wide character, none for an accent on the one before it, and
    none for colours."""
    text = _COLOUR.sub("", text)
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    import unicodedata  # for text that is not ASCII alone

    if character in _JOINERS or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, width: int) -> str:
    """`text` with spaces behind it, up to `width` cells."""
    return text + " " * (width - cells(text))


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of one length as lines: each column as wide as its widest text, two spaces between, none at the end."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(padded, row, widths)).rstrip() for row in rows]
