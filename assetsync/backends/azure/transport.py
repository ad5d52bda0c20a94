"""How the SDK sends its requests here: over the connections of `wire`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from azure.core.pipeline.transport import HttpRequest, HttpResponse, HttpTransport

from assetsync.backends.azure.wire import Reply, Wire


class Transport(HttpTransport[HttpRequest, HttpResponse]):
    """Each reply is read to its end, so that one that breaks off is one failed request, for our retries to see."""

    def __init__(self) -> None:
        self._wire = Wire()

    def send(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """A request of the SDK, and its reply. Errors are those of the wire."""
        headers = {"Accept-Encoding": "identity", **request.headers}
        body: Any = request.data or b""  # a `Body` of ours, or bytes
        return _Response(request, self._wire.send(request.method, request.url, headers, body))

    def open(self) -> None:
        """Connections are opened when they are wanted."""

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def __exit__(self, *_: object) -> None:
        self.close()


class _Response(HttpResponse):
    def __init__(self, request: HttpRequest, reply: Reply) -> None:
        super().__init__(request, None)
        self.status_code = reply.status
        self.headers = reply.headers
        self.reason = reply.reason
        self.content_type = reply.headers.get("Content-Type")
        self._body = reply.body

    def body(self) -> bytes:
        return self._body

    read = body

    def stream_download(self, pipeline: object, **_: object) -> Iterator[bytes]:
        return _Pieces(self)


class _Pieces:
    """A body in one piece, to which the SDK adds what it knows of the blob."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response
        self.content_length = len(response.body())
        self._left = [response.body()]

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._left:
            raise StopIteration
        return self._left.pop()
