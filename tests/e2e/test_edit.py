"""init, add and remove in real repos: git shows only the lines of the entry, and wrong calls are told."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.e2e.harness import Repo
from tests.permissions import reachable_folder, unprivileged


@pytest.fixture
def empty(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo", tmp_path / "home")


def changed_lines(repo: Repo, path: str = "assets.yaml") -> list[str]:
    diff = repo.git("diff", "-U0", "--", path).splitlines()
    return [line for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_from_nothing_to_a_right_lock(empty: Repo) -> None:
    empty.write("models/tokenizer/vocab.txt", "a\n")
    empty.write("models/sentiment.tar.gz", b"x")
    told = empty.run("init", "--store", "../store", "--yes")
    assert "assetsync add PATH" in told.err
    assert "git config merge.assetsync.driver" in told.err
    assert empty.read(".gitattributes") == "assets.lock merge=assetsync\n"
    assert not (empty.root / ".gitignore").exists()

    empty.run("add", "models/tokenizer", "nlp/tokenizer", "--yes")
    named = empty.run("add", "models/sentiment.tar.gz", "--version", "1", "--description", "EN: and FR", "-y")
    assert "`models/sentiment`" in named.err
    assert empty.read(".gitignore") == "/models/tokenizer\n/models/sentiment.tar.gz\n"
    assert "models" not in empty.git("status", "--short")
    empty.run("apply", "--yes")
    empty.run("check", "--content", "--remote")
    assert 'version: "1.0"' in empty.read("assets.lock")


def test_init_without_a_store_says_that_it_is_missing(empty: Repo) -> None:
    assert "name the store" in empty.call("init").err
    assert "# store: s3://BUCKET/PREFIX" in empty.read("assets.yaml")
    assert "`store` is missing" in empty.call("plan", code=1).err


def test_without_a_terminal_offers_are_printed_and_not_made(empty: Repo) -> None:
    empty.write(".gitignore", "*.lock\n")
    told = empty.call("init", "--store", "../store")
    assert "Not done: `!assets.lock` in .gitignore" in told.err
    assert "Not done: `assets.lock merge=assetsync` in .gitattributes" in told.err
    empty.write("m.bin", b"x")
    assert "Not done: `/m.bin` in .gitignore" in empty.call("add", "m.bin").err
    assert empty.read(".gitignore") == "*.lock\n"
    assert empty.git("status", "--short").split() == ["??", ".gitignore", "??", "assets.yaml", "??", "m.bin"]


def test_init_refuses_to_overwrite_and_bad_stores(empty: Repo) -> None:
    secret = empty.call("init", "--store", "s3://key:hunter2@bucket/p", code=1)
    assert "hunter2" not in secret.err + secret.out
    assert not (empty.root / "assets.yaml").exists()
    empty.call("init", "-q", "--store", "s3://bucket/p")
    before = empty.read("assets.yaml")
    assert "exists already" in empty.call("init", "--store", "s3://bucket/q", code=1).err
    assert empty.read("assets.yaml") == before
    assert "does not exist" in empty.call("init", "-C", "nowhere", code=1).err


def test_git_shows_only_the_lines_of_the_entry(repo: Repo) -> None:
    repo.write("models/new.bin", b"x")
    repo.commit()
    repo.call("add", "models/new.bin", "nlp/new", "--exclude", "*.tmp", "--exclude", "a b/")
    added = ["+  nlp/new:", "+    path: models/new.bin", '+    exclude: ["*.tmp", "a b/"]']
    assert changed_lines(repo) == added
    repo.commit()
    told = repo.call("remove", "nlp/new")
    assert changed_lines(repo) == ["-" + line[1:] for line in added]
    assert "stay in the store" in told.err
    assert "assetsync apply" in told.err
    assert (repo.root / "models/new.bin").exists()


def test_what_git_has_already_is_noted_and_not_ignored(repo: Repo) -> None:
    repo.write("models/new.bin", b"x")
    repo.commit()
    assert "git rm -r --cached models/new.bin" in repo.call("add", "models/new.bin", "--yes").err
    repo.write("data/[x] y.bin", b"x")
    repo.call("add", "data/[x] y.bin", "xy", "--yes")
    assert repo.read(".gitignore") == "/data/\\[x\\] y.bin\n"
    assert "data" not in repo.git("status", "--short")


def test_paths_are_relative_to_where_one_stands(repo: Repo) -> None:
    repo.write("models/deep/new.bin", b"x")
    repo.write("models/deep/other.bin", b"x")
    repo.call("add", "deep/new.bin", "a", cwd="models")
    repo.call("add", "-C", "models/deep", "other.bin", "b")
    assert "a: models/deep/new.bin" in repo.read("assets.yaml")
    assert "b: models/deep/other.bin" in repo.read("assets.yaml")


def test_an_asset_that_is_only_fetched_need_not_be_here(repo: Repo) -> None:
    repo.call("add", "data/embeddings", "shared/embeddings", "--readonly", "--version", "3")
    assert repo.read("assets.yaml").endswith(
        '  shared/embeddings:\n    path: data/embeddings\n    version: "3"\n    readonly: true\n'
    )


def test_a_project_without_git_can_be_edited(repo: Repo, tmp_path: Path) -> None:
    repo.write("models/new.bin", b"x")
    # GitPython looks for git when it is imported.
    program = (sys.executable, "-m", "assetsync")
    told = repo.run("add", "models/new.bin", env={"PATH": str(tmp_path)}, program=program)
    assert ".gitignore" not in told.err
    assert "models/new: models/new.bin" in repo.read("assets.yaml")


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["add"], 64, "`add` needs PATH"),
        (["add", "models/tokeniser", "x"], 1, "did you mean `models/tokenizer`?"),
        (["add", "nowhere/at/all", "x"], 1, "--readonly"),
        (["add", "../outside", "x"], 1, "is outside of the project"),
        (["add", "models\\sentiment.bin", "x"], 1, "write `models/sentiment.bin`"),
        (["add", ".", "x"], 1, "own directory"),
        (["add", "assets.yaml", "x"], 1, "belongs to assetsync"),
        (["add", "models/sentiment.bin", "nlp/other"], 1, "is the path of `nlp/sentiment`"),
        (["add", "models", "nlp/all"], 1, "contains"),
        (["add", "new.bin", "nlp/sentiment"], 1, "is in assets.yaml already"),
        (["add", "new.bin", "NLP/Sentiment"], 1, "only in case"),
        (["add", "new.bin", "a//b"], 1, "empty segment"),
        (["add", "new.bin", "x", "--version", "1.2"], 1, "complete version"),
        (["add", "naïve.bin"], 1, "name it: `assetsync add naïve.bin NAME`"),
        (["remove", "nlp/sentimnet"], 64, "did you mean `nlp/sentiment`?"),
        (["remove"], 64, "`remove` needs NAME"),
        (["add", "-C", "nowhere", "x"], 1, "the directory `nowhere` of `-C` does not exist"),
        (["add", "--manifest", "other.yaml", "new.bin"], 1, "`other.yaml` does not exist"),
    ],
)
def test_wrong_calls_are_told_and_change_nothing(repo: Repo, args: list[str], code: int, says: str) -> None:
    repo.write("new.bin", b"x")
    repo.write("naïve.bin", b"x")
    before = repo.read("assets.yaml")
    assert says in repo.call(*args, code=code).err
    assert repo.read("assets.yaml") == before


def test_no_permission_to_write_is_told(tmp_path: Path) -> None:
    with reachable_folder() as folder:
        repo = Repo.init(folder / "repo", tmp_path / "home")
        repo.write("assets.yaml", "store: ../store\nassets:\n")
        repo.write("new.bin", b"x")
        repo.root.chmod(0o555)
        with unprivileged():
            told = [repo.call(*args, code=1).err for args in (["add", "new.bin"], ["init", "--manifest", "m.yaml"])]
    assert all("permission denied" in one for one in told)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
@pytest.mark.parametrize(("answer", "ignored"), [(b"y\n", True), (b"\n", False)])
def test_on_a_terminal_it_asks_and_no_is_the_default(repo: Repo, answer: bytes, ignored: bool) -> None:
    repo.write("models/new.bin", b"x")
    ours, theirs = os.openpty()
    try:
        os.write(ours, answer)
        told = repo.run("add", "models/new.bin", stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert "[y/N]" in told.err
    assert (repo.root / ".gitignore").exists() == ignored
