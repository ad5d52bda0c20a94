"""What Azure says when it refuses, and what that means here: by its code, else by its status; then the network.

The codes are those of the REST reference, "Common REST API error codes" and "Blob Storage error codes". They come in a
header too, hence also in reply to a HEAD. The SDK's exceptions quote URLs, which may hold a SAS token: their text is
cut to what is known to be harmless, and they are not chained.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import requests.exceptions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)

from assetsync.backends.azure.access import WAYS_IN
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
from assetsync.escape import printable


class Operation(NamedTuple):
    """What was tried, in words, and the role that allows it."""

    verb: str
    role: str


_READER = "Storage Blob Data Reader"
_CONTRIBUTOR = "Storage Blob Data Contributor"
LIST = Operation("list", _READER)
READ = Operation("read", _READER)
CREATE = Operation("create", _CONTRIBUTOR)
REPLACE = Operation("replace", _CONTRIBUTOR)
COPY = Operation("copy", _CONTRIBUTOR)
DELETE = Operation("delete", _CONTRIBUTOR)
SEND_PARTS = Operation("upload parts of", _CONTRIBUTOR)
LIST_PARTS = Operation("list the uploaded parts of", _READER)


class Refusal(NamedTuple):
    """A reply that is not a success. `code` is empty where it is not Azure that answered; `detail` is rarely there."""

    status: int
    code: str
    message: str
    detail: str = ""


class Place(NamedTuple):
    """What messages name: the store's URL, its container, the account's URL, where the credentials come from."""

    store: str
    container: str
    endpoint: str
    credentials: str


class Rule(NamedTuple):
    """An error and its words. Both may name a `{role}`, and the fields of `Place`."""

    error: type[StoreError]
    reason: str
    hint: str | None = None


_AGAIN = "run the same command again; what was uploaded is kept"
_ALLOW = (
    "give these credentials, which come from {credentials}, the role `{role}` on `{container}`; a SAS token needs the "
    "permission itself"
)
_SAS = "get a SAS token that allows this; the credentials come from {credentials}"
_THROTTLED = Rule(TransientError, "it asks for fewer requests", _AGAIN)
_FAILING = Rule(TransientError, "the store fails for the moment", _AGAIN)
_DENIED = Rule(DeniedError, "access denied", _ALLOW)
_LIMITED = Rule(DeniedError, "the SAS token does not allow this", _SAS)
_UNKNOWN = Rule(
    DeniedError,
    "the credentials, which come from {credentials}, are not accepted",
    "check them, that they belong to `{endpoint}`, and this machine's clock",
)
_EXPIRED = Rule(DeniedError, "the credentials, which come from {credentials}, have expired", "get new ones")
_CLOCK = Rule(DeniedError, "this machine's clock differs too much from the store's", "set the clock right, by NTP")
_CLOSED = Rule(DeniedError, "the account or the container is disabled", "ask its owner")
_LEASED = Rule(DeniedError, "someone holds a lease on it", "break the lease: `az storage blob lease break`")
_KEPT = Rule(DeniedError, "an immutability policy or a legal hold keeps it as it is", "ask the owner of `{container}`")
_NO_CONTAINER = Rule(
    NoStoreError,
    "there is no container `{container}` at `{endpoint}`",
    "check `store` and the account, or create it: `az storage container create --name {container}`",
)
_NO_OBJECT = Rule(NotFoundError, "there is no such object")
_EXISTS = Rule(ExistsError, "it exists already")
_CHANGED = Rule(ChangedError, "it changed meanwhile")
_OTHER_BYTES = Rule(ChecksumError, "the bytes that arrived are not those of the checksum; nothing was stored")
_NO_PARTS = Rule(NotFoundError, "its parts are gone: completed by someone else, or expired", _AGAIN)
_OTHER_PARTS = Rule(
    StoreError,
    "an unfinished upload by another program lies there",
    "have it deleted, `az storage blob delete`, or plan again a week later, when Azure has dropped it",
)
_TOO_LARGE = Rule(StoreError, "it is too large for Azure Blob Storage")
_NAME = Rule(StoreError, "its name is none that Azure Blob Storage takes", "shorten it, and write it in plain letters")
_ARCHIVED = Rule(StoreError, "it is archived", "move it to an online tier: `az storage blob set-tier`, and wait")
_NO_COPY = Rule(UnsupportedError, "the account does not let it copy")
_SCOPE = Rule(
    DeniedError,
    "the encryption scope can't be used",
    "`kms_key_id` of `store` must name an enabled encryption scope",
)
_ELSEWHERE = Rule(
    StoreError, "`{endpoint}` does not answer like Azure Blob Storage", "check the account, and `endpoint` of `store`"
)
_REFUSED = Rule(StoreError, "the request was refused")

BY_CODE: dict[str, Rule] = {
    "ContainerNotFound": _NO_CONTAINER,
    "FilesystemNotFound": _NO_CONTAINER,
    "ContainerBeingDeleted": Rule(NoStoreError, "the container `{container}` is being deleted", "check `store`"),
    "ContainerDisabled": _CLOSED,
    "AccountIsDisabled": _CLOSED,
    "BlobNotFound": _NO_OBJECT,
    "ResourceNotFound": _NO_OBJECT,
    "PathNotFound": _NO_OBJECT,
    "AuthenticationFailed": _UNKNOWN,
    "InvalidAuthenticationInfo": _UNKNOWN,
    "NoAuthenticationInformation": _UNKNOWN,
    "AuthorizationFailure": Rule(
        DeniedError,
        "access denied",
        "the account's network rules may shut this machine out; else " + _ALLOW,
    ),
    "AuthorizationPermissionMismatch": _DENIED,
    "InsufficientAccountPermissions": _DENIED,
    "PublicAccessNotPermitted": _DENIED,
    "AuthorizationServiceMismatch": _LIMITED,
    "AuthorizationResourceTypeMismatch": _LIMITED,
    "AuthorizationProtocolMismatch": _LIMITED,
    "AuthorizationSourceIPMismatch": _LIMITED,
    "KeyBasedAuthenticationNotPermitted": Rule(
        DeniedError, "the account takes no keys", "unset {credentials}, and `az login` or use a managed identity"
    ),
    "AccountRequiresHttps": Rule(DeniedError, "the account takes `https` only", "write `https://` in `endpoint`"),
    "BlobAlreadyExists": _EXISTS,
    "ResourceAlreadyExists": _EXISTS,
    "PathAlreadyExists": _EXISTS,
    # To credentials that may create, but not overwrite.
    "UnauthorizedBlobOverwrite": _EXISTS,
    "ConditionNotMet": _CHANGED,
    "TargetConditionNotMet": _CHANGED,
    "SourceConditionNotMet": _CHANGED,
    "BlobOverwritten": _CHANGED,
    "Md5Mismatch": _OTHER_BYTES,
    "InvalidMd5": _OTHER_BYTES,
    "Crc64Mismatch": _OTHER_BYTES,
    "InvalidBlockList": _NO_PARTS,
    "InvalidBlobOrBlock": _OTHER_PARTS,
    "InvalidBlockId": _OTHER_PARTS,
    "BlockCountExceedsLimit": _OTHER_PARTS,
    "BlockListTooLong": _TOO_LARGE,
    "RequestBodyTooLarge": _TOO_LARGE,
    "InvalidResourceName": _NAME,
    "InvalidUri": _NAME,
    "RequestUrlFailedToParse": _NAME,
    "BlobArchived": _ARCHIVED,
    "BlobBeingRehydrated": _ARCHIVED,
    "InvalidBlobType": Rule(StoreError, "it is a page blob or an append blob, which assets are not"),
    "LeaseIdMissing": _LEASED,
    "LeaseIdMismatchWithBlobOperation": _LEASED,
    "BlobImmutableDueToPolicy": _KEPT,
    "BlobImmutableDueToLegalHold": _KEPT,
    "CannotVerifyCopySource": _NO_COPY,
    "CopyAcrossAccountsNotSupported": _NO_COPY,
    "PendingCopyOperation": Rule(TransientError, "a copy to it is under way", _AGAIN),
    "ServerBusy": _THROTTLED,
    "SystemInUse": _THROTTLED,
    "InternalError": _FAILING,
    "OperationTimedOut": _FAILING,
}

BY_STATUS: dict[int, Rule] = {
    401: _UNKNOWN,
    403: _DENIED,
    408: _FAILING,
    412: _CHANGED,
    429: _THROTTLED,
}

# What a refusal of credentials says beside its code, in lower case; in this order.
BY_WORDS: tuple[tuple[str, Rule], ...] = (
    ("time frame", _EXPIRED),
    ("expired", _EXPIRED),
    ("date header", _CLOCK),
    # Azurite's way to say AuthenticationFailed.
    ("failed to authenticate", _UNKNOWN),
)


def rule_for(refusal: Refusal, *, create_only: bool) -> Rule:
    """What a refusal means: by its code, else by its status."""
    rule = BY_CODE.get(refusal.code) or BY_STATUS.get(refusal.status)
    if rule is None:
        if refusal.status >= 500:
            return _FAILING
        if "encryption scope" in refusal.message.lower():
            return _SCOPE
        # Azure always gives a code. A 404 without one says nothing of the object.
        return _REFUSED if refusal.code else _ELSEWHERE
    if rule.error is DeniedError:
        said = f"{refusal.detail} {refusal.message}".lower()
        return next((found for words, found in BY_WORDS if words in said), rule)
    if rule is _NO_COPY and refusal.status == 404:
        return _NO_OBJECT
    return _EXISTS if rule is _CHANGED and create_only else rule


def translated(operation: Operation, key: str, place: Place, error: AzureError, *, create_only: bool) -> StoreError:
    """The error for an exception of the SDK, raised by an operation on `key` (empty for the store itself)."""
    response = error.response if isinstance(error, HttpResponseError) else None
    code = str(getattr(getattr(error, "error_code", None), "value", getattr(error, "error_code", None)) or "")
    if response is None or (not code and isinstance(error, ClientAuthenticationError)):
        return _cut(operation, key, place, error)
    detail = str(getattr(error, "additional_info", {}).get("authenticationerrordetail", ""))
    refusal = Refusal(response.status_code or 0, code, _cause(error), detail)
    return refused(operation, key, place, refusal, create_only=create_only)


def refused(operation: Operation, key: str, place: Place, refusal: Refusal, *, create_only: bool) -> StoreError:
    """The error for a refusal."""
    rule = rule_for(refusal, create_only=create_only)
    told = " ".join(filter(None, (str(refusal.status), printable(refusal.code))))
    if rule is _REFUSED:
        told += f": {refusal.message}"
    return _error(rule, operation, key, place, told)


_Exceptions = tuple[type[Exception], ...]
# In this order. The SDK's exceptions are matched together with those of requests that they were made from.
BY_EXCEPTION: tuple[tuple[_Exceptions, Rule], ...] = (
    # A key that is not base64, or no identity at all.
    ((ClientAuthenticationError,), Rule(DeniedError, "there are no valid credentials: see {credentials}", WAYS_IN)),
    (
        (requests.exceptions.SSLError,),
        Rule(
            UnreachableError,
            "no trusted connection to `{endpoint}`",
            "name the certificate authority in `REQUESTS_CA_BUNDLE`, or write `http://` in `endpoint` if it speaks no "
            "TLS",
        ),
    ),
    (
        (requests.exceptions.ProxyError,),
        Rule(UnreachableError, "the proxy fails", "check `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`"),
    ),
    ((ServiceResponseTimeoutError,), Rule(TransientError, "`{endpoint}` does not answer", _AGAIN)),
    ((ServiceResponseError, IncompleteReadError), Rule(TransientError, "the connection was cut", _AGAIN)),
    (
        (ServiceRequestError,),
        Rule(UnreachableError, "`{endpoint}` can't be reached", "check the network, and the account or `endpoint`"),
    ),
)


def _cut(operation: Operation, key: str, place: Place, error: AzureError) -> StoreError:
    found = (error, error.inner_exception)
    for kinds, rule in BY_EXCEPTION:
        if any(isinstance(candidate, kinds) for candidate in found):
            return _error(rule, operation, key, place, _cause(error))
    return _error(_ELSEWHERE, operation, key, place, _cause(error))


def _error(rule: Rule, operation: Operation, key: str, place: Place, told: str) -> StoreError:
    words = {"role": operation.role, **place._asdict()}
    where = f"`{printable(key)}` in `{place.store}`" if key else f"`{place.store}`"
    message = f"cannot {operation.verb} {where}: {rule.reason.format(**words)} ({told})"
    return rule.error(message, hint=rule.hint.format(**words) if rule.hint else None)


def _cause(error: AzureError) -> str:
    """The innermost reason, one line of it, without the query of any URL."""
    inner: BaseException = error.inner_exception or error
    while inner.args and isinstance(inner.args[-1], Exception):
        inner = inner.args[-1]
    line = next(iter(str(inner).splitlines()), "") or type(inner).__name__
    return printable(re.sub(r"\?[^\s'\"]*=[^\s'\")]*", "?…", line.rpartition("): ")[2]))
