"""The real modelkit and the real command on one store: each reads what the other published."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import STORES as KINDS
from tests.e2e.remotes import Remote
from tests.servers.modelkit import needs_modelkit, run_modelkit

# Each run of modelkit takes seconds; the two stores that most of its users have are enough for every day.
STORES = [kind if kind in ("directory", "s3") else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
pytestmark = [*needs_modelkit, pytest.mark.parametrize("serving", STORES, indirect=True)]

FETCH = """
import json, os
from modelkit.assets.manager import AssetsManager
from modelkit.assets.remote import StorageProvider
manager = AssetsManager(storage_provider=StorageProvider())
specs = json.loads(os.environ["SPECS"])
print(json.dumps({spec: str(manager.fetch_asset(spec, return_info=True)["path"]) for spec in specs}))
"""
PUSH = """
import json, os
from modelkit.assets.remote import StorageProvider
getattr(StorageProvider(), os.environ["HOW"])(os.environ["WHAT"], os.environ["NAME"], os.environ["VERSION"])
print("null")
"""


class Modelkit:
    """modelkit on a store that assetsync uses too."""

    def __init__(self, remote: Remote, folder: Path) -> None:
        scheme, _, rest = remote.url.rpartition("://")
        bucket, _, prefix = rest.partition("/") if scheme else rest.rpartition("/")
        self.environ = {
            **remote.environ,
            "MODELKIT_STORAGE_PROVIDER": {"": "local", "gs": "gcs"}.get(scheme, scheme),
            "MODELKIT_STORAGE_BUCKET": bucket,
            "MODELKIT_STORAGE_PREFIX": prefix,
            "MODELKIT_ASSETS_DIR": str(folder),
        }
        if scheme == "s3":
            self.environ |= {
                "S3_ENDPOINT": remote.environ["AWS_ENDPOINT_URL"],
                "AWS_DEFAULT_REGION": remote.environ["AWS_REGION"],
            }
        folder.mkdir()

    def fetch(self, *specs: str) -> dict[str, Path]:
        found: dict[str, str] = run_modelkit(FETCH, {**self.environ, "SPECS": json.dumps(specs)})
        return {spec: Path(path) for spec, path in found.items()}

    def push(self, how: str, path: Path, name: str, version: str) -> None:
        run_modelkit(PUSH, {**self.environ, "HOW": how, "WHAT": str(path), "NAME": name, "VERSION": version})


@pytest.fixture
def shared(remote: Remote) -> Remote:
    if remote.kind == "directory":
        os.makedirs(remote.url)
    return remote


@pytest.fixture
def modelkit(shared: Remote, tmp_path: Path) -> Modelkit:
    return Modelkit(shared, tmp_path / "assets")


def test_modelkit_fetches_what_assetsync_published_byte_for_byte(
    repo: Repo, shared: Remote, modelkit: Modelkit
) -> None:
    repo.use(shared)
    repo.write("models/tokenizer/deep/ünïcode name+%.bin", os.urandom(70_000))
    repo.write("models/tokenizer/empty", b"")
    repo.run("apply", "--yes")
    repo.write("models/sentiment.bin", b"second")
    repo.run("apply", "--yes")
    got = modelkit.fetch("nlp/tokenizer", "nlp/sentiment:0.0", "nlp/sentiment", "nlp/sentiment:0")
    assert contents(got["nlp/tokenizer"]) == contents(repo.root / "models/tokenizer")
    assert got["nlp/sentiment:0.0"].read_bytes() == b"\x00\x01model"
    assert got["nlp/sentiment"].read_bytes() == got["nlp/sentiment:0"].read_bytes() == b"second"


def test_what_modelkit_pushed_is_listed_locked_and_updated(
    repo: Repo, shared: Remote, modelkit: Modelkit, tmp_path: Path
) -> None:
    repo.use(shared)
    (repo.root / "models/tokenizer/.hidden/é.txt").unlink()  # which modelkit would leave out
    modelkit.push("new", repo.root / "models/tokenizer", "nlp/tokenizer", "0.0")
    modelkit.push("new", repo.root / "models/sentiment.bin", "nlp/sentiment", "0.0")
    modelkit.push("update", repo.root / "models/sentiment.bin", "nlp/sentiment", "1.0")

    listed = repo.run("list", "--format", "json").json()["assets"]
    assert [(asset["name"], asset["versions"]) for asset in listed] == [
        ("nlp/sentiment", ["1.0", "0.0"]),
        ("nlp/tokenizer", ["0.0"]),
    ]
    plan = repo.run("plan", "--format", "json").json()
    assert [(action["action"], action["to"]) for action in plan["actions"]] == [("lock", "0.0"), ("lock", "1.0")]
    repo.run("apply", "--yes")
    assert "Nothing to do" in repo.run("plan").out

    repo.write("models/tokenizer/vocab.txt", "a\n")
    assert [step(action) for action in repo.run("plan", "--format", "json").json()["actions"]] == [
        ("nlp/tokenizer", "update", "0.0", "0.1"),
        ("nlp/sentiment", "none", "1.0", "1.0"),
    ]
    repo.run("apply", "--yes")
    assert (modelkit.fetch("nlp/tokenizer")["nlp/tokenizer"] / "vocab.txt").read_text() == "a\n"

    modelkit.push("update", repo.write("other.bin", b"from a colleague"), "nlp/sentiment", "1.1")
    assert "`1.1` is available" in repo.run("plan").out
    repo.run("upgrade", "--yes", "nlp/sentiment")
    assert (repo.root / "models/sentiment.bin").read_bytes() == b"from a colleague"


def test_modelkits_variables_name_the_store(repo: Repo, shared: Remote, modelkit: Modelkit) -> None:
    repo.write("assets.yaml", "assets:\n  nlp/sentiment: models/sentiment.bin\n")
    repo.run("apply", "--yes", env=modelkit.environ)
    assert modelkit.fetch("nlp/sentiment")["nlp/sentiment"].read_bytes() == b"\x00\x01model"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".SUCCESS"
    }


def step(action: dict[str, Any]) -> tuple[Any, ...]:
    return action["asset"], action["action"], action["from"], action["to"]
