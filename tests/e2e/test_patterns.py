"""Names of assets as patterns."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Repo


@pytest.fixture
def published(repo: Repo) -> Repo:
    repo.write("data/stop.txt", "a\n")
    repo.write("assets.yaml", repo.read("assets.yaml") + "  data/stop: data/stop.txt\n")
    repo.run("apply", "--yes")
    for path in ("models/sentiment.bin", "models/tokenizer/vocab.txt", "data/stop.txt"):
        repo.write(path, "changed")
    return repo


def changed(repo: Repo, *args: str) -> list[str]:
    actions = repo.run("plan", *args, "--format", "json").json()["actions"]
    return [action["asset"] for action in actions]


def test_a_pattern_names_all_assets_that_match(published: Repo) -> None:
    assert changed(published, "nlp/*") == ["nlp/tokenizer", "nlp/sentiment"]
    assert changed(published, "*s*t*") == ["nlp/sentiment", "data/stop"]
    assert changed(published, "data/sto?", "nlp/t*") == changed(published, "nlp/t*", "data/stop")


def test_a_pattern_that_matches_nothing_is_an_error_in_every_command(published: Repo) -> None:
    for command in ("plan", "apply", "sync", "pull", "upgrade", "check", "remove"):
        err = published.run(command, "vision/*", code=64).err
        assert "no asset of `assets.yaml` matches `vision/*`" in err
    assert "of `assets.lock`" in published.run("fetch", "--locked", "x*", "--assets-dir", "out", code=64).err


def test_wishes_take_patterns_too(published: Repo) -> None:
    published.run("pull", "nlp/*", "--discard-local", "nlp/*", "--yes")
    assert changed(published)
    kinds = {a["asset"]: a["action"] for a in published.run("plan", "--format", "json").json()["actions"]}
    assert kinds == {"nlp/tokenizer": "none", "nlp/sentiment": "none", "data/stop": "update"}
    run = published.run("plan", "data/*", "--bump-major", "nlp/*", code=64)
    assert "is not among the assets that the command names" in run.err


def test_a_saved_plan_of_a_pattern_is_stale_when_another_asset_matches(published: Repo) -> None:
    published.run("plan", "nlp/*", "-o", "plan.json")
    published.write("new.txt", "n")
    published.write("assets.yaml", published.read("assets.yaml") + "  nlp/new: new.txt\n")
    assert "`nlp/new`: is new in assets.yaml" in published.run("apply", "--plan", "plan.json", code=3).err


def test_check_and_fetch_and_remove_take_patterns(published: Repo) -> None:
    assert "nlp/tokenizer: " in published.run("check", "nlp/t*", "--content", code=2).out
    paths = published.run("fetch", "--locked", "nlp/*", "--assets-dir", "out").out
    assert paths.count("\n") == 2
    published.run("remove", "nlp/*")
    assert "nlp/" not in published.read("assets.yaml")
    assert "data/stop" in published.read("assets.yaml")
