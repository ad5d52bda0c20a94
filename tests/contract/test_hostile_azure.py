"""Whoever answers at an endpoint of Azure: replies that are none, or that do not come to an end, are clear errors."""

from __future__ import annotations

import hashlib
import itertools
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import azure.identity
import pytest
from azure.core.credentials import AccessToken

from assetsync.backends import limits
from assetsync.backends.azure.store import AzureBackend, open_store
from assetsync.errors import DamagedError, DeniedError, NotFoundError, StoreError, TransientError
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from tests.contract.hostile import NO_REPLIES, answering, is_clear
from tests.servers.answering import Answering, Pieces, drops, flood, head, whole
from tests.servers.tls import make_certificate, server_context

DATE = b"Last-Modified: Fri, 27 Nov 2026 08:16:15 GMT\r\n"
ENTRY = FileEntry("a", 3, hashlib.sha256(b"abc").hexdigest())
SAS = "sv=2024-01-01&sp=rl&sig=SECRET"

TYPE = b"<BlobType>BlockBlob</BlobType>"

Answered = Callable[[Pieces], AzureBackend]


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answered]:
    with answering(monkeypatch, lambda server: _open(server, {"AZURE_STORAGE_KEY": "a2V5"})) as make:
        yield make


def _open(server: Answering, environ: dict[str, str]) -> AzureBackend:
    return open_store(StoreConfig("az://container/base", endpoint=f"{server.url}/account"), environ)


def _range(first: int, last: int, size: object) -> bytes:
    return f"Content-Range: bytes {first}-{last}/{size}\r\n".encode()


def _listing(inner: bytes) -> bytes:
    return b'<?xml version="1.0" encoding="utf-8"?><EnumerationResults>' + inner + b"</EnumerationResults>"


def _blob(name: bytes, size: bytes = b"1") -> bytes:
    inner = TYPE + b"<Content-Length>" + size + b"</Content-Length>"
    return b"<Blobs><Blob><Name>" + name + b"</Name><Properties>" + inner + b"</Properties></Blob></Blobs>"


NONE = {
    **NO_REPLIES,
    "length": lambda over: [head("abc", DATE)],
    "negative length": lambda over: [head(-1, DATE)],
    "year": whole(b"abc", _range(0, 2, 3), b"Last-Modified: Fri, 27 Nov 99999 08:16:15 GMT\r\n", status=b"206 Part"),
    "zone": whole(b"abc", _range(0, 2, 3), b"Last-Modified: x +" + b"9" * 400 + b"\r\n", status=b"206 Part"),
    "range": whole(b"abc", b"Content-Range: bytes\r\n", status=b"206 Part"),
    "range of words": whole(b"abc", b"Content-Range: bytes a-b/c\r\n", status=b"206 Part"),
    "long range": whole(b"abc", _range(0, 2, "9" * 5000), status=b"206 Part"),
    "arrow": whole(b"abc", b"Content-Type: application/vnd.apache.arrow.stream\r\n"),
    "json": whole(b"[" * 100_000, b"Content-Type: application/json\r\n"),
    "many headers": lambda over: [b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 10**5 + b"\r\n"],
    "blob type": whole(b"abc", _range(0, 2, 3), b"x-ms-blob-type: Nonsense\r\n", status=b"206 Part"),
    "error": whole(b"<Error>" * 10_000, b"Content-Type: application/xml\r\n", status=b"403 Forbidden"),
    "code": whole(b"", b"x-ms-error-code: " + b"x" * 5000 + b"\r\n", status=b"403 Forbidden"),
}
CALLS: dict[str, Callable[[AzureBackend], object]] = {
    "list": lambda store: store.list(),
    "folders": lambda store: store.list(delimiter=True),
    "stat": lambda store: store.stat("a"),
    "read": lambda store: store.read("a"),
    "read_dated": lambda store: store.read_dated("a"),
    "read_range": lambda store: list(store.read_range("a", 0, 2)),
    "parts": lambda store: store.uploaded_parts("a", "0123456789", __file__, ENTRY),
}
# Without their bodies, which a HEAD has not, these are as good as any.
FINE = {("stat", "arrow"), ("stat", "json")}
XML = {
    "none": b"",
    "text": b"abc",
    "html": b"<html><body></html>",
    "root": b"<Error/>",
    "encoding": b'<?xml version="1.0" encoding="idna"?><EnumerationResults/>',
    "hex": b'<?xml version="1.0" encoding="hex"?><EnumerationResults/>',
    "bytes": b"\xff\xfe\x00",
    "deep": _listing(b"<a>" * 50_000),
    "no name": _listing(b"<Blobs><Blob><Properties/></Blob></Blobs>"),
    "other name": _listing(_blob(b"other/a")),
    "no size": _listing(b"<Blobs><Blob><Name>base/a</Name><Properties>" + TYPE + b"</Properties></Blob></Blobs>"),
    "size": _listing(_blob(b"base/a", b"1x")),
    "negative size": _listing(_blob(b"base/a", b"-1")),
    "long size": _listing(_blob(b"base/a", b"9" * 5000)),
    "date": _listing(
        b"<Blobs><Blob><Name>base/a</Name><Properties><Last-Modified>Fri, 27 Nov 99999 08:16:15 GMT</Last-Modified>"
        b"<BlobType>BlockBlob</BlobType><Content-Length>1</Content-Length></Properties></Blob></Blobs>"
    ),
    "laughs": b'<!DOCTYPE a [<!ENTITY a "'
    + b"ha" * 1000
    + b'">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%s;" % (b"" if n == 1 else b"%d" % (n - 1)) * 20) for n in range(1, 9))
    + b"]><EnumerationResults>&a8;</EnumerationResults>",
}


