from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.chromium import chromium, missing
from tests.e2e.harness import Repo, clean_environ


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    why = missing()
    if why is not None:
        pytest.skip(why)
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Has the program write the page of a directory store; its path."""

    def write(store: Path) -> Path:
        folder = tmp_path_factory.mktemp("page")
        repo = Repo(folder, clean_environ(folder / "home"), in_process=True)
        (folder / "home").mkdir()
        repo.run("list", "--store", str(store), "--format", "html", "-o", str(folder / "assets.html"))
        return folder / "assets.html"

    return write
