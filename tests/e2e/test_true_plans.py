"""What a plan or a check says of the store is true, whatever was remembered of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness import Repo, Run

PLANS = ["plan", "sync --yes"]


@pytest.fixture
def asset(repo: Repo) -> Path:
    """Where the versions of `nlp/tokenizer` are in a directory store: 0.0 and, locked and planned since, 0.1."""
    repo.run("apply", "--yes")
    repo.write("models/tokenizer/vocab.txt", "a\n")
    repo.run("apply", "--yes")
    assert "Nothing to do" in repo.run("plan").out
    return repo.root.parent / "store/nlp/tokenizer"


def remove(asset: Path) -> None:
    (asset / "0.1.meta").unlink()


def replace_by_another(asset: Path) -> None:
    shutil.copy(asset / "0.0.meta", asset / "0.1.meta")


def overwrite_as_modelkit(asset: Path) -> None:
    """What a modelkit leaves that published the same number of a directory at the same time."""
    (asset / "0.1/more.txt").write_text("of modelkit")
    meta = {"push_date": "2026-01-31T09:00:00", "is_directory": True, "contents": ["more.txt", "vocab.txt"]}
    (asset / "0.1.meta").write_text(json.dumps(meta))


HARM = pytest.mark.parametrize("harm", [remove, replace_by_another, overwrite_as_modelkit])


def says_lost(run: Run) -> bool:
    return "`nlp/tokenizer:0.1`" in run.out + run.err


@HARM
@pytest.mark.parametrize("command", PLANS)
def test_a_locked_version_that_is_not_what_it_was_is_lost(
    repo: Repo, asset: Path, harm: Callable[[Path], None], command: str
) -> None:
    harm(asset)
    assert says_lost(repo.run(*command.split(), code=1))
    plan = repo.run("plan", "--format", "json", code=1).json()
    assert [(problem["asset"], problem["code"]) for problem in plan["problems"]] == [("nlp/tokenizer", "lost")]


@HARM
def test_a_pull_takes_nothing_from_it(repo: Repo, asset: Path, harm: Callable[[Path], None]) -> None:
    harm(asset)
    here = sorted((repo.root / "models/tokenizer").rglob("*"))
    assert "the store was not asked" in repo.run("pull").err  # all is here
    here[-1].unlink()
    assert says_lost(repo.run("pull", code=1))
    assert not here[-1].exists()


@HARM
def test_a_clone_that_has_never_seen_the_store_is_told_too(
    repo: Repo, asset: Path, harm: Callable[[Path], None]
) -> None:
    repo.write(".gitignore", "models/\n")
    repo.commit()
    harm(asset)
    clone = repo.clone("other")
    for command in [*PLANS, "pull"]:
        assert says_lost(clone.run(*command.split(), code=1))
    assert "nlp/tokenizer" in clone.run("check", "--remote", code=2).out
    assert "nlp/tokenizer" in repo.run("check", "--remote", code=2).out


def test_a_version_that_nobody_locks_may_be_missing(repo: Repo, asset: Path) -> None:
    (asset / "0.0.meta").unlink()
    assert "Nothing to do" in repo.run("plan").out


def test_an_index_that_is_gone_is_noticed_although_nothing_changed(repo: Repo, asset: Path) -> None:
    (asset.parent / "tokenizer.versions").unlink()
    plan = repo.run("plan").out
    assert "the store's index misses" in plan
    assert "`assetsync doctor --repair`" in plan


# -- content that goes back


def test_files_of_an_older_version_are_not_published_again(repo: Repo, asset: Path) -> None:
    """A clone whose files git tracked: the lock says 0.1, and they are those of 0.0."""
    repo.commit()
    clone = repo.clone("other")
    clone.write("models/tokenizer/vocab.txt", "a\nb\n")
    plan = clone.run("plan", "nlp/tokenizer", "--format", "json", code=1).json()
    assert [problem["code"] for problem in plan["problems"]] == ["goes_back"]
    assert "`nlp/tokenizer:0.0`" in plan["problems"][0]["message"]
    clone.run("apply", "--yes", code=1)
    clone.run("pull", "nlp/tokenizer")
    assert clone.read("models/tokenizer/vocab.txt") == "a\n"
    assert "Nothing to do" in clone.run("plan").out


def test_files_that_git_tracks_are_warned_of(repo: Repo) -> None:
    repo.git("add", "models/tokenizer")
    plan = repo.run("plan").out
    assert plan.count("git tracks files of it") == 1
    assert "`git rm -r --cached models/tokenizer`" in plan
    repo.git("rm", "-r", "--cached", "models/tokenizer")
    assert "git tracks" not in repo.run("plan").out


def test_content_that_goes_back_because_git_tracks_it_names_git(repo: Repo, asset: Path) -> None:
    repo.write("models/tokenizer/vocab.txt", "a\nb\n")
    assert "git tracks" not in repo.run("plan", code=1).out
    repo.git("add", "models/tokenizer")
    assert "`git rm -r --cached models/tokenizer`" in repo.run("plan", code=1).out.replace("\n", " ")


def test_an_older_version_is_published_again_by_who_means_it(repo: Repo, asset: Path) -> None:
    repo.write("models/tokenizer/vocab.txt", "a\nb\n")
    repo.run("apply", "--yes", code=1)
    repo.run("apply", "--yes", "--supersede", "nlp/tokenizer")
    assert repo.run("list", "nlp/tokenizer", "--format", "json").json()["assets"][0]["versions"] == [
        "0.2",
        "0.1",
        "0.0",
    ]
    assert "Nothing to do" in repo.run("plan").out


def test_without_a_lock_an_older_version_is_locked_only_in_a_line_that_is_declared(repo: Repo, asset: Path) -> None:
    repo.run("apply", "--yes", "--bump-major", "nlp/tokenizer")
    repo.write("models/tokenizer/vocab.txt", "a\nb\n")
    (repo.root / "assets.lock").unlink()
    assert "older than the newest, `1.0`" in repo.run("plan", "nlp/tokenizer", code=1).out
    manifest = repo.read("assets.yaml")
    repo.write(
        "assets.yaml",
        manifest.replace("nlp/tokenizer: models/tokenizer", 'nlp/tokenizer: {path: models/tokenizer, version: "0"}'),
    )
    (action,) = repo.run("plan", "nlp/tokenizer", "--format", "json").json()["actions"]
    assert (action["action"], action["to"]) == ("lock", "0.0")
    assert "`0.1` is newer" in repo.run("plan", "nlp/tokenizer").out


# -- files that are merely missing


def test_pull_brings_missing_files_back_without_asking(repo: Repo, asset: Path) -> None:
    (repo.root / "models/tokenizer/vocab.txt").unlink()
    repo.run("pull")
    assert repo.read("models/tokenizer/vocab.txt") == "a\n"
    (repo.root / "models/tokenizer/vocab.txt").unlink()
    repo.write("models/tokenizer/mine.txt", "mine")
    assert "mine.txt" in repo.run("pull", code=1).err + repo.run("pull", code=1).out


# -- versions that modelkit made


@pytest.fixture
def of_modelkit(repo: Repo) -> Path:
    """Where the versions of `nlp/tokenizer` are: 1.0, made by modelkit out of a large and a small file, and pulled."""
    asset = repo.root.parent / "store/nlp/tokenizer"
    (asset / "1.0").mkdir(parents=True)
    (asset / "1.0/large").write_bytes(b"x" * 100_000)
    (asset / "1.0/small").write_text("one")
    meta = {"push_date": "2026-01-31T09:00:00", "is_directory": True, "contents": ["large", "small"]}
    (asset / "1.0.meta").write_text(json.dumps(meta))
    (asset.parent / "tokenizer.versions").write_text('{"versions": ["1.0"]}')
    shutil.rmtree(repo.root / "models/tokenizer")
    repo.run("sync", "--yes")
    return asset


@pytest.mark.parametrize("remembers", [True, False])
def test_an_unchanged_file_of_a_version_of_modelkit_is_not_sent_again(
    repo: Repo, of_modelkit: Path, remembers: bool
) -> None:
    if not remembers:
        shutil.rmtree(repo.root / ".assetsync")
    repo.write("models/tokenizer/small", "two!")
    action = repo.run("plan", "nlp/tokenizer", "--format", "json").json()["actions"][0]
    assert action["files"] == {"added": 0, "changed": 1, "removed": 0, "unchanged": 1}
    assert action["bytes"] == {"upload": 4, "reuse": 100_000, "download": 0}
    assert action["reason"] == "content changed: 1 file"
    assert "4 B to upload, 100.0 kB reused" in repo.run("update", "models/tokenizer", "nlp/tokenizer", "--dry-run").out
    repo.run("apply", "--yes")
    assert (of_modelkit / "1.1/large").read_bytes() == b"x" * 100_000


@pytest.mark.parametrize("remembers", [True, False])
def test_missing_files_of_a_version_of_modelkit_come_back(repo: Repo, of_modelkit: Path, remembers: bool) -> None:
    if not remembers:
        shutil.rmtree(repo.root / ".assetsync")
    (repo.root / "models/tokenizer/small").unlink()
    repo.run("pull")
    assert repo.read("models/tokenizer/small") == "one"


def test_a_version_of_modelkit_of_other_sizes_is_lost(repo: Repo, of_modelkit: Path) -> None:
    assert "Nothing to do" in repo.run("plan").out
    (of_modelkit / "1.0/small").write_text("overwritten")
    shutil.rmtree(repo.root / ".assetsync")
    assert "`nlp/tokenizer:1.0`" in repo.run("plan", code=1).out
    assert "nlp/tokenizer" in repo.run("check", "--remote", code=2).out