@pytest.mark.parametrize(
    ("call", "reply"), [(call, reply) for call in CALLS for reply in NONE if (call, reply) not in FINE]
)
def test_a_reply_that_is_none_is_an_error_of_the_store(answered: Answered, call: str, reply: str) -> None:
    store = answered(NONE[reply])
    with pytest.raises(StoreError) as caught:
        CALLS[call](store)
    is_clear(caught.value, "az://container/base")


@pytest.mark.parametrize("body", XML.values(), ids=XML)
@pytest.mark.parametrize("delimiter", [False, True])
def test_another_document_than_a_listing_is_an_error_of_the_store(
    answered: Answered, body: bytes, *, delimiter: bool
) -> None:
    store = answered(whole(body, b"Content-Type: application/xml\r\n"))
    with pytest.raises(StoreError) as caught:
        store.list(delimiter=delimiter)
    is_clear(caught.value, "az://container/base")


def test_a_folder_that_was_not_asked_for_is_an_error_of_the_store(answered: Answered) -> None:
    page = _listing(b"<Blobs><BlobPrefix><Name>other/</Name></BlobPrefix></Blobs>")
    with pytest.raises(StoreError, match="does not answer like Azure"):
        answered(whole(page, b"Content-Type: application/xml\r\n")).list(delimiter=True)


def test_a_listing_is_read(answered: Answered) -> None:
    """That which the other tests make worse."""
    (found,) = answered(whole(_listing(_blob(b"base/a")), b"Content-Type: application/xml\r\n")).list().objects
    assert (found.key, found.size) == ("a", 1)


def test_a_marker_of_a_page_that_was_there_is_the_end(answered: Answered) -> None:
    page = _listing(_blob(b"base/a") + b"<NextMarker>again</NextMarker>")
    with pytest.raises(StoreError, match="does not come to an end"):
        answered(whole(page, b"Content-Type: application/xml\r\n")).list()


