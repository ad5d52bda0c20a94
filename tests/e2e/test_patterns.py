"""Names of assets as patterns."""

from __future__ import annotations

import shutil
from pathlib import Path

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


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Two versions of each asset; `production` is at the older one of `nlp/tokenizer`, and of it alone."""
    folder = tmp_path_factory.mktemp("versioned")
    repo = Repo.init(folder / "all/repo", folder / "home")
    repo.in_process = True
    repo.write(
        "assets.yaml",
        "store: ../store\nassets:\n  nlp/tokenizer: tokenizer\n  nlp/sentiment: sentiment.bin\n  data/stop: stop.txt\n",
    )
    for content in ("first", "second"):
        for path in ("tokenizer/vocab.txt", "sentiment.bin", "stop.txt"):
            repo.write(path, content)
        repo.run("apply", "--yes")
    repo.run("alias", "nlp/tokenizer", "production", "0.0")
    return repo


@pytest.fixture
def versioned(once: Repo, tmp_path: Path) -> Repo:
    """A copy of that, and of its store."""
    shutil.copytree(once.root.parent, tmp_path / "all")
    return Repo(tmp_path / "all/repo", once.environ, in_process=True)


def fetched(repo: Repo, *specs: str, code: int = 0) -> list[str]:
    out = repo.run("fetch", *specs, "--assets-dir", "out", code=code).out
    return [line.partition("/out/")[2] for line in out.splitlines()]


def test_fetch_takes_patterns_of_what_the_store_has(versioned: Repo) -> None:
    assert fetched(versioned, "nlp/*") == ["nlp/sentiment/0.1", "nlp/tokenizer/0.1"]
    assert fetched(versioned, "*@production", "data/*:0.0") == ["nlp/tokenizer/0.0", "data/stop/0.0"]
    assert fetched(versioned, "*to*:0", "data/stop:0.1") == ["data/stop/0.1", "nlp/tokenizer/0.1"]


def test_a_pattern_that_the_store_has_nothing_for_is_an_error(versioned: Repo) -> None:
    for command in ("fetch", "verify", "log", "show"):
        assert "has nothing that matches `vision/*`" in versioned.run(command, "vision/*", code=1).err
    for spec in ("nlp/*@staging", "nlp/*:3", "nlp/*:0.7"):
        assert f"has nothing that matches `{spec}`" in versioned.run("show", spec, code=1).err


def test_a_doctor_of_no_asset_finds_no_health(versioned: Repo) -> None:
    assert "No ailments" in versioned.run("doctor", "nlp/*").out
    assert "has nothing that matches `nlp/tokenizr`" in versioned.run("doctor", "nlp/tokenizr", code=1).err


def test_an_asset_that_cannot_be_read_is_not_left_out(versioned: Repo) -> None:
    (versioned.root.parent / "store/nlp/sentiment.versions").write_text("{")
    run = versioned.run("fetch", "nlp/*", "--assets-dir", "out", code=4)
    assert "nlp/sentiment: " in run.err
    assert run.out.endswith("out/nlp/tokenizer/0.1\n")


def test_verify_takes_patterns(versioned: Repo) -> None:
    found = versioned.run("verify", "nlp/*:0", "nlp/tokenizer@production", "--format", "json").json()["versions"]
    assert [(one["asset"], one["version"]) for one in found] == [
        ("nlp/sentiment", "0.1"),
        ("nlp/tokenizer", "0.1"),
        ("nlp/tokenizer", "0.0"),
    ]


def test_log_of_many_assets_names_each(versioned: Repo) -> None:
    text = versioned.run("log", "nlp/*", "-n", "1").out
    assert [line for line in text.splitlines() if line.startswith(("nlp", "0"))][::2] == [
        "nlp/sentiment",
        "nlp/tokenizer",
    ]
    assert not versioned.run("log", "data/stop").out.startswith("data/stop")
    for names in (["data/*"], ["data/stop", "nlp/tokenizer"]):
        document = versioned.run("log", *names, "--format", "json").json()
        assert document["assets"][0]["asset"] == "data/stop"
        assert [one["version"] for one in document["assets"][0]["versions"]] == ["0.1", "0.0"]


def test_log_of_an_alias_begins_with_its_version(versioned: Repo) -> None:
    def logged(*args: str) -> list[str]:
        return [one["version"] for one in versioned.run("log", *args, "--format", "json").json()["versions"]]

    versioned.write("tokenizer/vocab.txt", "third")
    versioned.run("apply", "--yes")
    versioned.run("alias", "nlp/tokenizer", "production", "0.1")
    assert logged("nlp/tokenizer@production") == ["0.1", "0.0"]
    assert logged("nlp/tokenizer@production", "-n", "1") == ["0.1"]
    text = versioned.run("log", "*@production").out
    assert text.startswith("nlp/tokenizer\n\n0.1 ")
    assert "has no alias `prod`" in versioned.run("log", "nlp/tokenizer@prod", code=1).err


def test_show_of_many_versions(versioned: Repo) -> None:
    text = versioned.run("show", "nlp/*", "data/stop:0.0").out
    heads = [line.split()[1] for line in text.splitlines() if line.startswith("asset ")]
    assert heads == ["nlp/sentiment:0.1", "nlp/tokenizer:0.1", "data/stop:0.0"]
    (one,) = versioned.run("show", "*@production", "--format", "json").json()["versions"]
    alone = versioned.run("show", "nlp/tokenizer:0.0", "--format", "json").json()
    assert {"format_version": 1, "store": "../store", **one} == alone
    assert one["aliases"] == ["production"]


def test_what_is_in_production_is_promoted_by_a_pattern(versioned: Repo) -> None:
    versioned.run("promote", "*@production", "--to", "../prod", "--yes")
    assert "nlp/tokenizer  0.0" in versioned.run("list", "--store", "../prod").out
    assert "nlp/sentiment" not in versioned.run("list", "--store", "../prod").out
