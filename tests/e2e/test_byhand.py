"""new, update and fetch, by the real command, without an assets.yaml."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.e2e.harness import Repo, clean_environ
from tests.e2e.remotes import Remote


@pytest.fixture
def place(tmp_path: Path) -> Repo:
    """A folder that is no git repo and no project, with modelkit's variables for a directory store."""
    root = tmp_path / "place"
    root.mkdir()
    (tmp_path / "home").mkdir()
    modelkit = {"MODELKIT_STORAGE_PROVIDER": "local", "MODELKIT_STORAGE_BUCKET": str(tmp_path / "bucket")}
    place = Repo(root, clean_environ(tmp_path / "home"), modelkit, in_process=True)
    place.write("tok/vocab.txt", "a\n")
    place.write("tok/.dot/file", "hidden")
    place.write("m.bin", "model")
    return place


def versions(place: Repo, *args: str) -> dict[str, list[str]]:
    listed = place.run("list", "--format", "json", *args).json()["assets"]
    return {asset["name"]: asset["versions"] for asset in listed}


def test_new_and_update_by_the_rules_of_modelkit(place: Repo, tmp_path: Path) -> None:
    assert place.run("new", "tok", "nlp/tok", "-y", "--message", "first").out == "nlp/tok:0.0\n"
    assert (tmp_path / "bucket/modelkit-assets/nlp/tok/0.0/.dot/file").read_text() == "hidden"
    exists = place.run("new", "tok", "nlp/tok", "-y", code=1).err
    assert "`nlp/tok` exists already; its newest version is `0.0`" in exists
    place.write("tok/vocab.txt", "b\n")
    assert place.run("update", "tok/", "nlp/tok", "-y").out == "nlp/tok:0.1\n"
    unchanged = place.run("update", "tok", "nlp/tok", "-y")
    assert unchanged.out == "nlp/tok:0.1\n"
    assert "unchanged: `0.1` has this content" in unchanged.err
    assert place.run("update", "tok", "nlp/tok", "--bump-major", "-y").out == "nlp/tok:1.0\n"
    assert place.run("update", "m.bin", "nlp/tok:0", "-y").out == "nlp/tok:0.2\n"
    forced = place.run("update", "tok", "nlp/tok", "--force-new-version", "-y")
    assert forced.out == "nlp/tok:1.1\n"
    assert "line 1: 1.0\n  line 0: 0.2, 0.1, 0.0\n" in forced.err
    assert versions(place) == {"nlp/tok": ["1.1", "1.0", "0.2", "0.1", "0.0"]}


def test_what_is_refused_has_its_exit_code(place: Repo, tmp_path: Path) -> None:
    assert "`5.7` is a complete version" in place.run("new", "m.bin", "x:5.7", code=64).err
    refused = place.run("update", "gone", "x", code=1)
    assert "error: `gone` does not exist" in refused.err
    assert refused.out == ""
    assert not (tmp_path / "bucket").exists()


def test_a_dry_run_asks_nothing_and_writes_nothing(place: Repo, tmp_path: Path) -> None:
    shown = place.run("new", "tok", "nlp/tok", "--dry-run")
    assert "+ nlp/tok  → 0.0  new asset  (2 files, 8 B to upload)" in shown.out
    assert not (tmp_path / "bucket").exists()


def test_without_a_terminal_nothing_is_published_unless_told_to(place: Repo, tmp_path: Path) -> None:
    refused = place.run("new", "m.bin", "m", code=1, env={"CI": "true"})
    assert "pass `--yes`" in refused.err
    assert not (tmp_path / "bucket").exists()


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("\n", 1)])
def test_it_asks_on_a_terminal_and_the_default_is_no(place: Repo, tmp_path: Path, typed: str, code: int) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    os.write(ours, typed.encode())
    done = place.run("new", "m.bin", "m", stdin=theirs, code=code)
    os.close(theirs)
    os.close(ours)
    assert "Publish `m:0.0` to" in done.err
    assert (tmp_path / "bucket").exists() is (code == 0)


def test_many_files_are_counted_said_and_asked_about(place: Repo) -> None:
    for number in range(3):
        place.write(f"many/deep/{number}/file", str(number))
    assert "`m` has 3 files" not in place.run("new", "many", "m", "-n").err
    told = place.run("new", "many", "m", "-n", "--max-files", "2").err
    assert "`m` has 3 files. modelkit fetches one object at a time" in told
    assert "`m` has 3 files" in place.run("new", "many", "m", "-y", env={"ASSETSYNC_MAX_FILES": "2"}).err


