"""What an S3 says when it refuses, and what that means here: one table by code, one by status, one for the network.

The codes are those of the S3 API reference, "Error responses", and of stores that imitate it. A HEAD has no body and
hence no code; there the status decides.
"""

from __future__ import annotations

from collections.abc import Mapping

import urllib3.exceptions

from assetsync.backends.refusal import (
    AGAIN,
    BUSY,
    CHANGED,
    FAILING,
    NO_OBJECT,
    OTHER_BYTES,
    THROTTLED,
    ByException,
    Operation,
    Place,
    Refusal,
    Rule,
    error_by,
    rule_by,
    rule_for_exception,
)
from assetsync.backends.s3 import markup
from assetsync.errors import (
    DeniedError,
    NoStoreError,
    NotFoundError,
    StoreError,
    TransientError,
    UnreachableError,
    UnsupportedError,
)
from assetsync.escape import printable


class ConflictingError(TransientError):
    """Another write to the same object is under way."""


class NoRangeError(StoreError):
    """The object has no such bytes."""


class UnchangedError(StoreError):
    """The object still is what the request says that it was."""


LIST = Operation("list", "s3:ListBucket")
READ = Operation("read", "s3:GetObject")
CREATE = Operation("create", "s3:PutObject")
REPLACE = Operation("replace", "s3:PutObject")
COPY = Operation("copy", "s3:GetObject` and `s3:PutObject")
DELETE = Operation("delete", "s3:DeleteObject")
SEND_PARTS = Operation("upload parts of", "s3:PutObject")
LIST_PARTS = Operation("list the uploaded parts of", "s3:ListMultipartUploadParts")
ABORT = Operation("abort the upload of", "s3:AbortMultipartUpload")


_ALLOW = "allow `{permission}` on `{bucket}` for these credentials, which come from {credentials}"
_DENIED = Rule(DeniedError, "access denied", _ALLOW)
# Without s3:ListBucket, S3 answers 403 where an object is missing.
_DENIED_READ = Rule(
    DeniedError,
    "access denied, or it is absent and `s3:ListBucket` is missing, without which S3 does not tell",
    "allow `s3:GetObject` and `s3:ListBucket` on `{bucket}` for these credentials, which come from {credentials}",
)
_NEW_CREDENTIALS = "get new ones, for example by `aws sso login`; these come from {credentials}"
_REGION = "set `region` of `store` to the bucket's region: {region}"
_KMS = "check `kms_key_id` of `store`: the key must exist, be enabled, be in the bucket's region, and allow its use"
_CONDITIONAL = "use a store that does, or set `conditional_writes: false` in `store` to go without"
_EXPIRED = Rule(DeniedError, "the credentials have expired", _NEW_CREDENTIALS)
_UNKNOWN_KEY = Rule(
    DeniedError,
    "the access key is unknown to `{endpoint}`",
    "check the credentials, which come from {credentials}, and that `endpoint` of `store` is theirs",
)
_OTHER_REGION = Rule(StoreError, "the bucket is in another region", _REGION)
_BAD_KMS = Rule(DeniedError, "the KMS key can't be used", _KMS)
_NO_RANGE = Rule(NoRangeError, "it has no such range of bytes")
_LACKS = Rule(UnsupportedError, "`{endpoint}` does not support this request", _CONDITIONAL)
_DISABLED = Rule(DeniedError, "the account or the bucket is closed to all", "ask its owner")

BY_CODE: dict[str, Rule] = {
    "NoSuchKey": NO_OBJECT,
    "NoSuchVersion": NO_OBJECT,
    "NoSuchUpload": Rule(NotFoundError, "that upload is gone: completed, aborted, or expired"),
    "NoSuchBucket": Rule(
        NoStoreError,
        "there is no bucket `{bucket}` at `{endpoint}`",
        "check `store`, and that the credentials belong to the account of the bucket",
    ),
    "InvalidBucketName": Rule(NoStoreError, "`{bucket}` is no valid bucket name", "check `store`"),
    "AccessDenied": _DENIED,
    "AllAccessDisabled": _DISABLED,
    "AccountProblem": _DISABLED,
    "UserSuspended": _DISABLED,
    "NotSignedUp": _DISABLED,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidToken": Rule(DeniedError, "the session token is not valid", _NEW_CREDENTIALS),
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "UnauthorizedAccess": _DENIED,
    "SignatureDoesNotMatch": Rule(
        DeniedError,
        "the signature is wrong",
        "check the secret access key, which comes from {credentials}, and that no proxy alters requests",
    ),
    "RequestTimeTooSkewed": Rule(
        DeniedError,
        "this machine's clock differs too much from the store's",
        "set the clock right, by NTP for example",
    ),
    "AuthorizationHeaderMalformed": _OTHER_REGION,
    "PermanentRedirect": _OTHER_REGION,
    "TemporaryRedirect": _OTHER_REGION,
    "Redirect": _OTHER_REGION,
    "IllegalLocationConstraintException": _OTHER_REGION,
    "PreconditionFailed": CHANGED,
    "ConditionalRequestConflict": Rule(ConflictingError, "another write to it is under way", AGAIN),
    "OperationAborted": BUSY,
    "SlowDown": THROTTLED,
    "SlowDownRead": THROTTLED,
    "SlowDownWrite": THROTTLED,
    "Throttling": THROTTLED,
    "ThrottlingException": THROTTLED,
    "ThrottledException": THROTTLED,
    "RequestThrottled": THROTTLED,
    "RequestThrottledException": THROTTLED,
    "RequestLimitExceeded": THROTTLED,
    "TooManyRequests": THROTTLED,
    "TooManyRequestsException": THROTTLED,
    "BandwidthLimitExceeded": THROTTLED,
    "KMS.ThrottlingException": THROTTLED,
    "PriorRequestNotComplete": FAILING,
    "InternalError": FAILING,
    "InternalFailure": FAILING,
    "ServiceUnavailable": FAILING,
    "RequestTimeout": FAILING,
    "RequestTimeoutException": FAILING,
    "IncompleteBody": FAILING,
    "XAmzContentSHA256Mismatch": OTHER_BYTES,
    "XAmzContentChecksumMismatch": OTHER_BYTES,
    "BadDigest": OTHER_BYTES,
    "InvalidDigest": OTHER_BYTES,
    "NotImplemented": _LACKS,
    "MethodNotAllowed": _LACKS,
    "InvalidRange": _NO_RANGE,
    "InvalidPart": Rule(StoreError, "a part is missing or is another", AGAIN),
    "InvalidPartOrder": Rule(StoreError, "the parts are not in order"),
    "EntityTooSmall": Rule(StoreError, "a part is too small for this store"),
    "EntityTooLarge": Rule(StoreError, "it is too large for this store"),
    "KeyTooLongError": Rule(StoreError, "its name is too long for this store", "shorten the names of its folders"),
    "InvalidObjectState": Rule(
        StoreError, "it is archived", "restore it, and keep assets out of the rules that move objects to an archive"
    ),
    "QuotaExceeded": Rule(StoreError, "the store is full"),
    "KMS.NotFoundException": _BAD_KMS,
    "KMS.DisabledException": _BAD_KMS,
    "KMS.InvalidStateException": _BAD_KMS,
    "KMS.KMSInvalidStateException": _BAD_KMS,
    "KMS.InvalidKeyUsageException": _BAD_KMS,
    "KMS.AccessDeniedException": _BAD_KMS,
}

