"""The main job on servers that do less than the cloud: a Cloud Storage of others, and S3s that ignore preconditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.faults.inspection import published
from tests.servers import fakegcs, s3rver
from tests.servers.rclone import rclone, serve_rclone

pytestmark = pytest.mark.slow


@contextmanager
def _rclone(folder: Path) -> Iterator[Remote]:
    if rclone() is None:
        pytest.skip("rclone is not installed")
    (folder / "bucket").mkdir(parents=True)
    with serve_rclone(folder) as server:
        yield Remote("rclone", "s3://bucket/assets", server.environ)


@contextmanager
def _s3rver(folder: Path) -> Iterator[Remote]:
    if reason := s3rver.missing():
        pytest.skip(reason)
    with s3rver.serve_s3rver(folder, "bucket") as server:
        yield Remote("s3rver", "s3://bucket/assets", server.environ)


@contextmanager
def _fake_gcs(_: Path) -> Iterator[Remote]:
    if reason := fakegcs.missing():
        pytest.skip(reason)
    with fakegcs.serve_fake_gcs() as server:
        server.make_bucket("bucket")
        yield Remote("fake-gcs-server", "gs://bucket/assets", server.environ)


@pytest.mark.parametrize("serve", [_rclone, _s3rver, _fake_gcs])
def test_the_main_job(serve: Callable[[Path], AbstractContextManager[Remote]], repo: Repo, tmp_path: Path) -> None:
    with serve(tmp_path / "server") as remote:
        repo.use(remote)
        if remote.url.startswith("s3:"):
            _is_found_out(repo, remote)
        repo.run("apply", "--yes")
        repo.write("models/tokenizer/vocab.txt", "a\nb\nc\n")
        repo.run("apply", "--yes")
        assert published(remote) == {"nlp/sentiment": ["0.0"], "nlp/tokenizer": ["0.1", "0.0"]}
        assert "Nothing to do" in repo.run("plan").out
        repo.commit()

        other = repo.clone("other")
        other.run("pull")
        assert other.read("models/tokenizer/vocab.txt") == "a\nb\nc\n"
        other.run("check", "--remote")
        other.run("verify", "--all", "--deep")
        other.run("alias", "nlp/tokenizer", "production", "0.0")
        other.run("yank", "nlp/tokenizer:0.1", "--republish", "0.0", "-m", "wrong", "--yes")
        repo.run("upgrade", "--yes")
        assert repo.read("models/tokenizer/vocab.txt") == "a\nb\n"


def _is_found_out(repo: Repo, remote: Remote) -> None:
    """That a store ignores preconditions is told before anything is published; whoever accepts it says so."""
    refused = repo.run("apply", "--yes", code=1)
    assert "conditional_writes: false" in refused.err
    assert published(remote) == {}
    long = f"store: {{url: '{remote.url}', conditional_writes: false}}"
    repo.write("assets.yaml", repo.read("assets.yaml").replace(f"store: {remote.url}", long))
