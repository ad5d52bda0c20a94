"""What Cloud Storage says when it refuses, and what that means here: by its words, its reason, its status; then the
network and the credentials.

The reasons are those of "HTTP status and error codes for JSON" in Google's documentation. A reply has a JSON body with
a message and a reason, but for replies of the upload server and of proxies, where the status decides.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import aiohttp
import google.auth.exceptions

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
)
from assetsync.escape import printable

# Long enough for who was denied what; some proxies answer with a page.
_LONGEST_MESSAGE = 400


class Operation(NamedTuple):
    """What was tried, in words, and the permission that it needs. `session`: it goes to a resumable upload."""

    verb: str
    permission: str
    session: bool = False


LIST = Operation("list", "storage.objects.list")
READ = Operation("read", "storage.objects.get")
CREATE = Operation("create", "storage.objects.create")
REPLACE = Operation("replace", "storage.objects.create` and `storage.objects.delete")
COPY = Operation("copy", "storage.objects.get` and `storage.objects.create")
DELETE = Operation("delete", "storage.objects.delete")
SEND_PARTS = Operation("upload parts of", "storage.objects.create", session=True)
LIST_PARTS = Operation("see the uploaded parts of", "storage.objects.create", session=True)
ABORT = Operation("abort the upload of", "storage.objects.create", session=True)


class Refusal(NamedTuple):
    """A reply that is not a success. `reason` and `message` are empty where the body has none."""

    status: int
    reason: str
    message: str


class Place(NamedTuple):
    """What messages name: the store's URL, its bucket, the endpoint asked, and whose credentials it was asked with."""

    store: str
    bucket: str
    endpoint: str
    who: str


class Rule(NamedTuple):
    """An error and its words. Both may name a `{permission}`, and the fields of `Place`."""

    error: type[StoreError]
    reason: str
    hint: str | None = None


_LOGIN = "run `gcloud auth application-default login`, or name a key file in `GOOGLE_APPLICATION_CREDENTIALS`"
_ALLOW = "allow `{permission}` on `{bucket}` for {who}"
_AGAIN = "run the same command again; what was uploaded is kept"
_DENIED = Rule(DeniedError, "access denied", _ALLOW)
# Without storage.objects.list, Cloud Storage answers 403 where an object is missing.
_DENIED_READ = Rule(
    DeniedError,
    "access denied, or it is absent and `storage.objects.list` is missing, without which Cloud Storage does not tell",
    "allow `storage.objects.get` and `storage.objects.list` on `{bucket}` for {who}",
)
_UNKNOWN = Rule(DeniedError, "Cloud Storage does not accept {who}", _LOGIN)
_PAYER = Rule(
    DeniedError,
    "the bucket lets the requester pay, and this project can't",
    "name a project that you may bill in `ASSETSYNC_GCS_USER_PROJECT`",
)
_SCOPES = Rule(DeniedError, "the scope for storage is missing in {who}", _LOGIN)
_KEPT = Rule(DeniedError, "the bucket keeps its objects for some time", "ask the owner of `{bucket}`")
_CLOSED = Rule(DeniedError, "the project or its billing is closed", "ask the owner of `{bucket}`")
_KMS = Rule(
    DeniedError,
    "the KMS key can't be used",
    "check `kms_key_id` of `store`: `projects/P/locations/L/keyRings/R/cryptoKeys/K`, in the bucket's location, with "
    "the role CryptoKey Encrypter/Decrypter for the storage service agent",
)
_NO_BUCKET = Rule(NoStoreError, "there is no bucket `{bucket}` at `{endpoint}`", "check `store`, or create the bucket")
_NO_OBJECT = Rule(NotFoundError, "there is no such object")
_NO_UPLOAD = Rule(NotFoundError, "that upload is gone: completed, aborted, or expired", _AGAIN)
_THROTTLED = Rule(TransientError, "it asks for fewer requests", _AGAIN)
_FAILING = Rule(TransientError, "the store fails for the moment", _AGAIN)
_BUSY = Rule(TransientError, "another operation on it is under way", _AGAIN)
_OTHER_BYTES = Rule(ChecksumError, "the bytes that arrived are not those of the checksum; nothing was stored")
_CHANGED = Rule(ChangedError, "it changed meanwhile")
_EXISTS = Rule(ExistsError, "it exists already")
_ELSEWHERE = Rule(StoreError, "`{endpoint}` does not answer like Cloud Storage", "check `endpoint` of `store`")
_REFUSED = Rule(StoreError, "the request was refused")

# A status, some words of the message, and what both together mean; in this order.
BY_WORDS: tuple[tuple[int, str, Rule], ...] = (
    (404, "no such object", _NO_OBJECT),
    (404, "bucket does not exist", _NO_BUCKET),
    (404, "no such bucket", _NO_BUCKET),
    (400, "doesn't match calculated", _OTHER_BYTES),
    (400, "requester pays", _PAYER),
    (403, "cloud kms", _KMS),
    (400, "kms", _KMS),
)