BY_STATUS: dict[int, Rule] = {
    301: _OTHER_REGION,
    304: Rule(UnchangedError, "it has not changed"),
    307: _OTHER_REGION,
    400: Rule(
        StoreError,
        "the request was refused without a reason",
        "check `region` and `endpoint` of `store`, and the clock",
    ),
    401: _DENIED,
    403: _DENIED,
    404: NO_OBJECT,
    405: _LACKS,
    408: FAILING,
    409: BUSY,
    412: CHANGED,
    416: _NO_RANGE,
    429: THROTTLED,
    501: _LACKS,
    503: THROTTLED,
}


def rule_for(operation: Operation, refusal: Refusal, *, create_only: bool) -> Rule:
    """What a refusal means: by its code, else by its status."""
    rule = rule_by(refusal, BY_CODE, BY_STATUS, create_only=create_only)
    return _DENIED_READ if rule is _DENIED and operation is READ else rule


def refused(operation: Operation, key: str, place: Place, refusal: Refusal, *, create_only: bool) -> StoreError:
    """The error for a refusal of an operation on `key` (empty for the store itself)."""
    rule = rule_for(operation, refusal, create_only=create_only)
    region = f"`{printable(refusal.region)}`" if refusal.region else "see `aws s3api head-bucket`"
    said = " ".join(filter(None, (str(refusal.status), printable(refusal.code))))
    if _tells_more(rule, refusal):
        said += f": {printable(refusal.message)}"
    return error_by(rule, operation, key, place, said, region)


def _tells_more(rule: Rule, refusal: Refusal) -> bool:
    """Whether the store's own words help: what was denied to whom, or a code that is not in the table."""
    return bool(refusal.message) and (rule in (_DENIED, _DENIED_READ, _BAD_KMS) or refusal.code not in BY_CODE)


def cut(operation: Operation, key: str, place: Place, error: Exception) -> StoreError:
    """The error for an exchange that failed on the way, from an exception of urllib3 or of the socket."""
    rule = rule_for_exception(_BY_EXCEPTION, error)
    if rule is None:
        raise error
    return error_by(rule, operation, key, place, _cause(error))


# In this order: a certificate that is refused arrives as an SSLError, or as a ProxyError about one.
_BY_EXCEPTION: ByException = (
    (
        (urllib3.exceptions.SSLError,),
        Rule(
            UnreachableError,
            "no trusted connection to `{endpoint}`",
            "name the certificate authority in `AWS_CA_BUNDLE`, or write `http://` in `endpoint` if it speaks no TLS",
        ),
    ),
    (
        (urllib3.exceptions.ProxyError,),
        Rule(UnreachableError, "the proxy fails", "check `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`"),
    ),
    (
        (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError),
        Rule(UnreachableError, "`{endpoint}` can't be reached", "check the network, and `endpoint` of `store`"),
    ),
    (
        (urllib3.exceptions.ReadTimeoutError,),
        Rule(TransientError, "`{endpoint}` does not answer", AGAIN),
    ),
    (
        (urllib3.exceptions.HTTPError, OSError),
        Rule(TransientError, "the connection was cut", AGAIN),
    ),
)


def _cause(error: BaseException) -> str:
    """The innermost reason in words; what urllib3 wraps around it names its own objects."""
    while inner := error.__cause__ or next((arg for arg in error.args if isinstance(arg, Exception)), None):
        error = inner
    return printable(str(error) or type(error).__name__)


def refusal_of(status: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """The refusal that a reply is. `headers` are looked up by lower-case names."""
    try:
        error = markup.parse(body)
    except markup.MalformedError:
        error = markup.Element("")
    if error.name != "Error":
        error = markup.Element("")
    region = headers.get("x-amz-bucket-region") or error.get("Region")
    return Refusal(status, error.get("Code"), error.get("Message"), region=region)
