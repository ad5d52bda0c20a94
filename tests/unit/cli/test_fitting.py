"""Lines for the width of a terminal: words stay whole, and what goes on stands below its column."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from assetsync.cli.fitting import broken, fitted
from assetsync.render.columns import cells

WORDS = st.lists(st.text("abc/日é", min_size=1, max_size=12), min_size=1, max_size=20)


@given(WORDS, st.integers(12, 60), st.sampled_from(["", "  ", "      "]))
def test_no_word_is_broken_and_no_line_is_too_wide(words: list[str], width: int, indent: str) -> None:
    parts = list(broken(indent + " ".join(words), width))
    assert " ".join(parts).split() == words
    assert all(cells(part) <= width or len(part.split()) == 1 for part in parts)


def test_it_goes_on_below_the_last_column_of_the_left_half() -> None:
    line = "  ~ nlp/tokenizer  0.1 → 1.0  opens version line `1`  (3 B to upload, 168.9 kB reused)"
    assert list(broken(line, 60)) == [
        "  ~ nlp/tokenizer  0.1 → 1.0  opens version line `1`  (3 B",
        "                              to upload, 168.9 kB reused)",
    ]


def test_prose_a_long_word_and_colours() -> None:
    assert list(broken("Fingerprint: sha256:" + "0" * 64, 80)) == ["Fingerprint:", "  sha256:" + "0" * 64]
    assert list(broken("\x1b[31mab ab ab\x1b[0m", 8)) == ["\x1b[31mab ab ab\x1b[0m"]
    assert list(broken("", 8)) == [""]


def test_elsewhere_a_line_stays_one() -> None:
    assert fitted("word " * 100, io.StringIO()) == "word " * 100
