"""The policies of docs/guards.md, on the JSON of real plans, by an interpreter of Rego (Microsoft's rego-cpp)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import regopy

from tests.e2e.harness import Repo

POLICY = Path(__file__).parents[2] / "docs/policies/plan.rego"
OWNED = "store: ../store\nassets:\n  m:\n    path: models/tokenizer\n    owner: Team NLP\n"


def denied(repo: Repo, *labels: str, env: dict[str, str] | None = None) -> list[str]:
    """What the policies say of the plan, as `conftest test` would."""
    interpreter = regopy.Interpreter()
    interpreter.add_module("plan", POLICY.read_text())
    interpreter.add_data({"labels": list(labels)})
    interpreter.set_input(json.loads(repo.run("plan", "-v", "--format", "json", env=env).out))
    (result,) = json.loads(str(interpreter.query("data.main.deny")))["expressions"]
    return sorted(result)


@pytest.fixture
def owned(repo: Repo) -> Repo:
    repo.write("assets.yaml", OWNED)
    repo.write("models/tokenizer/LICENSE", "Apache-2.0\n")
    return repo


def test_a_good_plan_passes(owned: Repo) -> None:
    assert denied(owned) == []


def test_an_asset_without_an_owner(owned: Repo) -> None:
    owned.write("assets.yaml", OWNED.replace("    owner: Team NLP\n", ""))
    assert denied(owned) == ["m: has no `owner` in assets.yaml"]


def test_a_pickle_in_a_directory_and_alone(owned: Repo) -> None:
    owned.write("models/tokenizer/deep/model.PKL", b"\x80\x04.")
    owned.write("models/table.pickle", b"\x80\x04.")
    owned.write("assets.yaml", OWNED + "  t:\n    path: models/table.pickle\n    owner: me\n")
    assert denied(owned) == [
        "m: `deep/model.PKL` is a pickle, which runs code when it is loaded",
        "t: `models/table.pickle` is a pickle, which runs code when it is loaded",
    ]


def test_a_directory_without_a_licence(owned: Repo) -> None:
    (owned.root / "models/tokenizer/LICENSE").unlink()
    assert denied(owned) == ["m: has no licence file"]


def test_a_major_needs_a_label(owned: Repo) -> None:
    owned.run("apply", "--yes")
    owned.write("assets.yaml", OWNED + '    version: "1"\n')
    assert denied(owned) == ["m: 1.0 opens a new major; give the pull request the label `major`"]
    assert denied(owned, "major") == []


def test_a_guard_that_is_loosened_needs_a_label(owned: Repo) -> None:
    owned.write(".gitignore", "/models\n")
    owned.commit()
    owned.write("assets.yaml", OWNED + "guards: {secrets: off}\n")
    said = "this loosens a guard and publishes in one go: `secrets` went from `block` to `off`"
    assert denied(owned) == [said]
    assert denied(owned, "guards") == []
