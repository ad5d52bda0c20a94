"""A publish that was done, by a process that died before it saved assets.lock: the same command goes on."""

from __future__ import annotations

import json

from tests.e2e.harness import Repo

DECLARED = ("path: models/sentiment.bin", 'path: models/sentiment.bin\n    version: "1"')


def versions(repo: Repo) -> list[str]:
    index = json.loads((repo.root.parent / "store/nlp/sentiment.versions").read_text())
    found: list[str] = index["versions"]
    return found


def test_a_declared_line_that_was_opened_is_locked(repo: Repo) -> None:
    repo.run("apply", "--yes")
    lock = repo.read("assets.lock")
    repo.write("assets.yaml", repo.read("assets.yaml").replace(*DECLARED))
    repo.run("apply", "--yes")
    repo.write("assets.lock", lock)
    repo.run("apply", "--yes")
    assert versions(repo) == ["1.0", "0.0"]
    assert 'version: "1.0"' in repo.read("assets.lock")


def test_a_bump_is_not_repeated_and_still_reaches_the_manifest(repo: Repo) -> None:
    repo.write("assets.yaml", repo.read("assets.yaml").replace(*DECLARED))
    repo.run("apply", "--yes")
    before = repo.read("assets.yaml"), repo.read("assets.lock")
    repo.run("apply", "--yes", "--bump-major", "nlp/sentiment")
    repo.write("assets.yaml", before[0])
    repo.write("assets.lock", before[1])
    repo.run("apply", "--yes", "--bump-major", "nlp/sentiment")
    assert versions(repo) == ["2.0", "1.0"]
    assert 'version: "2.0"' in repo.read("assets.lock")
    assert 'version: "2"' in repo.read("assets.yaml")


def test_a_version_that_someone_has_published_on_top_of_is_still_found(repo: Repo) -> None:
    repo.run("apply", "--yes")
    lock = repo.read("assets.lock")
    repo.write("models/sentiment.bin", b"mine")
    repo.run("apply", "--yes")
    repo.write("models/sentiment.bin", b"theirs")
    repo.run("apply", "--yes")
    repo.write("models/sentiment.bin", b"mine")
    repo.write("assets.lock", lock)
    plan = repo.run("plan", "--format", "json").json()
    (action,) = (action for action in plan["actions"] if action["asset"] == "nlp/sentiment")
    assert (action["action"], action["to"]) == ("lock", "0.1")
