"""`git pull` and `git checkout` move assets.lock: what is here then follows, or is kept, but undoes nothing."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Repo


@pytest.fixture
def behind(repo: Repo) -> Repo:
    """A checkout whose lock a `git pull` has moved to 0.1, with the content of 0.0 here, as it was pulled."""
    repo.write(".gitignore", "models/\n")
    repo.run("apply", "--yes")
    repo.commit()
    other = repo.clone("other")
    other.run("sync", "--yes")
    other.write("models/sentiment.bin", b"from a colleague")
    other.run("apply", "--yes")
    other.commit()
    repo.git("pull", "-q", str(other.root), "main")
    return repo


def test_content_that_nobody_edited_follows_the_lock_and_never_undoes_it(behind: Repo) -> None:
    plan = behind.run("plan", "nlp/sentiment", "--format", "json").json()["actions"][0]
    assert (plan["action"], plan["from"], plan["to"]) == ("pull", "0.1", "0.1")
    assert "assets.lock moved" in plan["reason"]
    behind.run("apply", "--yes")  # never pulls, and must not publish the old content
    assert "would undo `0.1`" in behind.run("plan", "--bump-major", "nlp/sentiment", code=1).out
    assert "commit it" not in behind.run("pull").err  # the lock is as it was
    assert (behind.root / "models/sentiment.bin").read_bytes() == b"from a colleague"
    assert behind.run("list", "nlp/sentiment", "--format", "json").json()["assets"][0]["versions"] == ["0.1", "0.0"]


def test_a_checkout_of_an_older_commit_gets_its_assets_back(behind: Repo) -> None:
    behind.run("pull")
    behind.git("checkout", "-q", "HEAD~1")
    behind.run("sync", "--yes")
    assert (behind.root / "models/sentiment.bin").read_bytes() == b"\x00\x01model"
    assert behind.git("status", "--porcelain") == ""


def test_an_edit_is_kept_whatever_the_lock_says(behind: Repo) -> None:
    behind.write("models/sentiment.bin", b"edited here")
    assert "would lose that" in behind.run("pull", "nlp/sentiment", code=1).err
    assert (behind.root / "models/sentiment.bin").read_bytes() == b"edited here"
    plan = behind.run("plan", "nlp/sentiment", "--format", "json").json()["actions"][0]
    assert (plan["action"], plan["to"]) == ("update", "0.2")


def test_old_content_that_somebody_put_back_is_no_new_version_unless_it_is_meant(behind: Repo) -> None:
    old = (behind.root / "models/sentiment.bin").read_bytes()
    behind.run("pull")
    behind.write("models/sentiment.bin", old)
    assert behind.run("plan", "nlp/sentiment", "--format", "json", code=1).json()["problems"][0]["code"] == "goes_back"
    plan = behind.run("plan", "nlp/sentiment", "--supersede", "nlp/sentiment", "--format", "json").json()["actions"][0]
    assert (plan["action"], plan["from"], plan["to"]) == ("update", "0.1", "0.2")
