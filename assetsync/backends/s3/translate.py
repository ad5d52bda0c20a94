"""Refusals of an S3 and their meaning here: one table by code, one by status, one for the network.

The codes are those of the S3 API reference, "Error responses", and of stores that imitate it. A HEAD has no body and
hence no code; there the status decides.
"""

from __future__ import annotations

import re

from assetsync.backends.http import element
from assetsync.backends.refusal import (
    AGAIN,
    BUSY,
    CHANGED,
    CUT,
    FAILING,
    NO_OBJECT,
    NO_PROXY,
    NO_RANGE,
    OTHER_BYTES,
    SILENT,
    THROTTLED,
    UNCHANGED,
    Operation,
    Place,
    Refusal,
    Rule,
    error_by,
    meaning,
    rule_by,
)
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
_LACKS = Rule(UnsupportedError, "`{endpoint}` does not support this request", _CONDITIONAL)
_DISABLED = Rule(DeniedError, "the account or the bucket is closed to all", "ask its owner")

BY_CODE: dict[str, Rule] = {
    **meaning(NO_OBJECT, "NoSuchKey NoSuchVersion"),
    "NoSuchUpload": Rule(NotFoundError, "that upload is gone: completed, aborted, or expired"),
    "NoSuchBucket": Rule(
        NoStoreError,
        "there is no bucket `{bucket}` at `{endpoint}`",
        "check `store`, and that the credentials belong to the account of the bucket",
    ),
    "InvalidBucketName": Rule(NoStoreError, "`{bucket}` is no valid bucket name", "check `store`"),
    **meaning(_DENIED, "AccessDenied UnauthorizedAccess"),
    **meaning(_DISABLED, "AllAccessDisabled AccountProblem UserSuspended NotSignedUp"),
    **meaning(_EXPIRED, "ExpiredToken ExpiredTokenException TokenRefreshRequired RequestExpired"),
    "InvalidToken": Rule(DeniedError, "the session token is not valid", _NEW_CREDENTIALS),
    **meaning(_UNKNOWN_KEY, "InvalidAccessKeyId InvalidClientTokenId"),
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
    **meaning(_OTHER_REGION, "AuthorizationHeaderMalformed PermanentRedirect TemporaryRedirect Redirect"),
    **meaning(_OTHER_REGION, "IllegalLocationConstraintException"),
    "PreconditionFailed": CHANGED,
    "ConditionalRequestConflict": Rule(ConflictingError, "another write to it is under way", AGAIN),
    "OperationAborted": BUSY,
    **meaning(THROTTLED, "SlowDown SlowDownRead SlowDownWrite Throttling ThrottlingException ThrottledException"),
    **meaning(THROTTLED, "RequestThrottled RequestThrottledException RequestLimitExceeded TooManyRequests"),
    **meaning(THROTTLED, "TooManyRequestsException BandwidthLimitExceeded KMS.ThrottlingException"),
    **meaning(FAILING, "PriorRequestNotComplete InternalError InternalFailure ServiceUnavailable RequestTimeout"),
    **meaning(FAILING, "RequestTimeoutException IncompleteBody"),
    **meaning(OTHER_BYTES, "XAmzContentSHA256Mismatch XAmzContentChecksumMismatch BadDigest InvalidDigest"),
    **meaning(_LACKS, "NotImplemented MethodNotAllowed"),
    "InvalidRange": NO_RANGE,
    "InvalidPart": Rule(StoreError, "a part is missing or is another", AGAIN),
    "InvalidPartOrder": Rule(StoreError, "the parts are not in order"),
    "EntityTooSmall": Rule(StoreError, "a part is too small for this store"),
    "EntityTooLarge": Rule(StoreError, "it is too large for this store"),
    "KeyTooLongError": Rule(StoreError, "its name is too long for this store", "shorten the names of its folders"),
    "InvalidObjectState": Rule(
        StoreError, "it is archived", "restore it, and keep assets out of the rules that move objects to an archive"
    ),
    "QuotaExceeded": Rule(StoreError, "the store is full"),
    **meaning(_BAD_KMS, "KMS.NotFoundException KMS.DisabledException KMS.InvalidStateException"),
    **meaning(_BAD_KMS, "KMS.KMSInvalidStateException KMS.InvalidKeyUsageException KMS.AccessDeniedException"),
}

