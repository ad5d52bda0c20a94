"""-v tells more, -q tells nothing but data and errors."""

from __future__ import annotations

import pytest

from assetsync.backends.told import tell
from assetsync.cli.requests import requests_told
from tests.e2e.harness import Repo


def test_excluded_files_are_counted_and_with_v_named(repo: Repo) -> None:
    repo.write("assets.yaml", 'store: ../store\nassets:\n  t: {path: models/tokenizer, exclude: ["*.tmp", "ck/"]}\n')
    for name in ("a.tmp", "ck/1", "ck/2", ".DS_Store"):
        repo.write(f"models/tokenizer/{name}", "x")
    plain, verbose = repo.run("plan").out, repo.run("plan", "-v").out
    assert "3 files excluded" in plain
    assert "excluded: " not in plain
    assert [line.strip() for line in verbose.splitlines() if "excluded: " in line] == [
        "excluded: .DS_Store",
        "excluded: a.tmp",
        "excluded: ck/",
    ]


def test_q_says_nothing_but_data(repo: Repo) -> None:
    run = repo.run("-q", "apply", "--yes")
    assert (run.out, run.err) == ("", "")
    assert repo.run("-q", "status").out
    assert repo.run("-q", "plan", "x", code=64).err


@pytest.mark.parametrize("each", [False, True])
def test_requests_are_counted_or_told_one_by_one(each: bool) -> None:
    said: list[str] = []
    with requests_told(said.append, each=each):
        tell("GET", "a\x1bb")
        tell("PUT", "c")
        tell("GET", "d")
    tell("GET", "later")
    assert said == [*(["  GET a\\x1bb", "  PUT c", "  GET d"] if each else []), "3 requests: 2 GET, 1 PUT"]
