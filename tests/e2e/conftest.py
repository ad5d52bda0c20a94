from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.harness import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A git repo with two assets and a directory store beside it."""
    repo = Repo.init(tmp_path / "repo", tmp_path / "home")
    repo.write("models/tokenizer/vocab.txt", "a\nb\n")
    repo.write("models/tokenizer/.hidden/é.txt", "dotfile")
    repo.write("models/sentiment.bin", b"\x00\x01model")
    repo.write(
        "assets.yaml",
        "store: ../store\n\nassets:\n  nlp/tokenizer: models/tokenizer\n\n"
        "  nlp/sentiment:  # a file\n    path: models/sentiment.bin\n",
    )
    return repo
