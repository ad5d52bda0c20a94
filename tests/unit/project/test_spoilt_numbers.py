"""A number under which an object of our own unfinished publish is not what it should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assetsync.errors import ConflictError
from assetsync.local.scan import scan
from assetsync.plan.plan import Action, Create, Update
from assetsync.plan.snapshot import Present
from assetsync.project.project import Project
from assetsync.project.result import Result
from assetsync.state.cache import Cache
from assetsync.state.journal import Journal

VOCAB = "a\nb\n"


@pytest.fixture(params=["tok", "single"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(tmp_path: Path, path: str) -> Path:
    """A project that died while it published `nlp/tok:0.0`, after its claim."""
    root = tmp_path / "project"
    (root / "tok").mkdir(parents=True)
    (root / "tok/vocab").write_text(VOCAB)
    (root / "tok/large").write_text("large")
    (root / "single").write_text(VOCAB)
    (root / "assets.yaml").write_text(f"store: {tmp_path}/store\nassets: {{nlp/tok: {path}}}\n")
    local = scan(str(root), path, cache=Cache(None))
    assert isinstance(local, Present)
    claim = {
        "format": 1,
        "id": "mine",
        "digest": local.tree.digest,
        "is_directory": local.tree.is_directory,
        "who": "me",
        "when": "now",
    }
    store = tmp_path / "store/nlp/tok"
    store.mkdir(parents=True)
    (store / "0.0.claim").write_text(json.dumps(claim))
    with Project.load(str(root), environ={}) as project:
        Journal(project._state.journal).add_claim("mine", project.store.url, "nlp/tok:0.0")
    return root


def plant(root: Path, path: str, data: str) -> None:
    target = root.parent / "store/nlp/tok" / ("0.0/vocab" if path == "tok" else "0.0")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(data)


def planned(root: Path) -> Action:
    with Project.load(str(root), environ={}) as project:
        (action,) = project.plan().actions
    return action


def applied(root: Path) -> Result:
    with Project.load(str(root), environ={}) as project:
        return project.apply(project.plan())


def test_what_is_right_is_gone_on_with(root: Path, path: str) -> None:
    plant(root, path, VOCAB)
    action = planned(root)
    assert (action.to, action.notes) == ("0.0", ("goes on with the unfinished publish of `0.0`",))
    assert applied(root).error is None


def test_an_empty_object_makes_the_plan_skip_the_number(root: Path, path: str) -> None:
    plant(root, path, "")
    action = planned(root)
    assert isinstance(action, Create)
    assert action.to == "0.1"
    assert "skips `0.0`, where an unfinished publish of this left a file that is not what it was" in action.notes
    assert applied(root).error is None
    (root / "tok/vocab").write_text("changed")
    (root / "single").write_text("changed")
    action = planned(root)
    assert isinstance(action, Update)
    assert (action.base, action.to) == ("0.1", "0.2")


def test_an_object_of_the_same_size_is_found_by_the_publish_and_skipped_by_the_next_plan(root: Path, path: str) -> None:
    plant(root, path, VOCAB.upper())
    assert planned(root).to == "0.0"
    error = applied(root).error
    assert isinstance(error, ConflictError)
    assert "the next number is taken" in (error.hint or "")
    assert planned(root).to == "0.1"
    assert applied(root).error is None


def test_what_someone_else_sends_just_now_is_waited_for(root: Path, path: str) -> None:
    plant(root, path, "")
    with Project.load(str(root), environ={}) as project:
        Journal(project._state.journal).drop_claim("mine")
        assert [problem.code for problem in project.plan().problems] == ["in_progress"]
