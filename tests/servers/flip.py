"""A wire that damages what goes over it: it passes bytes on, but for the first MARK, in which it flips a bit."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

MARK = b"the bit that flips"
DAMAGED = b"thE bit that flips"


@contextmanager
def damaging(url: str) -> Iterator[str]:
    """The URL of a relay to the server at `url`. A MARK must be the only thing of its kind in what a client sends."""
    parts = urlsplit(url)
    target = (parts.hostname or "", parts.port or 80)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, target), daemon=True)
        accepting.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(listener: socket.socket, target: tuple[str, int]) -> None:
    while True:
        try:
            client = listener.accept()[0]
        except OSError:
            return  # closed
        threading.Thread(target=_relay, args=(client, target), daemon=True).start()


def _relay(client: socket.socket, target: tuple[str, int]) -> None:
    with client, socket.create_connection(target) as server:
        back = threading.Thread(target=_pass_on, args=(server, client, False), daemon=True)
        back.start()
        _pass_on(client, server, True)
        back.join()


def _pass_on(source: socket.socket, sink: socket.socket, damages: bool) -> None:
    """Until one of them hangs up. What may be the start of a MARK waits for the rest of it."""
    kept = b""
    with suppress(OSError):
        while data := source.recv(65536):
            data = kept + data
            if damages:
                data = data.replace(MARK, DAMAGED)
            kept = _start_of_mark(data) if damages else b""
            sink.sendall(data[: len(data) - len(kept)])
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _start_of_mark(data: bytes) -> bytes:
    """The end of `data` that a MARK may begin with."""
    lengths = range(len(MARK) - 1, 0, -1)
    return next((MARK[:length] for length in lengths if data.endswith(MARK[:length])), b"")
