from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import SERVERS, STORES, Remote


@pytest.fixture(scope="session", params=list(STORES))
def serving(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], Remote]]:
    """The server of one kind of store, for the whole run."""
    with SERVERS[request.param]() as place:
        yield place


@pytest.fixture(scope="session")
def s3_serving() -> Iterator[Callable[[Path], Remote]]:
    with SERVERS["strict s3"]() as place:
        yield place


@pytest.fixture
def remote(serving: Callable[[Path], Remote], tmp_path: Path) -> Remote:
    """An empty store, of each kind in turn."""
    return serving(tmp_path)


@pytest.fixture
def s3(s3_serving: Callable[[Path], Remote], tmp_path: Path) -> Remote:
    """An empty store on the strict S3, which tells what it was asked."""
    return s3_serving(tmp_path)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A git repo with two assets and a directory store beside it. Its commands run in this process."""
    repo = Repo.init(tmp_path / "repo", tmp_path / "home")
    repo.in_process = True
    repo.write("models/tokenizer/vocab.txt", "a\nb\n")
    repo.write("models/tokenizer/.hidden/é.txt", "dotfile")
    repo.write("models/sentiment.bin", b"\x00\x01model")
    repo.write(
        "assets.yaml",
        "store: ../store\n\nassets:\n  nlp/tokenizer: models/tokenizer\n\n"
        "  nlp/sentiment:  # a file\n    path: models/sentiment.bin\n",
    )
    return repo
