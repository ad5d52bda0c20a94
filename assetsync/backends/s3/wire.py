"""The one way to the store: a signed request over one pool of connections, and its reply or a translated error.

botocore's client costs more than a millisecond of CPU per request, which bounds it at some hundred small objects a
second. Its signer alone, over urllib3, costs a third of that.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import urllib3
from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool
from botocore.httpsession import get_cert_path
from urllib3.exceptions import HTTPError

from assetsync.backends.http import proxy_for
from assetsync.backends.refusal import Operation, Place, Refusal
from assetsync.backends.s3.access import EMPTY_SHA256, Access, Location
from assetsync.backends.s3.translate import cut, refusal_of, refused
from assetsync.errors import DamagedError, StoreError, UsageError
from assetsync.escape import printable

CONNECTIONS = 64
CONNECT_TIMEOUT = 10.0  # seconds, also for sending one CHUNK
READ_TIMEOUT = 60.0  # seconds without a byte
CHUNK = 128 * 1024
# Nothing but an object is larger: a full page of a listing has some 1.5 MB.
MAX_REPLY = 64 * 1024 * 1024
MAX_REFUSAL = 256 * 1024
# From this size on, the store is asked before the body is sent, so that a refusal is heard and costs no upload.
EXPECT_SIZE = 1024 * 1024

_SUCCESS = (200, 204, 206)


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the S3 API.

    `key` is the whole key, `name` what messages call it. `body` is asked for its chunks anew for each try; they have
    `size` bytes in all, and `sha256`, which the store verifies.
    """

    operation: Operation
    method: str
    key: str
    name: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], Iterator[memoryview]] | None = None
    size: int = 0
    sha256: str = EMPTY_SHA256


class Reply(NamedTuple):
    """A success. The names of `headers` are looked up without regard to case."""

    headers: Mapping[str, str]
    body: bytes


def chunks_of(data: bytes | memoryview) -> Iterator[memoryview]:
    """Bytes in the pieces that a connection takes at once."""
    view = memoryview(data)
    for start in range(0, len(view), CHUNK):
        yield view[start : start + CHUNK]


class Wire:
    """Sends requests for one bucket. Tries each once; only a bucket that turns out to be elsewhere is followed."""

    def __init__(self, access: Access, store: str, bucket: str, environ: Mapping[str, str]) -> None:
        self._access = access
        self._store = store
        self._bucket = bucket
        self._environ = environ
        self._lock = threading.Lock()
        self._routes: dict[str, _Route] = {}

    @property
    def location(self) -> Location:
        return self._access.location

    @property
    def identity(self) -> str:
        """Where the credentials come from, and the endpoint. DeniedError."""
        if not self._access.anonymous:
            _ = self._access.credentials  # found at first use
        place = self._place()
        return f"{place.credentials}, at {place.endpoint}"

    def close(self) -> None:
        """Close the connections that are idle. Further requests open new ones."""
        with self._lock:
            for route in self._routes.values():
                route.pool.close()
            self._routes.clear()

    def send(self, request: Request, limit: int = MAX_REPLY) -> Reply:
        """The whole reply to a request. StoreError; DamagedError when it is larger than `limit` bytes."""
        response = self.open(request)
        try:
            body = _whole(response, limit)
        except (HTTPError, OSError) as error:
            raise self.broken(request, error) from error
        finally:
            drop(response)
        if body is None:
            raise DamagedError(f"`{printable(request.name)}` in `{self._store}` is larger than {limit} bytes")
        return Reply(response.headers, body)

    def open(self, request: Request) -> urllib3.BaseHTTPResponse:
        """The reply to a request; its body is still to be read, and then it must be given to `drop`. StoreError."""
        location = self.location
        response = self._exchange(request, location)
        if response.status in _SUCCESS:
            return response
        refusal = self._refusal(request, response)
        if refusal.region not in ("", location.region) and self._access.move(refusal.region):
            location = self.location
            response = self._exchange(request, location)
            if response.status in _SUCCESS:
                return response
            refusal = self._refusal(request, response)
        raise self.refused(request, refusal)

    def refused(self, request: Request, refusal: Refusal) -> StoreError:
        """The error for a refusal."""
        create_only = "If-None-Match" in request.headers
        return refused(request.operation, request.name, self._place(), refusal, create_only=create_only)

    def broken(self, request: Request, error: Exception) -> StoreError:
        """The error for an exchange that broke off."""
        return cut(request.operation, request.name, self._place(), error)

    def _exchange(self, request: Request, location: Location) -> urllib3.BaseHTTPResponse:
        route = self._route(location)
        target = _target(location, request)
        url = location.endpoint + target
        headers: dict[str, str | bytes] = {
            **self._access.sign(location, request.method, url, request.headers, request.sha256),
            "User-Agent": "assetsync",
        }
        if request.method in ("PUT", "POST"):
            headers["Content-Length"] = str(request.size)
        if request.size >= EXPECT_SIZE:
            headers["Expect"] = b"100-continue"  # as bytes: that is how botocore's connections know it
        body = _Guarded(request.body()) if request.body else None
        try:
            return route.pool.urlopen(
                request.method,
                url if route.absolute else target,
                body=body,  # type: ignore[arg-type] # and any iterable of buffers
                headers=headers,  # type: ignore[arg-type] # urllib3 takes bytes as values
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError) as error:
            if body and body.error:  # a local file that can't be read, which urllib3 takes for the connection's fault
                raise body.error from None
            raise self.broken(request, error) from error

    def _refusal(self, request: Request, response: urllib3.BaseHTTPResponse) -> Refusal:
        try:
            body = response.read(MAX_REFUSAL)
        except (HTTPError, OSError):
            body = b""  # the status says enough
        finally:
            drop(response)
        return refusal_of(response.status, response.headers, body)

    def _place(self) -> Place:
        return Place(self._store, self._bucket, self.location.endpoint, self._access.source)

    def _route(self, location: Location) -> _Route:
        with self._lock:
            route = self._routes.get(location.endpoint)
            if route is None:
                route = _route_to(location.endpoint, self._access.ca_bundle, self._environ)
                self._routes[location.endpoint] = route
            return route


