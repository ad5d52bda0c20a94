"""Columns that line up in a terminal, whatever the characters."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from assetsync.render.columns import cells, padded, table


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("日本", 4),
        ("e\u0301", 1),
        ("é", 1),
        ("ﾊﾝ", 2),
        ("\x1b[31mab\x1b[0m", 2),
        ("a\u200db", 2),
        ("한국", 4),
    ],
)
def test_cells(text: str, width: int) -> None:
    assert cells(text) == width


@pytest.mark.parametrize("text", ["日本.txt", "naïve", "Ωmega", "emoji 🎉", "ＦＵＬＬ"])
def test_cells_are_those_of_rich(text: str) -> None:
    assert cells(text) == cell_len(text)


def test_columns_begin_at_the_same_cell() -> None:
    lines = table([("日本", "1", "x"), ("a", "22", "y"), ("e\u0301e", "\x1b[31m3\x1b[0m", "z")])
    assert {cells(line[: line.index(last)]) for line, last in zip(lines, "xyz", strict=True)} == {10}
    assert table([("a", "")]) == ["a"]
    assert padded("日", 4) == "日  "
