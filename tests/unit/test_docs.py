"""What the documentation says of commands, options and files is so."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import click
import pytest

from assetsync import errors
from assetsync.cli.app import EXIT_INTERRUPTED, EXIT_USAGE, cli
from assetsync.cli.options import Common
from tests.e2e.mistakes import MISTAKES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *DOCS.rglob("*.md")]
REFERENCE = (DOCS / "reference.md").read_text()
COMMON = set(Common._fields)


def commands() -> dict[str, click.Command]:
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


@pytest.mark.parametrize("name", commands())
def test_the_reference_has_each_command_with_its_options_and_no_others(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}\b[^|]*\| (.*) \|$", REFERENCE, re.MULTILINE)
    options = [
        parameter.opts[-1] if parameter.opts[-1].startswith("--") else parameter.opts[0]
        for parameter in commands()[name].params
        if isinstance(parameter, click.Option) and parameter.name not in COMMON and not parameter.hidden
    ]
    assert re.findall(r"`(-[^`]+)`", row) == options


def test_the_json_of_every_command_is_shown() -> None:
    text = (DOCS / "json.md").read_text()
    shown = set(re.findall(r"^\$ assetsync (\w+) .*--format json", text, re.MULTILINE))
    formats = {name: one for name, command in commands().items() for one in command.params if one.name == "format"}
    assert shown == {name for name, one in formats.items() if "json" in getattr(one.type, "choices", ())}


def test_the_reference_has_every_exit_code() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", REFERENCE, re.MULTILINE)}
    tree = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    assert told == tree | {0, 2, EXIT_USAGE, EXIT_INTERRUPTED}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_pages_name_exist(page: Path) -> None:
    known = set(commands())
    if page.name == "mistakes.md":
        known |= {mistake.typed.split()[0] for mistakes in MISTAKES.values() for mistake in mistakes}
    for line in re.findall(r"`assetsync ([a-z][^`]*)`", page.read_text()):
        assert line.split()[0] in known, line


def extra(name: str) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return list(project["optional-dependencies"][name])


@pytest.mark.parametrize("page", [ROOT / ".pre-commit-hooks.yaml", DOCS / "ci.md"], ids=lambda page: page.name)
def test_the_packages_that_a_hook_needs_for_s3_are_those_of_the_extra(page: Path) -> None:
    (named,) = re.findall(r"additional_dependencies: (\[.*?\])", page.read_text())
    assert ast.literal_eval(named) == extra("s3")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_list_links_a_page_twice(page: Path) -> None:
    for block in re.split(r"\n\n+", page.read_text()):
        targets = re.findall(r"^- \[[^\]]*\]\(([^)]+)\)", block, re.MULTILINE)
        assert len(targets) == len(set(targets)), block


def test_a_change_goes_to_a_place_that_is_there() -> None:
    section = (DOCS / "architecture.md").read_text().partition("## Where a change goes")[2].partition("\n## ")[0]
    places = {place for place in re.findall(r"`([a-z_./]+)`", section) if place.endswith(("/", ".py", ".json"))}
    assert len(places) > 20
    places -= {"assetsync/", "translate.py"}  # one of each backend
    assert [place for place in places if not (DOCS.parent / "assetsync" / place).exists()] == []
