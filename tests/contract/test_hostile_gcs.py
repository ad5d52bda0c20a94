"""Whoever answers at an endpoint of Cloud Storage: replies that are none, or that do not end, are clear errors."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials

from assetsync.backends import limits
from assetsync.backends.gcs.client import Identity
from assetsync.backends.gcs.store import GRAIN, GCSBackend, open_store
from assetsync.errors import ChecksumError, DamagedError, NotFoundError, StoreError, TransientError
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from tests.contract.hostile import NO_REPLIES, answering, is_clear
from tests.servers.answering import Answering, Pieces, drops, flood, head, whole

DATE = b"Last-Modified: Fri, 27 Nov 2026 08:16:15 GMT\r\n"
GENERATION = b"x-goog-generation: 1\r\n"
SHA256 = hashlib.sha256(b"abc").hexdigest()
ENTRY = FileEntry("a", 3, SHA256)

Answered = Callable[[Pieces], GCSBackend]


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answered]:
    with answering(
        monkeypatch, lambda server: open_store(StoreConfig("gs://bucket/base", endpoint=server.url), {})
    ) as make:
        yield make


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "a").write_bytes(b"abc")
    return str(tmp_path / "a")


NONE = {
    **NO_REPLIES,
    "length": lambda over: [head("abc", GENERATION)],
    "negative length": lambda over: [head(-1, GENERATION)],
}
JSON = {
    "number": b"1",
    "list": b"[]",
    "text": b'"items"',
    "null": b"null",
    "html": b"<html>",
    "bytes": b"\xff\xfe\x00",
    "deep": b"[" * 200_000,
}
# Resources of objects, which are entries of a listing too.
OBJECTS = {
    "size": {"name": "base/a", "size": "1x"},
    "long size": {"name": "base/a", "size": "9" * 5000},
    "negative size": {"name": "base/a", "size": "-1"},
    "endless size": {"name": "base/a", "size": float("inf")},
    "size of a list": {"name": "base/a", "size": [1]},
    "no size": {"name": "base/a"},
    "name": {"name": 1, "size": "1"},
    "no name": {"size": "1"},
    "other name": {"name": "other/a", "size": "1"},
    "metadata": {"name": "base/a", "size": "1", "metadata": "x"},
    "no object": 1,
}
CALLS: dict[str, Callable[[GCSBackend], object]] = {
    "list": lambda store: store.list(),
    "stat": lambda store: store.stat("a"),
    "copy": lambda store: store.copy("a", "b", ENTRY),
}
READ: Callable[[GCSBackend], object] = lambda store: store.read("a")  # noqa: E731
CREATE: Callable[[GCSBackend], object] = lambda store: store.create("a", b"x")  # noqa: E731


@pytest.mark.parametrize("pieces", NONE.values(), ids=NONE)
@pytest.mark.parametrize(
    "call",
    [
        *CALLS.values(),
        lambda store: store.read("a", limit=2),
        lambda store: list(store.read_range("a", 0, 2)),
        lambda store: store.create("a", b"abc"),
        lambda store: store.begin_upload("a", ENTRY),
    ],
    ids=[*CALLS, "read", "read_range", "create", "begin_upload"],
)
def test_a_reply_that_is_none_is_an_error_of_the_store(
    answered: Answered, pieces: Pieces, call: Callable[[GCSBackend], object]
) -> None:
    with pytest.raises(StoreError) as caught:
        call(answered(pieces))
    is_clear(caught.value, "gs://bucket/base")


@pytest.mark.parametrize("body", JSON.values(), ids=JSON)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_other_json_than_asked_for_is_an_error_of_the_store(
    answered: Answered, body: bytes, call: Callable[[GCSBackend], object]
) -> None:
    with pytest.raises(StoreError, match="does not answer like Cloud Storage") as caught:
        call(answered(whole(body)))
    is_clear(caught.value, "gs://bucket/base")


@pytest.mark.parametrize("found", OBJECTS.values(), ids=OBJECTS)
def test_objects_that_are_none_are_errors_of_the_store(answered: Answered, found: object) -> None:
    one = answered(whole(json.dumps(found).encode()))
    with pytest.raises(StoreError, match="does not answer like Cloud Storage"):
        one.stat("a")
    listed = answered(whole(json.dumps({"items": [found]}).encode()))
    with pytest.raises(StoreError, match="does not answer like Cloud Storage"):
        listed.list()
    copied = answered(whole(json.dumps({"done": True, "resource": found}).encode()))
    with pytest.raises(StoreError, match="does not answer like Cloud Storage"):
        copied.copy("b", "a", ENTRY)


@pytest.mark.parametrize(
    "page",
    [
        {"items": 1},
        {"items": {"a": 1}},
        {"prefixes": 5},
        {"prefixes": [5]},
        {"prefixes": ["other/"]},
        {"nextPageToken": [1]},
        {"nextPageToken": {"a": 1}},
    ],
)
def test_pages_that_are_none_are_errors_of_the_store(answered: Answered, page: object) -> None:
    with pytest.raises(StoreError, match="does not answer like Cloud Storage"):
        answered(whole(json.dumps(page).encode())).list()


@pytest.mark.parametrize("sha256", ["x" * 64, "../..", [1], 7])
def test_a_sha256_that_is_none_is_not_known(answered: Answered, sha256: object) -> None:
    found = {"name": "base/a", "size": "1", "metadata": {"sha256": sha256}}
    assert answered(whole(json.dumps(found).encode())).stat("a").sha256 is None


def test_a_token_of_a_page_that_was_there_is_the_end(answered: Answered) -> None:
    page = {"items": [{"name": "base/a", "size": "1"}], "nextPageToken": "again"}
    with pytest.raises(StoreError, match="does not come to an end"):
        answered(whole(json.dumps(page).encode())).list()


def test_pages_without_end_are_given_up(answered: Answered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_POOR_PAGES", 20)
    tokens = itertools.count()

    def page(over: threading.Event) -> Iterable[bytes]:
        token = next(tokens)
        items = [{"name": f"base/{token}", "size": "1"}]
        return whole(json.dumps({"nextPageToken": str(token), "items": items}).encode())(over)

    with pytest.raises(StoreError, match="does not come to an end"):
        answered(page).list()


@pytest.mark.usefixtures("hasty")
def test_a_byte_now_and_then_is_no_answer(answered: Answered) -> None:
    store = answered(drops(head(10**6, DATE, GENERATION), b"x"))
    for call in (
        lambda: store.read("a"),
        lambda: list(store.read_range("a", 0, 10**6)),
        store.list,
        lambda: store.stat("a"),
    ):
        with pytest.raises(TransientError, match="does not answer"):
            call()


@pytest.mark.usefixtures("hasty")
def test_headers_now_and_then_are_no_answer(answered: Answered) -> None:
    store = answered(drops(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"))
    with pytest.raises(TransientError, match="does not answer"):
        store.read("a")


@pytest.mark.usefixtures("hasty")
def test_continuing_for_ever_is_no_answer(answered: Answered) -> None:
    for pieces in (drops(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n")):
        with pytest.raises(TransientError):
            answered(pieces).read("a")


@pytest.mark.usefixtures("hasty")
def test_who_takes_nothing_of_a_body_is_no_answer(
    answered: Answered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SLOWEST", 10**9)
    data = bytes(8 * 1024 * 1024)
    (tmp_path / "large").write_bytes(data)
    entry = FileEntry("large", len(data), hashlib.sha256(data).hexdigest())

    def never(over: threading.Event) -> Iterable[bytes]:
        over.wait()
        return []

    with pytest.raises(TransientError, match="does not answer"):
        answered(never).upload("a", str(tmp_path / "large"), entry)


@pytest.mark.parametrize("status", [b"200 OK", b"403 Forbidden", b"206 Partial Content", b"500 Down"])
def test_a_reply_of_any_size_is_not_read(answered: Answered, monkeypatch: pytest.MonkeyPatch, status: bytes) -> None:
    monkeypatch.setattr(limits, "MAX_REPLY", 1_000_000)
    pieces = flood(head(10**12, GENERATION, status=status), b" " * 65536)
    for call in CALLS.values():
        with pytest.raises(StoreError) as caught:
            call(answered(pieces))
        is_clear(caught.value, "gs://bucket/base")


def test_an_object_of_any_size_is_not_read(answered: Answered) -> None:
    store = answered(flood(head(10**12, DATE, GENERATION), b" " * 65536))
    for call in (lambda: store.read("a", limit=1000), lambda: store.read_dated("a", limit=1000)):
        with pytest.raises(DamagedError, match="larger than 1000 bytes"):
            call()


def test_more_than_a_range_is_not_taken(answered: Answered) -> None:
    store = answered(flood(head(10**12, GENERATION, status=b"206 Partial Content"), b"x" * 65536))
    assert sum(map(len, store.read_range("a", 0, 100_000))) == 100_000


def test_a_reply_that_unpacks_to_more_is_not_unpacked(answered: Answered) -> None:
    store = answered(whole(b"\x1f\x8b" + b"x" * 100, GENERATION, b"Content-Encoding: gzip\r\n"))
    assert store.read("a").data == b"\x1f\x8b" + b"x" * 100


def test_a_range_that_always_breaks_off_is_given_up(answered: Answered) -> None:
    store = answered(lambda over: [head(10**6, GENERATION, status=b"206 Partial Content") + b"x"])
    with pytest.raises(TransientError):
        list(store.read_range("a", 0, 10**6))


def test_a_copy_that_is_never_done_is_given_up(answered: Answered) -> None:
    with pytest.raises(StoreError, match="does not come to an end"):
        answered(whole(b'{"done": false, "rewriteToken": "x"}')).copy("a", "b", ENTRY)


def test_a_copy_of_another_size_is_refused(answered: Answered) -> None:
    found = {"done": True, "resource": {"name": "base/b", "size": "4", "generation": "1"}}
    with pytest.raises(ChecksumError):
        answered(whole(json.dumps(found).encode())).copy("a", "b", ENTRY)


@pytest.mark.parametrize(
    "location",
    [
        b"http://[::1/upload",
        b"http://127.0.0.1:1/upload",
        b"https://storage.googleapis.com/upload",
        b"/upload",
        b"http://a@b:c/",
        b"\xff\xfe",
    ],
)
def test_a_session_elsewhere_gets_no_bytes(answered: Answered, location: bytes) -> None:
    store = answered(whole(b"", b"Location: " + location + b"\r\n"))
    with pytest.raises(StoreError, match="does not answer like Cloud Storage"):
        store.begin_upload("a", ENTRY)


@pytest.mark.parametrize("session", ["http://[::1/upload", "http://127.0.0.1:1/x", "nonsense"])
def test_a_session_of_a_journal_that_lies_elsewhere_is_gone(answered: Answered, file: str, session: str) -> None:
    """The upload begins anew, and nothing is sent there."""
    with pytest.raises(NotFoundError):
        answered(whole(b"")).uploaded_parts("a", session, file, ENTRY)


@pytest.mark.parametrize("persisted", ["0-99999999999999", "0-" + "9" * 5000, "5-7", "0--1"])
def test_more_bytes_than_there_are_were_not_kept(answered: Answered, file: str, persisted: str) -> None:
    reply = whole(b"", f"Range: bytes={persisted}\r\n".encode(), status=b"308 Resume Incomplete")
    store = answered(reply)
    session = _url_of(store)
    assert not store.uploaded_parts("a", session, file, ENTRY)


def _url_of(store: GCSBackend) -> str:
    return store.identity.partition("at ")[2] + "/session"


@pytest.mark.parametrize("body", [b"[]", b"1", b'{"generation": [1]}', b"{}", b"[" * 100_000, b'{"crc32c": 1}'])
def test_an_upload_that_ends_with_nonsense_is_no_success(answered: Answered, body: bytes) -> None:
    data = bytes(GRAIN)
    store = answered(whole(body))
    store.bytes_per_part = GRAIN
    entry = FileEntry("a", len(data), hashlib.sha256(data).hexdigest())
    session = _url_of(store)
    store.upload_part("a", session, 1, memoryview(data), len(data))
    with pytest.raises(StoreError) as caught:
        store.complete_upload("a", session, [], entry)
    is_clear(caught.value, "gs://bucket/base")


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"303 See", b"307 Temporary", b"308 Permanent"])
def test_redirects_are_not_followed(answered: Answered, status: bytes) -> None:
    elsewhere = Answering(whole(b"{}"))
    try:
        store = answered(whole(b"", f"Location: {elsewhere.url}/x\r\n".encode(), status=status))
        for call in (*CALLS.values(), READ, CREATE):
            with pytest.raises(StoreError, match="does not answer like Cloud Storage"):
                call(store)
        assert not elsewhere.requests
    finally:
        elsewhere.close()


def test_a_token_goes_no_further_than_the_store(answered: Answered) -> None:
    """With credentials, which open_store gives to no endpoint without TLS."""
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    elsewhere = Answering(whole(b"{}"))
    server = Answering(whole(b"", f"Location: {elsewhere.url}/x\r\n".encode(), status=b"307 Temporary"))
    store = GCSBackend("bucket", "", endpoint=server.url, identity=Identity(credentials, "a test"))
    try:
        with pytest.raises(StoreError):
            store.read("a")
        assert server.requests
        assert not elsewhere.requests
    finally:
        store.close()
        server.close()
        elsewhere.close()


def test_an_error_of_any_shape_is_told_in_a_line(answered: Answered) -> None:
    for body in (
        b"[" * 100_000,
        b'{"error": 1}',
        b'{"error": {"message": "a\\u202e\\n::b", "errors": [{}]}}',
        b"\0" * 999,
    ):
        with pytest.raises(StoreError) as caught:
            answered(whole(body, status=b"403 Forbidden")).list()
        is_clear(caught.value, "gs://bucket/base")
        assert "\u202e" not in caught.value.message


def test_nothing_there_is_not_found(answered: Answered) -> None:
    with pytest.raises(NotFoundError):
        answered(whole(b"<html>" * 100_000, status=b"404 Not Found")).read("a")
