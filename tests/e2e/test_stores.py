"""The main job on each kind of store, over HTTP where the store is a server."""

from __future__ import annotations

import os
from collections import Counter

from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.servers.s3 import S3Server


def test_publish_change_pull_elsewhere_and_list(repo: Repo, remote: Remote) -> None:
    repo.use(remote)
    large = os.urandom(20_000_000)
    repo.write("models/tokenizer/large.bin", large)
    repo.write(".gitignore", "models/\n")
    repo.run("apply", "--yes")
    assert "Nothing to do" in repo.run("plan").out
    repo.write("models/tokenizer/vocab.txt", "a\nb\nc\n")
    update = repo.run("plan", "nlp/tokenizer", "--format", "json").json()["actions"][0]
    assert update["bytes"] == {"upload": 6, "reuse": 20_000_007, "download": 0}
    repo.run("apply", "--yes")
    repo.commit()

    other = repo.clone("other")
    other.run("sync", "--yes")
    assert (other.root / "models/tokenizer/large.bin").read_bytes() == large
    assert (other.root / "models/tokenizer/.hidden/é.txt").read_text() == "dotfile"
    assert (other.root / "models/sentiment.bin").read_bytes() == b"\x00\x01model"
    assert other.git("status", "--porcelain") == ""
    assert "Nothing to do" in other.run("plan").out

    listed = other.run("list", "--format", "json").json()["assets"]
    assert [(asset["name"], asset["versions"]) for asset in listed] == [
        ("nlp/sentiment", ["0.0"]),
        ("nlp/tokenizer", ["0.1", "0.0"]),
    ]


def test_a_plan_of_many_unchanged_assets_is_a_listing(repo: Repo, s3: Remote) -> None:
    repo.use(s3)
    for number in range(100):
        repo.write(f"many/{number}", str(number))
    entries = "".join(f"  many/{number}: many/{number}\n" for number in range(100))
    repo.write("assets.yaml", f"store: {s3.url}\nassets:\n{entries}")
    repo.run("apply", "--yes")
    before = s3.requests()
    repo.run("plan")
    # A listing, which tells that each `.meta` still is what it was; and each `.versions`, which is not known yet.
    assert s3.requests() - before == 101
    before = s3.requests()
    repo.run("plan")
    assert s3.requests() - before == 1
    before = s3.requests()
    repo.run("plan", "many/7")
    assert s3.requests() - before == 2


def test_listing_never_looks_into_versions(repo: Repo, s3: Remote) -> None:
    assert isinstance(s3.server, S3Server)
    repo.use(s3)
    for number in range(30):
        repo.write(f"models/tokenizer/deep/{number}/file", str(number))
    repo.run("apply", "--yes")
    s3.server.seen.clear()
    repo.run("list")
    asked = Counter(request.kind for request in s3.server.seen)
    # The root, `nlp/` and the folders of both assets, below which there may be others. They tell the indexes, too.
    assert asked == {"ListObjectsV2": 4}
