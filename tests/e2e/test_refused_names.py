"""Assets of modelkit whose names assetsync refuses are never hidden: list, verify and doctor name them and say why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.servers.modelkit import needs_modelkit, run_modelkit

PUSH = """
import json, os
from modelkit.assets.remote import StorageProvider
for name in json.loads(os.environ["NAMES"]):
    StorageProvider().new(os.environ["WHAT"], name, "0.0")
print("null")
"""
REFUSED = ["1.2", "a/.b", "a/_b", "a/b-/c", "a_/b", "models/1.0/x"]


def push(names: list[str], what: Path, environ: dict[str, str]) -> None:
    run_modelkit(PUSH, {**environ, "NAMES": json.dumps(names), "WHAT": str(what), "MODELKIT_STORAGE_PREFIX": "pre"})


def check_named(repo: Repo) -> None:
    listed = {one["name"]: one for one in repo.run("list", "--format", "json").json()["assets"]}
    assert sorted(listed) == sorted(["models/fine", *REFUSED])
    assert all(listed[name]["refused"] for name in REFUSED)
    text = repo.run("list").out
    assert text.count("can't be used: ") == len(REFUSED)
    assert "`a/_b` is not a valid name" in text
    assert "`1.0` is a version" in text

    verified = repo.run("verify", "--all")
    whole = "all whole as far as sizes tell (`--deep` reads the bytes)"
    assert verified.err == f"Verified 1 version: {whole}; {len(REFUSED)} not verified.\n"
    assert all(f"  - {name}  not verified: " in verified.out for name in REFUSED)
    skipped = repo.run("verify", "--all", "--format", "json").json()["skipped"]
    assert sorted(one["asset"] for one in skipped) == REFUSED

    ailments = repo.run("doctor", "--read-only", "--format", "json").json()["ailments"]
    assert [(one["asset"], one["code"]) for one in ailments] == [(name, "refused_name") for name in REFUSED]
    assert f"{len(REFUSED)} ailments found" in repo.run("doctor", "--read-only").out
    for command in (("log", "a/_b"), ("fetch", "models/1.0/x", "--assets-dir", "out")):
        assert "valid name" in repo.run(*command, code=1).err or "can't be a name" in repo.run(*command, code=1).err


@pytest.mark.modelkit
@needs_modelkit[1]
def test_in_a_directory(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    environ = {"MODELKIT_STORAGE_PROVIDER": "local", "MODELKIT_STORAGE_BUCKET": str(tmp_path / "bucket")}
    push(["models/fine", *REFUSED], repo.root / "models/sentiment.bin", environ)
    repo.extra["ASSETSYNC_STORE"] = str(tmp_path / "bucket/pre")
    check_named(repo)


@pytest.mark.modelkit
@needs_modelkit[1]
def test_on_s3(repo: Repo, s3: Remote) -> None:
    bucket, _, _ = s3.url.removeprefix("s3://").partition("/")
    environ = {
        **s3.environ,
        "MODELKIT_STORAGE_PROVIDER": "s3",
        "MODELKIT_STORAGE_BUCKET": bucket,
        "S3_ENDPOINT": s3.environ["AWS_ENDPOINT_URL"],
        "AWS_DEFAULT_REGION": s3.environ["AWS_REGION"],
    }
    push(["models/fine", *REFUSED], repo.root / "models/tokenizer", environ)
    repo.extra |= {**s3.environ, "ASSETSYNC_STORE": f"s3://{bucket}/pre"}
    check_named(repo)


def test_data_of_versions_is_not_taken_for_assets(repo: Repo) -> None:
    """A directory asset may hold anything, also files that look like an index."""
    repo.write("models/tokenizer/x.versions", '{"versions": ["0.0"]}')
    repo.write("models/tokenizer/deep/1.0/y.versions", '{"versions": ["0.0"]}')
    repo.run("apply", "--yes")
    assert [one["name"] for one in repo.run("list", "--format", "json").json()["assets"]] == [
        "nlp/sentiment",
        "nlp/tokenizer",
    ]
    assert repo.run("doctor", "--read-only", "--format", "json").json()["ailments"] == []


def test_verify_all_counts_assets_that_cannot_be_read_and_versions_of_another_system(repo: Repo) -> None:
    repo.run("apply", "--yes")
    store = repo.root.parent / "store"
    (store / "nlp/sentiment.versions").write_text("garbage")
    (store / "nlp/tokenizer.versions").write_text('{"versions": ["0.0", "2026-01-31T09-00-00Z"]}')
    found = repo.run("verify", "--all", code=1)
    assert "! nlp/sentiment  1 flaw" in found.out
    assert "nlp/tokenizer:2026-01-31T09-00-00Z  not verified: no version of `major_minor`" in found.out
    assert found.err == "Verified 2 versions: 1 flaw; 1 not verified.\n"


def test_an_empty_store_is_not_all_whole(repo: Repo) -> None:
    (repo.root.parent / "store").mkdir()
    assert repo.run("verify", "--all").err == "No version was verified.\n"
