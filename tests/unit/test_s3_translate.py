"""Each refusal that an S3 may answer with, and what it becomes."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3.exceptions
from botocore import exceptions
from botocore.parsers import ResponseParserError

from assetsync.backends.refusal import NoRangeError, Operation, Place, Refusal, UnchangedError
from assetsync.backends.s3 import translate
from assetsync.backends.s3.failures import cut, refusal_of
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
    ("InvalidRange", NoRangeError, "no such range", ""),
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
    (304, UnchangedError, "has not changed"),
    (307, StoreError, "another region"),
    (400, StoreError, "without a reason"),
    (401, DeniedError, "access denied"),
    (403, DeniedError, "access denied"),
    (404, NotFoundError, "no such object"),
    (405, UnsupportedError, "does not support"),
    (408, TransientError, "fails for the moment"),
    (409, TransientError, "another operation"),
    (412, ChangedError, "changed"),
    (416, NoRangeError, "no such range"),
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


def _raised(code: str, message: str = "", status: int = 400, **headers: str) -> exceptions.ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    return exceptions.ClientError(response, "PutObject")


def test_a_refusal_is_read_from_an_exception_of_boto3() -> None:
    assert refusal_of(_raised("SlowDown", "Less!", 503)) == Refusal(503, "SlowDown", "Less!")
    # Without a body, boto3 takes the status for a code.
    without = _raised("301", "Moved Permanently", 301, **{"x-amz-bucket-region": "r-2"})
    assert refusal_of(without) == Refusal(301, region="r-2")
    without.response["ResponseMetadata"]["HTTPHeaders"] = {}
    without.response["Error"]["Region"] = "r-3"  # type: ignore[typeddict-unknown-key] # where S3 has it
    assert refusal_of(without).region == "r-3"


OF_OBSTORE = """Generic S3 error: Error performing GET http://h/a in 340.5µs - Server returned non-2xx status code: {}

