"""A server that answers every request with the same pieces: replies that are none, or that do not come to an end."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

# The pieces of a reply, until the event says that the server is to stop.
Pieces = Callable[[threading.Event], Iterable[bytes]]


class Answering:
    """See the module. `requests` has what was received first of each request. With `context`, it speaks TLS."""

    def __init__(self, pieces: Pieces, context: ssl.SSLContext | None = None) -> None:
        self._pieces = pieces
        self._context = context
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.requests: list[bytes] = []
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http{'s' if self._context else ''}://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Stop, and wait for all replies to end."""
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
        with connection, suppress(OSError), self._dressed(connection) as dressed:
            self.requests.append(dressed.recv(1 << 20))
            for piece in self._pieces(self._over):
                dressed.sendall(piece)

    def _dressed(self, connection: socket.socket) -> socket.socket:
        return self._context.wrap_socket(connection, server_side=True) if self._context else connection


def head(length: object, *more: bytes, status: bytes = b"200 OK") -> bytes:
    """The head of a reply with a body of `length` bytes; `more` are further lines, each with its end."""
    return (
        b"HTTP/1.1 "
        + status
        + b"\r\nConnection: close\r\nETag: x\r\n"
        + b"".join(more)
        + f"Content-Length: {length}\r\n\r\n".encode()
    )


def whole(body: bytes, *more: bytes, status: bytes = b"200 OK") -> Pieces:
    """A reply with a body."""
    return lambda over: [head(len(body), *more, status=status) + body]


def drops(first: bytes, then: bytes) -> Pieces:
    """`first`, and then a little now and then, for ever."""

    def pieces(over: threading.Event) -> Iterator[bytes]:
        yield first
        while not over.wait(0.05):
            yield then

    return pieces


def flood(first: bytes, then: bytes) -> Pieces:
    """`first`, and then as much as is taken, for ever."""

    def pieces(over: threading.Event) -> Iterator[bytes]:
        yield first
        while not over.is_set():
            yield then

    return pieces
