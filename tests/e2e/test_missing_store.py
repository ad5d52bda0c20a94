"""A store that does not exist is an error for whoever reads it, and is said before it is made by publishing."""

from __future__ import annotations

import shutil

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote

READING = [
    ("list",),
    ("list", "nlp/*"),
    ("log", "nlp/sentiment"),
    ("show", "nlp/sentiment"),
    ("diff", "nlp/sentiment:0.0", "nlp/sentiment:0.1"),
    ("verify", "--all"),
    ("verify", "nlp/sentiment:0.0"),
    ("fetch", "nlp/sentiment", "--assets-dir", "out"),
    ("fetch", "nlp/sentiment:0.0", "--assets-dir", "out"),
    ("update", "models/sentiment.bin", "nlp/sentiment", "--yes"),
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_mistyped_directory_is_not_an_empty_store(repo: Repo, command: tuple[str, ...]) -> None:
    failed = repo.run(*command, "--store", "./nostore", code=1)
    assert "nostore` does not exist" in failed.err
    assert "hint: " in failed.err
    assert not (repo.root / "nostore").exists()


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_mistyped_bucket_is_not_an_empty_store(repo: Repo, s3: Remote, command: tuple[str, ...]) -> None:
    repo.extra.update(s3.environ)
    failed = repo.run(*command, "--store", "s3://no-such-bucket/x", code=1)
    assert "there is no bucket `no-such-bucket`" in failed.err


def test_a_mistyped_bucket_of_modelkits_variables(repo: Repo) -> None:
    (repo.root / "assets.yaml").unlink()
    (repo.root / "bucket").mkdir()
    there = {"MODELKIT_STORAGE_PROVIDER": "local", "MODELKIT_STORAGE_BUCKET": "bucket"}
    repo.run("new", "models/sentiment.bin", "a", "--yes", env=there)
    assert "a" in repo.run("list", env=there).out
    mistyped = {**there, "MODELKIT_STORAGE_BUCKET": "buckte"}
    assert "buckte/modelkit-assets` does not exist" in repo.run("list", env=mistyped, code=1).err


@pytest.mark.parametrize("command", ["pull", "upgrade"])
def test_what_is_locked_is_not_looked_for_in_a_store_that_is_not_there(repo: Repo, command: str) -> None:
    repo.run("apply", "--yes")
    shutil.move(repo.root.parent / "store", repo.root.parent / "unmounted")
    (repo.root / "models/sentiment.bin").unlink()
    assert "does not exist" in repo.run(command, code=1).err
    assert "does not exist" in repo.run("check", "--remote", code=1).err


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("sync", "--yes"), ("apply", "--yes", "nlp/new")])
def test_a_store_that_a_lock_knows_is_never_made_anew(repo: Repo, command: tuple[str, ...]) -> None:
    repo.run("apply", "--yes")
    shutil.move(repo.root.parent / "store", repo.root.parent / "unmounted")
    repo.write("models/new.bin", b"new")
    repo.write("assets.yaml", repo.read("assets.yaml") + "\n  nlp/new: models/new.bin\n")
    assert "does not exist" in repo.run(*command, code=1).err
    assert not (repo.root.parent / "store").exists()


def test_a_first_publish_says_that_it_makes_the_directory(repo: Repo) -> None:
    says = "The directory does not exist yet: publishing to it makes it"
    assert says in repo.run("plan").out
    assert says in repo.run("plan", "--format", "markdown").out
    assert repo.run("plan", "--format", "json").json()["makes_store"] is True
    assert not (repo.root.parent / "store").exists()
    assert says in repo.run("apply", "--yes").err
    assert (repo.root.parent / "store").is_dir()
    repo.write("models/sentiment.bin", b"changed")
    assert says not in repo.run("plan").out
    assert "makes_store" not in repo.run("plan", "--format", "json").json()


def test_new_says_that_it_makes_the_directory(repo: Repo) -> None:
    command = ("new", "models/sentiment.bin", "a", "--store", "./other")
    dry = repo.run(*command, "--dry-run")
    assert "The directory does not exist yet" in dry.out
    assert not (repo.root / "other").exists()
    assert "The directory does not exist yet" in repo.run(*command, "--yes").err
    assert repo.run("list", "--store", "./other").out.splitlines()[1].startswith("a ")


def test_a_saved_plan_that_makes_the_store_is_carried_out(repo: Repo) -> None:
    repo.run("plan", "-o", "../plan")
    repo.run("apply", "--plan", "../plan")
    assert (repo.root.parent / "store").is_dir()


def test_doctor_finds_nothing_out_about_a_directory_that_is_not_there_and_does_not_make_it(repo: Repo) -> None:
    found = repo.run("doctor", "--store", "./nostore", code=1)
    assert "! list  the store" in found.out
    assert "could not be looked at" in found.out
    assert "No ailments" not in found.out
    assert repo.run("doctor", "--store", "./nostore", "--format", "json", code=1).json()["examined"] is False
    assert "does not exist" in repo.run("doctor", "--store", "./nostore", "--read-only", code=1).err
    assert not (repo.root / "nostore").exists()


def test_doctor_finds_nothing_out_about_a_bucket_that_is_not_there(repo: Repo, s3: Remote) -> None:
    repo.extra.update(s3.environ)
    found = repo.run("doctor", "--store", "s3://no-such-bucket/x", code=1)
    assert "! list  " in found.out
    assert "no-such-bucket" in found.out
    assert "could not be looked at" in found.out
