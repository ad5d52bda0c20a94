"""Commands, manifests and variables in the pages are ones that the program understands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from assetsync.cli.app import cli
from assetsync.manifest.parse import parse_manifest
from assetsync.manifest.settings import OF_A_STORE
from assetsync.model.manifest import StoreConfig

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text() for page in PAGES}

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Up to what ends a command in a shell; a comment, too.
_IN_SHELL = re.compile(r"(?:^|[( ])assetsync ((?:-C \S+ )?[a-z][^\n]*?)(?=\s*(?:#|&&|\|\||[|>;)]|$))", re.MULTILINE)
_IN_PROSE = re.compile(r"`assetsync ((?:-C \S+ )?[a-z][^`]*)`")


def blocks(text: str, language: str) -> list[str]:
    return [body for found, body in _BLOCK.findall(text) if found == language]


def commands(text: str) -> list[str]:
    """What follows `assetsync` in shell blocks and in code in running text, without the folder that `-C` names."""
    lines = [line.partition(" > ")[0] for line in _IN_PROSE.findall(_BLOCK.sub("", text))]
    for block in blocks(text, "sh"):
        lines += _IN_SHELL.findall(block.replace("pip install ", ""))
    return [re.sub(r"^-C \S+ ", "", line) for line in lines if "…" not in line]


# The page of mistakes names commands that the program does not understand; tests/e2e/test_mistakes.py types them.
COMMANDS = sorted({(p, line) for p, text in TEXTS.items() if not p.endswith("mistakes.md") for line in commands(text)})
MANIFESTS = [
    (page, block)
    for page, text in TEXTS.items()
    for block in blocks(text, "yaml")
    if re.search(r"^(store|assets):", block, re.MULTILINE) and "lock_version" not in block
]


def test_the_pages_have_commands_and_manifests() -> None:
    assert len(COMMANDS) > 60
    assert len(MANIFESTS) > 8


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_the_program_understands_the_command(page: str, line: str) -> None:
    root = click.Context(cli, info_name="assetsync")
    name, *args = shlex.split(line)
    command = cli.get_command(root, name)
    assert command is not None, name
    try:
        command.make_context(name, list(args), parent=root)
    except click.MissingParameter:
        # A page may name a command and its options, and leave its arguments out.
        required = [one for one in command.params if isinstance(one, click.Argument) and one.required]
        command.make_context(name, [*args, *("x" for _ in required)], parent=root)


@pytest.mark.parametrize(("page", "block"), MANIFESTS)
def test_the_manifest_is_right(page: str, block: str) -> None:
    manifest = parse_manifest(block, default_store=StoreConfig("./default"))
    assert manifest.entries or manifest.store.url != "./default"


_IN_FILE_ONLY = ("url", "price_per_gb_month", "object_tags", "name", "origins")


def test_all_variables_are_told_and_no_others() -> None:
    source = "\n".join(file.read_text() for file in (ROOT / "assetsync").rglob("*.py"))
    read = set(re.findall(r"\"(ASSETSYNC_[A-Z_]+)\"", source))
    read |= {f"ASSETSYNC_{name.upper()}" for name in StoreConfig.__struct_fields__ if name not in _IN_FILE_ONLY}
    told = set(re.findall(r"ASSETSYNC_[A-Z_]+", TEXTS["docs/settings.md"]))
    assert told - {f"ASSETSYNC_{name}_PROD" for name in OF_A_STORE} == read
    assert told >= {f"ASSETSYNC_{name}_PROD" for name in OF_A_STORE}
