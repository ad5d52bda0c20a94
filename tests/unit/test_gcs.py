"""Cloud Storage without a server: what its refusals mean, whose credentials are used, and where requests go."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import aiohttp
import google.auth
import google.auth.exceptions
import pytest
from gcsfs.retry import HttpError

from assetsync.backends.gcs import client, digest, translate
from assetsync.backends.gcs import store as gcs
from assetsync.backends.gcs.translate import COPY, CREATE, DELETE, LIST, READ, REPLACE, SEND_PARTS
from assetsync.backends.opening import open_backend
from assetsync.backends.refusal import NoRangeError, Operation, Place, Refusal, UnchangedError
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
    UsageError,
)
from assetsync.model.manifest import StoreConfig

PLACE = Place("gs://bucket/pre", "bucket", "https://storage.googleapis.com", "the credentials of a test")


def refusal(status: int, message: str = "", reason: str = "") -> bytes:
    return json.dumps({"error": {"code": status, "message": message, "errors": [{"reason": reason}]}}).encode()


def refused(
    status: int,
    message: str = "",
    reason: str = "",
    *,
    operation: Operation = READ,
    key: str = "a/1.0",
    create_only: bool = False,
) -> StoreError:
    told = translate.told(status, refusal(status, message, reason))
    return translate.refused(operation, key, PLACE, told, create_only=create_only)


@pytest.mark.parametrize(
    ("status", "message", "reason", "error", "says"),
    [
        (404, "No such object: bucket/pre/a/1.0", "notFound", NotFoundError, "no such object"),
        (404, "The specified bucket does not exist.", "notFound", NoStoreError, "no bucket `bucket`"),
        (404, "", "", NotFoundError, "no such object"),
        (
            400,
            'Provided MD5 hash "x" doesn\'t match calculated MD5 hash "y".',
            "invalid",
            ChecksumError,
            "not those of the checksum",
        ),
        (400, "Bucket is a requester pays bucket but no user project provided.", "required", DeniedError, "pay"),
        (400, "User project specified in the request is invalid.", "UserProjectInconsistent", DeniedError, "pay"),
        (403, "x does not have serviceusage.services.use access", "UserProjectAccessDenied", DeniedError, "pay"),
        (403, "Permission denied on Cloud KMS key.", "forbidden", DeniedError, "KMS"),
        (400, "The KMS key is in another location.", "invalid", DeniedError, "KMS"),
        (401, "Anonymous caller does not have access", "required", DeniedError, "denied to the credentials of a test"),
        (401, "Invalid Credentials", "authError", DeniedError, "does not accept the credentials of a test"),
        (403, "x does not have storage.objects.get access", "forbidden", DeniedError, "access denied"),
        (403, "Insufficient Permission", "insufficientPermissions", DeniedError, "scope"),
        (
            403,
            "The object is subject to a retention policy.",
            "retentionPolicyNotMet",
            DeniedError,
            "keeps its objects",
        ),
        (403, "The billing account is disabled.", "accountDisabled", DeniedError, "closed"),
        (403, "Rate limit", "rateLimitExceeded", TransientError, "fewer requests"),
        (403, "Rate limit", "userRateLimitExceeded", TransientError, "fewer requests"),
        (408, "", "", TransientError, "fails for the moment"),
        (409, "", "conflict", TransientError, "another operation"),
        (
            412,
            "At least one of the pre-conditions you specified did not hold.",
            "conditionNotMet",
            ChangedError,
            "changed",
        ),
        (413, "", "", StoreError, "too large"),
        (416, "", "", NoRangeError, "no such range"),
        (429, "exceeded the rate limit for object mutation operations", "rateLimitExceeded", TransientError, "fewer"),
        (500, "Backend Error", "backendError", TransientError, "fails for the moment"),
        (502, "", "", TransientError, "fails for the moment"),
        (503, "", "", TransientError, "fails for the moment"),
        (504, "", "", TransientError, "fails for the moment"),
        (304, "", "", UnchangedError, "has not changed"),
        (301, "", "", StoreError, "does not answer like Cloud Storage"),
        (307, "", "", StoreError, "does not answer like Cloud Storage"),
        (405, "", "", StoreError, "does not answer like Cloud Storage"),
        (400, "Something new", "brandNew", StoreError, "refused"),
        (410, "", "", StoreError, "refused"),
    ],
)
def test_a_refusal_means(status: int, message: str, reason: str, error: type[StoreError], says: str) -> None:
    found = refused(status, message, reason)
    assert type(found) is error
    assert found.message.startswith("cannot read `a/1.0` in `gs://bucket/pre`: ")
    assert says in found.message
    assert f"({status}" in found.message
    assert message in found.message


def test_every_row_makes_a_message_and_a_hint_without_gaps() -> None:
    rules = [rule for _, _, rule in translate.BY_WORDS]
    rules += [*translate.BY_REASON.values(), *translate.BY_STATUS.values()]
    rules += [rule for _, rule in translate.BY_EXCEPTION] + [rule for _, rule in translate.BY_CREDENTIALS]
    words = {"permission": "p", **PLACE._asdict()}
    for rule in rules:
        for text in filter(None, (rule.reason, rule.hint)):
            filled = text.format(**words)
            assert "{" not in filled
            assert "\n" not in filled
            assert not filled.endswith(".")
        if issubclass(rule.error, (DeniedError, UnreachableError, NoStoreError)):
            assert rule.hint, f"{rule.reason} leaves the reader alone"


@pytest.mark.parametrize("operation", [LIST, CREATE, REPLACE])
def test_without_an_object_to_miss_it_is_the_bucket_that_is_missing(operation: Operation) -> None:
    assert type(refused(404, "Not Found", operation=operation)) is NoStoreError


def test_a_precondition_that_does_not_hold() -> None:
    assert type(refused(412, operation=CREATE, create_only=True)) is ExistsError
    assert type(refused(412, operation=REPLACE)) is ChangedError


@pytest.mark.parametrize("status", [404, 410, 499])
def test_an_upload_that_is_over_is_not_found(status: int) -> None:
    found = refused(status, operation=SEND_PARTS)
    assert type(found) is NotFoundError
    assert "upload is gone" in found.message


@pytest.mark.parametrize(
    ("operation", "permissions"),
    [
        (LIST, ["storage.objects.list"]),
        (READ, ["storage.objects.get", "storage.objects.list"]),
        (CREATE, ["storage.objects.create"]),
        (REPLACE, ["storage.objects.create", "storage.objects.delete"]),
        (COPY, ["storage.objects.get", "storage.objects.create"]),
        (DELETE, ["storage.objects.delete"]),
    ],
)
def test_denied_names_the_permission_the_bucket_and_who_asked(operation: Operation, permissions: list[str]) -> None:
    hint = refused(403, "no", "forbidden", operation=operation).hint
    assert hint
    assert all(f"`{permission}`" in hint for permission in permissions)
    assert "`bucket`" in hint
    assert "the credentials of a test" in hint


def test_words_of_the_store_are_shown_as_one_printable_line() -> None:
    found = refused(403, "a\nb\x1b[31m " + "long " * 1000, key="odd\x07key")
    assert "\n" not in found.message
    assert "\x1b" not in found.message
    assert "odd\\x07key" in found.message
    assert len(found.message) < 1000


@pytest.mark.parametrize(
    ("endpoint", "environ", "is_shown"),
    [
        ("https://storage.googleapis.com", {}, True),
        ("https://own.p.googleapis.com", {}, True),
        ("https://storage.apis-tpczero.goog", {"GOOGLE_CLOUD_UNIVERSE_DOMAIN": "apis-tpczero.goog"}, True),
        ("https://storage.example", {"ASSETSYNC_ENDPOINT": "https://storage.example/"}, True),
        ("https://storage.example", {"STORAGE_EMULATOR_HOST": "https://storage.example"}, True),
        ("https://storage.example", {}, False),
        ("https://storage.example", {"ASSETSYNC_ENDPOINT": "https://other.example"}, False),
        ("https://storage.googleapis.com.evil.example", {}, False),
        ("https://evil.example#.googleapis.com", {}, False),
        ("https://storage-googleapis.com", {}, False),
        ("http://storage.googleapis.com", {}, False),
    ],
)
def test_a_token_goes_where_google_or_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, environ: dict[str, str], is_shown: bool
) -> None:
    credentials = Mock()
    monkeypatch.setattr("google.auth.default", lambda scopes: (credentials, None))
    found = client.identity(endpoint, environ)
    assert found.credentials is (credentials if is_shown else None)
    assert is_shown or found.who.startswith("nobody")


def test_a_page_instead_of_json_is_left_out() -> None:
    told = translate.told(502, b"<html><title>Error 502</title></html>")
    assert told == Refusal(502)
    assert translate.told(404, b"Not Found") == Refusal(404, message="Not Found")
    assert translate.told(404, b'{"error": []}').code == ""


def _connector_error(cause: OSError) -> aiohttp.ClientConnectorError:
    return aiohttp.ClientConnectorError(Mock(host="h", port=1, ssl=None), cause)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (_connector_error(ConnectionRefusedError(111, "refused")), UnreachableError, "can't be reached"),
        (aiohttp.ClientConnectorDNSError(Mock(host="h", port=1), OSError(-2, "unknown")), UnreachableError, "reached"),
        (aiohttp.ConnectionTimeoutError("slow"), UnreachableError, "can't be reached"),
        (
            aiohttp.ClientConnectorCertificateError(
                Mock(host="h", port=1), ssl.SSLCertVerificationError("self-signed")
            ),
            UnreachableError,
            "no trusted connection",
        ),
        (aiohttp.ClientProxyConnectionError(Mock(host="h", port=1), OSError(1, "no")), UnreachableError, "proxy"),
        (aiohttp.SocketTimeoutError("silence"), TransientError, "does not answer"),
        (TimeoutError(), TransientError, "does not answer"),
        (aiohttp.ServerDisconnectedError(), TransientError, "cut"),
        (aiohttp.ClientPayloadError("half"), TransientError, "cut"),
        (aiohttp.ClientOSError(32, "Broken pipe"), TransientError, "cut"),
        (ConnectionResetError(104, "reset"), TransientError, "cut"),
    ],
)
def test_a_failure_on_the_way_means(error: Exception, kind: type[StoreError], says: str) -> None:
    found = translate.cut(CREATE, "a/1.0", PLACE, error)
    assert type(found) is kind
    assert says in found.message
    assert found.message.startswith("cannot create `a/1.0` in `gs://bucket/pre`: ")
    assert found.hint


def test_every_error_of_aiohttp_has_a_meaning() -> None:
    kinds = {value for value in vars(aiohttp).values() if isinstance(value, type) and issubclass(value, Exception)}
    known = tuple(kind for kinds, _ in translate.BY_EXCEPTION for kind in kinds)
    for kind in kinds:
        if issubclass(kind, aiohttp.ClientError):
            assert issubclass(kind, known)
            assert issubclass(kind, client.CUT)


# google-auth's exceptions have no types.
RefreshError: Any = google.auth.exceptions.RefreshError
TransportError: Any = google.auth.exceptions.TransportError
NoneFoundError: Any = google.auth.exceptions.DefaultCredentialsError


def _from(cause: Exception) -> HttpError:
    """What gcsfs makes of an error of google-auth."""
    error = HttpError({"code": 401, "message": "Invalid Credentials"})
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (
            _from(RefreshError("invalid_grant: Token has been expired or revoked.")),
            DeniedError,
            "expired",
        ),
        (
            _from(RefreshError("invalid_grant: Invalid JWT: ... in a reasonable timeframe.", {})),
            DeniedError,
            "clock",
        ),
        (_from(RefreshError("unauthorized_client")), DeniedError, "can't be used"),
        (
            _from(RefreshError("internal_failure", retryable=True)),
            TransientError,
            "for the moment",
        ),
        (TransportError("no route"), UnreachableError, "can't be reached"),
    ],
)
def test_credentials_that_give_no_token(error: Exception, kind: type[StoreError], says: str) -> None:
    assert isinstance(error, client.NO_TOKEN)
    found = translate.no_token(READ, "a/1.0", PLACE, error)
    assert type(found) is kind
    assert says in found.message
    assert found.hint


@pytest.mark.parametrize(
    "url", ["gs://", "gs:///prefix", "gs://UPPER/prefix", "gs://a", "gs://user:secret@bucket", "gs://-bucket/x"]
)
def test_a_url_must_name_a_bucket(url: str) -> None:
    with pytest.raises(UsageError):
        open_backend(StoreConfig(url), {"STORAGE_EMULATOR_HOST": "127.0.0.1:1"})


@pytest.mark.parametrize(
    ("given", "environ", "endpoint"),
    [
        (None, {}, "https://storage.googleapis.com"),
        (None, {"GOOGLE_CLOUD_UNIVERSE_DOMAIN": "example.org"}, "https://storage.example.org"),
        (None, {"STORAGE_EMULATOR_HOST": "localhost:4443"}, "http://localhost:4443"),
        (None, {"STORAGE_EMULATOR_HOST": "https://localhost:4443/"}, "https://localhost:4443"),
        ("https://own.p.googleapis.com", {"STORAGE_EMULATOR_HOST": "x"}, "https://own.p.googleapis.com"),
    ],
)
def test_where_requests_go(
    monkeypatch: pytest.MonkeyPatch, given: str | None, environ: dict[str, str], endpoint: str
) -> None:
    made: dict[str, Any] = {}
    monkeypatch.setattr(gcs, "GCSBackend", lambda *args, **kwargs: made.update(kwargs))
    monkeypatch.setattr(gcs, "identity", lambda endpoint, environ: client.Identity(None, "nobody"))
    gcs.open_store(StoreConfig("gs://bucket/pre", endpoint=given), environ)
    assert made["endpoint"] == endpoint


def test_an_endpoint_without_tls_gets_no_credentials(tmp_path: Path) -> None:
    environ = {client.CREDENTIALS_VARIABLE: str(tmp_path / "nothing.json")}
    assert client.identity("http://localhost:1", environ).credentials is None


@pytest.mark.parametrize(
    "content",
    [None, "", "not json", "[]", "{}", '{"type": "service_account"}', '{"type": "authorized_user"}', '{"type": "new"}'],
)
def test_a_key_file_that_is_none_is_denied_and_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DeniedError, match=client.CREDENTIALS_VARIABLE) as caught:
        client.identity("https://storage.googleapis.com", {client.CREDENTIALS_VARIABLE: str(path)})
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_credentials_of_a_user_and_of_another_identity_provider_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    environ = {client.CREDENTIALS_VARIABLE: str(path)}
    user = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    path.write_text(json.dumps(user))
    assert client.identity("https://storage.googleapis.com", environ).credentials
    foreign = {
        "type": "external_account",
        # Of a workforce: to load one of a workload asks Google for the number of its project.
        "audience": "//iam.googleapis.com/locations/global/workforcePools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": str(tmp_path / "token")},
    }
    path.write_text(json.dumps(foreign))
    found = client.identity("https://storage.googleapis.com", environ)
    assert found.credentials
    assert client.CREDENTIALS_VARIABLE in found.who


def test_without_credentials_requests_go_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_found(**_: object) -> None:
        raise NoneFoundError("none")

    monkeypatch.setattr(google.auth, "default", none_found)
    found = client.identity("https://storage.googleapis.com", {})
    assert found.credentials is None
    assert "no Google credentials were found" in found.who


def test_a_digest_of_pieces_is_that_of_the_whole() -> None:
    data = bytes(range(256)) * 8192
    one, pieces = digest.Digest(data), digest.Digest()
    for start in range(0, len(data), 100_000):
        pieces.update(memoryview(data)[start : start + 100_000])
    assert (one.size, one.sha256, one.checksum) == (pieces.size, pieces.sha256, pieces.checksum)
    assert one.sha256 == hashlib.sha256(data).hexdigest()
    # From RFC 3720, B.4: 32 bytes of zeros, whose CRC32C goes as aa 36 91 8a.
    assert digest.Digest(bytes(32)).checksum == base64.b64encode(bytes.fromhex("8a9136aa")).decode()


def test_without_fast_crc32c_the_checksum_is_md5(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "CHECKSUM", "md5")
    assert digest.Digest(b"data").checksum == base64.b64encode(hashlib.md5(b"data").digest()).decode()


def test_a_file_that_ends_early_is_hashed_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert digest.digest_of_file(str(path), 3).sha256 == hashlib.sha256(b"123").hexdigest()
    assert digest.digest_of_file(str(path), 10).size == 5