class _Guarded:
    """The chunks of a body; remembers the error that they ended with."""

    def __init__(self, chunks: Iterator[memoryview]) -> None:
        self._chunks = chunks
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[memoryview]:
        try:
            yield from self._chunks
        except Exception as error:
            self.error = error
            raise


class _Route(NamedTuple):
    """The connections to an endpoint, direct or through a proxy; `absolute`: this proxy wants to read whole URLs."""

    pool: urllib3.HTTPConnectionPool
    absolute: bool


def _route_to(endpoint: str, ca_bundle: str | None, environ: Mapping[str, str]) -> _Route:
    proxy = proxy_for(endpoint, environ)
    options: dict[str, Any] = {
        "maxsize": CONNECTIONS,
        "timeout": urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
    }
    if endpoint.startswith("https:") or (proxy or "").startswith("https:"):
        options["ssl_context"] = _trust(ca_bundle)
    manager = urllib3.PoolManager(**options) if proxy is None else _proxy_manager(proxy, options)
    # Those of botocore know how to wait for "100 Continue".
    manager.pool_classes_by_scheme = {"http": AWSHTTPConnectionPool, "https": AWSHTTPSConnectionPool}
    return _Route(manager.connection_from_url(endpoint), proxy is not None and endpoint.startswith("http:"))


def _trust(ca_bundle: str | None) -> ssl.SSLContext:
    """One for all connections: reading the authorities takes longer than a request. UsageError."""
    try:
        return ssl.create_default_context(cafile=ca_bundle or get_cert_path(True))
    except OSError as error:
        raise UsageError(
            f"`{ca_bundle}` can't be read as certificate authorities: {error}",
            hint="check `AWS_CA_BUNDLE`, `REQUESTS_CA_BUNDLE`, and `ca_bundle` of the AWS profile",
        ) from error


def _proxy_manager(proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
    parts = urlsplit(proxy)
    headers = None
    if parts.username:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=user)
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return urllib3.ProxyManager(address, proxy_headers=headers, **options)


def _target(location: Location, request: Request) -> str:
    path = urlsplit(location.url).path
    if request.key:
        path += "/" + quote(request.key, safe="/~")
    query = "&".join(
        f"{name}={quote(value, safe='~')}" if value else name for name, value in sorted(request.query.items())
    )
    return f"{path or '/'}?{query}" if query else path or "/"


def _whole(response: urllib3.BaseHTTPResponse, limit: int) -> bytes | None:
    """The body, or None when it is longer than `limit`."""
    length = response.length_remaining
    if length is None:
        body = response.read(limit + 1)
        return body if len(body) <= limit else None
    # Without a number, because only then urllib3 notices that a body ends too early.
    return response.read() if length <= limit else None


def drop(response: urllib3.BaseHTTPResponse) -> None:
    """Be done with a reply. Its connection is used again if the body was read to its end, and closed otherwise."""
    response.close()
    response.release_conn()