def test_pages_without_end_are_given_up(answered: Answered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_POOR_PAGES", 20)
    markers = itertools.count()

    def page(over: threading.Event) -> Iterable[bytes]:
        body = _listing(_blob(b"base/a") + b"<NextMarker>%d</NextMarker>" % next(markers))
        return whole(body, b"Content-Type: application/xml\r\n")(over)

    with pytest.raises(StoreError, match="does not come to an end"):
        answered(page).list()


@pytest.mark.usefixtures("hasty")
def test_a_byte_now_and_then_is_no_answer(answered: Answered) -> None:
    store = answered(drops(head(10**6, DATE, _range(0, 10**6 - 1, 10**6), status=b"206 Part"), b"x"))
    for call in (CALLS["read"], CALLS["list"], lambda store: list(store.read_range("a", 0, 10**6))):
        with pytest.raises(TransientError, match="does not answer"):
            call(store)


@pytest.mark.usefixtures("hasty")
def test_headers_now_and_then_are_no_answer(answered: Answered) -> None:
    store = answered(drops(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"))
    with pytest.raises(TransientError, match="does not answer"):
        store.read("a")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("pieces", [drops, flood])
def test_continuing_for_ever_is_no_answer(answered: Answered, pieces: Callable[[bytes, bytes], Pieces]) -> None:
    with pytest.raises(TransientError, match="does not answer"):
        answered(pieces(b"", b"HTTP/1.1 100 Continue\r\n\r\n")).read("a")


@pytest.mark.parametrize("status", [b"200 OK", b"206 Part", b"403 Forbidden", b"500 Down"])
def test_a_reply_of_any_size_is_not_read(answered: Answered, monkeypatch: pytest.MonkeyPatch, status: bytes) -> None:
    monkeypatch.setattr(limits, "MAX_REPLY", 1_000_000)
    store = answered(flood(head(10**12, DATE, _range(0, 10, 11), status=status), b" " * 65536))
    for name in ("list", "read", "read_range", "parts"):
        with pytest.raises(StoreError, match="larger than 1000000 bytes") as caught:
            CALLS[name](store)
        is_clear(caught.value, "az://container/base")


def test_an_object_of_any_size_is_not_read(answered: Answered) -> None:
    longer = answered(whole(b"x" * 5000, DATE, _range(0, 9, 10), status=b"206 Part"))
    said = answered(whole(b"x", DATE, _range(0, 0, 10**30), status=b"206 Part"))
    for store in (longer, said):
        for call in (store.read, store.read_dated):
            with pytest.raises(DamagedError, match="larger than 1000 bytes"):
                call("a", limit=1000)


def test_more_than_a_range_is_not_taken(answered: Answered) -> None:
    store = answered(whole(b"x" * 5000, DATE, _range(0, 9, 10), status=b"206 Part"))
    assert b"".join(store.read_range("a", 0, 10)) == b"x" * 10


def test_a_page_of_many_pieces_of_text_is_read_at_once(answered: Answered, monkeypatch: pytest.MonkeyPatch) -> None:
    body = _listing(_blob(b"base/" + b"a&amp;<!-- -->" * 300_000))
    with pytest.raises(StoreError, match="a name of more than 1024 characters"):
        answered(whole(body, b"Content-Type: application/xml\r\n")).list()


@pytest.mark.parametrize("block", ["abcdefabcd-00001" + "0" * 32, "abcdefabcd000000" + "0" * 32, "abcdefabcd", "\xff"])
@pytest.mark.parametrize("size", ["3", "-3", "", "x", "9" * 5000])
def test_blocks_that_are_none_are_no_parts(answered: Answered, tmp_path: Path, block: str, size: str) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    blocks = f"<Block><Name>{b64encode(block.encode()).decode()}</Name><Size>{size}</Size></Block>".encode()
    body = b"<BlockList><UncommittedBlocks>" + blocks + b"</UncommittedBlocks></BlockList>"
    store = answered(whole(body, b"Content-Type: application/xml\r\n"))
    try:
        assert not store.uploaded_parts("a", "abcdefabcd", str(tmp_path / "a"), ENTRY)
    except StoreError as error:
        is_clear(error, "az://container/base")


@pytest.mark.parametrize("upload_id", ["x", "../..", "abcdefabcdabcdef", "\n" * 10])
def test_an_upload_of_a_journal_that_is_none_is_gone(answered: Answered, upload_id: str) -> None:
    with pytest.raises(NotFoundError):
        answered(whole(b"")).uploaded_parts("a", upload_id, __file__, ENTRY)


@pytest.mark.parametrize("pieces", NONE.values(), ids=NONE)
@pytest.mark.parametrize(
    "write",
    [lambda store: store.copy("a", "b", ENTRY), lambda store: store.create("a", b"abc")],
    ids=["copy", "create"],
)
def test_a_write_that_is_answered_with_nonsense_is_an_error_of_the_store(
    answered: Answered, pieces: Pieces, write: Callable[[AzureBackend], object]
) -> None:
    with pytest.raises(StoreError) as caught:
        write(answered(pieces))
    is_clear(caught.value, "az://container/base")


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"303 See", b"307 Temporary", b"308 Permanent"])
@pytest.mark.parametrize("credentials", [{"AZURE_STORAGE_KEY": "a2V5"}, {"AZURE_STORAGE_SAS_TOKEN": SAS}])
def test_redirects_are_not_followed(answered: Answered, status: bytes, credentials: dict[str, str]) -> None:
    elsewhere = Answering(whole(b""))
    server = Answering(whole(b"", f"Location: {elsewhere.url}/x\r\n".encode(), status=status))
    environ = {**credentials, "ASSETSYNC_ENDPOINT": f"{server.url}/account"}
    store = _open(server, environ)
    try:
        for call in CALLS.values():
            with pytest.raises(StoreError, match="does not answer like Azure") as caught:
                call(store)
            assert "SECRET" not in caught.value.message
        assert server.requests
        assert not elsewhere.requests
    finally:
        store.close()
        server.close()
        elsewhere.close()


def test_a_challenge_gets_no_token_for_anything_but_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK asks for the token that a 401 names, and sends it where the 401 came from."""
    asked: list[str] = []

    class Identity:
        def get_token(self, *scopes: str, **options: object) -> AccessToken:
            asked.extend(scopes)
            return AccessToken("TOKEN", 2**31)

    challenge = (
        b"WWW-Authenticate: Bearer authorization_uri=https://login.microsoftonline.com/tenant/oauth2/authorize "
        b"resource_id=https://management.azure.com\r\n"
    )
    certificate = make_certificate(tmp_path, "azure")
    server = Answering(whole(b"", challenge, status=b"401 No"), server_context(certificate))
    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", Identity)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    store = _open(server, {"ASSETSYNC_ENDPOINT": f"{server.url}/account"})
    try:
        with pytest.raises(DeniedError):
            store.read("a")
    finally:
        store.close()
        server.close()
    assert any(b"TOKEN" in request for request in server.requests)
    assert set(asked) == {"https://storage.azure.com/.default"}


def test_what_a_copy_gives_is_looked_at(answered: Answered) -> None:
    store = answered(whole(b"", b"x-ms-copy-status: pending\r\n", status=b"202 Accepted"))
    with pytest.raises(StoreError):
        store.copy("a", "b", ENTRY)