def test_which_store_it_is(place: Repo, tmp_path: Path) -> None:
    """Flag, then ASSETSYNC_STORE, then assets.yaml found upward, then modelkit's variables."""
    project = place.root / "project"
    place.write("project/assets.yaml", "store: ./own\nassets: {}\n")
    place.write("project/deep/m.bin", "in the project")
    place.run("-C", "project/deep", "new", "m.bin", "m", "-y")
    assert (project / "own/m/0.0").read_text() == "in the project"
    environ = {"ASSETSYNC_STORE": str(tmp_path / "named")}
    place.run("-C", "project/deep", "new", "m.bin", "m", "-y", env=environ)
    assert (tmp_path / "named/m/0.0").exists()
    place.run("-C", "project/deep", "new", "m.bin", "m", "-y", "--store", "./flag", env=environ)
    assert (project / "deep/flag/m/0.0").exists()
    place.run("new", "m.bin", "m", "-y", "--storage-prefix", "other/place")
    assert (tmp_path / "bucket/other/place/m/0.0").read_text() == "model"
    assert versions(place, "--storage-prefix", "other") == {"place/m": ["0.0"]}
    assert "modelkit-assets` does not exist" in place.run("list", code=1).err
    beside = place.run("new", "m.bin", "m", "--store", "./x", "--storage-prefix", "y", code=64).err
    assert "beside `--store`" in beside


def test_fetch_prints_only_the_path(place: Repo, tmp_path: Path) -> None:
    place.run("new", "tok", "nlp/tok", "-y")
    fetched = place.run("fetch", "nlp/tok", "--assets-dir", "got")
    assert fetched.out == f"{place.root}/got/nlp/tok/0.0\n"
    assert (place.root / "got/nlp/tok/0.0/vocab.txt").read_text() == "a\n"
    environ = {"MODELKIT_ASSETS_DIR": str(tmp_path / "assets")}
    part = place.run("fetch", "nlp/tok:0[.dot/file]", env=environ)
    assert Path(part.out.rstrip("\n")).read_text() == "hidden"
    assert not (tmp_path / "assets/nlp/tok/0.0/vocab.txt").exists()
    (place.root / "got/nlp/tok/0.0/vocab.txt").write_text("broken")
    assert place.run("fetch", "nlp/tok:0.0", "--assets-dir", "got", "--force").out == fetched.out
    assert (place.root / "got/nlp/tok/0.0/vocab.txt").read_text() == "a\n"


def test_two_at_once_both_get_a_version(place: Repo) -> None:
    place.run("new", "m.bin", "m", "-y")
    place.write("one", "1")
    place.write("two", "2")
    running = [place.start("update", path, "m", "-y") for path in ("one", "two")]
    codes = set()
    for process in running:
        with process:
            process.communicate(timeout=300)
        codes.add(process.returncode)
    assert codes <= {0, 3}
    for path in ("one", "two"):  # who met the other one runs again, and finds what was published already
        place.run("update", path, "m:0", "-y")
    published = versions(place)["m"]
    assert len(published) == len(set(published))
    assert {"0.1", "0.2", "0.0"} <= set(published)


def test_a_claim_of_someone_else_is_a_conflict(place: Repo, tmp_path: Path) -> None:
    place.run("new", "m.bin", "m", "-y")
    claim = {
        "format": 1,
        "id": "other",
        "digest": "sha256:" + "0" * 64,
        "is_directory": False,
        "who": "bob@host",
        "when": "2026-01-01T00:00:00+00:00",
    }
    (tmp_path / "bucket/modelkit-assets/m/0.1.claim").write_text(json.dumps(claim))
    place.write("m.bin", "changed")
    refused = place.run("update", "m.bin", "m", "-y", code=3)
    assert "bob@host began to publish `m:0.1`" in refused.err
    assert versions(place) == {"m": ["0.0"]}


def test_three_dates_in_one_second(place: Repo) -> None:
    dates = {"MODELKIT_ASSETS_VERSIONING_SYSTEM": "simple_date"}
    specs = [place.run("new", "m.bin", "m", "-y", env=dates).out]
    specs += [place.run("update", "m.bin", "m", "-y", "--force-new-version", env=dates).out for _ in range(2)]
    listed = versions(place)["m"]
    assert [f"m:{version}\n" for version in reversed(listed)] == specs
    assert listed == sorted(set(listed), reverse=True)
    assert "have no lines" in place.run("update", "m.bin", "m:1", env=dates, code=64).err
    assert "have no lines" in place.run("update", "m.bin", "m", "--bump-major", env=dates, code=1).err


