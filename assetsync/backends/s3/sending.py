"""How boto3 sends its requests here: as always, but what comes back has limits of size and of time.

Whatever answers at an endpoint may never come to an end. botocore reads each reply whole, and measures the silence
between two bytes only: see `assetsync.backends.timed`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import (
    AWSConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnectionPool,
    AWSPreparedRequest,
    AWSResponse,
)
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError
from urllib3 import exceptions

from assetsync.backends import limits
from assetsync.backends.s3.objects import CONNECT_TIMEOUT
from assetsync.backends.timed import TimedSocket, timed
from assetsync.backends.told import tell_url

CONNECTIONS = 64
# Seconds without a byte.
READ_TIMEOUT = 60.0
# Bytes of `100 Continue`, with all that may come along.
MAX_CONTINUE = 64 * 1024
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
        self._session = _Session(**options)
        self._here = threading.local()

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def give_up(self) -> None:
        """Close the connection of the object that this thread began to get: what read its headers raised an error, and
        left it open."""
        raw = getattr(self._here, "raw", None)
        if raw is not None:
            raw.close()

    def answer(self, request: AWSPreparedRequest, event_name: str, **_: object) -> Any:
        """`send`, for botocore's event `before-send`."""
        return self.send(request, event_name.rpartition(".")[2])

    def send(self, request: AWSPreparedRequest, call: str) -> Any:
        """The reply to a call of the S3 API, read whole, unless it is an object.

        It raises errors of botocore: BotoCoreError, and ResponseParserError for a reply that is too large or no
        listing.
        """
        tell_url(call, request.url)
        is_object = request.stream_output
        request.stream_output = True
        response = self._session.send(request)
        if is_object:
            self._here.raw = response.raw
            return response
        body = _read(request.url, response.raw)
        if call == "ListObjectsV2" and response.status_code == 200 and _LISTING not in body[:1024]:
            raise ResponseParserError("the reply is no listing")  # which botocore takes for a fault that passes
        headers: Any = response.headers
        return AWSResponse(response.url, response.status_code, headers, _Whole(body))


class _Session(URLLib3Session):
    """As botocore's, with connections on which replies end in time."""

    _manager: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # What botocore has for proxies too, by the names that it has for them.
        self._pool_classes_by_scheme = self._manager.pool_classes_by_scheme = _POOLS


def _handle_expect_response(self: Any, body: Any) -> None:
    """botocore reads `100 Continue` before it sends a body, for as long as there is something to read."""
    given: Any = AWSConnection
    sock = self.sock
    self.sock = TimedSocket(sock, MAX_CONTINUE)
    try:
        given._handle_expect_response(self, body)  # noqa: SLF001 - there is no other way in
    finally:
        if self.sock is not None:  # else it was closed
            self.sock = sock


_POOLS = {
    "http": timed(AWSHTTPConnectionPool, _handle_expect_response=_handle_expect_response),
    "https": timed(AWSHTTPSConnectionPool, _handle_expect_response=_handle_expect_response),
}


class _Whole:
    """A body that has been read, as botocore wants it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def _read(url: str, raw: Any) -> bytes:
    body = bytearray()
    try:
        while chunk := raw.read1(_CHUNK):
            body += chunk
            if len(body) > limits.MAX_REPLY:
                raise ResponseParserError(f"the reply is larger than {limits.MAX_REPLY} bytes")
        raw.release_conn()
        return bytes(body)
    except exceptions.ReadTimeoutError as error:
        raise ReadTimeoutError(endpoint_url=url, error=error) from error
    except (exceptions.HTTPError, OSError) as error:
        raise ConnectionClosedError(endpoint_url=url, error=error) from error
    finally:
        raw.close()  # of one that was given back, nothing is left to be closed
