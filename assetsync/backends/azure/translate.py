"""Refusals of Azure and their meaning here: by the code, else by the status; then errors of the network.

The codes are those of the REST reference, "Common REST API error codes" and "Blob Storage error codes". They come in a
header too, hence also in reply to a HEAD. The SDK's exceptions quote URLs, which may hold a SAS token: their text is
cut to what is known to be harmless, and they are not chained.
"""

from __future__ import annotations

import re

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from requests.exceptions import RequestException
from urllib3 import exceptions

from assetsync.backends.azure.access import WAYS_IN
from assetsync.backends.azure.wire import TooLargeError
from assetsync.backends.refusal import (
    AGAIN,
    CHANGED,
    CUT,
    EXISTS,
    FAILING,
    NO_OBJECT,
    NO_PROXY,
    OTHER_BYTES,
    REFUSED,
    SILENT,
    THROTTLED,
    ByException,
    Operation,
    Place,
    Refusal,
    Rule,
    error_by,
    meaning,
    rule_by,
    rule_for_exception,
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

# Of Azure's own, the longest has some 50; of a message, a line is quoted.
_LONGEST_CODE = 100
_LONGEST_MESSAGE = 400

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


_ALLOW = (
    "give these credentials, which come from {credentials}, the role `{permission}` on `{bucket}`; a SAS token needs "
    "the permission itself"
)
_SAS = "get a SAS token that allows this; the credentials come from {credentials}"
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
_KEPT = Rule(DeniedError, "an immutability policy or a legal hold keeps it as it is", "ask the owner of `{bucket}`")
_NO_CONTAINER = Rule(
    NoStoreError,
    "there is no container `{bucket}` at `{endpoint}`",
    "check `store` and the account, or create it: `az storage container create --name {bucket}`",
)
_NO_PARTS = Rule(NotFoundError, "its parts are gone: completed by someone else, or expired", AGAIN)
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

BY_CODE: dict[str, Rule] = {
    **meaning(_NO_CONTAINER, "ContainerNotFound FilesystemNotFound"),
    "ContainerBeingDeleted": Rule(NoStoreError, "the container `{bucket}` is being deleted", "check `store`"),
    **meaning(_CLOSED, "ContainerDisabled AccountIsDisabled"),
    **meaning(NO_OBJECT, "BlobNotFound ResourceNotFound PathNotFound"),
    **meaning(_UNKNOWN, "AuthenticationFailed InvalidAuthenticationInfo NoAuthenticationInformation"),
    "AuthorizationFailure": Rule(
        DeniedError,
        "access denied",
        "the account's network rules may shut this machine out; else " + _ALLOW,
    ),
    **meaning(_DENIED, "AuthorizationPermissionMismatch InsufficientAccountPermissions PublicAccessNotPermitted"),
    **meaning(_LIMITED, "AuthorizationServiceMismatch AuthorizationResourceTypeMismatch AuthorizationProtocolMismatch"),
    **meaning(_LIMITED, "AuthorizationSourceIPMismatch"),
    "KeyBasedAuthenticationNotPermitted": Rule(
        DeniedError, "the account takes no keys", "unset {credentials}, and `az login` or use a managed identity"
    ),
    "AccountRequiresHttps": Rule(DeniedError, "the account takes `https` only", "write `https://` in `endpoint`"),
    # The last one goes to credentials that may create, but not overwrite.
    **meaning(EXISTS, "BlobAlreadyExists ResourceAlreadyExists PathAlreadyExists UnauthorizedBlobOverwrite"),
    **meaning(CHANGED, "ConditionNotMet TargetConditionNotMet SourceConditionNotMet BlobOverwritten"),
    **meaning(OTHER_BYTES, "Md5Mismatch InvalidMd5 Crc64Mismatch"),
    "InvalidBlockList": _NO_PARTS,
    **meaning(_OTHER_PARTS, "InvalidBlobOrBlock InvalidBlockId BlockCountExceedsLimit"),
    **meaning(_TOO_LARGE, "BlockListTooLong RequestBodyTooLarge"),
    **meaning(_NAME, "InvalidResourceName InvalidUri RequestUrlFailedToParse"),
    **meaning(_ARCHIVED, "BlobArchived BlobBeingRehydrated"),
    "InvalidBlobType": Rule(StoreError, "it is a page blob or an append blob, which assets are not"),
    **meaning(_LEASED, "LeaseIdMissing LeaseIdMismatchWithBlobOperation"),
    **meaning(_KEPT, "BlobImmutableDueToPolicy BlobImmutableDueToLegalHold"),
    **meaning(_NO_COPY, "CannotVerifyCopySource CopyAcrossAccountsNotSupported"),
    "PendingCopyOperation": Rule(TransientError, "a copy to it is under way", AGAIN),
    **meaning(THROTTLED, "ServerBusy SystemInUse"),
    **meaning(FAILING, "InternalError OperationTimedOut"),
}

BY_STATUS: dict[int, Rule] = {
    401: _UNKNOWN,
    403: _DENIED,
    408: FAILING,
    412: CHANGED,
    429: THROTTLED,
}

# Words of a refusal of credentials, in lower case; in this order.
BY_WORDS: tuple[tuple[str, Rule], ...] = (
    ("time frame", _EXPIRED),
    ("expired", _EXPIRED),
    ("date header", _CLOCK),
    # Azurite's way to say AuthenticationFailed.
    ("failed to authenticate", _UNKNOWN),
)


def rule_for(refusal: Refusal, *, create_only: bool) -> Rule:
    """The rule for a refusal: by its code, else by its status."""
    rule = rule_by(refusal, BY_CODE, BY_STATUS, create_only=create_only)
    if rule is REFUSED:
        if "encryption scope" in refusal.message.lower():
            return _SCOPE
        # Azure always gives a code. A 404 without one says nothing of the object.
        return REFUSED if refusal.code else _ELSEWHERE
    if rule.error is DeniedError:
        said = f"{refusal.detail} {refusal.message}".lower()
        return next((found for words, found in BY_WORDS if words in said), rule)
    if rule is _NO_COPY and refusal.status == 404:
        return NO_OBJECT
    return rule


def translated(operation: Operation, key: str, place: Place, error: Exception, *, create_only: bool) -> StoreError:
    """The error for an exception of the SDK or the wire, raised by an operation on `key` (empty for the store)."""
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
    told = " ".join(filter(None, (str(refusal.status), printable(refusal.code[:_LONGEST_CODE]))))
    if rule is REFUSED:
        told += f": {refusal.message}"
    return error_by(rule, operation, key, place, told)


# In this order: some of urllib3's exceptions are kinds of each other. Those of the SDK are of its identities.
BY_EXCEPTION: ByException = (
    # A key that is not base64, or no identity at all.
    ((ClientAuthenticationError,), Rule(DeniedError, "there are no valid credentials: see {credentials}", WAYS_IN)),
    (
        (exceptions.SSLError,),
        Rule(
            UnreachableError,
            "no trusted connection to `{endpoint}`",
            "name the certificate authority in `REQUESTS_CA_BUNDLE`, or write `http://` in `endpoint` if it speaks no "
            "TLS",
        ),
    ),
    ((exceptions.ProxyError, exceptions.LocationValueError, RequestException), NO_PROXY),
    (
        (exceptions.ConnectTimeoutError, exceptions.NewConnectionError, ServiceRequestError),
        Rule(UnreachableError, "`{endpoint}` can't be reached", "check the network, and the account or `endpoint`"),
    ),
    ((exceptions.ReadTimeoutError,), SILENT),
    ((TooLargeError,), _ELSEWHERE),
    ((exceptions.HTTPError, ServiceResponseError), CUT),
)


# Exceptions with which the SDK, which takes every reply for one of Azure, breaks off at others.
NO_SENSE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, ImportError, OSError)


def no_sense(operation: Operation, key: str, place: Place, error: Exception) -> StoreError:
    """The error for a reply that the SDK could not read."""
    return error_by(_ELSEWHERE, operation, key, place, type(error).__name__)


def _cut(operation: Operation, key: str, place: Place, error: Exception) -> StoreError:
    rule = rule_for_exception(BY_EXCEPTION, error) or _ELSEWHERE
    return error_by(rule, operation, key, place, _cause(error))


def _cause(error: Exception) -> str:
    """The innermost reason, one line of it, without the query of any URL."""
    inner: BaseException = getattr(error, "inner_exception", None) or error
    while inner.args and isinstance(inner.args[-1], Exception):
        inner = inner.args[-1]
    line = next(iter(str(inner).splitlines()), "") or type(inner).__name__
    return printable(re.sub(r"\?[^\s'\"]*=[^\s'\")]*", "?…", line.rpartition("): ")[2])[:_LONGEST_MESSAGE])
