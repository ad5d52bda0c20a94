"""Results come in the order of the plan, and condensed where there are many."""

from __future__ import annotations

import random

import pytest

from assetsync.cli.progress import NAME_WIDTH, Lines, _short
from assetsync.cli.results import EACH_SHOWN, NAMES_SHOWN, Results

NAMES = [f"nlp/a{number}" for number in range(200)]


def test_lines_come_in_the_order_of_the_plan_as_early_as_they_can() -> None:
    results = Results(["a", "b", "c", "d"])
    assert results.add("b", "published 0.1") == []
    assert results.add("a", "locked 1.0", " (3 B in 0.1 s)") == ["  a: locked 1.0 (3 B in 0.1 s)", "  b: published 0.1"]
    assert results.add("d", "pulled 0.0") == []
    assert results.rest() == ["  d: pulled 0.0"]
    assert results.rest() == []


def test_many_are_condensed_by_what_happened_to_them() -> None:
    results = Results(NAMES)
    for name in random.Random(1).sample(NAMES, len(NAMES)):
        number = int(name.removeprefix("nlp/a"))
        assert results.add(name, "failed: no space" if number == 7 else f"published 0.{number}") == []
    first = ", ".join(f"nlp/a{number} 0.{number}" for number in range(NAMES_SHOWN))
    assert results.rest() == [f"  published 199: {first}, and 193 more", "  failed 1: nlp/a7"]
    assert results.count == "200 of 200 assets"


def test_each_has_a_line_when_that_is_wished() -> None:
    results = Results(NAMES, each=True)
    lines = [line for name in reversed(NAMES) for line in results.add(name, "published 0.1")]
    assert [line.split(":")[0].strip() for line in lines] == NAMES
    assert not Results(NAMES[:EACH_SHOWN]).are_condensed
    assert Results(NAMES[: EACH_SHOWN + 1]).are_condensed


def test_what_is_in_no_plan_is_told_at_once() -> None:
    assert Results([]).add("x", "read x:1.0") == ["  x: read x:1.0"]


def test_a_log_tells_the_order_of_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(Results(["a", "b", "c"])) as lines:
        for name in "cb":
            lines.begin(name, "upload", 3)
            lines.advance(name, 3)
            lines.end(name, "published 0.1")
        assert capsys.readouterr().err == ""
    err = capsys.readouterr().err
    assert [line.split()[0] for line in err.splitlines()] == ["b:", "c:"]
    assert "(3 B in 0.0 s)" in err


@pytest.mark.parametrize("name", ["a", "nlp/tokenizer", "a-very-long/name-of-an-asset/that-goes-on", "x" * 200])
def test_a_name_fits_its_column(name: str) -> None:
    for verb in ("upload", "download", "hash", "read"):
        text = _short(name, verb)
        assert len(text) <= NAME_WIDTH
        assert text.endswith(name[-6:])