BY_STATUS: dict[int, Rule] = {
    301: _OTHER_REGION,
    304: UNCHANGED,
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
    416: NO_RANGE,
    429: THROTTLED,
    501: _LACKS,
    503: THROTTLED,
}


def rule_for(operation: Operation, refusal: Refusal, *, create_only: bool) -> Rule:
    """The rule for a refusal: by its code, else by its status."""
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


_NETWORK = "check the network, and `endpoint` of `store`"
NOT_S3 = Rule(StoreError, "`{endpoint}` does not answer like S3", "check `endpoint` of `store`")
_NO_RANGES = Rule(UnsupportedError, "the store ignores ranges of bytes", "use a store that honours them")
NO_TLS = Rule(
    UnreachableError,
    "no trusted connection to `{endpoint}`",
    "name the certificate authority in `AWS_CA_BUNDLE`, or write `http://` in `endpoint` if it speaks no TLS",
)
_CA_AS_SERVER = Rule(
    UnreachableError,
    "the certificate of `{endpoint}` is that of an authority, which no server may show",
    "have one made for the server (`basicConstraints=CA:FALSE`), and name who signed it in `AWS_CA_BUNDLE`",
)
UNREACHABLE = Rule(UnreachableError, "`{endpoint}` can't be reached", _NETWORK)
TOO_MANY_FILES = Rule(
    StoreError,
    "this process has too many files and connections open",
    "raise the limit (`ulimit -n`)",
)

# obstore: words of what it says of its error, for developers; in this order.
BY_WORDS: tuple[tuple[str, Rule], ...] = (
    ("Requested range", _NO_RANGES),
    ("Received redirect without LOCATION", _OTHER_REGION),
    ("Too many open files", TOO_MANY_FILES),
    ("CaUsedAsEndEntity", _CA_AS_SERVER),
    ("InvalidCertificate", NO_TLS),
    ("InvalidMessage", NO_TLS),
    ("AlertReceived", NO_TLS),
    ("PeerIncompatible", NO_TLS),
    ("ProxyAuthRequired", NO_PROXY),
    ("TunnelUnexpected", NO_PROXY),
    ("ConnectError(", UNREACHABLE),
    ("kind: Connect", UNREACHABLE),
    ("kind: Timeout", SILENT),
    ("kind: Request", CUT),
    ("kind: Interrupted", CUT),
    ("kind: Body", CUT),
    ("", NOT_S3),
)

_STATUS = re.compile(r"status code: (\d{3}) [^:\n]*:(.*)", re.DOTALL)
_DEBUG = "\n\nDebug source:"
_QUOTED = re.compile(r'(?:message|error|"tcp connect error",|_modified): "((?:[^"\\]|\\.)*)"')
_LAST_WORD = re.compile(r"\b([A-Z][A-Za-z]+)\b[^A-Za-z]*\Z")


def refusal_in(text: str) -> Refusal | None:
    """The refusal that an exception of obstore tells of, by its text; None when it tells of none."""
    found = _STATUS.search(text.partition(_DEBUG)[0])
    if found is None:
        return None
    body = found[2]
    return Refusal(int(found[1]), element(body, "Code"), element(body, "Message"), region=element(body, "Region"))


def broken(operation: Operation, key: str, place: Place, text: str, *, proxy: bool) -> StoreError:
    """The error for an exchange that failed on the way, by the text of an exception of obstore."""
    rule = next(rule for words, rule in BY_WORDS if words in text)
    if rule is UNREACHABLE and proxy:  # it is the proxy that was to be connected to
        rule = NO_PROXY
    region = "see `aws s3api head-bucket`"
    return error_by(rule, operation, key, place, _words_of(text), region)


def no_ranges(key: str, place: Place) -> StoreError:
    """The error for a store that answers with another range of bytes than it was asked for."""
    return error_by(_NO_RANGES, READ, key, place)


def not_of_s3(operation: Operation, key: str, place: Place, said: str) -> StoreError:
    """The error for a success that S3 would not answer with, such as the page of a proxy."""
    return error_by(NOT_S3, operation, key, place, printable(said))


def _words_of(text: str) -> str:
    """The innermost reason: what is quoted last, else the last word, which is a name like `TimedOut`."""
    summary, _, source = text.partition(_DEBUG)
    if quoted := _QUOTED.findall(source):
        return printable(quoted[-1])
    if word := _LAST_WORD.search(source):
        return printable(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word[1]).lower())
    return printable(summary.rpartition(": ")[2])
