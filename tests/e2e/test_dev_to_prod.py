"""The story of docs/howto/promote.md: from a training to production, and back."""

from __future__ import annotations

from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.e2e.test_modelkit import Modelkit
from tests.faults.inspection import published
from tests.servers.modelkit import needs_modelkit

pytestmark = needs_modelkit

MANIFEST = """\
store: dev
stores:
  dev: ../dev
  staging: ../staging
  prod: ../prod
assets:
  nlp/sentiment: models/sentiment.bin
"""


def store(repo: Repo, name: str) -> Remote:
    return Remote("directory", str(repo.root.parent / name))


def test_dev_staging_prod_a_rollback_and_a_yank(repo: Repo) -> None:
    def train(content: bytes) -> None:
        repo.write("models/sentiment.bin", content)
        repo.run("apply", "--yes")
        repo.commit(f"train {content!r}")

    def served() -> bytes:
        """The production version, as a service gets it."""
        path = repo.run("fetch", "nlp/sentiment@production", "--store", "prod", "--assets-dir", "../cache").out.strip()
        with open(path, "rb") as file:
            return file.read()

    # A first model is trained, looked at in staging, and served.
    repo.write("assets.yaml", MANIFEST)
    train(b"\x00first")
    repo.run("promote", "--to", "staging", "--yes")
    repo.run("promote", "--from", "staging", "--to", "prod", "--yes", "--message", "looks good")
    repo.run("alias", "nlp/sentiment", "production", "0.0", "--store", "prod", "-m", "the first one")
    assert served() == b"\x00first"

    # A better one follows. Until it is promoted, production lacks it, and a check says so.
    train(b"\x00second")
    lacking = repo.run("check", "--remote", "--store", "prod", code=2)
    assert "the store `prod` has no `nlp/sentiment:0.1`" in lacking.out
    shown = repo.run("promote", "--to", "staging", "--dry-run", "--format", "json").json()
    repo.run("promote", "--to", "staging", "--yes", "--expect", shown["fingerprint"])
    repo.run("promote", "--from", "staging", "--to", "prod", "--yes")
    repo.run("check", "--remote", "--store", "prod")
    assert served() == b"\x00first"  # until somebody moves the alias
    repo.run("alias", "nlp/sentiment", "production", "0.1", "--store", "prod", "-m", "F1 0.94")
    assert served() == b"\x00second"

    # It is slow. Production goes back, at once, and nothing is copied for that.
    repo.run("alias", "nlp/sentiment", "production", "--rollback", "--store", "prod", "-m", "slow")
    assert served() == b"\x00first"

    # It is found to be wrong as well. It is marked as bad in dev, with the old content as a newer version in its place,
    # and cannot get anywhere from there.
    repo.run("yank", "nlp/sentiment:0.1", "--republish", "0.0", "-m", "trained on the test set", "--yes")
    refused = repo.run("promote", "nlp/sentiment:0.1", "--to", "staging", "--yes", code=3)
    assert "`nlp/sentiment:0.1` is yanked in `dev`: trained on the test set" in refused.err
    repo.run("promote", "nlp/sentiment:0.2", "--to", "prod", "--yes")
    repo.run("alias", "nlp/sentiment", "production", "0.2", "--store", "prod", "-m", "the first one again")
    assert served() == b"\x00first"

    # One version, one number, one content: in each store, whichever way it came.
    for name in ("dev", "staging", "prod"):
        repo.run("verify", "--deep", "--store", name)
    log = repo.run("log", "nlp/sentiment", "--store", "prod", "--format", "json").json()
    assert [step["from"] for step in log["versions"][1]["promoted"]] == ["../dev", "../staging"]

    # A colleague gets from production what assets.lock names, and modelkit reads it too.
    colleague = repo.clone("colleague")
    colleague.run("pull", "--store", "prod")
    assert (colleague.root / "models/sentiment.bin").read_bytes() == b"\x00second"
    modelkit = Modelkit(store(repo, "prod"), repo.root.parent / "modelkit")
    assert modelkit.fetch("nlp/sentiment:0.0")["nlp/sentiment:0.0"].read_bytes() == b"\x00first"
    assert published(store(repo, "staging")) == {"nlp/sentiment": ["0.1", "0.0"]}
