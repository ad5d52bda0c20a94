"""The meaning of exceptions of boto3: a table, and the reading of the replies that it raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore import exceptions
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from assetsync.backends.http import element
from assetsync.backends.refusal import (
    CUT,
    NO_PROXY,
    SILENT,
    ByException,
    Operation,
    Place,
    Refusal,
    Rule,
    error_by,
    rule_for_exception,
)
from assetsync.backends.s3.translate import NO_TLS, NOT_S3, TOO_MANY_FILES, UNREACHABLE
from assetsync.errors import DeniedError, StoreError
from assetsync.escape import printable

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

NO_CREDENTIALS = Rule(
    DeniedError,
    "there are no credentials that can be used",
    "set `AWS_PROFILE`, or `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or run `aws sso login`; "
    "`AWS_NO_SIGN_REQUEST=true` reads a public bucket",
)

# In this order, since its exceptions are kinds of each other.
BY_EXCEPTION: ByException = (
    ((exceptions.SSLError,), NO_TLS),
    ((exceptions.ProxyConnectionError,), NO_PROXY),
    ((exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError), UNREACHABLE),
    ((exceptions.ReadTimeoutError,), SILENT),
    ((exceptions.HTTPClientError, exceptions.IncompleteReadError, exceptions.ResponseStreamingError, HTTPError), CUT),
    (
        (
            exceptions.NoCredentialsError,
            exceptions.PartialCredentialsError,
            exceptions.CredentialRetrievalError,
            exceptions.TokenRetrievalError,
            exceptions.SSOError,
        ),
        NO_CREDENTIALS,
    ),
    ((ResponseParserError, ValueError, OverflowError), NOT_S3),
)


def cut(operation: Operation, key: str, place: Place, error: Exception) -> StoreError:
    """The error for an exchange that failed on the way, from an exception of boto3, or from an OSError."""
    cause = _cause(error)
    rule = TOO_MANY_FILES if "Too many open files" in cause else rule_for_exception(BY_EXCEPTION, error)
    if rule is None:
        raise error
    return error_by(rule, operation, key, place, cause)


def refusal_of(error: exceptions.ClientError) -> Refusal:
    """The refusal that boto3 raised. For replies without a body it has the status in place of a code."""
    response: Any = error.response
    told, about = response.get("Error", {}), response.get("ResponseMetadata", {})
    code = str(told.get("Code", ""))
    region = about.get("HTTPHeaders", {}).get("x-amz-bucket-region") or told.get("Region", "")
    message = "" if code.isdecimal() else str(told.get("Message", ""))
    return Refusal(int(about.get("HTTPStatusCode", 0)), "" if code.isdecimal() else code, message, region=region)


def refusal_of_reply(reply: AWSResponse) -> Refusal:
    """The refusal in a reply that botocore has sent and not read."""
    body = reply.content.decode("utf-8", "replace")
    region = reply.headers.get("x-amz-bucket-region") or element(body, "Region")
    return Refusal(reply.status_code, element(body, "Code"), element(body, "Message"), region=region)


def _cause(error: BaseException) -> str:
    """The innermost reason in words; what is wrapped around it names objects of urllib3."""
    while inner := _inner(error):
        error = inner
    return printable(" ".join(str(error).split()) or type(error).__name__)


def _inner(error: BaseException) -> BaseException | None:
    about = getattr(error, "kwargs", {}).get("error")
    candidates = (about, error.__cause__, *error.args)
    return next((found for found in candidates if isinstance(found, BaseException)), None)
