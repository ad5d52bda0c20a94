"""Whoever answers at an endpoint of S3: replies that are none, or that do not come to an end, are clear errors."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import pytest

from assetsync.backends import limits, retry
from assetsync.backends.s3 import objects, sending
from assetsync.backends.s3.store import S3Backend, open_store
from assetsync.errors import DamagedError, StoreError, TransientError
from assetsync.model.manifest import StoreConfig

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
DATE = b"Last-Modified: Fri, 27 Nov 2026 08:16:15 GMT\r\n"

Pieces = Callable[[threading.Event], Iterable[bytes]]


def _head(length: object, *more: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nETag: x\r\n"
        + b"".join(more)
        + f"Content-Length: {length}\r\n\r\n".encode()
    )


class _Answering:
    """A server that answers every request with the same pieces, however many they are."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            thread = threading.Thread(target=self._answer, args=(connection,))
            thread.start()
            self._threads.append(thread)

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(1 << 20)
            for piece in self._pieces(self._over):
                connection.sendall(piece)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Pieces], S3Backend]]:
    """Makes stores out of what a server answers. Time is short, and each call is tried twice."""
    monkeypatch.setattr(retry, "PATIENCE", 0.0)
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(objects, "TOTAL_TIMEOUT", 0.5)
    monkeypatch.setattr(sending, "REPLY_TIMEOUT", 0.5)
    opened: list[S3Backend | _Answering] = []

    def make(pieces: Pieces) -> S3Backend:
        server = _Answering(pieces)
        backend = open_store(StoreConfig("s3://bucket/base", endpoint=server.url), KEYS)
        opened.extend([backend, server])
        return backend

    yield make
    for one in opened:
        one.close()


Answered = Callable[[Pieces], S3Backend]


def _drops(first: bytes, then: bytes) -> Pieces:
    """`first`, and then a little now and then, for ever."""

    def pieces(over: threading.Event) -> Iterator[bytes]:
        yield first
        while not over.wait(0.05):
            yield then

    return pieces


@pytest.mark.parametrize(
    "reply",
    [
        _head("abc"),
        _head(3, b"Last-Modified: Fri, 27 Nov 99999 08:16:15 GMT\r\n") + b"abc",
        _head(3, b"Last-Modified: Fri, 27 Nov 2026 08:16:15 +" + b"9" * 400 + b"\r\n") + b"abc",
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


def test_a_byte_now_and_then_is_no_answer(answered: Answered) -> None:
    store = answered(_drops(_head(10**6, DATE), b"x"))
    for call in (lambda: store.read("a"), lambda: list(store.read_range("a", 0, 10**6))):
        with pytest.raises(TransientError, match="does not answer"):
            call()


def test_a_page_that_comes_byte_by_byte_is_no_answer(answered: Answered) -> None:
    store = answered(_drops(_head(10**6) + b"<ListBucketResult>", b" "))
    with pytest.raises(TransientError, match="does not answer"):
        store.list()


def test_continuing_for_ever_is_no_answer(answered: Answered) -> None:
    store = answered(_drops(b"", b"HTTP/1.1 100 Continue\r\n\r\n"))
    with pytest.raises(TransientError, match="does not answer"):
        store.read("a")


def test_a_page_of_any_size_is_not_read(answered: Answered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MAX_REPLY", 1_000_000)
    store = answered(lambda over: itertools.chain([_head(10**12)], itertools.repeat(b" " * 65536)))
    with pytest.raises(StoreError, match="larger than 1000000 bytes"):
        store.list()


def test_an_object_of_any_size_is_not_read(answered: Answered) -> None:
    store = answered(lambda over: itertools.chain([_head(10**12, DATE)], itertools.repeat(b" " * 65536)))
    for call in (lambda: store.read("a", limit=1000), lambda: store.read_dated("a", limit=1000)):
        with pytest.raises(DamagedError, match="larger than 1000 bytes"):
            call()


def test_pages_without_end_are_given_up(answered: Answered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_EMPTY_PAGES", 20)
    tokens = itertools.count()

    def page(over: threading.Event) -> list[bytes]:
        body = f"<ListBucketResult><NextContinuationToken>{next(tokens)}</NextContinuationToken></ListBucketResult>"
        return [_head(len(body)) + body.encode()]

    with pytest.raises(StoreError, match="does not come to an end"):
        answered(page).list()


def test_a_page_of_many_pieces_of_text_is_read_at_once(answered: Answered) -> None:
    """Entities and comments cut a text into pieces; putting them together must not take the square of their number."""
    body = b"<ListBucketResult><Contents><Key>base/" + b"a&amp;<!-- -->" * 300_000 + b"</Key><Size>1</Size></Contents>"
    body += b"</ListBucketResult>"
    store = answered(lambda over: [_head(len(body)) + body])
    assert len(store.list().objects) == 1
