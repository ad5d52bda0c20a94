"""status: local, locked and remote of every asset in one table; quick, and offline too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote


@pytest.fixture
def published(repo: Repo) -> Repo:
    repo.run("apply", "--yes")
    return repo


def assets(repo: Repo, *args: str) -> dict[str, Any]:
    return {one["name"]: one for one in repo.run("status", *args, "--format", "json").json()["assets"]}


def test_the_three_states_and_what_comes_next(published: Repo) -> None:
    published.write("models/tokenizer/vocab.txt", "changed")
    (published.root / "models/sentiment.bin").unlink()
    published.write("new.txt", "n")
    published.write("assets.yaml", published.read("assets.yaml") + "  nlp/new: new.txt\n  nlp/gone: gone.txt\n")
    out = published.run("status").out
    lines = out.split("\n\n")[1].splitlines()
    assert lines == [
        "ASSET          LOCAL    LOCKED  REMOTE  NEXT",
        "nlp/tokenizer  changed  0.0     0.0     ~ publish 0.1",
        "nlp/sentiment  missing  0.0     0.0     < pull 0.0",
        "nlp/new        new      -       -       + publish 0.0",
        "nlp/gone       missing  -       -       ! missing",
    ]
    assert out.endswith("4 assets: 1 changed, 2 missing, 1 new. `assetsync plan` tells more of the 1 problem.\n")


def test_nothing_to_do_and_no_assets(published: Repo) -> None:
    out = published.run("status").out
    assert out.endswith("2 assets: 2 as locked. Nothing to do.\n")
    published.write("assets.yaml", "store: ../store\nassets: {}\n")
    assert "- forget" in published.run("status").out


def test_a_newer_version_in_the_store_is_told(published: Repo) -> None:
    published.write("other.bin", "other")
    published.run("update", "other.bin", "nlp/sentiment", "--yes")
    found = assets(published)["nlp/sentiment"]
    assert (found["local"], found["locked"], found["newest"], found["action"]) == ("as_locked", "0.0", "0.1", "none")
    assert "`0.1` is available: `assetsync upgrade nlp/sentiment`" in published.run("status").out


def test_offline_asks_no_store(repo: Repo, s3: Remote) -> None:
    repo.use(s3)
    repo.run("apply", "--yes")
    repo.write("models/sentiment.bin", "changed")
    repo.extra = {}  # no endpoint, no credentials: asking would fail
    out = repo.run("status", "--offline").out
    assert "Offline: the store was not asked" in out
    assert "REMOTE" not in out
    found = assets(repo, "--offline")
    assert {name: one["local"] for name, one in found.items()} == {
        "nlp/tokenizer": "as_locked",
        "nlp/sentiment": "changed",
    }
    assert {one["newest"] for one in found.values()} == {None}


def test_names_and_patterns_choose(published: Repo) -> None:
    assert list(assets(published, "nlp/t*")) == ["nlp/tokenizer"]
    document = published.run("status", "--format", "json").json()
    assert document["format_version"] == 1
    assert document["offline"] is False


def test_it_exits_with_0_whatever_it_finds_and_writes_nothing(published: Repo) -> None:
    (published.root / "assets.lock").unlink()
    before = {path: path.read_bytes() for path in published.root.glob("*") if path.is_file()}
    published.write("models/sentiment.bin", "changed")
    published.run("status", code=0)
    assert {path: path.read_bytes() for path in published.root.glob("*") if path.is_file()} == before


def test_an_unusable_path(published: Repo) -> None:
    (published.root / "models/sentiment.bin").unlink()
    (published.root / "models/sentiment.bin").symlink_to("nowhere")
    found = assets(published)["nlp/sentiment"]
    assert (found["local"], found["problem"]) == ("unusable", "unusable")


def test_an_asset_with_a_problem_has_its_path(published: Repo) -> None:
    (published.root / "models/sentiment.bin").unlink()
    (published.root / "models/sentiment.bin").symlink_to("nowhere")
    published.write("assets.yaml", published.read("assets.yaml") + "  nlp/gone: gone.txt\n")
    found = assets(published)
    assert {name: one["path"] for name, one in found.items() if one["problem"]} == {
        "nlp/sentiment": "models/sentiment.bin",
        "nlp/gone": "gone.txt",
    }