BY_REASON: dict[str, Rule] = {
    "rateLimitExceeded": _THROTTLED,
    "userRateLimitExceeded": _THROTTLED,
    "quotaExceeded": _THROTTLED,
    "backendError": _FAILING,
    "internalError": _FAILING,
    "conflict": _BUSY,
    "authError": _UNKNOWN,
    "insufficientPermissions": _SCOPES,
    "UserProjectMissing": _PAYER,
    "UserProjectAccessDenied": _PAYER,
    "UserProjectInconsistent": _PAYER,
    "retentionPolicyNotMet": _KEPT,
    "objectUnderActiveHold": _KEPT,
    "accountDisabled": _CLOSED,
    "projectDisabled": _CLOSED,
    "countryBlocked": _CLOSED,
}

BY_STATUS: dict[int, Rule] = {
    301: _ELSEWHERE,
    302: _ELSEWHERE,
    307: _ELSEWHERE,
    401: Rule(DeniedError, "access denied to {who}", _LOGIN),
    403: _DENIED,
    404: _NO_OBJECT,
    405: _ELSEWHERE,
    408: _FAILING,
    409: _BUSY,
    412: _CHANGED,
    413: Rule(StoreError, "it is too large for this store"),
    416: Rule(StoreError, "it has no such range of bytes"),
    429: _THROTTLED,
}

# What a session URI answers once the session is over; 499 after it was cancelled.
OVER = frozenset({404, 410, 499})


def rule_for(operation: Operation, refusal: Refusal, *, create_only: bool) -> Rule:
    """What a refusal means: by its words, else by its reason, else by its status."""
    if operation.session and refusal.status in OVER:
        return _NO_UPLOAD
    said = refusal.message.lower()
    for status, words, rule in BY_WORDS:
        if refusal.status == status and words in said:
            return rule
    found = BY_REASON.get(refusal.reason) or BY_STATUS.get(refusal.status)
    if found is None:
        return _FAILING if refusal.status >= 500 else _REFUSED
    if found is _CHANGED and create_only:
        return _EXISTS
    if found is _NO_OBJECT and operation in (LIST, CREATE, REPLACE):
        return _NO_BUCKET
    return _DENIED_READ if found is _DENIED and operation is READ else found


def refused(operation: Operation, key: str, place: Place, refusal: Refusal, *, create_only: bool) -> StoreError:
    """The error for a refusal of an operation on `key` (empty for the store itself)."""
    rule = rule_for(operation, refusal, create_only=create_only)
    words = {"permission": operation.permission, **place._asdict()}
    told = f"{refusal.status}: {refusal.message}" if refusal.message else str(refusal.status)
    hint = rule.hint.format(**words) if rule.hint else None
    return rule.error(f"{tried(operation, key, place)}: {rule.reason.format(**words)} ({told})", hint=hint)


def no_sense(operation: Operation, key: str, place: Place) -> StoreError:
    """The error for a success that holds something else than it should, such as the page of a proxy."""
    reason = _ELSEWHERE.reason.format(**place._asdict())
    return StoreError(f"{tried(operation, key, place)}: {reason}", hint=_ELSEWHERE.hint)


def told(status: int, body: bytes) -> Refusal:
    """The refusal that a reply is."""
    try:
        error = json.loads(body)["error"]
        message, reason = str(error["message"]), str(error["errors"][0]["reason"])
    except (ValueError, LookupError, TypeError):
        message, reason = body.decode("utf-8", errors="replace"), ""
        if message.lstrip().startswith("<"):  # a page, of a proxy or of a front end
            message = ""
    return Refusal(status, reason, printable(" ".join(message.split()))[:_LONGEST_MESSAGE])


def tried(operation: Operation, key: str, place: Place) -> str:
    """The beginning of every message."""
    if not key:
        return f"cannot {operation.verb} `{place.store}`"
    return f"cannot {operation.verb} `{printable(key)}` in `{place.store}`"


_Exceptions = tuple[type[Exception], ...]
_NETWORK = "check the network, `endpoint` of `store`, and `STORAGE_EMULATOR_HOST`"
# In this order: aiohttp's errors are kinds of each other.
BY_EXCEPTION: tuple[tuple[_Exceptions, Rule], ...] = (
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
        Rule(UnreachableError, "the proxy fails", "check `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`"),
    ),
    (
        (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL),
        Rule(UnreachableError, "`{endpoint}` can't be reached", _NETWORK),
    ),
    ((TimeoutError,), Rule(TransientError, "`{endpoint}` does not answer", _AGAIN)),
    ((aiohttp.ClientError, OSError), Rule(TransientError, "the connection was cut", _AGAIN)),
)


def cut(operation: Operation, key: str, place: Place, error: Exception) -> StoreError:
    """The error for an exchange that failed on the way, from an exception of aiohttp or of the socket."""
    for kinds, rule in BY_EXCEPTION:
        if isinstance(error, kinds):
            reason = rule.reason.format(**place._asdict())
            cause = printable(" ".join(str(error).split())) or type(error).__name__
            return rule.error(f"{tried(operation, key, place)}: {reason} ({cause})", hint=rule.hint)
    raise error


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
    ("invalid_grant", Rule(DeniedError, "{who} have expired", _LOGIN)),
    ("", Rule(DeniedError, "{who} can't be used", _LOGIN)),
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
        return TransientError(f"{doing}: the server that issues tokens fails for the moment ({said})", hint=_AGAIN)
    rule = next(rule for words, rule in BY_CREDENTIALS if words in said)
    return rule.error(f"{doing}: {rule.reason.format(**place._asdict())} ({said})", hint=rule.hint)
