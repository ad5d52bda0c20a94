"""Refusals of Cloud Storage and their meaning here: by words, by reason, by status; then the network and credentials.

The reasons are those of "HTTP status and error codes for JSON" in Google's documentation. A reply has a JSON body with
a message and a reason, but for replies of the upload server and of proxies, where the status decides.
"""

from __future__ import annotations

import json

import aiohttp
import google.auth.exceptions

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
    ByException,
    Operation,
    Place,
    Refusal,
    Rule,
    error_by,
    meaning,
    rule_by,
    rule_for_exception,
    tried,
)
from assetsync.errors import (
    DeniedError,
    NoStoreError,
    NotFoundError,
    StoreError,
    TransientError,
    UnreachableError,
)
from assetsync.escape import printable

# Long enough for who was denied what; some proxies answer with a page.
_LONGEST_MESSAGE = 400


LIST = Operation("list", "storage.objects.list")
READ = Operation("read", "storage.objects.get")
CREATE = Operation("create", "storage.objects.create")
REPLACE = Operation("replace", "storage.objects.create` and `storage.objects.delete")
COPY = Operation("copy", "storage.objects.get` and `storage.objects.create")
DELETE = Operation("delete", "storage.objects.delete")
SEND_PARTS = Operation("upload parts of", "storage.objects.create", session=True)
LIST_PARTS = Operation("see the uploaded parts of", "storage.objects.create", session=True)
ABORT = Operation("abort the upload of", "storage.objects.create", session=True)


_LOGIN = "run `gcloud auth application-default login`, or name a key file in `GOOGLE_APPLICATION_CREDENTIALS`"
_ALLOW = "allow `{permission}` on `{bucket}` for {credentials}"
_DENIED = Rule(DeniedError, "access denied", _ALLOW)
# Without storage.objects.list, Cloud Storage answers 403 where an object is missing.
_DENIED_READ = Rule(
    DeniedError,
    "access denied, or it is absent and `storage.objects.list` is missing, without which Cloud Storage does not tell",
    "allow `storage.objects.get` and `storage.objects.list` on `{bucket}` for {credentials}",
)
_UNKNOWN = Rule(DeniedError, "Cloud Storage does not accept {credentials}", _LOGIN)
_PAYER = Rule(
    DeniedError,
    "the bucket lets the requester pay, and this project can't",
    "name a project that you may bill in `ASSETSYNC_GCS_USER_PROJECT`",
)
_SCOPES = Rule(DeniedError, "the scope for storage is missing in {credentials}", _LOGIN)
_KEPT = Rule(DeniedError, "the bucket keeps its objects for some time", "ask the owner of `{bucket}`")
_CLOSED = Rule(DeniedError, "the project or its billing is closed", "ask the owner of `{bucket}`")
_KMS = Rule(
    DeniedError,
    "the KMS key can't be used",
    "check `kms_key_id` of `store`: `projects/P/locations/L/keyRings/R/cryptoKeys/K`, in the bucket's location, with "
    "the role CryptoKey Encrypter/Decrypter for the storage service agent",
)
_NO_BUCKET = Rule(NoStoreError, "there is no bucket `{bucket}` at `{endpoint}`", "check `store`, or create the bucket")
_NO_UPLOAD = Rule(NotFoundError, "that upload is gone: completed, aborted, or expired", AGAIN)
_ELSEWHERE = Rule(StoreError, "`{endpoint}` does not answer like Cloud Storage", "check `endpoint` of `store`")

# A status, some words of the message, and what both together mean; in this order.
BY_WORDS: tuple[tuple[int, str, Rule], ...] = (
    (404, "no such object", NO_OBJECT),
    (404, "bucket does not exist", _NO_BUCKET),
    (404, "no such bucket", _NO_BUCKET),
    (400, "doesn't match calculated", OTHER_BYTES),
    (400, "requester pays", _PAYER),
    (403, "cloud kms", _KMS),
    (400, "kms", _KMS),
)

BY_REASON: dict[str, Rule] = {
    **meaning(THROTTLED, "rateLimitExceeded userRateLimitExceeded quotaExceeded"),
    **meaning(FAILING, "backendError internalError"),
    "conflict": BUSY,
    "authError": _UNKNOWN,
    "insufficientPermissions": _SCOPES,
    **meaning(_PAYER, "UserProjectMissing UserProjectAccessDenied UserProjectInconsistent"),
    **meaning(_KEPT, "retentionPolicyNotMet objectUnderActiveHold"),
    **meaning(_CLOSED, "accountDisabled projectDisabled countryBlocked"),
}

