"""Whoever answers at an endpoint of S3: replies that are none, or that do not come to an end, are clear errors."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assetsync.backends import limits
from assetsync.backends.s3.store import S3Backend, open_store
from assetsync.errors import DamagedError, StoreError, TransientError
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from tests.contract.hostile import answering
from tests.servers.answering import Pieces, drops, flood, head

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
DATE = b"Last-Modified: Fri, 27 Nov 2026 08:16:15 GMT\r\n"


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Pieces], S3Backend]]:
    with answering(
        monkeypatch, lambda server: open_store(StoreConfig("s3://bucket/base", endpoint=server.url), KEYS)
    ) as make:
        yield make


Answered = Callable[[Pieces], S3Backend]


@pytest.fixture
def tidy() -> Iterator[None]:
    """A connection that nobody has closed is told of here, and not in another test."""
    yield
    gc.collect()


@pytest.mark.usefixtures("tidy")
@pytest.mark.parametrize(
    "reply",
    [
        head("abc"),
        head(3, b"Last-Modified: Fri, 27 Nov 99999 08:16:15 GMT\r\n") + b"abc",
        head(3, b"Last-Modified: Fri, 27 Nov 2026 08:16:15 +" + b"9" * 400 + b"\r\n") + b"abc",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"",
    ],
    ids=["length", "year", "zone", "ssh", "nothing"],
)
@pytest.mark.parametrize(
    "call",
    [lambda store: store.read("a"), lambda store: store.stat("a"), lambda store: store.read_dated("a")],
    ids=["read", "stat", "read_dated"],
)
def test_a_reply_that_is_none_is_an_error_of_the_store(
    answered: Answered, reply: bytes, call: Callable[[S3Backend], object]
) -> None:
    with pytest.raises(StoreError) as caught:
        call(answered(lambda over: [reply]))
    assert "`a` in `s3://bucket/base`" in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.usefixtures("hasty")
def test_a_byte_now_and_then_is_no_answer(answered: Answered) -> None:
    store = answered(drops(head(10**6, DATE), b"x"))
    for call in (lambda: store.read("a"), lambda: list(store.read_range("a", 0, 10**6))):
        with pytest.raises(TransientError, match="does not answer"):
            call()


@pytest.mark.usefixtures("hasty")
def test_a_page_that_comes_byte_by_byte_is_no_answer(answered: Answered) -> None:
    store = answered(drops(head(10**6) + b"<ListBucketResult>", b" "))
    with pytest.raises(TransientError, match="does not answer"):
        store.list()


@pytest.mark.usefixtures("hasty")
def test_continuing_for_ever_is_no_answer(answered: Answered) -> None:
    store = answered(drops(b"", b"HTTP/1.1 100 Continue\r\n\r\n"))
    with pytest.raises(TransientError, match="does not answer"):
        store.read("a")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("pieces", [drops, flood])
@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.list(),
        lambda store: store.read_dated("a"),
        lambda store: store.copy("a", "b", FileEntry("a", 3, "0" * 64)),
        lambda store: store.begin_upload("a", FileEntry("a", 3, "0" * 64)),
    ],
    ids=["list", "read_dated", "copy", "begin_upload"],
)
def test_rare_calls_that_continue_for_ever_are_no_answer(
    answered: Answered, pieces: Callable[[bytes, bytes], Pieces], call: Callable[[S3Backend], object]
) -> None:
    with pytest.raises(TransientError, match="does not answer"):
        call(answered(pieces(b"", b"HTTP/1.1 100 Continue\r\n\r\n")))


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("pieces", [drops, flood])
@pytest.mark.parametrize("then", [b"X: y\r\n", b"x"])
def test_headers_of_a_continue_that_do_not_end_are_no_answer(
    answered: Answered, pieces: Callable[[bytes, bytes], Pieces], then: bytes
) -> None:
    """botocore waits for it before it sends a large body."""
    store = answered(pieces(b"HTTP/1.1 100 Continue\r\n", then))
    with pytest.raises(StoreError):
        store.upload_part("a", "id", 1, memoryview(b"abc" * 100_000), 300_000)


@pytest.mark.usefixtures("hasty")
def test_a_date_of_a_claim_byte_by_byte_is_no_answer(answered: Answered) -> None:
    with pytest.raises(TransientError, match="does not answer"):
        answered(drops(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")).read_dated("a")
    with pytest.raises(TransientError):
        answered(drops(head(10**6, DATE), b"x")).read_dated("a")


def test_a_page_of_any_size_is_not_read(answered: Answered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_REPLY", 1_000_000)
    store = answered(lambda over: itertools.chain([head(10**12)], itertools.repeat(b" " * 65536)))
    with pytest.raises(StoreError, match="larger than 1000000 bytes"):
        store.list()


def test_an_object_of_any_size_is_not_read(answered: Answered) -> None:
    store = answered(lambda over: itertools.chain([head(10**12, DATE)], itertools.repeat(b" " * 65536)))
    for call in (lambda: store.read("a", limit=1000), lambda: store.read_dated("a", limit=1000)):
        with pytest.raises(DamagedError, match="larger than 1000 bytes"):
            call()


def test_pages_without_end_are_given_up(answered: Answered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_POOR_PAGES", 20)
    tokens = itertools.count()

    def page(over: threading.Event) -> list[bytes]:
        body = f"<ListBucketResult><NextContinuationToken>{next(tokens)}</NextContinuationToken></ListBucketResult>"
        return [head(len(body)) + body.encode()]

    with pytest.raises(StoreError, match="does not come to an end"):
        answered(page).list()


def test_parts_without_end_are_given_up(answered: Answered, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    markers = itertools.count(1, 4000)

    def page(over: threading.Event) -> list[bytes]:
        inner = f"<IsTruncated>true</IsTruncated><NextPartNumberMarker>{next(markers)}</NextPartNumberMarker>"
        body = f"<ListPartsResult>{inner}</ListPartsResult>".encode()
        return [head(len(body)) + body]

    assert not answered(page).uploaded_parts("a", "id", str(tmp_path / "a"), FileEntry("a", 3, "0" * 64))
    assert next(markers) == 16_001


def test_a_page_of_many_pieces_of_text_is_read_at_once(answered: Answered) -> None:
    """Entities and comments cut a text into pieces; putting them together must not take the square of their number."""
    body = b"<ListBucketResult><Contents><Key>base/" + b"a&amp;<!-- -->" * 300_000 + b"</Key><Size>1</Size></Contents>"
    body += b"</ListBucketResult>"
    store = answered(lambda over: [head(len(body)) + body])
    with pytest.raises(StoreError, match="a name of more than 1024 characters"):
        store.list()
