"""The reference explains every problem that a plan can have, and every finding of a check."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Where the code stands among the arguments.
MAKERS = {"stop": 0, "Stop": 1, "Problem": 1, "Mismatch": 0, "Finding": 1, "finding": 0}
ROOMS = {"What a plan says": ("plan", "model"), "What a check finds": ("lock", "model")}


@pytest.mark.parametrize("section", ROOMS)
def test_the_reference_has_every_code(section: str) -> None:
    page = (ROOT / "docs/reference.md").read_text()
    text = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    explained = {
        code for line in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for code in re.findall(r"`(\w+)`", line)
    }
    found = set(codes(*ROOMS[section]))
    assert len(found) > 8
    assert found <= explained


def codes(*rooms: str) -> Iterator[str]:
    for file in sorted(file for room in rooms for file in (ROOT / "assetsync" / room).glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                place = MAKERS.get(name)
                found = node.args[place] if place is not None and place < len(node.args) else None
                if isinstance(found, ast.Constant) and isinstance(found.value, str):
                    yield found.value
