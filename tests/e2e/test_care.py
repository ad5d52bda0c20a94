"""verify and doctor on real stores: what is wrong is found, and mended without touching what is published."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from assetsync.backends.opening import open_backend
from assetsync.model.manifest import StoreConfig
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote

DEAD = time.time() - 2 * 86_400


@pytest.fixture
def published(repo: Repo) -> Path:
    """The directory store after two publishes of both assets."""
    repo.run("apply", "--yes")
    repo.write("models/tokenizer/vocab.txt", "a\nb\nc\n")
    repo.write("models/sentiment.bin", b"second")
    repo.run("apply", "--yes")
    return repo.root.parent / "store"


def claim(store: Path, name: str, version: str, *, written: float) -> Path:
    path = store / name / f"{version}.claim"
    document = {"format": 1, "id": "0" * 32, "digest": "sha256:" + "1" * 64, "is_directory": True}
    path.write_text(json.dumps(document | {"who": "grace@gone", "when": "2026-01-31T09:00:00+00:00"}))
    os.utime(path, (written, written))
    return path


def contents(store: Path) -> dict[str, bytes]:
    """All objects of the store; its lock files are none."""
    files = (path for path in store.rglob("*") if path.is_file() and not path.name.startswith(".assetsync-lock-"))
    return {str(path.relative_to(store)): path.read_bytes() for path in files}


def codes(repo: Repo, *, code: int) -> list[tuple[str, str]]:
    found = repo.run("doctor", "--read-only", "--format", "json", code=code).json()["ailments"]
    return [(one["asset"], one["code"]) for one in found]


def test_a_sound_store_passes_both_on_every_backend(repo: Repo, remote: Remote) -> None:
    repo.use(remote)
    repo.run("apply", "--yes")
    doctor = repo.run("doctor", "--format", "json").json()
    assert doctor["ailments"] == []
    assert [probe["what"] for probe in doctor["probes"] if probe["ok"] is False] == []
    untold = [probe["what"] for probe in doctor["probes"] if probe["ok"] is None]
    assert untold == (["agree about the time"] if remote.kind == "directory" else [])
    assert len(doctor["probes"]) == 9 + (remote.kind != "directory")
    checked = {one["asset"]: one["checked"] for one in repo.run("verify", "--format", "json").json()["versions"]}
    by_store = "size" if remote.kind == "directory" else "sha256"
    assert checked == {"nlp/tokenizer": by_store, "nlp/sentiment": by_store}
    assert "every byte agrees" in repo.run("verify", "--deep", "nlp/tokenizer").out
    assert [asset["name"] for asset in repo.run("list", "--format", "json").json()["assets"]] == [
        "nlp/sentiment",
        "nlp/tokenizer",
    ]


def test_verify_tells_missing_changed_and_extra_objects(repo: Repo, published: Path) -> None:
    (published / "nlp/tokenizer/0.1/vocab.txt").unlink()
    (published / "nlp/tokenizer/0.1/stray").write_text("x")
    (published / "nlp/sentiment/0.1").write_bytes(b"longer than before")
    (published / "nlp/sentiment/0.0").write_bytes(b"\x00\x01nodel")  # a bit is wrong, the size is right
    found = repo.run("verify", "--format", "json", code=1).json()["versions"]
    flaws = {(flaw["asset"], flaw["version"], flaw["path"], flaw["code"]) for one in found for flaw in one["flaws"]}
    assert flaws == {
        ("nlp/tokenizer", "0.1", "vocab.txt", "missing"),
        ("nlp/tokenizer", "0.1", "stray", "extra"),
        ("nlp/sentiment", "0.1", "", "size"),
    }
    assert "as far as sizes tell" in repo.run("verify", "nlp/sentiment:0.0").err
    deep = repo.run("verify", "nlp/sentiment:0.0", "--deep", code=1)
    assert "bytes" in deep.out
    assert "nlp/sentiment:0.0" in deep.out
    assert "there is no such version" in repo.run("verify", "nlp/sentiment:0.7", code=1).out


def test_doctor_mends_indexes_of_every_kind(repo: Repo, published: Path) -> None:
    (published / "nlp/tokenizer.versions").write_text('{"versions": ["7.0", "0.0", "0.0"]}')
    (published / "nlp/sentiment.versions").unlink()
    assert codes(repo, code=1) == [
        ("nlp/sentiment", "no_index"),
        ("nlp/tokenizer", "unlisted"),
        ("nlp/tokenizer", "phantom"),
        ("nlp/tokenizer", "twice"),
    ]
    before = contents(published)
    assert "--yes" in repo.run("doctor", "--repair", code=1).err
    assert contents(published) == before
    repo.run("doctor", "--repair", "--yes")
    after = contents(published)
    assert json.loads(after["nlp/tokenizer.versions"]) == {"versions": ["0.1", "0.0"]}
    assert json.loads(after["nlp/sentiment.versions"]) == {"versions": ["0.1", "0.0"]}
    for index in ("nlp/tokenizer.versions", "nlp/sentiment.versions"):
        before.pop(index, None), after.pop(index)
    assert after == before
    assert codes(repo, code=0) == []


def damage(store: Path, how: str) -> None:
    part = store / "nlp/tokenizer/0.1/vocab.txt"
    if how == "missing":
        part.unlink()
    else:
        part.write_text("another size")


@pytest.mark.parametrize("index", ["unlisted", "unreadable", "absent"])
@pytest.mark.parametrize("how", ["missing", "size"])
def test_doctor_puts_only_whole_versions_into_an_index(repo: Repo, published: Path, how: str, index: str) -> None:
    path = published / "nlp/tokenizer.versions"
    damage(published, how)
    if index == "absent":
        path.unlink()
    else:
        path.write_text('{"versions": ["0.0"]}' if index == "unlisted" else "garbage")
    failed = repo.run("doctor", "--repair", "--yes", code=1)
    assert "what is not whole stays out of the index: `0.1` (vocab.txt: the object" in failed.err
    assert "assetsync verify nlp/tokenizer:0.1" in failed.err
    assert json.loads(path.read_text()) == {"versions": ["0.0"]}
    repo.run("fetch", "nlp/tokenizer", "--assets-dir", "out")


def test_doctor_does_not_write_an_index_when_no_version_is_whole(repo: Repo, published: Path) -> None:
    path = published / "nlp/tokenizer.versions"
    path.write_text("garbage")
    for version in ("0.0", "0.1"):
        (published / f"nlp/tokenizer/{version}/vocab.txt").unlink()
    repo.run("doctor", "--repair", "--yes", code=1)
    assert path.read_text() == "garbage"


def test_doctor_finds_a_damaged_version_by_the_checksum_that_the_store_keeps(repo: Repo, s3: Remote) -> None:
    repo.use(s3)
    repo.run("apply", "--yes")
    store = open_backend(StoreConfig(s3.url, endpoint=s3.environ["AWS_ENDPOINT_URL"]), s3.environ)
    key = "nlp/sentiment/0.0"
    store.delete(key)
    store.create(key, b"\x00\x01nodel")
    index = store.read("nlp/sentiment.versions")
    store.replace("nlp/sentiment.versions", b'{"versions": []}', index.tag)
    store.close()
    failed = repo.run("doctor", "--repair", "--yes", code=1)
    assert "`0.0` (the object: the store keeps sha256" in failed.err


@pytest.mark.parametrize("garbage", ["", "not json", '["0.0"]', '{"versions": 3}'])
def test_doctor_rebuilds_an_index_that_cannot_be_read(repo: Repo, published: Path, garbage: str) -> None:
    (published / "nlp/tokenizer.versions").write_text(garbage)
    plan = repo.run("plan", "--format", "json", code=1).json()
    assert [(problem["asset"], problem["code"]) for problem in plan["problems"]] == [("nlp/tokenizer", "damaged")]
    assert codes(repo, code=1) == [("nlp/tokenizer", "damaged_index")]
    repo.run("doctor", "--repair", "--yes")
    assert json.loads((published / "nlp/tokenizer.versions").read_text()) == {"versions": ["0.1", "0.0"]}
    assert "Nothing to do" in repo.run("plan").out


def test_doctor_clears_what_died_long_ago_and_only_that(repo: Repo, published: Path) -> None:
    dead, fresh = published / "nlp/tokenizer/0.2", published / "nlp/tokenizer/0.3"
    for folder in (dead, fresh, published / "nlp/tokenizer/0.4"):
        folder.mkdir()
        (folder / "part").write_text("half")
    claim(published, "nlp/tokenizer", "0.2", written=DEAD)
    claim(published, "nlp/tokenizer", "0.3", written=time.time())
    claim(published, "nlp/sentiment", "0.1", written=DEAD)  # which is published
    assert codes(repo, code=1) == [
        ("nlp/sentiment", "done_claim"),
        ("nlp/tokenizer", "unfinished"),
        ("nlp/tokenizer", "in_progress"),
        ("nlp/tokenizer", "unclaimed"),
    ]
    before = contents(published)
    repo.run("doctor", "--repair", "--yes")
    gone = before.keys() - contents(published).keys()
    assert gone == {"nlp/sentiment/0.1.claim", "nlp/tokenizer/0.2.claim", "nlp/tokenizer/0.2/part"}
    assert contents(published).items() <= before.items()
    assert codes(repo, code=0) == [("nlp/tokenizer", "in_progress"), ("nlp/tokenizer", "unclaimed")]


def test_doctor_says_which_permission_is_missing(repo: Repo, s3: Remote) -> None:
    repo.use(s3)
    wrong: dict[str, Any] = {"AWS_SECRET_ACCESS_KEY": "another"}
    doctor = repo.run("doctor", env=wrong, code=1)
    assert "! list" in doctor.out
    assert "hint:" in doctor.out
