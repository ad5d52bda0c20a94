"""A network that falls silent: passes some bytes on, and then none any more, while connections stay open."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 64 * 1024


class Line:
    """A port that leads to the local `port`. `left`: the bytes of clients that still come through; None: all."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = [self._listening]
        self.port: int = self._listening.getsockname()[1]
        self.left: int | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [client, server]
                threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if self._comes_through(len(data) if counts else 0):
                    target.sendall(data)
            if self._comes_through(0):
                target.shutdown(socket.SHUT_WR)

    def _comes_through(self, count: int) -> bool:
        with self._lock:
            if self.left is None:
                return True
            self.left -= min(count, self.left)
            return self.left > 0

    def close(self) -> None:
        """End all connections."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line that can fall silent, until the end of the block."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
