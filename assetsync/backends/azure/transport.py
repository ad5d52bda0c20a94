"""The SDK's own HTTP transport, without what would get between the store and us."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

import requests
import urllib3
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

from assetsync.backends import limits
from assetsync.backends.bodies import FileBody, PieceBody
from assetsync.backends.timed import timed
from assetsync.backends.told import tell_url

CONNECTIONS = 64
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds without a byte
_PIECE = 64 * 1024


class TooLargeError(AzureError):
    """A reply has more bytes than any has."""


def open_transport() -> RequestsTransport:
    """A transport with connections for all threads. Proxies and certificates are those that requests finds."""
    session = requests.Session()
    session.headers["Accept-Encoding"] = "identity"
    # With anything here, requests does not look into ~/.netrc, of which a `default` would replace the signature.
    session.auth = _signed_already
    # With `False`, urllib3's own errors come through, which tell a refused connection from one that was cut.
    adapter = _AsStored(pool_maxsize=CONNECTIONS, max_retries=urllib3.Retry(total=False, redirect=False))
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return _Lean(
        session=session,
        connection_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        connection_data_block_size=_PIECE,
    )


def _signed_already(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Lean(RequestsTransport):  # type: ignore[misc] # it has no types
    """Sends bodies from their start on, also when the SDK repeats a request with another token."""

    def send(self, request: Any, **kwargs: Any) -> Any:
        if isinstance(request.data, FileBody | PieceBody):
            request.data.seek(0)
        reply = super().send(request, **kwargs)
        pieces = getattr(reply, "_stream_download_generator", None)  # the SDK has no other way
        if isinstance(pieces, type):
            reply._stream_download_generator = _without_length(pieces)  # noqa: SLF001
        return reply


@cache
def _without_length(pieces: type) -> type:
    """The SDK's iterator of a reply's pieces. It makes a list of it, and Python asks for its length before: that is in
    bytes, so that the list takes eight times as much memory as the reply."""
    return type(pieces.__name__, (pieces,), {"__len__": None})


class _AsStored(HTTPAdapter):
    """Leaves objects alone that carry a `Content-Encoding`; requests would unpack them, and their size would be off.

    Replies have limits of time and of size: TooLargeError. Each is read to its end, so that one that breaks off is one
    failed request, for our retries to see: the SDK's downloads would try again by themselves, three times and a second
    apart. Replies are small: ranges are read piece by piece.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _time(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(*args, **kwargs)
        _time(manager)
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        tell_url(request.method, request.url)
        reply = super().send(request, *args, **kwargs)
        try:
            with reply:
                body = _whole(reply)
        except requests.exceptions.ConnectionError as error:
            raise requests.exceptions.ReadTimeout(error, request=request) from error  # which is all that it can be
        raw = urllib3.HTTPResponse(
            body,
            headers=reply.raw.headers,
            status=reply.status_code,
            reason=reply.reason,
            preload_content=False,
            enforce_content_length=False,
            request_method=request.method,
        )
        return self.build_response(request, raw)

    def build_response(self, req: requests.PreparedRequest, resp: urllib3.BaseHTTPResponse) -> requests.Response:
        resp.headers.discard("Content-Encoding")
        return super().build_response(req, resp)


def _time(manager: urllib3.PoolManager) -> None:
    """Bound the time of replies on all connections of a manager, which may be one of SOCKS."""
    manager.pool_classes_by_scheme = {scheme: timed(pool) for scheme, pool in manager.pool_classes_by_scheme.items()}


def _whole(reply: requests.Response) -> BytesIO:
    body = BytesIO()
    for piece in reply.iter_content(_PIECE):
        body.write(piece)
        if body.tell() > limits.MAX_REPLY:
            raise TooLargeError(f"the reply is larger than {limits.MAX_REPLY} bytes")
    body.seek(0)
    return body
