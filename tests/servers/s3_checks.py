"""What a real S3 checks and moto does not: signatures, the clock, regions, checksums of bodies, and preconditions."""

from __future__ import annotations

import hashlib
import re
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
ACCESS_KEY = "AKIDEXAMPLEFORTESTS0"
SECRET_KEY = "a/secret+key=of/the/test/server/only0000"
EXPIRED_TOKEN = "expired-token"
MAX_SKEW = timedelta(minutes=15)

# What S3 says, by code.
REFUSALS = {
    "AccessDenied": (403, "Access Denied"),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed; the region is wrong"),
    "BadDigest": (400, "The digest you specified did not match what we received"),
    "ConditionalRequestConflict": (409, "A conflicting conditional operation is in progress"),
    "ExpiredToken": (400, "The provided token has expired."),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidAccessKeyId": (403, "The access key Id you provided does not exist in our records."),
    "InvalidPart": (400, "One or more of the specified parts could not be found."),
    "InvalidRequest": (
        400,
        "The upload was created using a sha256 checksum. The complete request must include the checksum for each part.",
    ),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NotImplemented": (501, "A header you provided implies functionality that is not implemented"),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "RequestTimeTooSkewed": (403, "The difference between the request time and the current time is too large."),
    "SignatureDoesNotMatch": (403, "The request signature we calculated does not match the one you provided."),
    "SlowDown": (503, "Please reduce your request rate."),
    "XAmzContentSHA256Mismatch": (400, "The provided x-amz-content-sha256 does not match what was computed."),
}


class RefusedError(Exception):
    """A request that is answered by an error. `code` is one of REFUSALS."""

    def __init__(self, code: str, **details: str) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


