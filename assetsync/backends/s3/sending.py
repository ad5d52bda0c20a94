"""How boto3 sends its requests here: as always, but what comes back has limits of size and of time.

Whatever answers at an endpoint may never come to an end. botocore reads each reply whole, and measures the silence
between two bytes only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

CONNECTIONS = 64
# Seconds, also for sending one chunk of a body.
CONNECT_TIMEOUT = 10.0
# Seconds without a byte.
READ_TIMEOUT = 60.0
# Seconds from the start of a reply to its end, and bytes of it: a full page of a listing has some 1.5 MB.
REPLY_TIMEOUT = 120.0
MAX_REPLY = 16 * 1024 * 1024
_CHUNK = 64 * 1024
_LISTING = b"<ListBucketResult"


class Sender:
    """Sends the requests of one client. `authorities` is a file of certificates, `proxy` the URL of one or None."""

    def __init__(self, authorities: str, proxy: str | None) -> None:
        options: dict[str, Any] = {
            "verify": authorities,
            "proxies": {"http": proxy, "https": proxy} if proxy else {},
            "timeout": (CONNECT_TIMEOUT, READ_TIMEOUT),
            "max_pool_connections": CONNECTIONS,
        }
        self._session = URLLib3Session(**options)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def send(self, request: AWSPreparedRequest, event_name: str, **_: object) -> Any:
        """The reply to a request, read whole, unless it is an object's: for botocore's event `before-send`.

        It raises errors of botocore: BotoCoreError, and ResponseParserError for a reply that is too large or no
        listing.
        """
        is_object = request.stream_output
        request.stream_output = True
        response = self._session.send(request)
        if is_object:
            return response
        body = _read(request.url, response.raw)
        if event_name.endswith(".ListObjectsV2") and response.status_code == 200 and _LISTING not in body[:1024]:
            raise ResponseParserError("the reply is no listing")  # which botocore takes for a fault that passes
        headers: Any = response.headers
        return AWSResponse(response.url, response.status_code, headers, _Whole(body))


class _Whole:
    """A body that has been read, as botocore wants it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def _read(url: str, raw: Any) -> bytes:
    body = bytearray()
    deadline = time.monotonic() + REPLY_TIMEOUT
    try:
        while len(body) <= MAX_REPLY and time.monotonic() < deadline:
            chunk = raw.read1(_CHUNK)
            if not chunk:
                raw.release_conn()
                return bytes(body)
            body += chunk
    except (HTTPError, OSError) as error:
        raise ConnectionClosedError(endpoint_url=url, error=error) from error
    raw.close()
    if len(body) > MAX_REPLY:
        raise ResponseParserError(f"the reply is larger than {MAX_REPLY} bytes")
    raise ReadTimeoutError(endpoint_url=url, error="the reply takes too long")
