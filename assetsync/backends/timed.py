"""Connections of urllib3 on which a reply comes to its end in time: its status, its headers and its body together.

urllib3 bounds the silence between two bytes only. Who sends `100 Continue`, a header or a byte of the body now and then
would be listened to for ever.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any, TypeVar, cast

from urllib3.connectionpool import HTTPConnectionPool

from assetsync.backends import limits

Pool = TypeVar("Pool", bound=type[HTTPConnectionPool])


def timed(pool: Pool, **members: Any) -> Pool:
    """A class of pools like `pool`, on whose connections a reply takes `limits.TOTAL_TIMEOUT` at the most.

    `members` are further ones of the class of connections.
    """
    given = pool.ConnectionCls
    if issubclass(given, _Timed):
        return pool
    connection = type(given.__name__, (_Timed, given), members)
    return cast("Pool", type(pool.__name__, (pool,), {"ConnectionCls": connection}))


class TimedSocket:
    """A socket whose files end after `limits.TOTAL_TIMEOUT`, and after `limit` bytes, where one is given.

    Reading on raises TimeoutError, or OSError.
    """

    def __init__(self, sock: socket.socket, limit: int | None = None) -> None:
        self._sock = sock
        self._limit = limit

    def makefile(self, mode: str, buffering: int = io.DEFAULT_BUFFER_SIZE) -> io.BufferedIOBase | io.RawIOBase:
        """A file to read from; `mode` is `rb`."""
        file = _File(self._sock, self._limit)
        return io.BufferedReader(file, buffering) if buffering else file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _File(io.RawIOBase):
    def __init__(self, sock: socket.socket, limit: int | None) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = time.monotonic() + limits.TOTAL_TIMEOUT
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the reply takes too long")
        silence = self._sock.gettimeout()
        if silence is None or seconds < silence:
            self._sock.settimeout(seconds)
        count = self._raw.readinto(buffer)
        if self._left is not None:
            self._left -= count or 0
            if self._left < 0:
                raise OSError("the reply is too long")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reply(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(cast("socket.socket", TimedSocket(sock)), *args, **kwargs)


class _Timed:
    """A mixin for a class of connections."""

    response_class = _Reply
