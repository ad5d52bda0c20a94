"""A branch that brings a `.assetsync` of its own: nothing goes through it, and nothing in it is believed."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from assetsync.state.folder import State
from assetsync.state.pull_markers import Marker, Markers
from tests.e2e.harness import Repo, Run
from tests.unit.publishing import files_below

COMMANDS = [["plan"], ["apply", "--yes"], ["pull"], ["sync", "--yes"], ["check", "--content"], ["upgrade", "--yes"]]
IN_STATE = [
    "",
    "cache.db",
    "cache.db-journal",
    "pulls",
    "pulls/aa.json",
    "journal",
    "journal/claim-1",
    "lock",
    "logs",
    "incoming",
    ".gitignore",
]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repo with one published asset, locked and here."""
    repo = Repo.init(tmp_path / "repo", tmp_path / "home")
    repo.in_process = True
    repo.write("w/a", "one")
    repo.write("w/b", "two")
    repo.write("assets.yaml", "store: ../store\nassets:\n  nlp/w: w\n")
    repo.write(".gitignore", "/w/\n")
    repo.run("apply", "--yes")
    repo.commit()
    return repo


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Somebody's folder, with a database of theirs."""
    folder = tmp_path / "outside"
    (folder / "deep").mkdir(parents=True)
    (folder / "precious").write_text("precious")
    (folder / "deep" / "precious").write_text("precious")
    with sqlite3.connect(folder / "db") as connection:
        connection.execute("CREATE TABLE facts (theirs)")
        connection.execute("INSERT INTO facts VALUES ('precious')")
    connection.close()
    return folder


def clear_state(repo: Repo) -> Path:
    state = repo.root / ".assetsync"
    for folder, _, files in os.walk(state, topdown=False):
        for name in files:
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    return state


def refused(run: Run, path: str) -> None:
    assert run.code == 1
    assert f"{path}`" in run.err
    assert "is a link" in run.err or "is tracked by git" in run.err
    assert "hint: `.assetsync` is for assetsync alone" in run.err
    assert "unexpected" not in run.err


@pytest.mark.parametrize("target", ["deep", "db", "new"])
@pytest.mark.parametrize("entry", IN_STATE)
def test_state_that_is_a_link_is_refused(repo: Repo, outside: Path, entry: str, target: str) -> None:
    state = clear_state(repo)
    link = state / entry if entry else state
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside / target)
    before = files_below(outside), os.stat(outside / "db").st_mtime_ns
    for command in COMMANDS if target == "deep" else COMMANDS[:2]:
        refused(repo.run(*command, code=None), os.path.join(".assetsync", entry).rstrip("/"))
    assert (files_below(outside), os.stat(outside / "db").st_mtime_ns) == before


def test_state_that_git_tracks_is_refused(repo: Repo) -> None:
    repo.git("add", "-f", ".assetsync/cache.db")
    repo.git("commit", "-q", "-m", "state")
    before = repo.root.joinpath(".assetsync/cache.db").read_bytes()
    for command in COMMANDS:
        refused(repo.run(*command, code=None), ".assetsync")
    assert repo.root.joinpath(".assetsync/cache.db").read_bytes() == before
    repo.git("rm", "-q", "-r", "--cached", ".assetsync")
    repo.run("plan")


@pytest.mark.parametrize("version", ["3", "4"])
def test_state_that_git_tracks_is_found_in_each_form_of_the_index(repo: Repo, version: str) -> None:
    repo.write(".assetsyn", "so that the paths of an index of version 4 share their start")
    repo.git("add", ".assetsyn")
    repo.git("add", "-f", ".assetsync/cache.db")
    repo.git("update-index", "--index-version", version)
    refused(repo.run("plan", code=None), ".assetsync")
    repo.git("rm", "-q", "-r", "--cached", ".assetsync")
    repo.run("plan")


def test_state_that_git_tracks_is_found_in_a_split_index(repo: Repo) -> None:
    repo.git("add", "-f", ".assetsync/cache.db")
    repo.git("update-index", "--split-index")
    refused(repo.run("plan", code=None), ".assetsync")


def test_state_that_is_a_submodule_is_refused(repo: Repo, tmp_path: Path) -> None:
    other = Repo.init(tmp_path / "other", tmp_path / "home")
    other.write("cache.db", "hostile")
    other.commit()
    clear_state(repo)
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "-f", str(other.root), ".assetsync")
    refused(repo.run("plan", code=None), ".assetsync")


# --- state that is read is input like any other


