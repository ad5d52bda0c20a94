"""Each refusal that an S3 may answer with, and what it becomes."""

from __future__ import annotations

import socket

import pytest
import urllib3.exceptions

from assetsync.backends.refusal import Operation, Place, Refusal
from assetsync.backends.s3 import translate
from assetsync.backends.s3.translate import cut, refusal_of
from assetsync.errors import (
    ChangedError,
    ChecksumError,
    DeniedError,
    ExistsError,
    NoStoreError,
    NotFoundError,
    StoreError,
    TransientError,
    UnreachableError,
    UnsupportedError,
)

PLACE = Place("s3://bucket/base", "bucket", "https://s3.example", "the environment")

# code, error, a word of the message, a word of the hint
CODES: list[tuple[str, type[StoreError], str, str]] = [
    ("NoSuchKey", NotFoundError, "no such object", ""),
    ("NoSuchVersion", NotFoundError, "no such object", ""),
    ("NoSuchUpload", NotFoundError, "upload is gone", ""),
    ("NoSuchBucket", NoStoreError, "no bucket `bucket` at `https://s3.example`", "account"),
    ("InvalidBucketName", NoStoreError, "no valid bucket name", "`store`"),
    ("AccessDenied", DeniedError, "access denied", "`s3:PutObject` on `bucket`"),
    ("UnauthorizedAccess", DeniedError, "access denied", "`s3:PutObject`"),
    ("AllAccessDisabled", DeniedError, "closed", "owner"),
    ("AccountProblem", DeniedError, "closed", "owner"),
    ("UserSuspended", DeniedError, "closed", "owner"),
    ("NotSignedUp", DeniedError, "closed", "owner"),
    ("ExpiredToken", DeniedError, "expired", "aws sso login"),
    ("ExpiredTokenException", DeniedError, "expired", "aws sso login"),
    ("TokenRefreshRequired", DeniedError, "expired", "aws sso login"),
    ("RequestExpired", DeniedError, "expired", "aws sso login"),
    ("InvalidToken", DeniedError, "session token", "aws sso login"),
    ("InvalidAccessKeyId", DeniedError, "unknown to `https://s3.example`", "the environment"),
    ("InvalidClientTokenId", DeniedError, "unknown to `https://s3.example`", "the environment"),
    ("SignatureDoesNotMatch", DeniedError, "signature", "secret access key"),
    ("RequestTimeTooSkewed", DeniedError, "clock", "NTP"),
    ("AuthorizationHeaderMalformed", StoreError, "another region", "`eu-west-3`"),
    ("PermanentRedirect", StoreError, "another region", "`eu-west-3`"),
    ("TemporaryRedirect", StoreError, "another region", "`eu-west-3`"),
    ("Redirect", StoreError, "another region", "`eu-west-3`"),
    ("IllegalLocationConstraintException", StoreError, "another region", "`eu-west-3`"),
    ("PreconditionFailed", ChangedError, "changed", ""),
    ("ConditionalRequestConflict", TransientError, "another write", "again"),
    ("OperationAborted", TransientError, "another operation", "again"),
    ("SlowDown", TransientError, "fewer requests", "again"),
    ("SlowDownRead", TransientError, "fewer requests", "again"),
    ("SlowDownWrite", TransientError, "fewer requests", "again"),
    ("Throttling", TransientError, "fewer requests", "again"),
    ("ThrottlingException", TransientError, "fewer requests", "again"),
    ("ThrottledException", TransientError, "fewer requests", "again"),
    ("RequestThrottled", TransientError, "fewer requests", "again"),
    ("RequestThrottledException", TransientError, "fewer requests", "again"),
    ("RequestLimitExceeded", TransientError, "fewer requests", "again"),
    ("TooManyRequests", TransientError, "fewer requests", "again"),
    ("TooManyRequestsException", TransientError, "fewer requests", "again"),
    ("BandwidthLimitExceeded", TransientError, "fewer requests", "again"),
    ("KMS.ThrottlingException", TransientError, "fewer requests", "again"),
    ("PriorRequestNotComplete", TransientError, "fails for the moment", "again"),
    ("InternalError", TransientError, "fails for the moment", "again"),
    ("InternalFailure", TransientError, "fails for the moment", "again"),
    ("ServiceUnavailable", TransientError, "fails for the moment", "again"),
    ("RequestTimeout", TransientError, "fails for the moment", "again"),
    ("RequestTimeoutException", TransientError, "fails for the moment", "again"),
    ("IncompleteBody", TransientError, "fails for the moment", "again"),
    ("XAmzContentSHA256Mismatch", ChecksumError, "nothing was stored", ""),
    ("XAmzContentChecksumMismatch", ChecksumError, "nothing was stored", ""),
    ("BadDigest", ChecksumError, "nothing was stored", ""),
    ("InvalidDigest", ChecksumError, "nothing was stored", ""),
    ("NotImplemented", UnsupportedError, "does not support", "conditional_writes: false"),
    ("MethodNotAllowed", UnsupportedError, "does not support", "conditional_writes: false"),
    ("InvalidRange", translate.NoRangeError, "no such range", ""),
    ("InvalidPart", StoreError, "part is missing", "again"),
    ("InvalidPartOrder", StoreError, "not in order", ""),
    ("EntityTooSmall", StoreError, "too small", ""),
    ("EntityTooLarge", StoreError, "too large", ""),
    ("KeyTooLongError", StoreError, "too long", "shorten"),
    ("InvalidObjectState", StoreError, "archived", "restore"),
    ("QuotaExceeded", StoreError, "full", ""),
    ("KMS.NotFoundException", DeniedError, "KMS key", "kms_key_id"),
    ("KMS.DisabledException", DeniedError, "KMS key", "kms_key_id"),
    ("KMS.InvalidStateException", DeniedError, "KMS key", "kms_key_id"),
    ("KMS.KMSInvalidStateException", DeniedError, "KMS key", "kms_key_id"),
    ("KMS.InvalidKeyUsageException", DeniedError, "KMS key", "kms_key_id"),
    ("KMS.AccessDeniedException", DeniedError, "KMS key", "kms_key_id"),
]

