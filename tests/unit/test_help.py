"""Help pages: examples that the program understands, and options of its own first."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from assetsync.cli.app import cli
from assetsync.cli.examples import EXAMPLES

ROOT = click.Context(cli, info_name="assetsync")
NAMES = cli.list_commands(ROOT)
LINES = [line.strip() for lines in EXAMPLES.values() for _, text in lines for line in re.split("&&| > ", text)]


def page(name: str) -> str:
    command = cli.get_command(ROOT, name)
    assert command is not None
    return click.Context(command, parent=ROOT, info_name=name, terminal_width=80).get_help()


def test_every_command_has_two_or_three_examples() -> None:
    assert EXAMPLES.keys() == {"assetsync", *NAMES}
    assert {len(lines) for lines in EXAMPLES.values()} <= {2, 3}


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("assetsync ")])
def test_the_program_understands_the_example(line: str) -> None:
    _, name, *args = shlex.split(line)
    command = cli.get_command(ROOT, name)
    assert command is not None
    command.make_context(name, args, parent=ROOT)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_of_the_command_or_of_what_comes_next(name: str) -> None:
    assert any(f"assetsync {name}" in line for _, line in EXAMPLES[name])


@pytest.mark.parametrize("name", NAMES)
def test_examples_and_own_options_come_before_those_of_every_command(name: str) -> None:
    text = page(name)
    assert text.index("\nExamples:") < text.index("\nOptions:") < text.index("Options of every command")
    assert "Work as if started in DIR" not in text
    for _, line in EXAMPLES[name]:
        assert f"\n  {line}\n" in text  # whole, on one line


def test_the_first_page_shows_commands_before_options() -> None:
    text = ROOT.get_help()
    assert text.index("\nExamples:") < text.index("\nEvery day:") < text.index("\nOptions:")
    assert "Work as if started in DIR" in text
