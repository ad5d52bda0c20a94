"""Forty and more mistakes at the command line, each typed, and what is said."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.harness import Repo
from tests.e2e.mistakes import MISTAKES, Mistake

ALL = [mistake for mistakes in MISTAKES.values() for mistake in mistakes]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A repo with two published assets, and the store beside it."""
    folder = tmp_path_factory.mktemp("published")
    repo = Repo.init(folder / "ada/repo", folder / "home")
    repo.in_process = True
    repo.write("models/tokenizer/vocab.txt", "a\nb\n")
    repo.write("models/sentiment.bin", b"\x00\x01model")
    repo.write(".gitignore", "/models\n")
    repo.write(
        "assets.yaml",
        "store: ../store\nassets:\n  nlp/tokenizer: models/tokenizer\n  nlp/sentiment: models/sentiment.bin\n",
    )
    repo.run("apply", "--yes")
    repo.commit()
    return repo


@pytest.mark.parametrize("mistake", ALL, ids=lambda mistake: f"{mistake.typed} {mistake.before[:30]}")
def test_a_mistake_is_told_with_the_thing_the_place_and_the_remedy(
    published: Repo, tmp_path: Path, mistake: Mistake
) -> None:
    shutil.copytree(published.root.parent, tmp_path / "ada", symlinks=True)
    repo = Repo(tmp_path / "ada/repo", published.environ, in_process=True)
    if mistake.before:
        subprocess.run(mistake.before, shell=True, cwd=repo.root, env=repo.environ, check=True)
    run = repo.run(*shlex.split(mistake.typed), code=mistake.code)
    lines = [line.rstrip() for line in (run.out + run.err).replace(str(tmp_path), "/home").splitlines()]
    said = [line.rstrip() for line in mistake.said.splitlines()]
    assert all(any(line.endswith(part) for line in lines) for part in said), "\n".join(lines)


def test_there_are_forty_at_least() -> None:
    assert len({(mistake.typed, mistake.before) for mistake in ALL}) == len(ALL) >= 40


def test_log_and_show_name_one_store_in_one_way(published: Repo) -> None:
    for command in ("log", "show"):
        assert "`../store` has no asset `nlp/x`" in published.run(command, "nlp/x", code=1).err
    assert "store   ../store\n" in published.run("show", "nlp/tokenizer").out