def test_mixed_schemes_are_reported_and_usable(place: Repo) -> None:
    dates = {"ASSETSYNC_VERSIONING": "simple_date"}
    place.run("new", "m.bin", "m", "-y")
    refused = place.run("update", "tok", "m", "-y", env=dates, code=1).err
    assert "`m` has no `simple_date` version, but `0.0`" in refused
    assert "of another versioning system" in place.run("new", "tok", "m", "-y", env=dates, code=1).err
    index = Path(place.extra["MODELKIT_STORAGE_BUCKET"], "modelkit-assets/m.versions")
    index.write_text(json.dumps({"versions": ["2026-01-31T09-00-00Z", "0.0", "9999-99-99T99-99-99Z"]}))
    updated = place.run("update", "tok", "m", "-y")
    assert updated.out == "m:0.1\n"
    assert "ignores `2026-01-31T09-00-00Z`, `9999-99-99T99-99-99Z`" in updated.err
    assert json.loads(index.read_text())["versions"][:2] == ["0.1", "0.0"]
    assert len(json.loads(index.read_text())["versions"]) == 4
    assert place.run("fetch", "m", "--assets-dir", "got").out.endswith("/m/0.1\n")
    assert "ignored: not a `major_minor` version" in place.run("log", "m").out


def put(place: Repo, s3: Remote, files: dict[str, str]) -> None:
    """Objects, by their keys, as another program makes them."""
    script = (
        "import sys, json, boto3\n"
        "bucket, endpoint, files = sys.argv[1:]\n"
        "client = boto3.client('s3', endpoint_url=endpoint)\n"
        "for key, path in json.loads(files).items():\n"
        "    client.upload_file(path, bucket, key)\n"
    )
    bucket = s3.url.split("/")[2]
    endpoint = s3.environ.get("AWS_ENDPOINT_URL") or s3.environ["S3_ENDPOINT"]
    environ = {**place.environ, **s3.environ}
    subprocess.run(
        [sys.executable, "-c", script, bucket, endpoint, json.dumps(files)], cwd=place.root, env=environ, check=True
    )


def test_a_prefix_of_a_bucket_keeps_its_structure_and_leaves_siblings_out(place: Repo, s3: Remote) -> None:
    place.extra = dict(s3.environ)
    root = s3.url.removeprefix("s3://").partition("/")[2]
    runs = {"out/vocab.txt": "tok/vocab.txt", "out/.dot/file": "tok/.dot/file", "out2/other": "m.bin"}
    put(place, s3, {f"{root}-runs/{key}": path for key, path in runs.items()})
    source = f"{s3.url}-runs/out"
    shown = place.run("new", source, "nlp/tok", "--store", s3.url, "-n").out
    assert "2 files, 8 B to upload" in shown
    place.run("new", source, "nlp/tok", "--store", s3.url, "-y")
    got = place.run("fetch", "nlp/tok", "--assets-dir", "got", "--store", s3.url).out.strip()
    assert sorted(str(path.relative_to(got)) for path in Path(got).rglob("*") if path.is_file()) == [
        ".SUCCESS",
        ".dot/file",
        "vocab.txt",
    ]
    assert place.run("update", "tok", "nlp/tok", "-y", "--store", s3.url).out == "nlp/tok:0.0\n"
    single = place.run("new", f"{source}2/other", "one", "--store", str(place.root / "store"), "-y")
    assert single.out == "one:0.0\n"
    assert (place.root / "store/one/0.0").read_text() == "model"
    nothing = place.run("new", f"{source}3", "none", "--store", s3.url, code=1).err
    assert "is neither an object nor a prefix of any" in nothing
    state = Path(place.environ["XDG_STATE_HOME"], "assetsync/incoming")
    assert [path.name for path in state.iterdir() if path.is_dir()] == []


def test_what_assetsync_wrote_is_copied_within_a_bucket(place: Repo, remote: Remote) -> None:
    place.extra = dict(remote.environ)
    staging, production = f"{remote.url}/staging", f"{remote.url}/production"
    place.run("new", "tok", "nlp/tok", "-y", "--store", staging)
    copied = place.run("new", f"{staging}/nlp/tok/0.0", "nlp/tok", "-y", "--store", production)
    assert ("8 B reused" in copied.err) is (remote.kind != "directory")  # from there, it is a path like any other
    shown = place.run("show", "nlp/tok", "--format", "json", "--store", production).json()
    assert [file["path"] for file in shown["files"]] == [".dot/file", "vocab.txt"]
    got = place.run("fetch", "nlp/tok", "--assets-dir", "got", "--store", production).out.strip()
    assert Path(got, "vocab.txt").read_text() == "a\n"
