"""A new version is never made of what modelkit has put over the version before."""

from __future__ import annotations

from assetsync.backends.opening import open_backend
from assetsync.model.manifest import StoreConfig
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote


def test_a_file_whose_copy_is_another_is_sent_instead(repo: Repo, remote: Remote) -> None:
    repo.use(remote)
    repo.write("assets.yaml", f"store: {remote.url}\nassets:\n  t: models/tokenizer\n")
    repo.write("models/tokenizer/kept", "kept")
    repo.run("apply", "--yes")
    backend = open_backend(StoreConfig(remote.url), remote.environ)
    backend.replace("t/0.0/kept", b"KEPT", backend.read("t/0.0/kept").tag)
    repo.write("models/tokenizer/new", "new")
    repo.run("apply", "--yes")
    assert backend.read("t/0.1/kept").data == b"kept"
    backend.close()
    repo.run("verify", "--deep", "t:0.1")
