"""The bucket policy of docs/modelkit.md: writes without a condition are refused. assetsync sends none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import BUCKET, Remote
from tests.e2e.test_modelkit import Modelkit
from tests.servers.modelkit import PausedPush, needs_modelkit
from tests.servers.s3 import Fault, S3Server
from tests.servers.s3_checks import Incoming

pytestmark = needs_modelkit

CREATIONS = {"PutObject", "CopyObject", "CompleteMultipartUpload"}


def refused(request: Incoming) -> bool:
    """What the statement of the page denies."""
    return request.kind in CREATIONS and not {"if-none-match", "if-match"} & request.headers.keys()


def test_the_page_has_the_policy_that_is_tested() -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```$", Path("docs/modelkit.md").read_text(), re.DOTALL | re.MULTILINE)
    (statement,) = json.loads(block)["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:PutObject")
    assert statement["Condition"]["Null"].keys() == {"s3:if-none-match", "s3:if-match"}


def test_assetsync_publishes_and_modelkit_changes_nothing(repo: Repo, s3: Remote, tmp_path: Path) -> None:
    assert isinstance(s3.server, S3Server)
    repo.use(s3)
    large = repo.write("models/large.bin", b"\x00" * (17 * 1024 * 1024))  # in parts
    repo.write("assets.yaml", repo.read("assets.yaml") + "  large: models/large.bin\n")
    s3.server.faults.append(Fault("AccessDenied", times=1_000_000, applies=refused))
    try:
        repo.run("apply", "--yes")
        repo.write("models/tokenizer/vocab.txt", "more\n")  # the other file is copied by the store
        repo.run("apply", "--yes")
        before = {key: s3.server._moto.etag(BUCKET, key) for key in s3.server.keys(BUCKET)}

        modelkit = Modelkit(s3, tmp_path / "assets")
        how = {"HOW": "update", "WHAT": str(large), "NAME": "nlp/sentiment", "VERSION": "0.1"}
        with PausedPush({**modelkit.environ, **how}) as pushing:
            assert pushing.wait() is not None
            with pytest.raises(AssertionError, match="Access"):
                pushing.finish()
        assert {key: s3.server._moto.etag(BUCKET, key) for key in s3.server.keys(BUCKET)} == before
        assert (modelkit.fetch("nlp/tokenizer")["nlp/tokenizer"] / "vocab.txt").read_text() == "more\n"
    finally:
        s3.server.faults.clear()