# What a reply without a body tells, as those to HEAD are.
STATUSES: list[tuple[int, type[StoreError], str]] = [
    (301, StoreError, "another region"),
    (304, translate.UnchangedError, "not changed"),
    (307, StoreError, "another region"),
    (400, StoreError, "without a reason"),
    (401, DeniedError, "access denied"),
    (403, DeniedError, "access denied"),
    (404, NotFoundError, "no such object"),
    (405, UnsupportedError, "does not support"),
    (408, TransientError, "fails for the moment"),
    (409, TransientError, "another operation"),
    (412, ChangedError, "changed"),
    (416, translate.NoRangeError, "no such range"),
    (429, TransientError, "fewer requests"),
    (501, UnsupportedError, "does not support"),
    (503, TransientError, "fewer requests"),
    # and those that are in no table
    (500, TransientError, "fails for the moment"),
    (502, TransientError, "fails for the moment"),
    (504, TransientError, "fails for the moment"),
    (418, StoreError, "refused"),
]


def _refusal(status: int = 400, code: str = "", message: str = "") -> Refusal:
    return Refusal(status, code, message, region="eu-west-3")


def refused(operation: Operation, key: str, place: Place, refusal: Refusal, *, create_only: bool = False) -> StoreError:
    return translate.refused(operation, key, place, refusal, create_only=create_only)


@pytest.mark.parametrize(("code", "error", "said", "hinted"), CODES, ids=[row[0] for row in CODES])
def test_a_code_becomes_an_error(code: str, error: type[StoreError], said: str, hinted: str) -> None:
    found = refused(translate.CREATE, "a/1.0", PLACE, _refusal(400, code))
    assert type(found) is error or (error is TransientError and isinstance(found, TransientError))
    assert found.message.startswith("cannot create `a/1.0` in `s3://bucket/base`: ")
    assert said in found.message
    assert code in found.message
    assert "\n" not in found.message
    assert bool(found.hint) == bool(hinted)
    assert hinted in (found.hint or "")


def test_every_row_of_the_table_is_tested() -> None:
    assert {row[0] for row in CODES} == set(translate.BY_CODE)
    assert {row[0] for row in STATUSES} >= set(translate.BY_STATUS)


@pytest.mark.parametrize(("status", "error", "said"), STATUSES, ids=[str(row[0]) for row in STATUSES])
def test_a_status_decides_where_there_is_no_code(status: int, error: type[StoreError], said: str) -> None:
    found = refused(translate.CREATE, "a/1.0", PLACE, _refusal(status))
    assert type(found) is error
    assert said in found.message
    assert f"({status})" in found.message


@pytest.mark.parametrize("code", ["PreconditionFailed", ""])
def test_a_failed_precondition_of_a_create_says_that_it_exists(code: str) -> None:
    found = refused(translate.CREATE, "a/1.0", PLACE, _refusal(412, code), create_only=True)
    assert type(found) is ExistsError


