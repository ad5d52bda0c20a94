"""What a program writes of the documentation is what it would write today."""

from __future__ import annotations

import pytest

from tests.docs.generated import PAGES, current

PICTURES = [page for page in PAGES if page.startswith("docs/pictures/")]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in PICTURES])
def test_the_page_says_what_the_program_does(page: str) -> None:
    _check(page)


def test_the_pictures_show_what_the_program_prints() -> None:
    """In one test, because one run of the program makes them all."""
    assert len(PICTURES) > 12
    for page in PICTURES:
        _check(page)


def _check(page: str) -> None:
    assert current(page), f"{page} does not exist"
    assert PAGES[page](current(page)) == current(page), f"`python -m tests.docs {page}` writes it anew"
