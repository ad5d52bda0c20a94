"""The table of mistakes for docs/howto/mistakes.md."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.e2e.mistakes import MISTAKES, Mistake

_HEAD = """\
# Mistakes, and what is said

A message names the thing, the place and the remedy. These are typed by a test, in a repo that has published
`nlp/tokenizer` from `models/tokenizer` and `nlp/sentiment` from `models/sentiment.bin`. Those who know git, DVC or
Terraform find the command here that does the same. [Troubleshooting](troubleshooting.md) says more about messages that
puzzle.
"""
# What Markdown would take for markup, outside of code.
_MARKUP = re.compile(r"(`[^`]*`)|([*_<\[\]|\\])")


def mistakes_page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_table(title, mistakes) for title, mistakes in MISTAKES.items())])


def _table(title: str, mistakes: tuple[Mistake, ...]) -> str:
    rows = "".join(_rows(mistakes))
    return f"## {title}\n\n| typed | said |\n|---|---|\n{rows}"


def _rows(mistakes: tuple[Mistake, ...]) -> Iterator[str]:
    for mistake in mistakes:
        before = f"{_code(mistake.before)}<br>" if mistake.before else ""
        said = "<br>".join(_prose(line.strip()) for line in mistake.said.splitlines())
        yield f"| {before}{_code('assetsync ' + mistake.typed)} | {said} |\n"


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _prose(text: str) -> str:
    return _MARKUP.sub(lambda found: found[1].replace("|", "\\|") if found[1] else "\\" + found[2], text)
