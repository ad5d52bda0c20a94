"""Each line of the command-line table of docs/modelkit.md, run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.e2e.harness import Repo, clean_environ
from tests.e2e.remotes import BUCKET, Remote
from tests.servers.s3 import S3Server

DATE = re.compile(r"m:\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\n")


@pytest.fixture
def place(tmp_path: Path) -> Repo:
    """A folder with modelkit's variables for a directory store."""
    root = tmp_path / "place"
    root.mkdir()
    (tmp_path / "home").mkdir()
    modelkit = {"MODELKIT_STORAGE_PROVIDER": "local", "MODELKIT_STORAGE_BUCKET": str(tmp_path / "bucket")}
    place = Repo(root, clean_environ(tmp_path / "home"), modelkit, in_process=True)
    place.write("a", "first")
    place.write("b", "second")
    return place


def _lines(place: Repo) -> None:
    """An asset with `0.1` and `1.0`."""
    place.run("new", "a", "m", "--yes")
    place.run("update", "b", "m", "--yes")
    place.run("update", "a", "m", "--bump-major", "--yes")


def new(place: Repo) -> None:
    assert place.run("new", "a", "m", "--yes").out == "m:0.0\n"
    assert "exists already" in place.run("new", "b", "m", "--yes", code=1).err
    place.write("repo/assets.yaml", "assets: {}\n")
    place.write("repo/c", "third")
    place.run("add", "c", "n", cwd="repo")
    place.run("apply", "--yes", cwd="repo")
    assert place.run("fetch", "n:0.0", "--assets-dir", "assets").out.endswith("/assets/n/0.0\n")


def answer_on_a_pipe(place: Repo) -> None:
    environ = {**place.environ, **place.extra, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [sys.executable, "-m", "assetsync", "new", "a", "m"],
        cwd=place.root,
        env=environ,
        input="y\n",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "pass `--yes`" in done.stderr
    assert place.run("new", "a", "m", "--yes").out == "m:0.0\n"


def update(place: Repo) -> None:
    _lines(place)
    assert place.run("update", "b", "m", "--yes").out == "m:1.1\n"
    assert place.run("update", "a", "m", "--yes").out == "m:1.2\n"


def unchanged(place: Repo) -> None:
    place.run("new", "a", "m", "--yes")
    done = place.run("update", "a", "m", "--yes")
    assert done.out == "m:0.0\n"
    assert "`--force-new-version` publishes it all the same" in done.err
    assert place.run("update", "a", "m", "--force-new-version", "--yes").out == "m:0.1\n"


def bump_major(place: Repo) -> None:
    _lines(place)
    place.run("update", "b", "m", "--yes")
    assert place.run("update", "b", "m", "--bump-major", "--yes").out == "m:2.0\n"


def older_line(place: Repo) -> None:
    _lines(place)
    assert place.run("update", "a", "m:0", "--yes").out == "m:0.2\n"


def simple_date(place: Repo) -> None:
    place.extra["MODELKIT_ASSETS_VERSIONING_SYSTEM"] = "simple_date"
    published = [place.run("new", "a", "m", "--yes").out]
    published += [place.run("update", "a", "m", "--force-new-version", "--yes").out for _ in range(2)]
    assert all(DATE.fullmatch(version) for version in published)
    assert len(set(published)) == 3
    assert sorted(published) == published


def update_of_nothing(place: Repo) -> None:
    place.run("new", "a", "m", "--yes")
    assert "create it with `assetsync new a n`" in place.run("update", "a", "n", "--yes", code=1).err


def listed(place: Repo) -> None:
    _lines(place)
    assert re.search(r"m +1\.0", place.run("list").out)


def fetch_one(place: Repo) -> None:
    _lines(place)
    place.extra["MODELKIT_ASSETS_DIR"] = "assets"
    path = place.run("fetch", "m:0").out.strip()
    assert Path(path).read_text() == "second"
    Path(path).write_text("damage")
    place.run("fetch", "m:0")
    assert Path(path).read_text() == "damage"  # it is marked as complete, and not looked at again
    place.run("fetch", "m:0", "--force")
    assert Path(path).read_text() == "second"


def fetch_many(place: Repo) -> None:
    _lines(place)
    done = place.run("fetch", "m:0", "m:1", "absent", "--assets-dir", "assets", code=4)
    assert [Path(path).name for path in done.out.splitlines()] == ["0.1", "1.0"]
    place.write("repo/assets.yaml", "assets:\n  m: m\n")
    place.write("repo/m", "first")
    place.run("apply", "--yes", cwd="repo")
    assert place.run("fetch", "--locked", "--assets-dir", "x", cwd="repo").out.endswith("/repo/x/m/1.0\n")


def dry_run(place: Repo) -> None:
    assert "→ 0.0" in place.run("new", "a", "m", "--dry-run").out
    assert not (place.root.parent / "bucket").exists()
    place.run("new", "a", "m", "--yes")
    assert "→ 0.1" in place.run("update", "b", "m", "-n").out
    assert not (place.root.parent / "bucket/modelkit-assets/m/0.1").exists()


def storage_prefix(place: Repo) -> None:
    place.run("new", "a", "m", "--yes", "--storage-prefix", "other")
    assert (place.root.parent / "bucket/other/m/0.0").read_text() == "first"
    assert place.run("list", "--store", "../bucket/other").out == place.run("list", "--storage-prefix", "other").out


RUN: Mapping[str, Callable[[Repo], None]] = {
    "`new PATH NAME`": new,
    r"`echo y \| … new PATH NAME`": answer_on_a_pipe,
    "`update PATH NAME`": update,
    "… of unchanged content": unchanged,
    "`update PATH NAME --bump-major`": bump_major,
    "`update PATH NAME:0`": older_line,
    "… with `simple_date`": simple_date,
    "`update` of what does not exist": update_of_nothing,
    "`list`": listed,
    "`fetch SPEC --download`": fetch_one,
    "`fetch` for each of many": fetch_many,
    "`… --dry-run`": dry_run,
    "`… --storage-prefix PREFIX`": storage_prefix,
}
FROM_A_URL = "`new s3://BUCKET/KEY NAME`"


@pytest.mark.parametrize("line", RUN)
def test_the_line_does_what_the_page_says(place: Repo, line: str) -> None:
    RUN[line](place)


def test_a_path_may_be_in_a_bucket(place: Repo, s3: Remote) -> None:
    assert isinstance(s3.server, S3Server)
    s3.server.put(BUCKET, "runs/42/model.bin", b"from a bucket")
    place.extra.update(s3.environ)
    assert place.run("new", f"s3://{BUCKET}/runs/42/model.bin", "m", "--yes").out == "m:0.0\n"
    assert (place.root.parent / "bucket/modelkit-assets/m/0.0").read_bytes() == b"from a bucket"


def test_every_line_of_the_page_is_run() -> None:
    section = Path("docs/modelkit.md").read_text().split("## The same on the command line")[1].split("\n## ")[0]
    table = section.partition("| variable of modelkit")[0]
    lines = re.findall(r"^\| ((?:\\\||[^|])+?) \| .+ \|$", table, re.MULTILINE)[1:]
    assert sorted(lines) == sorted([*RUN, FROM_A_URL])
