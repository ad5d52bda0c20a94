"""The rooms of the package as a table: each folder and each module of the root, with the caption that it carries."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "assetsync"


def rooms_table() -> str:
    """The table for docs/architecture.md, from the top floor to the bottom."""
    rows = [f"| `{shown}` | {_caption(file)} |" for shown, file in _rooms()]
    return "\n".join(["| room | caption |", "|---|---|", *rows, ""])


def _rooms() -> Iterator[tuple[str, Path]]:
    for file in (PACKAGE / "__init__.py", PACKAGE / "__main__.py"):
        yield file.name, file
    floors = _floors()
    inside = [path for path in PACKAGE.iterdir() if (path / "__init__.py").exists() or path.suffix == ".py"]
    for path in sorted(inside, key=lambda path: (floors.get(path.stem, len(floors)), path.name)):
        if path.suffix == ".py" and not path.stem.startswith("__"):
            yield path.name, path
        elif path.is_dir():
            for file in sorted(path.rglob("__init__.py")):
                yield f"{file.parent.relative_to(PACKAGE).as_posix()}/", file


def _floors() -> dict[str, int]:
    """Room -> its floor, counted from the top, as import-linter holds it."""
    contracts: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return {room.strip().removeprefix("assetsync."): n for n, row in enumerate(layers) for room in row.split("|")}


def _caption(file: Path) -> str:
    """The first paragraph of a module's docstring, on one line. ValueError when a room has none."""
    text = ast.get_docstring(ast.parse(file.read_text()))
    if text is None:
        raise ValueError(f"{file.relative_to(ROOT)} has no docstring")
    return " ".join(text.partition("\n\n")[0].split()).replace("|", r"\|")
