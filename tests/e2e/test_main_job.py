"""The main job on a directory store: plan, apply, lock, and plan again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.e2e.harness import Repo


@pytest.fixture
def repo(repo: Repo) -> Repo:
    """With the command as it is installed, in a process of its own."""
    repo.in_process = False
    return repo


def test_a_new_repo_is_planned_published_locked_and_then_quiet(repo: Repo) -> None:
    plan = repo.run("plan")
    assert "+ nlp/tokenizer" in plan.out
    assert "→ 0.0" in plan.out
    assert "2 to create" in plan.out
    assert not (repo.root / "assets.lock").exists()
    assert not (repo.root.parent / "store").exists()

    assert "commit it" in repo.run("apply", "--yes").err
    store = repo.root.parent / "store"
    assert (store / "nlp/sentiment/0.0").read_bytes() == b"\x00\x01model"
    assert (store / "nlp/tokenizer/0.0/.hidden/é.txt").read_text() == "dotfile"
    assert json.loads((store / "nlp/tokenizer.versions").read_text()) == {"versions": ["0.0"]}
    assert not list(store.rglob("*.claim"))
    assert 'version: "0.0"' in repo.read("assets.lock")

    lock = repo.read("assets.lock")
    stamp = os.stat(repo.root / "assets.lock").st_mtime_ns
    again = repo.run("apply", "--yes")
    assert "Nothing to do" in again.err
    assert (repo.read("assets.lock"), os.stat(repo.root / "assets.lock").st_mtime_ns) == (lock, stamp)


def test_a_change_becomes_the_next_minor_and_only_changed_files_are_sent(repo: Repo) -> None:
    repo.run("apply", "--yes")
    repo.write("models/tokenizer/vocab.txt", "a\nb\nc\n")
    plan = repo.run("plan", "--format", "json").json()
    update = next(action for action in plan["actions"] if action["action"] == "update")
    assert (update["asset"], update["from"], update["to"]) == ("nlp/tokenizer", "0.0", "0.1")
    assert update["files"] == {"added": 0, "changed": 1, "removed": 0, "unchanged": 1}
    assert update["bytes"] == {"upload": 6, "reuse": 7, "download": 0}
    assert plan["summary"]["none"] == 1

    repo.run("apply", "--yes")
    store = repo.root.parent / "store"
    assert json.loads((store / "nlp/tokenizer.versions").read_text())["versions"] == ["0.1", "0.0"]
    assert (store / "nlp/tokenizer/0.0/vocab.txt").read_text() == "a\nb\n"
    assert (store / "nlp/tokenizer/0.1/vocab.txt").read_text() == "a\nb\nc\n"


def test_a_declared_major_is_published_once(repo: Repo) -> None:
    repo.run("apply", "--yes")
    repo.write(
        "assets.yaml",
        repo.read("assets.yaml").replace("path: models/sentiment.bin", 'path: models/sentiment.bin\n    version: "1"'),
    )
    repo.run("apply", "--yes")
    assert '"nlp/sentiment"' in repo.read("assets.lock")
    assert 'version: "1.0"' in repo.read("assets.lock")
    assert "Nothing to do" in repo.run("apply", "--yes").err


def test_bump_major_rewrites_the_declared_line(repo: Repo) -> None:
    repo.write(
        "assets.yaml",
        repo.read("assets.yaml").replace(
            "path: models/sentiment.bin", 'path: models/sentiment.bin\n    version: "3" # why'
        ),
    )
    repo.run("apply", "--yes")
    before = repo.read("assets.yaml")
    repo.run("apply", "--yes", "--bump-major", "nlp/sentiment")
    assert repo.read("assets.yaml") == before.replace('"3" # why', '"4" # why')
    assert 'version: "4.0"' in repo.read("assets.lock")
    assert "Nothing to do" in repo.run("plan").out


def test_a_second_checkout_adopts_what_is_published_without_sending_it(repo: Repo) -> None:
    repo.run("apply", "--yes")
    (repo.root / "assets.lock").unlink()
    shutil.rmtree(repo.root / ".assetsync")
    plan = repo.run("plan", "--format", "json").json()
    assert [action["action"] for action in plan["actions"]] == ["lock", "lock"]
    repo.run("apply", "--yes")
    assert "Nothing to do" in repo.run("plan").out


def test_detailed_exitcode_tells_a_difference(repo: Repo) -> None:
    repo.run("plan", "--detailed-exitcode", code=2)
    repo.run("apply", "--yes")
    repo.run("plan", "--detailed-exitcode", code=0)


def test_without_a_terminal_and_without_yes_nothing_is_written(repo: Repo) -> None:
    refused = repo.run("apply", code=1)
    assert "--yes" in refused.err
    assert not (repo.root.parent / "store").exists()


def test_a_saved_plan_is_applied_exactly_or_refused(repo: Repo, tmp_path: Path) -> None:
    saved = str(tmp_path / "saved.json")
    repo.run("plan", "-o", saved)
    repo.write("models/sentiment.bin", b"other")
    stale = repo.run("apply", "--plan", saved, code=3)
    assert "nlp/sentiment" in stale.err
    assert not (repo.root.parent / "store").exists()
    repo.run("plan", "-o", saved)
    repo.run("apply", "--plan", saved)
    assert (repo.root.parent / "store/nlp/sentiment/0.0").read_bytes() == b"other"


def test_a_fingerprint_approves_a_plan(repo: Repo) -> None:
    fingerprint = repo.run("plan", "--format", "json").json()["fingerprint"]
    repo.run("apply", "--yes", "--expect", f"sha256:{0:064}", code=3)
    repo.run("apply", "--yes", "--expect", fingerprint)


def test_offline_compares_with_the_lock_alone(repo: Repo) -> None:
    repo.run("apply", "--yes")
    shutil.move(repo.root.parent / "store", repo.root.parent / "gone")
    assert "Offline" in repo.run("plan", "--offline").out
    assert repo.run("plan", "--format", "json", code=1).json()["error"]["code"] == "no_store"


def test_a_forgotten_asset_leaves_the_lock_and_stays_in_the_store(repo: Repo) -> None:
    repo.run("apply", "--yes")
    repo.write("assets.yaml", "store: ../store\nassets:\n  nlp/tokenizer: models/tokenizer\n")
    repo.run("apply", "--yes")
    assert "sentiment" not in repo.read("assets.lock")
    assert (repo.root.parent / "store/nlp/sentiment/0.0").exists()


def test_list_shows_versions_beside_what_is_locked(repo: Repo) -> None:
    repo.run("apply", "--yes")
    table = repo.run("list").out
    assert table.splitlines()[1].split() == ["nlp/sentiment", "0.0", "0.0"]
    listed = repo.run("list", "nlp/s*", "--format", "json").json()
    known = {"name": "nlp/sentiment", "versions": ["0.0"], "latest": "0.0", "locked": "0.0"}
    assert listed["assets"] == [{**known, "aliases": {}, "yanked": {}}]


def test_names_narrow_the_plan_and_typos_are_told(repo: Repo) -> None:
    narrowed = repo.run("plan", "nlp/sentiment")
    assert "1 not considered" in narrowed.out
    typo = repo.run("plan", "nlp/sentimnet", code=64)
    assert "did you mean `nlp/sentiment`" in typo.err


def test_a_wrong_manifest_names_every_problem_with_its_place(repo: Repo) -> None:
    repo.write(
        "assets.yaml", "store: ../store\nasets: {}\nassets:\n  nlp//x: a\n  y:\n    path: ../out\n    version: 1.0\n"
    )
    wrong = repo.run("plan", code=1)
    assert "assets.yaml:2:1:" in wrong.err
    assert "assets.yaml:4:3:" in wrong.err
    assert "assets.yaml:6:11:" in wrong.err
    assert "assets.yaml:7:14:" in wrong.err
