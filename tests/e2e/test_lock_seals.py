"""An assets.lock that somebody edited, found offline by its seals; and merges of all kinds, which keep them right."""

from __future__ import annotations

import re
import subprocess

import pytest

from assetsync.lock.text import parse_lock, render_lock
from tests.e2e.harness import Repo

LOCK = "assets.lock"


@pytest.fixture
def locked(repo: Repo) -> Repo:
    """A repo with two published assets, all of it committed but the assets."""
    repo.write(".gitignore", "/models\n")
    repo.run("apply", "--yes")
    repo.commit()
    return repo


def edit(repo: Repo, old: str, new: str) -> None:
    text = repo.read(LOCK)
    assert old in text
    repo.write(LOCK, text.replace(old, new, 1))


def unsealed(text: str) -> str:
    """A lock as the first release wrote it."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("    seal:"))


EDITS = [
    pytest.param("size: 7", "size: 8", id="size"),
    pytest.param('version: "0.0"', 'version: "0.1"', id="version"),
    pytest.param('digest: "sha256:', 'digest: "sha256:' + "0" * 64 + '"\n#', id="digest"),
]


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_check_finds_an_edited_value_offline_and_names_the_asset_and_the_way_out(
    locked: Repo, old: str, new: str
) -> None:
    edit(locked, old, new)
    found = locked.run("check", code=2)
    assert found.out.startswith("assets.lock:6: nlp/sentiment: these lines do not match their seal")
    assert "git checkout HEAD -- assets.lock" in found.out
    assert found.out.count("\n") == 1
    (finding,) = locked.run("check", "--content", "--remote", "--format", "json", code=2).json()["findings"]
    assert (finding["asset"], finding["code"], finding["line"]) == ("nlp/sentiment", "edited", 6)
    assert locked.run("check", "nlp/tokenizer").out == ""
    locked.git("add", LOCK)
    assert "nlp/sentiment" in locked.run("check", "--staged", code=2).out
    locked.git("checkout", "HEAD", "--", LOCK)
    locked.run("check", "--content", "--remote")


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("sync", "--yes"), ("pull",), ("upgrade", "--yes")])
def test_every_command_that_goes_by_the_lock_refuses_it(locked: Repo, command: tuple[str, ...]) -> None:
    edit(locked, "size: 7", "size: 8")
    before = locked.read(LOCK)
    refused = locked.run(*command, code=1)
    assert "assets.lock:6: `nlp/sentiment`: these lines do not match their seal" in refused.err
    assert "git checkout HEAD -- assets.lock" in refused.err
    assert locked.read(LOCK) == before


def test_the_other_way_out_is_to_delete_the_lines_and_to_lock_anew(locked: Repo) -> None:
    right = locked.read(LOCK)
    edit(locked, "size: 7", "size: 8")
    locked.write(LOCK, re.sub(r'  "nlp/sentiment":\n(    .*\n)+?    # end\n', "", locked.read(LOCK)))
    locked.run("sync", "--yes", "nlp/sentiment")
    assert locked.read(LOCK) == right


def test_resolve_does_not_bless_an_edit(locked: Repo) -> None:
    edit(locked, "size: 7", "size: 8")
    before = locked.read(LOCK)
    assert "do not match their seal" in locked.run("lock", "--resolve", code=1).err
    assert locked.read(LOCK) == before


def test_a_lock_of_the_first_release_is_right_and_gets_seals_when_it_is_next_written(locked: Repo) -> None:
    sealed = locked.read(LOCK)
    locked.write(LOCK, unsealed(sealed))
    locked.run("check", "--content", "--remote")
    assert "Nothing to do" in locked.run("plan").out
    locked.write("models/sentiment.bin", b"another")
    locked.run("apply", "--yes")
    assert locked.read(LOCK).count("    seal: ") == 2
    assert parse_lock(locked.read(LOCK)).assets["nlp/tokenizer"] == parse_lock(sealed).assets["nlp/tokenizer"]
    locked.run("check")


# --- merges by git


def branch(repo: Repo, name: str, text: str) -> None:
    """A branch from where `main` is now, with this lock."""
    repo.git("checkout", "-q", "-b", name, "main")
    repo.write(LOCK, text)
    repo.commit(name)


def merge(repo: Repo, *options: str) -> int:
    repo.git("checkout", "-q", "ours")
    return subprocess.run(
        ["git", "merge", "-q", *options, "theirs"], cwd=repo.root, env=repo.environ, capture_output=True
    ).returncode


def changed(text: str, asset: str, field: str, old: str, new: str) -> str:
    """The lock with one value of one asset changed, and sealed, as assetsync writes it."""
    lines = text.splitlines(keepends=True)
    start = lines.index(f'  "{asset}":\n')
    at = next(i for i in range(start, len(lines)) if lines[i].startswith(f"    {field}: "))
    assert old in lines[at]
    lines[at] = lines[at].replace(old, new)
    return render_lock(parse_lock(unsealed("".join(lines))))


def test_neighbours_that_changed_in_two_branches_merge_with_right_seals(locked: Repo) -> None:
    text = locked.read(LOCK)
    branch(locked, "ours", changed(text, "nlp/sentiment", "version", "0.0", "0.1"))
    branch(locked, "theirs", changed(text, "nlp/tokenizer", "version", "0.0", "0.1"))
    assert merge(locked) == 0
    locked.run("check")
    assert locked.read(LOCK).count('version: "0.1"') == 2


def test_whole_blocks_that_a_person_merges_stay_right(locked: Repo) -> None:
    text = locked.read(LOCK)
    branch(locked, "ours", changed(text, "nlp/sentiment", "version", "0.0", "0.1"))
    branch(locked, "theirs", changed(text, "nlp/sentiment", "version", "0.0", "0.2"))
    assert merge(locked) == 1
    locked.git("checkout", "--theirs", LOCK)
    locked.run("check")
    locked.git("checkout", "--merge", LOCK)
    picked = re.sub(r"<<<<<<< .*\n(?:.*\n)*?=======\n((?:.*\n)*?)>>>>>>> .*\n", r"\1", locked.read(LOCK))
    locked.write(LOCK, picked)
    locked.run("check")


def test_lines_of_one_block_from_two_branches_are_a_conflict_that_resolve_settles(locked: Repo) -> None:
    """Without seals, git made one block of a new version and a new path by itself; now it leaves that to `--resolve`,
    also where only the markers are left to go by."""
    text = locked.read(LOCK)
    branch(locked, "ours", changed(text, "nlp/sentiment", "path", "models/", "moved/"))
    branch(locked, "theirs", changed(text, "nlp/sentiment", "version", "0.0", "0.1"))
    expected = changed(
        changed(text, "nlp/sentiment", "path", "models/", "moved/"), "nlp/sentiment", "version", "0.0", "0.1"
    )
    assert merge(locked) == 1
    locked.run("lock", "--resolve")
    assert locked.read(LOCK) == expected
    locked.git("checkout", "--merge", LOCK)
    locked.git("add", LOCK)
    assert "<<<<<<<" in locked.read(LOCK)
    locked.run("lock", "--resolve")
    assert locked.read(LOCK) == expected


def test_an_edit_beside_a_conflict_is_not_blessed(locked: Repo) -> None:
    text = locked.read(LOCK)
    branch(locked, "ours", changed(text, "nlp/sentiment", "version", "0.0", "0.1"))
    branch(locked, "theirs", changed(text, "nlp/sentiment", "version", "0.0", "0.2"))
    assert merge(locked) == 1
    edit(locked, "files: 2", "files: 3")
    locked.git("add", LOCK)
    assert "`nlp/tokenizer`: these lines do not match" in locked.run("lock", "--resolve", code=1).err


def test_a_branch_of_the_first_release_that_git_mixed_into_a_sealed_block_is_found(locked: Repo) -> None:
    sealed = locked.read(LOCK)
    locked.write(LOCK, unsealed(sealed))
    locked.commit("as the first release left it")
    branch(locked, "ours", sealed)
    branch(locked, "theirs", unsealed(changed(sealed, "nlp/sentiment", "version", "0.0", "0.1")))
    assert merge(locked) == 0
    assert "nlp/sentiment: these lines do not match their seal" in locked.run("check", code=2).out
