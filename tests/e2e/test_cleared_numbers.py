"""The number of a publish that died is free again once its objects are gone, whatever the store lists afterwards."""

from __future__ import annotations

from assetsync.backends.opening import open_backend
from assetsync.model.manifest import StoreConfig
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote


def test_a_number_whose_objects_are_gone_is_taken(repo: Repo, remote: Remote) -> None:
    repo.use(remote)
    backend = open_backend(StoreConfig(remote.url), remote.environ)
    try:
        keys = ["nlp/tokenizer/0.0/vocab.txt", "nlp/tokenizer/0.0/deeper/file.txt", "nlp/sentiment/0.0"]
        for key in keys:
            backend.create(key, b"left over")
        assert "occupies" in repo.run("plan").out
        for key in keys:
            backend.delete(key)
        assert "nlp/tokenizer  → 0.0" in repo.run("plan").out
        repo.run("apply", "--yes")
        assert "unclaimed" not in repo.run("doctor", "--format", "json", code=None).out
    finally:
        backend.close()