BY_STATUS: dict[int, Rule] = {
    **dict.fromkeys((301, 302, 303, 307, 308, 405), _ELSEWHERE),
    304: UNCHANGED,
    401: Rule(DeniedError, "access denied to {credentials}", _LOGIN),
    403: _DENIED,
    404: NO_OBJECT,
    408: FAILING,
    409: BUSY,
    412: CHANGED,
    413: Rule(StoreError, "it is too large for this store"),
    416: NO_RANGE,
    429: THROTTLED,
}

# The statuses of a session URI once the session is over; 499 after it was cancelled.
OVER = frozenset({404, 410, 499})


def rule_for(operation: Operation, refusal: Refusal, *, create_only: bool) -> Rule:
    """The rule for a refusal: by its words, else by its reason, else by its status."""
    if operation.session and refusal.status in OVER:
        return _NO_UPLOAD
    said = refusal.message.lower()
    for status, words, rule in BY_WORDS:
        if refusal.status == status and words in said:
            return rule
    found = rule_by(refusal, BY_REASON, BY_STATUS, create_only=create_only)
    if found is NO_OBJECT and operation in (LIST, CREATE, REPLACE):
        return _NO_BUCKET
    return _DENIED_READ if found is _DENIED and operation is READ else found


def refused(operation: Operation, key: str, place: Place, refusal: Refusal, *, create_only: bool) -> StoreError:
    """The error for a refusal of an operation on `key` (empty for the store itself)."""
    rule = rule_for(operation, refusal, create_only=create_only)
    said = f"{refusal.status}: {refusal.message}" if refusal.message else str(refusal.status)
    return error_by(rule, operation, key, place, said)


def no_sense(operation: Operation, key: str, place: Place) -> StoreError:
    """The error for a success that holds something else than it should, such as the page of a proxy."""
    return error_by(_ELSEWHERE, operation, key, place)


def told(status: int, body: bytes) -> Refusal:
    """A reply, which is no success, as a Refusal."""
    try:
        error = json.loads(body)["error"]
        message, reason = str(error["message"]), str(error["errors"][0]["reason"])
    except (ValueError, LookupError, TypeError, RecursionError):
        message, reason = body.decode("utf-8", errors="replace"), ""
        if message.lstrip().startswith("<"):  # a page, of a proxy or of a front end
            message = ""
    return Refusal(status, code=reason, message=printable(" ".join(message.split()))[:_LONGEST_MESSAGE])


_NETWORK = "check the network, `endpoint` of `store`, and `STORAGE_EMULATOR_HOST`"
# In this order: aiohttp's errors are kinds of each other.
BY_EXCEPTION: ByException = (
    (
        (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch),
        Rule(
            UnreachableError,
            "no trusted connection to `{endpoint}`",
            "name the certificate authority in `SSL_CERT_FILE`, or write `http://` in `endpoint` if it speaks no TLS",
        ),
    ),
    (
        (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError),
        NO_PROXY,
    ),
    (
        (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL),
        Rule(UnreachableError, "`{endpoint}` can't be reached", _NETWORK),
    ),
    ((TimeoutError,), SILENT),
    ((aiohttp.ClientError, OSError), CUT),
)


def cut(operation: Operation, key: str, place: Place, error: Exception) -> StoreError:
    """The error for an exchange that failed on the way, from an exception of aiohttp or of the socket."""
    rule = rule_for_exception(BY_EXCEPTION, error)
    if rule is None:
        raise error
    return error_by(rule, operation, key, place, printable(" ".join(str(error).split())) or type(error).__name__)


# Words of google-auth's errors, and what they mean; in this order. Tokens are never part of them.
BY_CREDENTIALS: tuple[tuple[str, Rule], ...] = (
    (
        "reasonable timeframe",
        Rule(
            DeniedError,
            "this machine's clock differs too much from Google's",
            "set the clock right, by NTP for example",
        ),
    ),
    ("invalid_grant", Rule(DeniedError, "{credentials} have expired", _LOGIN)),
    ("", Rule(DeniedError, "{credentials} can't be used", _LOGIN)),
)


def no_token(operation: Operation, key: str, place: Place, error: Exception) -> StoreError:
    """The error for credentials that gave no token, from an exception of google-auth, or of gcsfs caused by one."""
    cause = error.__cause__ if isinstance(error.__cause__, google.auth.exceptions.GoogleAuthError) else error
    said = printable(" ".join(str(cause.args[0] if cause.args else cause).split()))[:_LONGEST_MESSAGE]
    doing = tried(operation, key, place)
    if isinstance(cause, google.auth.exceptions.TransportError):
        return UnreachableError(
            f"{doing}: the server that issues tokens can't be reached ({said})", hint="check the network and the proxy"
        )
    if getattr(cause, "retryable", False):
        return TransientError(f"{doing}: the server that issues tokens fails for the moment ({said})", hint=AGAIN)
    rule = next(rule for words, rule in BY_CREDENTIALS if words in said)
    return error_by(rule, operation, key, place, said)
