"""Bucket policies, as far as docs/ci/aws-immutable.json uses them, on requests of the strict S3 server.

No S3 server that runs here looks at `s3:if-none-match`: moto knows no conditions of that kind, and SeaweedFS only
actions and resources. So this reads the policy of the page, statement by statement, and refuses a request that one of
them denies. An element that it does not know is an error: nothing of a policy is silently left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.servers.s3_checks import Incoming

_ACTIONS = {
    "PutObject": "s3:PutObject",
    "CopyObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "DeleteObjects": "s3:DeleteObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
}
# "s3:ObjectCreationOperation is false for CreateMultipartUpload, UploadPart and UploadPartCopy" (S3 user guide,
# "Enforce conditional writes on Amazon S3 buckets").
_CREATES = {"PutObject", "CopyObject", "CompleteMultipartUpload"}
_KNOWN = {"Sid", "Effect", "Principal", "Action", "Resource", "NotResource", "Condition"}


class Policy:
    """The denials of a policy, for one bucket and prefix in place of the ones that it names."""

    def __init__(self, path: Path, place: str) -> None:
        text = path.read_text().replace("my-bucket/modelkit-assets", place)
        self._statements = json.loads(text)["Statement"]
        for statement in self._statements:
            assert statement.keys() <= _KNOWN
            assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")

    def denies(self, request: Incoming) -> bool:
        """Whether one of the statements denies the request."""
        return any(_applies(statement, request) for statement in self._statements)


def _applies(statement: Mapping[str, Any], request: Incoming) -> bool:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    if _ACTIONS.get(request.kind) not in actions:
        return False
    resource = f"arn:aws:s3:::{request.bucket}/{request.key}"
    if "NotResource" in statement:
        concerned = not any(fnmatchcase(resource, one) for one in statement["NotResource"])
    else:
        concerned = fnmatchcase(resource, statement["Resource"])
    return concerned and all(
        _holds(operator, key, wanted, request)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, key: str, wanted: str, request: Incoming) -> bool:
    if operator == "Null":
        assert key in ("s3:if-none-match", "s3:if-match"), key
        return (key.removeprefix("s3:") not in request.headers) == (wanted == "true")
    assert (operator, key) == ("Bool", "s3:ObjectCreationOperation"), (operator, key)
    return (request.kind in _CREATES) == (wanted == "true")
