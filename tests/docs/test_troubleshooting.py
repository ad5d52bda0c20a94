"""The messages that the troubleshooting page explains are messages of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/howto/troubleshooting.md").read_text()
MESSAGES = re.findall(r"^### `(.*)`$", PAGE, re.MULTILINE)
# Source text with strings that go on in the next line put together, and without the marks of literals.
SOURCE = re.sub(
    r"\"\s*\n\s*f?\"|`", "", "\n".join(file.read_text() for file in sorted((ROOT / "assetsync").rglob("*.py")))
)


def test_the_page_explains_messages() -> None:
    assert len(MESSAGES) > 8


@pytest.mark.parametrize("message", MESSAGES)
def test_the_program_says_so(message: str) -> None:
    for part in filter(None, (part.strip() for part in message.split("…"))):
        assert part in SOURCE, part
