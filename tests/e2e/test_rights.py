"""The policies of docs/ci, enforced by the test server: they are enough, and hold nothing that is not needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Repo
from tests.servers.s3 import Fault, S3Server
from tests.servers.s3_checks import Incoming

BUCKET, PREFIX = "my-bucket", "modelkit-assets"
# What S3 asks for, by the kind of request: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
NEEDED = {
    "GetObject": ["s3:GetObject"],
    "HeadObject": ["s3:GetObject"],
    "ListObjectsV2": ["s3:ListBucket"],
    "PutObject": ["s3:PutObject"],
    "CopyObject": ["s3:PutObject"],
    "CreateMultipartUpload": ["s3:PutObject"],
    "UploadPart": ["s3:PutObject"],
    "UploadPartCopy": ["s3:PutObject"],
    "CompleteMultipartUpload": ["s3:PutObject"],
    "ListParts": ["s3:ListMultipartUploadParts"],
    "AbortMultipartUpload": ["s3:AbortMultipartUpload"],
    "DeleteObject": ["s3:DeleteObject"],
}


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with S3Server() as server:
        server.make_bucket(BUCKET)
        yield server


def allows(policy: dict[str, Any], request: Incoming) -> bool:
    resource = f"arn:aws:s3:::{request.bucket}" + (f"/{request.key}" if request.key else "")

    def granted(action: str) -> bool:
        for statement in policy["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if action in actions and fnmatchcase(resource, statement["Resource"]):
                return True
        return False

    return all(granted(action) for action in NEEDED[request.kind])


def enforce(server: S3Server, name: str) -> list[Incoming]:
    """Deny what a policy does not allow; the requests that were denied."""
    policy = json.loads(Path("docs/ci", name).read_text())
    denied: list[Incoming] = []

    def applies(request: Incoming) -> bool:
        if allows(policy, request):
            return False
        denied.append(request)
        return True

    server.faults = [Fault("AccessDenied", times=10**9, applies=applies)]
    return denied


def test_the_roles_can_do_their_work_and_no_more(repo: Repo, server: S3Server) -> None:
    repo.write("assets.yaml", repo.read("assets.yaml").replace("../store", f"s3://{BUCKET}/{PREFIX}"))
    repo.extra.update(server.environ)
    denied = enforce(server, "aws-publish.json")
    repo.run("apply", "--yes")
    repo.write("models/tokenizer/vocab.txt", "changed")
    repo.run("apply", "--yes")
    assert [request.key for request in denied if "assetsync-probe" not in request.key] == []
    kept = {f"{request.kind} {request.key}" for request in server.seen if request.key.endswith(".claim")}
    assert f"DeleteObject {PREFIX}/nlp/tokenizer/0.1.claim" in kept

    denied = enforce(server, "aws-plan.json")
    repo.run("plan", "--detailed-exitcode")
    repo.write("models/tokenizer/vocab.txt", "changed again")
    repo.run("plan", "--detailed-exitcode", code=2)
    assert denied == []
    assert "denied" in repo.run("apply", "--yes", code=1).err.lower()
    assert {request.kind for request in denied} <= {"PutObject", "DeleteObject"}