def test_a_denied_read_may_be_an_absent_object() -> None:
    found = refused(translate.READ, "a/1.0", PLACE, _refusal(403))
    assert isinstance(found, DeniedError)
    assert "or it is absent" in found.message
    assert "`s3:GetObject` and `s3:ListBucket`" in (found.hint or "")


@pytest.mark.parametrize(
    ("operation", "permission"),
    [
        (translate.LIST, "s3:ListBucket"),
        (translate.REPLACE, "s3:PutObject"),
        (translate.COPY, "`s3:GetObject` and `s3:PutObject`"),
        (translate.DELETE, "s3:DeleteObject"),
        (translate.SEND_PARTS, "s3:PutObject"),
        (translate.LIST_PARTS, "s3:ListMultipartUploadParts"),
        (translate.ABORT, "s3:AbortMultipartUpload"),
    ],
)
def test_a_denied_operation_names_its_permission(operation: Operation, permission: str) -> None:
    found = refused(operation, "a/1.0", PLACE, _refusal(403, "AccessDenied", "User x is not authorized"))
    assert permission in (found.hint or "")
    assert "User x is not authorized" in found.message


def test_an_operation_on_the_store_names_the_store_alone() -> None:
    found = refused(translate.LIST, "", PLACE, _refusal(403, "AccessDenied"))
    assert found.message.startswith("cannot list `s3://bucket/base`: ")


def test_what_an_unknown_code_says_is_passed_on_and_harmless() -> None:
    found = refused(translate.CREATE, "a\n/1.0", PLACE, _refusal(400, "Weird", "line\x1b[31m\nline"))
    assert type(found) is StoreError
    assert "Weird: line\\x1b[31m\\nline" in found.message
    assert "\n" not in found.message


def test_braces_in_a_reply_are_no_placeholders() -> None:
    found = refused(translate.READ, "{x}", PLACE, _refusal(403, "AccessDenied", "{permission}{0}"))
    assert "`{x}`" in found.message
    assert "{permission}{0}" in found.message


def test_without_a_region_the_hint_says_how_to_find_it() -> None:
    found = refused(translate.LIST, "", PLACE, Refusal(301))
    assert "head-bucket" in (found.hint or "")


def test_a_reply_is_read_from_its_body_and_headers() -> None:
    body = b"<Error><Code>SlowDown</Code><Message>Less!</Message><Region>r-1</Region></Error>"
    assert refusal_of(503, {}, body) == Refusal(503, "SlowDown", "Less!", region="r-1")
    assert refusal_of(301, {"x-amz-bucket-region": "r-2"}, b"") == Refusal(301, region="r-2")
    for nonsense in (b"", b"<html>", b"<Other><Code>x</Code></Other>", b"\xff"):
        assert refusal_of(502, {}, nonsense).code == ""


def _wrapped(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


_CONNECTION = urllib3.connection.HTTPConnection("s3.example")


@pytest.mark.parametrize(
    ("raised", "error", "said"),
    [
        (_wrapped(urllib3.exceptions.NewConnectionError(_CONNECTION, "x"), OSError(111, "refused")), UnreachableError,
         "can't be reached ([Errno 111] refused)"),
        (urllib3.exceptions.NameResolutionError("s3.example", _CONNECTION, socket.gaierror(-2, "unknown name")),
         UnreachableError, "can't be reached"),
        (urllib3.exceptions.ConnectTimeoutError(_CONNECTION, "timed out"), UnreachableError, "can't be reached"),
        (urllib3.exceptions.SSLError("self-signed"), UnreachableError, "no trusted connection"),
        (urllib3.exceptions.ProxyError("bad", OSError("407")), UnreachableError, "the proxy fails"),
        (urllib3.exceptions.ReadTimeoutError(urllib3.HTTPConnectionPool("x"), "/", "slow"), TransientError,
         "does not answer"),
        (urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset")), TransientError,
         "was cut ([Errno 104] reset)"),
        (urllib3.exceptions.IncompleteRead(1, 2), TransientError, "was cut"),
        (TimeoutError("timed out"), TransientError, "was cut (timed out)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_a_failing_network_becomes_an_error(raised: Exception, error: type[StoreError], said: str) -> None:
    found = cut(translate.READ, "a/1.0", PLACE, raised)
    assert type(found) is error
    assert found.message.startswith("cannot read `a/1.0` in `s3://bucket/base`: ")
    assert said in found.message
    assert found.hint
    assert "object at 0x" not in found.message


def test_an_exception_of_no_network_is_not_disguised() -> None:
    with pytest.raises(KeyError):
        cut(translate.READ, "a/1.0", PLACE, KeyError("a bug"))