def _endless_view(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE facts")
    connection.execute(
        "CREATE VIEW facts AS WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n)"
        " SELECT 'x' AS key, value FROM n WHERE value < 0"
    )


def _endless_column(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE hashes")
    connection.execute(
        "CREATE TABLE hashes (root BLOB, paths BLOB, stamps BLOB, sha256 BLOB, digest BLOB,"
        " checksum BLOB CHECK (length(checksum)))"
    )


def _trigger(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TRIGGER t AFTER INSERT ON facts BEGIN DELETE FROM hashes; END")


def _values(value: object) -> Callable[[sqlite3.Connection], None]:
    def poison(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE facts SET value = ?", (value,))

    return poison


def _rows(*values: object) -> Callable[[sqlite3.Connection], None]:
    def poison(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE hashes SET paths = ?, stamps = ?, sha256 = ?, checksum = ?", values)

    return poison


def _roots(connection: sqlite3.Connection) -> None:
    for root in (b"a\0b", "text", 5):
        connection.execute("INSERT INTO hashes VALUES (?, 'p', 's', 'h', 'd', 'c')", (root,))


POISONS: list[Callable[[sqlite3.Connection], None]] = [
    _endless_view,
    _endless_column,
    _trigger,
    _roots,
    *(_values(value) for value in ("", "[", "[" * 100_000, "5", "null", "[1, 2]", '["sha256:x", 5, "a", []]', "{}")),
    _values(b"\xff\xfe"),
    _values('["sha256:' + "0" * 64 + '", false, -1, 1e400]'),
    _values("\ud800".encode("utf-8", "surrogatepass")),
    _rows("text", 5, "more", b""),
    _rows(b"\xff", b"s" * 32, b"h" * 32, b"c"),
]


@pytest.mark.parametrize("poison", POISONS, ids=lambda one: one.__name__)
def test_a_cache_of_any_form_changes_no_outcome(repo: Repo, poison: Callable[[sqlite3.Connection], None]) -> None:
    connection = sqlite3.connect(repo.root / ".assetsync/cache.db")
    with connection:
        poison(connection)
    connection.close()
    assert "Nothing to do" in repo.run("plan").out
    repo.write("w/a", "edited")
    assert "update" in repo.run("plan").out
    repo.run("apply", "--yes")
    assert "Nothing to do" in repo.run("plan").out


JOURNAL = [b"", b"\xff", b"\0", b"x" * 100_000, b"no line", b"\n\n\n", b"../store\nnlp/w:0.1"]
NAMES = ["claim-x", "claim-", "claim-..", "upload-" + "0" * 64, os.fsdecode(b"\xff"), "other"]


@pytest.mark.parametrize("data", JOURNAL, ids=range(len(JOURNAL)))
def test_a_journal_of_any_form_changes_no_outcome(repo: Repo, data: bytes) -> None:
    folder = repo.root / ".assetsync/journal"
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        (folder / name).write_bytes(data)
    repo.write("w/a", "edited")
    repo.run("apply", "--yes")
    assert "Nothing to do" in repo.run("plan").out


# --- what could cost a user's work is decided by the store


@pytest.fixture
def versions(repo: Repo) -> Repo:
    """The repo at 0.1, with 0.0 before."""
    repo.write("w/a", "one, later")
    repo.run("apply", "--yes")
    return repo


def test_edits_that_a_marker_gives_up_are_not_lost(versions: Repo) -> None:
    markers = Markers(State(str(versions.root)).pulls)
    markers.write(Marker("nlp/w", "0.1", "w"))
    versions.write("w/a", "a user's only copy")
    (path,) = (versions.root / ".assetsync/pulls").glob("*.json")
    expendable = [["a", hashlib.sha256(b"a user's only copy").hexdigest()]]
    path.write_text(json.dumps({**json.loads(path.read_text()), "expendable": expendable}))
    run = versions.run("pull", code=None)
    assert run.code == 1
    assert "pulling would lose that: `a`" in run.out + run.err
    assert versions.read("w/a") == "a user's only copy"
    versions.run("pull", "--discard-local", "nlp/w", "--yes")
    assert versions.read("w/a") == "one, later"


def test_an_interrupted_pull_goes_on_over_what_any_version_has(versions: Repo) -> None:
    Markers(State(str(versions.root)).pulls).write(Marker("nlp/w", "0.1", "w"))
    versions.write("w/a", "one")  # of 0.0
    versions.run("pull", "--yes")
    assert versions.read("w/a") == "one, later"


def test_edits_that_a_cache_takes_for_an_earlier_state_of_the_lock_are_not_lost(versions: Repo) -> None:
    versions.write("w/a", "a user's only copy")
    digest = versions.run("plan", "--format", "json").json()["actions"][0]["digest"]
    with sqlite3.connect(versions.root / ".assetsync/cache.db") as connection:
        for key in ("last seen nlp/w at w", "placed nlp/w at w"):
            for value in ([digest, True, 1, 2], ["0.0", digest, True], ["../..", digest, True]):
                connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, json.dumps(value)))
                connection.commit()
                run = versions.run("pull", code=None)
                assert run.code == 1
                assert "pulling would lose that" in run.out + run.err
    connection.close()
    assert versions.read("w/a") == "a user's only copy"


def test_edits_that_a_cache_takes_for_an_older_version_are_not_lost(versions: Repo) -> None:
    versions.write("w/a", "a user's only copy")
    digest = versions.run("plan", "--format", "json").json()["actions"][0]["digest"]
    with sqlite3.connect(versions.root / ".assetsync/cache.db") as connection:
        keys = connection.execute("SELECT key FROM facts WHERE key LIKE 'version % nlp/w:0.1'").fetchall()
        assert len(keys) == 1
        key = keys[0][0].replace(":0.1", ":0.0")
        fact = json.dumps([digest, True, 21, 2, "tag"])
        connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, fact))
    connection.close()
    run = versions.run("pull", code=None)
    assert run.code == 1
    assert "pulling would lose that" in run.out + run.err
    assert versions.read("w/a") == "a user's only copy"