@dataclass
class Incoming:
    """A request as it came over the wire. `headers` have lower-case names; `path` is still encoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    kind: str = field(init=False)
    bucket: str = field(init=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        bucket, _, key = unquote(self.path).removeprefix("/").partition("/")
        self.bucket, self.key = bucket, key
        self.kind = self._kind()

    @property
    def parameters(self) -> dict[str, str]:
        pairs = (pair.partition("=") for pair in self.query.split("&") if pair)
        return {unquote(name): unquote(value) for name, _, value in pairs}

    def _kind(self) -> str:
        """The name of the call in the API reference."""
        parameters = self.parameters
        copies = "x-amz-copy-source" in self.headers
        if not self.key:
            return {"GET": "ListObjectsV2", "PUT": "CreateBucket", "HEAD": "HeadBucket"}.get(self.method, self.method)
        if "uploads" in parameters:
            return "CreateMultipartUpload"
        if "uploadId" in parameters:
            part = "UploadPartCopy" if copies else "UploadPart"
            return {
                "PUT": part,
                "GET": "ListParts",
                "POST": "CompleteMultipartUpload",
                "DELETE": "AbortMultipartUpload",
            }[self.method]
        if self.method == "PUT":
            return "CopyObject" if copies else "PutObject"
        return {"GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(self.method, self.method)


def check_signature(request: Incoming, region: str) -> None:
    """RefusedError unless the request was signed with our secret, for our region, a short while ago."""
    authorization = request.headers.get("authorization", "")
    if not authorization.startswith("AWS4-HMAC-SHA256 "):
        raise RefusedError("AccessDenied")
    fields = dict(item.strip().split("=", 1) for item in authorization.split(" ", 1)[1].split(","))
    access_key, _, scope = fields["Credential"].partition("/")
    signed_region = scope.split("/")[1]
    if access_key != ACCESS_KEY:
        raise RefusedError("InvalidAccessKeyId")
    if request.headers.get("x-amz-security-token") == EXPIRED_TOKEN:
        raise RefusedError("ExpiredToken")
    date = request.headers.get("x-amz-date", "")
    if abs(datetime.now(UTC) - datetime.strptime(date + "+0000", "%Y%m%dT%H%M%SZ%z")) > MAX_SKEW:
        raise RefusedError("RequestTimeTooSkewed")
    if signed_region != region:
        raise RefusedError("AuthorizationHeaderMalformed", Region=region)
    if _signature(request, fields["SignedHeaders"].split(";"), date, region) != fields["Signature"]:
        raise RefusedError("SignatureDoesNotMatch")


def _signature(request: Incoming, signed: list[str], date: str, region: str) -> str:
    url = f"http://{request.headers['host']}{request.path}" + (f"?{request.query}" if request.query else "")
    headers = {name: request.headers[name] for name in signed if name != "host"}
    again = AWSRequest(method=request.method, url=url, headers=headers)
    again.context["timestamp"] = date
    auth = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", region)
    return auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)


def check_body(request: Incoming) -> None:
    """RefusedError unless the body has the checksums that its headers say."""
    headers, body = request.headers, request.body
    declared = headers.get("x-amz-content-sha256", "")
    if len(declared) == 64 and declared != hashlib.sha256(body).hexdigest():
        raise RefusedError("XAmzContentSHA256Mismatch")
    expected: dict[str, Callable[[], bytes]] = {
        "content-md5": lambda: hashlib.md5(body).digest(),
        "x-amz-checksum-sha256": lambda: hashlib.sha256(body).digest(),
        "x-amz-checksum-crc32": lambda: zlib.crc32(body).to_bytes(4, "big"),
    }
    for name, digest in expected.items():
        if name in headers and headers[name] != b64encode(digest()).decode():
            raise RefusedError("BadDigest")


def check_conditions(request: Incoming, etag: str | None) -> None:
    """RefusedError unless the object with that `etag` (None: no object) is what a write is conditional on."""
    if request.kind not in ("PutObject", "CopyObject", "CompleteMultipartUpload"):
        return
    if "if-none-match" in request.headers:
        if request.headers["if-none-match"] != "*":
            raise RefusedError("NotImplemented")
        if etag is not None:
            raise RefusedError("PreconditionFailed")
    wanted = request.headers.get("if-match")
    if wanted is not None:
        if etag is None:
            raise RefusedError("NoSuchKey")
        if wanted.strip('"') != etag.strip('"'):
            raise RefusedError("PreconditionFailed")


class PartChecksums:
    """The sha256 of the parts of uploads that were begun with ``x-amz-checksum-algorithm: SHA256``, in Base64.

    Such a part must come with it, and the request that completes the upload must repeat it; ListParts tells it. The
    other parts have none. Not safe for threads.
    """

    def __init__(self) -> None:
        self._checksums: dict[str, dict[int, str]] = {}

    def check(self, request: Incoming) -> None:
        """RefusedError for a part or a completion without the checksums that it needs."""
        upload_id = request.parameters.get("uploadId", "")
        known = self._checksums.get(upload_id)
        checksum = request.headers.get("x-amz-checksum-sha256")
        if request.kind == "UploadPart" and (known is None) != (checksum is None):
            raise RefusedError("InvalidRequest")
        if request.kind == "CompleteMultipartUpload" and known is not None:
            for part in ET.fromstring(request.body).iter(f"{NAMESPACE}Part"):
                number = int(part.findtext(f"{NAMESPACE}PartNumber", "0"))
                told = part.findtext(f"{NAMESPACE}ChecksumSHA256")
                if told is None:
                    raise RefusedError("InvalidRequest")
                if told != known.get(number):
                    raise RefusedError("InvalidPart")

    def followed(self, request: Incoming, reply: bytes) -> bytes:
        """Remember what a request that succeeded has done; its reply, completed."""
        upload_id = request.parameters.get("uploadId", "")
        known = self._checksums.get(upload_id)
        if request.kind == "CreateMultipartUpload" and request.headers.get("x-amz-checksum-algorithm") == "SHA256":
            self._checksums[re.findall("<UploadId>(.*?)</UploadId>", reply.decode())[0]] = {}
        if request.kind == "UploadPart" and known is not None:
            known[int(request.parameters["partNumber"])] = request.headers["x-amz-checksum-sha256"]
        if request.kind == "ListParts" and known is not None:
            checksums = known
            return re.sub(
                r"<PartNumber>(\d+)</PartNumber>", lambda found: _with_checksum(found, checksums), reply.decode()
            ).encode()
        return reply


def _with_checksum(found: re.Match[str], known: dict[int, str]) -> str:
    checksum = known.get(int(found[1]))
    return f"{found[0]}<ChecksumSHA256>{checksum}</ChecksumSHA256>" if checksum else found[0]


def composite(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of an object; a checksum of checksums of parts gets their number at its end, as the etag has it."""
    etag = dict(headers).get("ETag", "").strip('"')
    _, dash, count = etag.partition("-")
    if not dash:
        return headers
    name = "x-amz-checksum-sha256"
    return [(key, f"{value.partition('-')[0]}-{count}" if key == name else value) for key, value in headers]
