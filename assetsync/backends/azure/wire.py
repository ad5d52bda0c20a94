"""One request to Azure and its reply, over urllib3.

The SDK sends its requests so (`transport`): requests, which it would use, takes 0.6 ms of processor time for each. From
there come the proxy and the certificates, once.

Redirects are not followed, and nothing is unpacked: an object with a `Content-Encoding` is read as it was stored.
Replies have limits of size and of time, which `timed` keeps.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, SSLError

from assetsync.backends import limits
from assetsync.backends.bodies import Body
from assetsync.backends.timed import timed
from assetsync.backends.told import tell_url

CONNECTIONS = 64
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds without a byte


class TooLargeError(HTTPError):
    """A reply has more bytes than any has."""


class Reply(NamedTuple):
    """A reply, read whole. The names of `headers` are case-insensitive."""

    status: int
    reason: str
    headers: MutableMapping[str, str]
    body: bytes


class Wire:
    """The connections to one account. Safe to use from many threads.

    All methods raise urllib3's HTTPError, and errors of requests for a proxy or certificates that can't be used; those
    of reading a body come through as they are.
    """

    def __init__(self) -> None:
        self._adapter = _Adapter(pool_maxsize=CONNECTIONS)
        self._lock = threading.Lock()
        self._pool: _Pool | None = None

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Body | bytes) -> Reply:
        """A request, and its reply, read whole. TooLargeError."""
        tell_url(method, url)
        pool = self._pool or self._connected(url)
        if not isinstance(body, bytes):
            body.seek(0)  # it may have been sent before
        reply = pool.connections.urlopen(
            method,
            url if pool.wants_whole_url else "/" + url.split("/", 3)[3],
            body=cast("Any", body) if len(body) else None,
            headers=headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=_TIMEOUT,
            preload_content=False,
            decode_content=False,
        )
        try:
            return Reply(reply.status, reply.reason or "", reply.headers, _whole(reply, limits.MAX_REPLY))
        finally:
            reply.close()  # no more than a look at one that was read to its end, whose connection is free already

    def _connected(self, url: str) -> _Pool:
        with self._lock:
            if self._pool is None:
                self._pool = self._adapter.connect(url)
            return self._pool


def _whole(reply: urllib3.BaseHTTPResponse, limit: int) -> bytes:
    """The body of a reply. TooLargeError when it has more than `limit` bytes, or says so."""
    pieces = []
    left = limit + 1
    if int(reply.length_remaining or 0) < left:
        while left > 0 and (piece := reply.read(left)):
            pieces.append(piece)
            left -= len(piece)
        if left > 0:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    raise TooLargeError(f"the reply is larger than {limit} bytes")


_TIMEOUT = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT)


class _Pool(NamedTuple):
    """Connections to one host and port. A proxy for plain http wants to be told whole URLs."""

    connections: urllib3.HTTPConnectionPool
    wants_whole_url: bool


class _Adapter(HTTPAdapter):
    """Connections as requests makes them: it finds the proxy and the certificates. On them, replies end in time."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _time(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(*args, **kwargs)
        _time(manager)
        return manager

    def connect(self, url: str) -> _Pool:
        """Connections for an account, of which `url` is any one."""
        request = requests.Request("GET", url).prepare()
        found: Any = requests.Session().merge_environment_settings(url, {}, None, None, None)
        connections: Any = self.get_connection_with_tls_context(request, found["verify"], found["proxies"])
        try:
            self.cert_verify(connections, url, found["verify"], None)  # type: ignore[no-untyped-call]
        except OSError as error:  # there is no such file
            raise SSLError(error) from error
        return _Pool(connections, not self.request_url(request, found["proxies"]).startswith("/"))


def _time(manager: urllib3.PoolManager) -> None:
    """Bound the time of replies on all connections of a manager, which may be one of SOCKS."""
    manager.pool_classes_by_scheme = {scheme: timed(pool) for scheme, pool in manager.pool_classes_by_scheme.items()}
