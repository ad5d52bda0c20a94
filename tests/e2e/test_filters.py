"""`--tag` and `--owner`: some of the assets, by what assets.yaml and their versions say of them."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Repo

MANIFEST = """\
store: ../store
assets:
  nlp/tokenizer: {path: models/tokenizer, owner: ada, tags: [nlp, french]}
  nlp/sentiment: {path: models/sentiment.bin, owner: bob, tags: [nlp]}
  plain: plain.bin
"""


@pytest.fixture
def labelled(repo: Repo) -> Repo:
    repo.write("assets.yaml", MANIFEST)
    repo.write("plain.bin", b"\x00plain")
    return repo


def planned(repo: Repo, *args: str) -> set[str]:
    plan = repo.run("plan", "--format", "json", *args).json()
    return {action["asset"] for action in plan["actions"]}


def test_filters_narrow_a_plan(labelled: Repo) -> None:
    assert planned(labelled, "--tag", "french") == {"nlp/tokenizer"}
    assert planned(labelled, "--tag", "french", "--tag", "nlp") == {"nlp/tokenizer", "nlp/sentiment"}
    assert planned(labelled, "--owner", "bob") == {"nlp/sentiment"}
    assert planned(labelled, "nlp/*", "--owner", "ada") == {"nlp/tokenizer"}
    status = labelled.run("status", "--tag", "nlp", "--owner", "bob", "--format", "json").json()
    assert [one["name"] for one in status["assets"]] == ["nlp/sentiment"]


def test_apply_and_sync_do_only_those_and_forget_nothing_else(labelled: Repo) -> None:
    labelled.run("apply", "--yes", "--tag", "nlp")
    assert set(labelled.run("list", "--format", "json").json()["assets"][0]) >= {"name"}
    assert "plain" not in labelled.read("assets.lock")
    labelled.run("sync", "--yes")
    labelled.write("assets.yaml", MANIFEST.replace("  plain: plain.bin\n", ""))
    labelled.run("apply", "--yes", "--tag", "nlp")
    assert '"plain"' in labelled.read("assets.lock")
    labelled.run("check", "--tag", "nlp")
    labelled.run("check", code=2)


def test_list_goes_by_what_the_newest_version_records(labelled: Repo) -> None:
    labelled.run("apply", "--yes")

    def listed(*args: str) -> list[str]:
        return [asset["name"] for asset in labelled.run("list", "--format", "json", *args).json()["assets"]]

    assert listed("--tag", "nlp") == ["nlp/sentiment", "nlp/tokenizer"]
    assert listed("nlp/*", "--owner", "ada") == ["nlp/tokenizer"]
    error = labelled.run("list", "--tag", "frnch", code=64).err
    assert "has the tag `frnch`" in error
    assert "did you mean `french`?" in error


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["sync", "--yes"], ["pull"], ["check"]])
def test_a_filter_that_matches_nothing_is_an_error(labelled: Repo, command: list[str]) -> None:
    error = labelled.run(*command, "--owner", "adda", code=64).err
    assert "no asset of `assets.yaml` has the owner `adda`" in error
    assert "did you mean `ada`?" in error
    assert "all that is asked for" in labelled.run(*command, "plain", "--tag", "nlp", code=64).err


def test_a_saved_plan_has_the_names_that_were_found(labelled: Repo) -> None:
    labelled.run("plan", "--tag", "french", "-o", "plan.json")
    labelled.run("apply", "--plan", "plan.json", "--tag", "nlp", code=64)
    labelled.run("apply", "--plan", "plan.json")
    assert '"nlp/sentiment"' not in labelled.read("assets.lock")
