"""The SDK's own HTTP transport, without what would get between the store and us."""

from __future__ import annotations

from typing import Any

import requests
import urllib3
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

CONNECTIONS = 64
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds without a byte


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
    return _WholeReplies(session=session, connection_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)


def _signed_already(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _WholeReplies(RequestsTransport):  # type: ignore[misc] # it has no types
    """Reads each reply to its end, so that one that breaks off is one failed request, for our retries to see.

    The SDK's downloads would try again by themselves, three times and a second apart. Replies are small: ranges are
    read piece by piece.
    """

    def send(self, request: Any, **kwargs: Any) -> Any:
        return super().send(request, **{**kwargs, "stream": False})


class _AsStored(HTTPAdapter):
    """Leaves objects alone that carry a `Content-Encoding`; requests would unpack them, and their size would be off."""

    def build_response(self, req: requests.PreparedRequest, resp: urllib3.BaseHTTPResponse) -> requests.Response:
        resp.headers.discard("Content-Encoding")
        return super().build_response(req, resp)
