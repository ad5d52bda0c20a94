"""Pages name files of this repo by the paths that they have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
# Such as `tests/unit/test_docs.py` or `assetsync/render/`; NAME and * stand for what the reader fills in.
PATHS = re.compile(r"`((?:assetsync|tests|docs|\.ci)/[^`\s,;]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_no_file_that_is_not_there(page: Path) -> None:
    lines = [line for line in page.read_text().splitlines() if "**open**" not in line]
    named = [path for line in lines for path in PATHS.findall(line) if "NAME" not in path and "*" not in path]
    assert [path for path in named if not (ROOT / path).exists()] == []
