"""Where assetsync is and which version it has is said in one place; the pages that repeat it are held to it."""

from __future__ import annotations

import ast
import re

import pytest

from assetsync import __version__
from tests.docs.release import ADDRESS, NAMED, PAGES, ROOT, URL, VERSION, released

TEXTS = {page: (ROOT / page).read_text() for page in PAGES}


@pytest.mark.parametrize("page", TEXTS)
def test_a_page_names_the_repo_and_the_version(page: str) -> None:
    assert released(TEXTS[page]) == TEXTS[page], "`python -m tests.docs` writes it anew"


def test_another_address_and_version_are_written_everywhere() -> None:
    changed = {
        page: ADDRESS.sub("https://host/old/assetsync", NAMED.sub("old/assetsync", text))
        for page, text in TEXTS.items()
    }
    changed = {page: VERSION.sub(r"\g<1>0.0.9", text) for page, text in changed.items()}
    assert sum(changed[page] != TEXTS[page] for page in TEXTS) >= 9
    assert {page: released(text) for page, text in changed.items()} == TEXTS


def test_the_recipes_use_the_action_that_is_here() -> None:
    assert (ROOT / ".github/actions/assetsync/action.yml").exists()


def test_the_changelog_has_the_version() -> None:
    assert re.search(rf"^## {re.escape(__version__)}$", TEXTS["docs/changelog.md"], re.MULTILINE)


SHIPPED = [page for page in PAGES if page.startswith("assetsync/")]
PAGE = re.compile(r"(?P<address>\S*/)?docs/(?P<page>[\w./-]+\.md)")


@pytest.mark.parametrize("file", SHIPPED)
def test_what_is_said_names_pages_that_a_reader_can_get(file: str) -> None:
    """An installed package lacks docs/. Comments and docstrings are read in the repo, which has it."""
    said = _said(ast.parse(TEXTS[file])) if file.endswith(".py") else [TEXTS[file]]
    for found in (found for text in said for found in PAGE.finditer(text)):
        assert found["address"] == f"{URL}/blob/main/", f"`{found[0]}` is not in an installed package"
        assert (ROOT / "docs" / found["page"]).exists()


def _said(module: ast.Module) -> list[str]:
    """The texts in a module, but for docstrings."""
    comments = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(module) if isinstance(node, ast.Constant) and id(node) not in comments]
    return [node.value for node in texts if isinstance(node.value, str)]
