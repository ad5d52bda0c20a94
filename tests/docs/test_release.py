"""Where assetsync is and which version it has is said in one place; the pages that repeat it are held to it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from assetsync import __version__
from tests.e2e.recipes import ACTION_NAME

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / ".pre-commit-hooks.yaml",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("docs/ci/*.yml")),
    *sorted(ROOT.glob(".github/**/*.y*ml")),
]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text() for page in PAGES}
URL = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
# An address of this repo, or the name that GitHub's `uses:` has for it.
_PLACES = re.compile(r"(?:https?://[\w./-]*|(?<=uses: )[\w.-]+)/assetsync(?![\w-])")
_VERSIONS = re.compile(r"(?:/assetsync\S*@|\brev: )(\S+?)(?=['`\s]|$)")


def test_pages_name_the_repo_and_the_version() -> None:
    assert sum(len(_PLACES.findall(text)) for text in TEXTS.values()) >= 7
    assert sum(len(_VERSIONS.findall(text)) for text in TEXTS.values()) >= 7


@pytest.mark.parametrize("page", TEXTS)
def test_a_page_names_the_repo_as_pyproject_does(page: str) -> None:
    known = {URL, URL.removeprefix("https://github.com/")}
    assert {place for place in _PLACES.findall(TEXTS[page]) if "/actions/" not in place} <= known


@pytest.mark.parametrize("page", TEXTS)
def test_a_page_names_the_version_of_the_package(page: str) -> None:
    assert set(_VERSIONS.findall(TEXTS[page])) <= {f"v{__version__}"}


def test_the_recipes_use_the_action_that_is_here() -> None:
    path = URL.removeprefix("https://github.com/") + "/.github/actions/assetsync"
    assert f"{path}@" == ACTION_NAME
    assert (ROOT / ".github/actions/assetsync/action.yml").exists()


def test_the_changelog_has_the_version() -> None:
    assert re.search(rf"^## {re.escape(__version__)}$", TEXTS["docs/changelog.md"], re.MULTILINE)
