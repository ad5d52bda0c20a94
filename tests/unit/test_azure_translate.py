"""Each refusal that Azure may answer with, each way in which a request may fail, and what they become."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import urllib3
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from requests.exceptions import InvalidProxyURL
from urllib3 import exceptions

from assetsync.backends.azure import translate
from assetsync.backends.azure.translate import refused, translated
from assetsync.backends.azure.wire import TooLargeError
from assetsync.backends.refusal import Place, Refusal
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

PLACE = Place("az://box/base", "box", "https://acc.example", "`AZURE_STORAGE_KEY`")

# code, error, a word of the message, a word of the hint
CODES: list[tuple[str, type[StoreError], str, str]] = [
    ("ContainerNotFound", NoStoreError, "no container `box` at `https://acc.example`", "--name box"),
    ("FilesystemNotFound", NoStoreError, "no container `box`", "--name box"),
    ("ContainerBeingDeleted", NoStoreError, "`box` is being deleted", "`store`"),
    ("ContainerDisabled", DeniedError, "disabled", "owner"),
    ("AccountIsDisabled", DeniedError, "disabled", "owner"),
    ("BlobNotFound", NotFoundError, "no such object", ""),
    ("ResourceNotFound", NotFoundError, "no such object", ""),
    ("PathNotFound", NotFoundError, "no such object", ""),
    ("AuthenticationFailed", DeniedError, "`AZURE_STORAGE_KEY`, are not accepted", "clock"),
    ("InvalidAuthenticationInfo", DeniedError, "not accepted", "`https://acc.example`"),
    ("NoAuthenticationInformation", DeniedError, "not accepted", "`https://acc.example`"),
    ("AuthorizationFailure", DeniedError, "access denied", "network rules"),
    ("AuthorizationPermissionMismatch", DeniedError, "access denied", "`Storage Blob Data Contributor` on `box`"),
    ("InsufficientAccountPermissions", DeniedError, "access denied", "`Storage Blob Data Contributor` on `box`"),
    ("PublicAccessNotPermitted", DeniedError, "access denied", "role"),
    ("AuthorizationServiceMismatch", DeniedError, "SAS token", "SAS token"),
    ("AuthorizationResourceTypeMismatch", DeniedError, "SAS token", "SAS token"),
    ("AuthorizationProtocolMismatch", DeniedError, "SAS token", "SAS token"),
    ("AuthorizationSourceIPMismatch", DeniedError, "SAS token", "SAS token"),
    ("KeyBasedAuthenticationNotPermitted", DeniedError, "takes no keys", "unset `AZURE_STORAGE_KEY`"),
    ("AccountRequiresHttps", DeniedError, "`https` only", "`endpoint`"),
    ("BlobAlreadyExists", ExistsError, "exists already", ""),
    ("ResourceAlreadyExists", ExistsError, "exists already", ""),
    ("PathAlreadyExists", ExistsError, "exists already", ""),
    ("UnauthorizedBlobOverwrite", ExistsError, "exists already", ""),
    ("ConditionNotMet", ChangedError, "changed", ""),
    ("TargetConditionNotMet", ChangedError, "changed", ""),
    ("SourceConditionNotMet", ChangedError, "changed", ""),
    ("BlobOverwritten", ChangedError, "changed", ""),
    ("Md5Mismatch", ChecksumError, "nothing was stored", ""),
    ("InvalidMd5", ChecksumError, "nothing was stored", ""),
    ("Crc64Mismatch", ChecksumError, "nothing was stored", ""),
    ("InvalidBlockList", NotFoundError, "parts are gone", "again"),
    ("InvalidBlobOrBlock", StoreError, "another program", "a week"),
    ("InvalidBlockId", StoreError, "another program", "a week"),
    ("BlockCountExceedsLimit", StoreError, "another program", "a week"),
    ("BlockListTooLong", StoreError, "too large", ""),
    ("RequestBodyTooLarge", StoreError, "too large", ""),
    ("InvalidResourceName", StoreError, "its name", "shorten"),
    ("InvalidUri", StoreError, "its name", "shorten"),
    ("RequestUrlFailedToParse", StoreError, "its name", "shorten"),
    ("BlobArchived", StoreError, "archived", "set-tier"),
    ("BlobBeingRehydrated", StoreError, "archived", "set-tier"),
    ("InvalidBlobType", StoreError, "page blob", ""),
    ("LeaseIdMissing", DeniedError, "lease", "lease break"),
    ("LeaseIdMismatchWithBlobOperation", DeniedError, "lease", "lease break"),
    ("BlobImmutableDueToPolicy", DeniedError, "immutability policy", "owner of `box`"),
    ("BlobImmutableDueToLegalHold", DeniedError, "legal hold", "owner of `box`"),
    ("CannotVerifyCopySource", UnsupportedError, "let it copy", ""),
    ("CopyAcrossAccountsNotSupported", UnsupportedError, "let it copy", ""),
    ("PendingCopyOperation", TransientError, "copy to it is under way", "again"),
    ("ServerBusy", TransientError, "fewer requests", "again"),
    ("SystemInUse", TransientError, "fewer requests", "again"),
    ("InternalError", TransientError, "fails for the moment", "again"),
    ("OperationTimedOut", TransientError, "fails for the moment", "again"),
]

# What a reply without a code becomes: it comes from a proxy, or from something that is not Azure.
STATUSES: list[tuple[int, type[StoreError], str]] = [
    (401, DeniedError, "not accepted"),
    (403, DeniedError, "access denied"),
    (408, TransientError, "fails for the moment"),
    (412, ChangedError, "changed"),
    (429, TransientError, "fewer requests"),
    # and those that are in no table
    (500, TransientError, "fails for the moment"),
    (502, TransientError, "fails for the moment"),
    (503, TransientError, "fails for the moment"),
    (301, StoreError, "does not answer like Azure"),
    (400, StoreError, "does not answer like Azure"),
    (404, StoreError, "does not answer like Azure"),
    (409, StoreError, "does not answer like Azure"),
]


def _refused(
    status: int, code: str = "", message: str = "", detail: str = "", *, create_only: bool = False
) -> StoreError:
    refusal = Refusal(status, code, message, detail)
    return refused(translate.CREATE, "a/1.0", PLACE, refusal, create_only=create_only)


@pytest.mark.parametrize(("code", "error", "said", "hinted"), CODES, ids=[row[0] for row in CODES])
def test_a_code_becomes_an_error(code: str, error: type[StoreError], said: str, hinted: str) -> None:
    found = _refused(400, code)
    assert type(found) is error
    assert found.message.startswith("cannot create `a/1.0` in `az://box/base`: ")
    assert said in found.message
    assert found.message.endswith(f"(400 {code})")
    assert bool(found.hint) == bool(hinted)
    assert hinted in (found.hint or "")


def test_every_row_of_the_table_is_tested() -> None:
    assert {row[0] for row in CODES} == set(translate.BY_CODE)
    assert {row[0] for row in STATUSES} >= set(translate.BY_STATUS)


@pytest.mark.parametrize(("status", "error", "said"), STATUSES)
def test_a_status_without_a_code_becomes_an_error(status: int, error: type[StoreError], said: str) -> None:
    found = _refused(status)
    assert type(found) is error
    assert said in found.message


def test_a_404_that_is_not_of_azure_is_not_absence() -> None:
    assert not isinstance(_refused(404), NotFoundError)


def test_an_unknown_code_is_shown_with_azures_own_words() -> None:
    found = _refused(409, "SomethingNew", "Of some kind")
    assert type(found) is StoreError
    assert "409 SomethingNew: Of some kind" in found.message


@pytest.mark.parametrize("code", ["ConditionNotMet", "TargetConditionNotMet", ""])
def test_a_condition_of_create_only_that_fails_means_that_it_exists(code: str) -> None:
    assert type(_refused(412, code, create_only=True)) is ExistsError


def test_the_source_of_a_copy_may_be_missing() -> None:
    assert type(_refused(404, "CannotVerifyCopySource")) is NotFoundError


@pytest.mark.parametrize(
    ("detail", "said", "hinted"),
    [
        ("Signature not valid in the specified time frame: Start [x] - Expiry [y]", "have expired", "new ones"),
        ("Lifetime validation failed. The token is expired.", "have expired", "new ones"),
        ("Request date header too old: 'Fri, 04 Oct 2019 18:02:12 GMT'", "clock", "NTP"),
        ("The MAC signature found in the HTTP request is not the same", "not accepted", "check them"),
    ],
)
def test_what_is_wrong_with_credentials_is_told_apart(detail: str, said: str, hinted: str) -> None:
    found = _refused(403, "AuthenticationFailed", "", detail)
    assert isinstance(found, DeniedError)
    assert said in found.message
    assert hinted in (found.hint or "")
    assert detail not in found.message


def test_a_wrong_key_for_azurite_is_a_wrong_key() -> None:
    assert "not accepted" in _refused(403, "AuthorizationFailure", "Server failed to authenticate the request").message


def test_an_encryption_scope_that_is_refused_is_named_as_the_reason() -> None:
    found = _refused(409, "SomethingNew", "The encryption scope is disabled.")
    assert isinstance(found, DeniedError)
    assert "kms_key_id" in (found.hint or "")


def _with_reply(kind: type[HttpResponseError], status: int, code: str | None, message: str = "m") -> HttpResponseError:
    response: Any = SimpleNamespace(status_code=status, reason="r", headers={})
    error = kind(message=message, response=response)
    error.error_code = code  # type: ignore[attr-defined] # as the SDK sets it
    return error


def _translated(error: Exception) -> StoreError:
    return translated(translate.LIST, "", PLACE, error, create_only=False)


POOL: Any = urllib3.HTTPConnectionPool("acc.example", 1)  # its messages begin with it

NETWORK: list[tuple[Exception, type[StoreError], str, str]] = [
    (ClientAuthenticationError("no identity\nand much more"), DeniedError, "no identity", "AZURE_STORAGE_KEY"),
    (
        _with_reply(ClientAuthenticationError, 401, None, "AADSTS7000215: Invalid client secret"),
        DeniedError,
        "AADSTS7000215",
        "AZURE_STORAGE_KEY",
    ),
    (ServiceRequestError("no such issuer"), UnreachableError, "no such issuer", "network"),
    (ServiceResponseError("x", error=ConnectionResetError(104, "reset by peer")), TransientError, "was cut", "again"),
    (exceptions.SSLError("self-signed"), UnreachableError, "self-signed", "REQUESTS_CA_BUNDLE"),
    (exceptions.ProxyError("x", OSError("refused")), UnreachableError, "the proxy fails (refused)", "HTTPS_PROXY"),
    (InvalidProxyURL("malformed"), UnreachableError, "the proxy fails", "HTTPS_PROXY"),
    (exceptions.LocationParseError("http://x:y"), UnreachableError, "the proxy fails", "HTTPS_PROXY"),
    (
        exceptions.NewConnectionError(POOL, "Failed to establish: [Errno 111] Connection refused"),
        UnreachableError,
        "can't be reached (Failed to establish: [Errno 111] Connection refused)",
        "network",
    ),
    (exceptions.ConnectTimeoutError(POOL, "timed out"), UnreachableError, "timed out", "network"),
    (exceptions.ReadTimeoutError(POOL, "/", "Read timed out."), TransientError, "does not answer", "again"),
    (
        exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset by peer")),
        TransientError,
        "was cut ([Errno 104] reset by peer)",
        "again",
    ),
    (exceptions.IncompleteRead(2, 3), TransientError, "was cut", "again"),
    (TooLargeError("the reply is larger than 5 bytes"), StoreError, "larger than 5 bytes", "`endpoint`"),
    (DecodeError("not XML"), StoreError, "does not answer like Azure", "`endpoint`"),
    (AzureError("strange"), StoreError, "strange", "`endpoint`"),
]


@pytest.mark.parametrize(("error", "kind", "said", "hinted"), NETWORK, ids=[type(row[0]).__name__ for row in NETWORK])
def test_a_failed_exchange_becomes_an_error(error: Exception, kind: type[StoreError], said: str, hinted: str) -> None:
    found = _translated(error)
    assert type(found) is kind
    assert found.message.startswith("cannot list `az://box/base`: ")
    assert said in found.message
    assert "\n" not in found.message
    assert hinted in (found.hint or "")


def test_an_exception_with_a_reply_is_a_refusal() -> None:
    found = _translated(_with_reply(HttpResponseError, 404, "ContainerNotFound"))
    assert type(found) is NoStoreError
    assert "404 ContainerNotFound" in found.message


def test_no_message_holds_the_query_of_a_url() -> None:
    told = "Max retries exceeded with url: /box/a?sv=2024&sig=SECRET%3D (Caused by something)"
    for error in (ServiceRequestError(told), _with_reply(HttpResponseError, 409, "SomethingNew", told)):
        found = _translated(error)
        assert "SECRET" not in found.message
        assert "/box/a?…" in found.message


def test_what_a_server_says_can_not_control_a_terminal() -> None:
    found = _refused(409, "New\x1b[31m", "m")
    assert "\x1b" not in found.message
