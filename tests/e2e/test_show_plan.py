"""`show FILE` renders a saved plan, a stale one too."""

from __future__ import annotations

import json

import pytest

from tests.e2e.harness import Repo


@pytest.fixture
def saved(repo: Repo) -> Repo:
    repo.run("apply", "--yes")
    repo.write("models/sentiment.bin", "changed")
    repo.write("models/tokenizer/more.txt", "more")
    repo.run("plan", "-o", "plan.json")
    return repo


def test_it_shows_what_plan_showed(saved: Repo) -> None:
    shown, planned = saved.run("show", "plan.json"), saved.run("plan").out
    assert shown.err == ""
    assert shown.out.splitlines() == [line for line in planned.splitlines() if not line.startswith("      ")]


def test_a_stale_plan_is_shown_as_it_was_made_and_called_stale(saved: Repo) -> None:
    before = saved.run("show", "plan.json").out
    saved.run("apply", "--yes")
    run = saved.run("show", "plan.json")
    assert run.out == before
    assert run.err == "It is stale: assets.lock changed since it was made, so `apply --plan` refuses it.\n"
    saved.run("apply", "--plan", "plan.json", code=3)


def test_no_store_and_no_project_is_needed(saved: Repo) -> None:
    outside = saved.root.parent / "elsewhere"
    outside.mkdir()
    before = saved.run("show", "plan.json").out
    (saved.root / "plan.json").rename(outside / "plan.json")
    assert saved.run("-C", str(outside), "show", "plan.json").out == before


def test_json_problems_and_unchanged_assets(saved: Repo) -> None:
    (saved.root / "models/sentiment.bin").unlink()
    saved.write("assets.yaml", saved.read("assets.yaml") + "  nlp/gone: gone\n")
    saved.write("models/tokenizer/more.txt", "other")
    saved.run("plan", "nlp/gone", "nlp/tokenizer", "-o", "plan.json", code=1)
    out = saved.run("show", "./plan.json").out
    assert "  ! nlp/gone  `gone` does not exist, and the store has no `nlp/gone` to pull\n      hint: " in out
    assert saved.run("show", "plan.json", "--format", "json").json() == json.loads(saved.read("plan.json"))


@pytest.mark.parametrize(
    "edit", [{"actions": 1}, {"store": None}, {"actions": [{"asset": "x"}]}, {"format_version": 99}, {"problems": [1]}]
)
def test_another_file_is_refused(saved: Repo, edit: dict[str, object]) -> None:
    saved.write("plan.json", json.dumps(json.loads(saved.read("plan.json")) | edit))
    err = saved.run("show", "plan.json", code=1).err
    assert "not a saved plan" in err or "has format 99" in err


def test_foreign_text_in_it_is_harmless(saved: Repo) -> None:
    document = json.loads(saved.read("plan.json"))
    document["store"] = "\x1b]0;x\x07"
    document["actions"][0] |= {"asset": "a\x1b[2J", "reason": "r\nerror: x"}
    saved.write("plan.json", json.dumps(document))
    out = saved.run("show", "plan.json").out
    assert "\x1b" not in out
    assert "\nerror" not in out
