"""Getting assets with the command: only what differs, on after an interruption, and at the cost of nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Repo, clean_environ
from tests.servers.s3 import Break, Fault, S3Server

BUCKET = "pulled"
FILES = 40
MANIFEST = f"store: s3://{BUCKET}/assets\n\nassets:\n  nlp/tok: models/tok\n"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with S3Server() as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, server: S3Server) -> Path:
    """A repo at 0.0 of an asset of which the store has 0.1 too; half of its files differ."""
    folder = tmp_path_factory.mktemp("made")
    repo = Repo.init(folder / "repo", folder / "home")
    repo.extra.update(server.environ)
    repo.write("assets.yaml", MANIFEST)
    _write(repo, 0)
    repo.run("apply", "--yes")
    shutil.copytree(repo.root, folder / "at 0.0")
    _write(repo, 1)
    repo.run("apply", "--yes")
    return folder / "at 0.0"


@pytest.fixture
def repo(tmp_path: Path, server: S3Server, made: Path) -> Repo:
    shutil.copytree(made, tmp_path / "repo")
    server.faults.clear()
    server.seen.clear()
    return Repo(tmp_path / "repo", clean_environ(made.parent / "home"), dict(server.environ))


def _write(repo: Repo, generation: int) -> None:
    for number in range(FILES):
        repo.write(f"models/tok/{number % 4}/{number}", f"{number} of {generation if number % 2 else 'all'}" * 100)


def _generation(repo: Repo) -> set[str]:
    """To which generations the files that differ belong."""
    odd = [path.read_text() for path in (repo.root / "models/tok").rglob("*") if path.is_file() and int(path.name) % 2]
    assert len(odd) == FILES // 2
    return {text[-1] for text in odd}


def _downloaded(server: S3Server) -> list[str]:
    """The files of 0.1 that were asked for."""
    return [request.key for request in server.seen if request.kind == "GetObject" and "/nlp/tok/0.1/" in request.key]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_pull_is_finished_and_nothing_half_pulled_is_published(
    repo: Repo, server: S3Server, how: signal.Signals
) -> None:
    stall = Fault(Break.STALL, 3, lambda one: one.key.endswith(("0.1/1/13", "0.1/1/17", "0.1/3/31")))
    server.faults.append(stall)
    with repo.start("upgrade", "--yes") as process:
        deadline = time.monotonic() + 100
        while stall.times and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(how)
        process.communicate(timeout=300)
    assert process.returncode == (-how if how is signal.SIGKILL else 130)
    assert _generation(repo) == {"0"}

    keys = server.keys(BUCKET)
    assert "a pull of `nlp/tok:0.1` to `models/tok` did not finish" in repo.run("apply", "--yes", code=1).err
    assert server.keys(BUCKET) == keys

    repo.run("upgrade", "--yes")
    assert _generation(repo) == {"1"}
    assert os.listdir(repo.root / ".assetsync/pulls") == []


def test_only_files_that_differ_are_downloaded(repo: Repo, server: S3Server) -> None:
    repo.run("upgrade", "--yes")
    assert _generation(repo) == {"1"}
    assert len(_downloaded(server)) == FILES // 2


def test_a_hostile_version_is_refused_with_one_error(repo: Repo, server: S3Server, tmp_path: Path) -> None:
    document = {"push_date": "2026-01-31T09:00:00+00:00", "is_directory": True, "contents": ["../../evil"]}
    server.put(BUCKET, "assets/nlp/evil/0.0.meta", json.dumps(document).encode())
    server.put(BUCKET, "assets/nlp/evil/0.0/../../evil", b"evil")
    server.put(BUCKET, "assets/nlp/evil.versions", json.dumps({"versions": ["0.0"]}).encode())
    repo.write("assets.yaml", MANIFEST + "  nlp/evil: models/new\n")
    failed = repo.run("sync", "nlp/evil", "--yes", code=1)
    assert "`nlp/evil/0.0.meta` is refused: `../../evil` has an empty, `.` or `..` segment" in failed.err
    assert not list(tmp_path.rglob("evil"))
    assert not (repo.root / "models/new").exists()


def test_a_symlink_that_leads_outside_is_refused(repo: Repo, tmp_path: Path) -> None:
    inside, outside = repo.root / "models/tok/1", tmp_path / "outside"
    inside.rename(outside)
    inside.symlink_to(outside)
    before = {path.name: path.read_text() for path in outside.iterdir()}
    failed = repo.run("upgrade", "--yes", code=1)
    assert "is a symlink; below an asset's path, none is followed or replaced" in failed.err
    assert {path.name: path.read_text() for path in outside.iterdir()} == before
