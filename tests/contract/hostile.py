"""Stores whose endpoint is a server that answers as it likes, and what an error of them has to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol, TypeVar

import pytest

from assetsync.backends import retry
from assetsync.errors import StoreError
from tests.servers.answering import Answering, Pieces


class _Closed(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=_Closed)

# Replies that no store gives, whatever it was asked.
NO_REPLIES: dict[str, Pieces] = {
    "ssh": lambda over: [b"SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    "nothing": lambda over: [],
    "headers": lambda over: [b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 10**6 + b"\r\n\r\n"],
    "chunks": lambda over: [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
}


@contextmanager
def answering(monkeypatch: pytest.MonkeyPatch, opened: Callable[[Answering], T]) -> Iterator[Callable[[Pieces], T]]:
    """Makes stores out of what a server answers. Each call is tried a few times."""
    monkeypatch.setattr(retry, "PATIENCE", 0.0)
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    with ExitStack() as closing:

        def make(pieces: Pieces) -> T:
            server = Answering(pieces)
            closing.callback(server.close)
            store = opened(server)
            closing.callback(store.close)
            return store

        yield make


def is_clear(error: StoreError, store: str) -> None:
    """One line of bounded length that names the store."""
    assert f"`{store}`" in error.message
    assert "\n" not in error.message
    assert len(error.message) < 1000
