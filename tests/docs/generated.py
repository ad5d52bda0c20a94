"""The parts of the documentation that a program writes: what it should say now, given what it says.

`python -m tests.docs` writes them; the tests fail where a page says something else than the program does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.docs.commands import commands_page
from tests.docs.mistakes import mistakes_page
from tests.docs.pictures import PICTURES, picture
from tests.docs.rooms import rooms_table
from tests.docs.transcript import rerun

ROOT = Path(__file__).parents[2]


def _section(name: str, body: Callable[[], str]) -> Callable[[str], str]:
    """Replaces what stands between two comments of a page."""
    pattern = re.compile(rf"(?<=<!-- {name}: written by `python -m tests.docs` -->\n).*?(?=<!-- end -->)", re.DOTALL)

    def rewritten(text: str) -> str:
        changed, count = pattern.subn(lambda _: f"\n{body()}\n", text)
        if count != 1:
            raise ValueError(f"the page has {count} places for {name}")
        return changed

    return rewritten


# Page -> its text now -> what it should be. Where only dates and times differ, the text stays.
PAGES: Mapping[str, Callable[[str], str]] = {
    "README.md": lambda text: rerun(text, ROOT),
    "docs/architecture.md": _section("rooms", rooms_table),
    "docs/commands.md": lambda text: commands_page(),
    "docs/howto/mistakes.md": lambda text: mistakes_page(),
    "docs/json.md": lambda text: rerun(text, ROOT),
    "docs/tutorial.md": lambda text: rerun(text, ROOT),
    "docs/howto/promote.md": lambda text: rerun(text, ROOT),
    "docs/howto/aliases.md": lambda text: rerun(text, ROOT),
    **{f"docs/pictures/{name}.svg": partial(picture, name) for name in PICTURES},
}


def current(page: str) -> str:
    """The page as it is; empty when it does not exist yet."""
    path = ROOT / page
    return path.read_text() if path.exists() else ""
