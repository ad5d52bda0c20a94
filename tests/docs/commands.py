"""Every help page of the program, for docs/commands.md."""

from __future__ import annotations

from collections.abc import Iterator

import click

from assetsync.cli.app import cli

# As on a terminal of 100 columns: click leaves two of them free.
WIDTH = 100

_HEAD = """\
# Commands

What `assetsync COMMAND --help` says. A test holds this page against the program. The options that every command has are
listed once, at the top. [reference.md](reference.md) has exit codes, JSON and variables.
"""


def commands_page() -> str:
    """The whole page."""
    sections = [_HEAD, _section("assetsync", _root().get_help())]
    sections += [_section(f"assetsync {name}", context.get_help()) for name, context in _commands()]
    return "\n".join(sections)


def _root() -> click.Context:
    cli.__dict__["_help_option"] = None  # click keeps that of the first context, which may be another test's
    names = ["-h", "--help"]
    return click.Context(
        cli, info_name="assetsync", help_option_names=names, max_content_width=WIDTH, terminal_width=WIDTH
    )


def _commands() -> Iterator[tuple[str, click.Context]]:
    root = _root()
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        if command is not None:
            command.__dict__["_help_option"] = None
            yield name, click.Context(command, parent=root, info_name=name, terminal_width=WIDTH)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text.strip()}\n```\n"