Debug source:
Generic {{ inner: Status {{ status: 200, body: Some("<Code>NoSuchKey</Code>") }} }}"""


def test_a_refusal_is_read_from_the_text_of_obstore() -> None:
    body = (
        "503 Service Unavailable: <?xml?>\n<Error><Code>SlowDown</Code><Message>Less &lt;than&gt; this: now</Message>"
        "<Region>r-1</Region></Error>"
    )
    found = translate.refusal_in(OF_OBSTORE.format(body))
    assert found == Refusal(503, "SlowDown", "Less <than> this: now", region="r-1")
    assert translate.refusal_in(OF_OBSTORE.format("404 Not Found: ")) == Refusal(404)
    for nonsense in (
        "",
        "HTTP error: error sending request",
        "status code: many",
        "\n\nDebug source:\nstatus code: 404 x: ",
    ):
        assert translate.refusal_in(nonsense) is None


# An exception of boto3, what it becomes, and what that says.
EXCEPTIONS: list[tuple[Exception, type[StoreError], str]] = [
    (exceptions.EndpointConnectionError(endpoint_url="http://h", error=OSError(111, "refused")), UnreachableError,
     "can't be reached ([Errno 111] refused)"),
    (exceptions.ConnectTimeoutError(endpoint_url="http://h", error="slow"), UnreachableError, "can't be reached"),
    (exceptions.SSLError(endpoint_url="http://h", error=OSError("self")), UnreachableError, "no trusted connection"),
    (exceptions.ProxyConnectionError(proxy_url="http://p", error=OSError("407")), UnreachableError, "the proxy fails"),
    (exceptions.ReadTimeoutError(endpoint_url="http://h", error="slow"), TransientError, "does not answer"),
    (exceptions.ConnectionClosedError(endpoint_url="http://h", error=ConnectionResetError(104, "reset")),
     TransientError, "was cut ([Errno 104] reset)"),
    (exceptions.ResponseStreamingError(error="cut"), TransientError, "was cut"),
    (urllib3.exceptions.IncompleteRead(1, 2), TransientError, "was cut"),
    (exceptions.NoCredentialsError(), DeniedError, "no credentials"),
    (exceptions.CredentialRetrievalError(provider="p", error_msg="m"), DeniedError, "no credentials"),
    (exceptions.TokenRetrievalError(provider="sso", error_msg="expired"), DeniedError, "expired"),
    (ResponseParserError("no listing"), StoreError, "does not answer like S3 (no listing)"),
    (ValueError("year 99999 is out of range"), StoreError, "does not answer like S3"),
]  # fmt: skip


@pytest.mark.parametrize(("raised", "error", "said"), EXCEPTIONS, ids=[type(row[0]).__name__ for row in EXCEPTIONS])
def test_an_exception_of_boto3_becomes_an_error(raised: Exception, error: type[StoreError], said: str) -> None:
    found = cut(translate.READ, "a/1.0", PLACE, raised)
    assert type(found) is error
    assert found.message.startswith("cannot read `a/1.0` in `s3://bucket/base`: ")
    assert said in found.message
    assert found.hint
    assert "object at 0x" not in found.message


def test_an_exception_of_no_network_is_not_disguised() -> None:
    with pytest.raises(KeyError):
        cut(translate.READ, "a/1.0", PLACE, KeyError("a bug"))


def _failure(inner: str) -> str:
    told = "Generic S3 error: Error performing GET http://h/b/k in 2s - HTTP error: error sending request"
    return f"{told}\n\nDebug source:\n{inner}"


# What obstore says of its error, what it becomes, and what that says. The texts are shortened ones of obstore 0.12.
FAILURES: list[tuple[str, type[StoreError], str]] = [
    ('kind: Connect, source: ConnectError("tcp connect error", 127.0.0.1:1, Os { message: "Connection refused" })',
     UnreachableError, "`https://s3.example` can't be reached (Connection refused)"),
    ('kind: Connect, source: ConnectError("dns error", C { error: "failed to lookup address information: unknown" })',
     UnreachableError, "can't be reached (failed to lookup address information: unknown)"),
    ("kind: Connect, source: Custom { error: InvalidCertificate( UnknownIssuer ) }", UnreachableError,
     "no trusted connection to `https://s3.example` (unknown issuer)"),
    ("kind: Connect, source: Custom { error: InvalidMessage( InvalidContentType ) }", UnreachableError,
     "no trusted connection"),
    ("kind: Connect, error: InvalidCertificate( Other( OtherError( CaUsedAsEndEntity ) ) )", UnreachableError,
     "is that of an authority"),
    ("kind: Connect, source: Error( Connect, ProxyAuthRequired )", UnreachableError, "the proxy fails"),
    ("kind: Timeout, source: reqwest::Error { source: TimedOut }", TransientError, "does not answer (timed out)"),
    ("kind: Request, source: hyper::Error( IncompleteMessage )", TransientError, "was cut (incomplete message)"),
    ("kind: Interrupted, source: hyper::Error( Body, Custom { error: IncompleteBody } )", TransientError, "was cut"),
    ("Header { source: InvalidLastModified { last_modified: \"99999\" } }", StoreError, "does not answer like S3"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "error", "said"), FAILURES)
def test_a_failure_of_obstore_becomes_an_error(source: str, error: type[StoreError], said: str) -> None:
    found = translate.broken(translate.READ, "a/1.0", PLACE, _failure(source), proxy=False)
    assert type(found) is error
    assert found.message.startswith("cannot read `a/1.0` in `s3://bucket/base`: ")
    assert said in found.message
    assert found.hint
    assert "Debug" not in found.message


def test_with_a_proxy_it_is_the_proxy_that_can_not_be_reached() -> None:
    found = translate.broken(translate.READ, "a", PLACE, _failure(FAILURES[0][0]), proxy=True)
    assert "the proxy fails (Connection refused)" in found.message


def test_a_redirect_that_does_not_say_where_is_another_region() -> None:
    text = (
        "Generic S3 error: Received redirect without LOCATION, this normally indicates an incorrectly configured region"
    )
    found = translate.broken(translate.READ, "a", PLACE, text, proxy=False)
    assert "another region" in found.message
    assert "head-bucket" in (found.hint or "")
