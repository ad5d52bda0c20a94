"""Where assetsync is and which version it has, written from pyproject.toml and the package into every page."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from assetsync import __version__

ROOT = Path(__file__).parents[2]
URL: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
NAME = "/".join(URL.split("/")[-2:])

PAGES = [
    page.relative_to(ROOT).as_posix()
    for page in (
        ROOT / "README.md",
        ROOT / "pyproject.toml",
        ROOT / ".pre-commit-hooks.yaml",
        # Hints, and what `init` writes.
        *sorted(ROOT.glob("assetsync/**/*.py")),
        *sorted(ROOT.glob("assetsync/**/*.json")),
        *sorted(ROOT.glob("docs/**/*.md")),
        *sorted(ROOT.glob("docs/ci/*.yml")),
        *sorted(ROOT.glob(".github/**/*.y*ml")),
    )
]
# An address of this repo, and its name at GitHub: behind `uses:`, `--repo` or a backtick.
ADDRESS = re.compile(r"https?://[\w./-]*?/assetsync(?![\w-])")
NAMED = re.compile(r"(?:(?<=uses: )|(?<=--repo )|(?<=`))[\w.-]+/assetsync(?![\w-])")
VERSION = re.compile(r"((?:/assetsync\S*@|\brev: )v)(\d[\w.]*?)(?=['`\s]|$)", re.MULTILINE)


def released(text: str) -> str:
    """A page with the address, the name and the version that hold now."""
    text = NAMED.sub(NAME, ADDRESS.sub(URL, text))
    return VERSION.sub(rf"\g<1>{__version__}", text)
