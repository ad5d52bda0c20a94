"""The one way to stdout and stderr. Where a CI system reads along, no line can be a command to it.

Runners take lines of a log for commands: GitHub's `::set-env …` at the start of a line and `##[…]` anywhere, Azure's
`##vso[…]` and `##[…]`, TeamCity's `##teamcity[…]`. Names, messages
and paths come from branches and stores, so they could hold one.
"""

from __future__ import annotations

import os
import re

import click

_READERS = ("GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION")
# Runners trim lines before they look; colours are allowed for, in case one of them does so as well.
_COMMAND = r"((?:\A|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])(?:\s|\x1b\[[0-9;]*m)*:)(?=:)|#(?=#\w*\[)"


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Write text, to stderr with `err`, with a line break unless `nl` is False. Colours in it stay."""
    click.echo(harmless(text) if is_read_by_ci() else text, err=err, nl=nl, color=True)  # noqa: TID251


def commands(text: str) -> None:
    """Write our own commands to a CI system, to stdout. Nothing in them may be foreign that is not escaped."""
    click.echo(text, nl=False)  # noqa: TID251


def is_read_by_ci() -> bool:
    """Whether a CI system reads the output, by the variables that such systems set."""
    return any(os.environ.get(name) for name in _READERS)


def harmless(text: str) -> str:
    """`text` with a backslash escape in the middle of what could be a command."""
    return re.sub(_COMMAND, lambda match: f"{match[1][:-1]}\\x3a" if match[1] else "\\x23", text)
