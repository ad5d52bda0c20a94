"""list, log, show and diff, by the real command."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.e2e.harness import Repo, clean_environ

MODELKIT_META = {
    "push_date": "2024-05-01T10:00:00.123456",
    "is_directory": True,
    "contents": ["config.json", "sub/w.bin"],
}


@pytest.fixture
def shelf(tmp_path: Path) -> Repo:
    """A folder with a store of two assets beside it: one of ours, and one that modelkit made."""
    root = tmp_path / "shelf"
    root.mkdir()
    (tmp_path / "home").mkdir()
    environ = clean_environ(tmp_path / "home")
    shelf = Repo(root, environ, {"ASSETSYNC_STORE": str(tmp_path / "store")}, in_process=True)
    shelf.write("../store/old/model/0.0/config.json", "{}")
    shelf.write("../store/old/model/0.0/sub/w.bin", "weights")
    shelf.write("../store/old/model/0.0.meta", json.dumps(MODELKIT_META))
    shelf.write("../store/old/model.versions", json.dumps({"versions": ["0.0"]}))
    shelf.write("tok/vocab.txt", "a\n")
    shelf.run("new", "tok", "nlp/tok", "-y", "--message", "first\nand \x1b[31mred")
    return shelf


def test_list(shelf: Repo) -> None:
    assert shelf.run("list").out == "ASSET      LATEST  LOCKED  OLDER\nnlp/tok    0.0     -\nold/model  0.0     -\n"
    assert shelf.run("list", "nlp/*").out.splitlines()[1:] == ["nlp/tok  0.0     -"]
    long = shelf.run("list", "-l").out.splitlines()
    assert long[0].split() == ["ASSET", "LATEST", "SIZE", "FILES", "DATE", "LOCKED", "OLDER"]
    assert "  not recorded  2      2024-05-01 10:00:00  -" in long[2]
    assets = shelf.run("list", "-l", "--format", "json").json()["assets"]
    assert [(asset["name"], asset["size"], asset["files"]) for asset in assets] == [
        ("nlp/tok", 2, 1),
        ("old/model", None, 2),
    ]
    nothing = shelf.run("list", "none*")
    assert nothing.out == ""
    assert "holds no assets that match `none*`" in nothing.err


def test_list_beside_what_is_locked(repo: Repo) -> None:
    repo.run("apply", "--yes")
    repo.write("models/sentiment.bin", "more")
    repo.run("update", "models/sentiment.bin", "nlp/sentiment", "-y")
    rows = [line.split() for line in repo.run("list", cwd=repo.root / "models").out.splitlines()]
    assert rows[1:] == [["nlp/sentiment", "0.1", "0.0", "0.0"], ["nlp/tokenizer", "0.0", "0.0"]]
    listed = repo.run("list", "--format", "json").json()
    assert listed["store"] == "../store"
    assert [(asset["latest"], asset["locked"]) for asset in listed["assets"]] == [("0.1", "0.0"), ("0.0", "0.0")]


def test_log_says_which_commit_and_run_a_version_comes_from(repo: Repo) -> None:
    repo.commit()
    repo.git("remote", "add", "origin", "https://ada:secret@git.example.com/team/models.git")
    ci = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "team/models"}
    repo.run("new", "models/tokenizer", "tok", "-y", env={**ci, "CI": "true", "GITHUB_RUN_ID": "42"})
    text = repo.run("log", "tok").out
    commit = repo.git("rev-parse", "HEAD").strip()
    assert f"from: {commit[:12]} on main of https://git.example.com/team/models" in text
    assert "run: https://github.com/team/models/actions/runs/42" in text
    made = repo.run("log", "tok", "--format", "json").json()["versions"][0]["provenance"]
    assert (made["commit"], made["branch"], made["dirty"]) == (commit, "main", False)
    assert "secret" not in text + repo.run("show", "tok").out


def test_log_and_show(shelf: Repo) -> None:
    shelf.write("tok/vocab.txt", "b\n")
    shelf.run("update", "tok", "nlp/tok", "-y")
    text = shelf.run("log", "nlp/tok").out
    assert text.index("0.1  ") < text.index("0.0  ")
    assert "2 B in 1 file" in text
    assert "    first\n    and \\x1b[31mred\n" in text
    history = shelf.run("log", "nlp/tok", "-n", "1", "--format", "json").json()
    assert [version["version"] for version in history["versions"]] == ["0.1"]
    assert shelf.run("log", "old/model").out == "0.0  2024-05-01 10:00:00  2 files, size not recorded\n"
    shown = shelf.run("show", "nlp/tok:0.0", "--format", "json").json()
    assert shown["provenance"]["message"].startswith("first")
    assert shown["files"] == [
        {
            "path": "vocab.txt",
            "size": 2,
            "sha256": "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7",
        }
    ]
    old = shelf.run("show", "old/model").out
    assert "digest  not recorded: modelkit published it" in old
    assert "\nconfig.json\nsub/w.bin\n" in old
    assert "has no `nlp/tok:0.7`" in shelf.run("show", "nlp/tok:0.7", code=1).err
    (Path(shelf.extra["ASSETSYNC_STORE"]) / "nlp/tok/0.0.meta").unlink()
    assert "0.0  listed, but not there" in shelf.run("log", "nlp/tok").out


def test_diff(shelf: Repo) -> None:
    assert "have the same content" in shelf.run("diff", "nlp/tok:0.0", "./tok").out
    shelf.write("tok/vocab.txt", "longer\n")
    shelf.write("tok/odd", "new")
    differs = shelf.run("diff", "nlp/tok", "tok", code=2)
    assert differs.out.splitlines() == [
        "--- nlp/tok:0.0",
        "+++ tok",
        "+ odd  3 B",
        "~ vocab.txt  2 B → 7 B",
        "Files: 1 added, 1 changed, 0 removed, 0 unchanged. Bytes: 2 B → 10 B.",
    ]
    assert differs.err == ""


def test_diff_reads_what_modelkit_made(shelf: Repo) -> None:
    shelf.write("copy/config.json", "{}")
    shelf.write("copy/sub/w.bin", "weights")
    assert "have the same content" in shelf.run("diff", "old/model:0.0", "copy").out
    shelf.write("copy/sub/w.bin", "heavier")
    document = shelf.run("diff", "old/model:0.0", "copy", "--format", "json", code=2).json()
    assert [file["path"] for file in document["changed"]] == ["sub/w.bin"]
    assert (document["differ"], document["unchanged"]) == (True, 1)


def test_a_long_list_has_a_pager_on_a_terminal_and_none_in_a_pipe(shelf: Repo, tmp_path: Path) -> None:
    for number in range(60):
        shelf.write(f"../store/many/{number:03}.versions", json.dumps({"versions": ["0.0"]}))
    pager = shelf.write("pager", f"#!/bin/sh\ncat > {tmp_path}/paged\n")
    pager.chmod(0o755)
    environ = {"PAGER": str(pager), "TERM": "xterm", "LINES": "24"}
    assert len(shelf.run("list", env=environ).out.splitlines()) == 63
    assert not (tmp_path / "paged").exists()
    assert on_a_terminal(shelf, ["list"], environ) == ""
    assert len((tmp_path / "paged").read_text().splitlines()) == 63
    assert "nlp/tok" in on_a_terminal(shelf, ["list", "nlp/*"], environ)  # fits


def on_a_terminal(shelf: Repo, args: list[str], environ: dict[str, str]) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    written: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(ours, 4096):
                written.append(data)
        except OSError:  # how Linux says that the other side is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    subprocess.run(
        [sys.executable, "-m", "assetsync", *args],
        cwd=shelf.root,
        env={**shelf.environ, **shelf.extra, **environ, "PYTHONPATH": os.getcwd()},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    reader.join()
    os.close(ours)
    return b"".join(written).decode()
