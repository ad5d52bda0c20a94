"""The page on security names tests that are there: what it says is held by one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| tries")]
FILE = re.compile(r"`(tests/[^`]+\.py)`")
TEST = re.compile(r"`(test_\w+)`")


def test_every_row_names_a_test() -> None:
    assert len(ROWS) > 30
    for row in ROWS:
        assert FILE.search(row) or row.rstrip(" |").endswith("the same"), row
        assert "**open**" not in row


@pytest.mark.parametrize("row", [row for row in ROWS if TEST.search(row)])
def test_a_test_that_is_named_is_in_a_file_beside_it(row: str) -> None:
    there = "\n".join((ROOT / file).read_text() for file in FILE.findall(row))
    missing = [name for name in TEST.findall(row) if not re.search(rf"^def {name}\(", there, re.MULTILINE)]
    assert missing == []
