"""What a program writes of the documentation is what it would write today."""

from __future__ import annotations

import pytest

from tests.docs.generated import PAGES, current


@pytest.mark.timeout(300)  # the tutorial is a hundred programs
@pytest.mark.parametrize("page", PAGES)
def test_the_page_says_what_the_program_does(page: str) -> None:
    assert current(page), "it does not exist"
    assert PAGES[page](current(page)) == current(page), "`python -m tests.docs` writes it anew"
