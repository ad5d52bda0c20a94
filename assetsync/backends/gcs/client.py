"""Requests to Cloud Storage over gcsfs: its credentials, its session and its event loop.

gcsfs's own calls try six times, whatever `assetsync.backends.retry` says, turn the status into words (403 into a bare
OSError, 412 into FileExistsError), and hold whole objects in memory. So requests are sent here, once each, and come
back with the status as it was.
"""

from __future__ import annotations

import asyncio
import os
import re
import warnings
import weakref
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import aiohttp
import google.auth
import google.auth.credentials
import google.auth.exceptions
from yarl import URL

from assetsync.backends import limits
from assetsync.backends.http import may_see_token
from assetsync.errors import DeniedError, UnreachableError
from assetsync.escape import printable

# Otherwise gcsfs asks over gRPC what kind of bucket it is, which hangs for a minute where only HTTP is spoken. It reads
# the variable when it is imported.
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")

from gcsfs.core import GCSFileSystem
from gcsfs.retry import HttpError, NonRetryableError

EMULATOR_VARIABLE = "STORAGE_EMULATOR_HOST"
CREDENTIALS_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
ACCESS = "read_write"
SCOPE = f"https://www.googleapis.com/auth/devstorage.{ACCESS}"
# Seconds.
CONNECT_TIMEOUT = 15.0
# Seconds without a byte of a reply.
READ_TIMEOUT = 60.0
# Bytes of a body that are handed to the connection at once, and of a reply that are read at once.
PIECE = 1024 * 1024
# Bytes of an object that must come before the time is over, or its end.
LEAST = 256 * 1024
# A refusal has a message, and that is all.
MAX_REFUSAL = 64 * 1024
# Bodies up to this size go as one piece; a larger one would block the event loop.
_SMALL_BODY = 256 * 1024
_CLOSE_PATIENCE = 5.0

# Compressed on the way, a range would be one of other bytes.
_AS_STORED = {"Accept-Encoding": "identity"}

# Exceptions that getting a token may raise.
NO_TOKEN = (HttpError, NonRetryableError, google.auth.exceptions.GoogleAuthError)
# Exceptions that sending a request may raise.
CUT = (aiohttp.ClientError, TimeoutError, OSError)


class TooLargeError(aiohttp.ClientPayloadError):
    """A reply has more bytes than any has."""


T = TypeVar("T")
Body = Sequence[bytes | memoryview]


class Reply(NamedTuple):
    """A reply, read whole. The names of `headers` are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Identity(NamedTuple):
    """Who asks: credentials of google-auth, or None for nobody, and the same in words."""

    credentials: google.auth.credentials.Credentials | None
    who: str


def identity(endpoint: str, environ: Mapping[str, str]) -> Identity:
    """The credentials to use at `endpoint`: the application default ones. DeniedError, UnreachableError.

    An endpoint without TLS, which is what emulators are, gets none; nor does one that only assets.yaml names. Where
    there are none, requests go without, which does for public buckets.
    """
    if endpoint.startswith("http://"):
        return Identity(None, "nobody, since the endpoint speaks no TLS")
    domain = re.escape(environ.get("GOOGLE_CLOUD_UNIVERSE_DOMAIN") or "googleapis.com")
    if not may_see_token(endpoint, environ, re.compile(rf"(?:[a-z0-9-]+\.)+{domain}"), EMULATOR_VARIABLE):
        return Identity(None, "nobody, since it is not `ASSETSYNC_ENDPOINT` that names the endpoint")
    path = environ.get(CREDENTIALS_VARIABLE)
    who = f"the credentials that `{CREDENTIALS_VARIABLE}` names" if path else "Google's application default credentials"
    try:
        # It warns of end-user credentials without a project for quotas, which storage does not need, and of key files
        # that come from strangers, which a file that the user names does not.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = _from_file(path) if path else google.auth.default(scopes=[SCOPE])[0]
    except google.auth.exceptions.TransportError as error:
        raise UnreachableError(
            f"the server that issues tokens for {who} can't be reached: {_in_a_line(error)}",
            hint="check the network and the proxy",
        ) from error
    except _UNUSABLE as error:
        if path is None and isinstance(error, google.auth.exceptions.DefaultCredentialsError):
            return Identity(None, "nobody, since no Google credentials were found")
        raise DeniedError(
            f"{who} can't be used: {_in_a_line(error)}",
            hint=f"let `{CREDENTIALS_VARIABLE}` name a key file, or unset it and run "
            "`gcloud auth application-default login`",
        ) from error
    return Identity(found, who)


# Exceptions of google-auth for files that hold no credentials; the latter three for JSON of another shape.
_UNUSABLE = (google.auth.exceptions.GoogleAuthError, ValueError, OSError, LookupError, TypeError, AttributeError)


def _in_a_line(error: Exception) -> str:
    return printable(" ".join(str(error).split()))


def _from_file(path: str) -> google.auth.credentials.Credentials:
    found: google.auth.credentials.Credentials
    found, _ = google.auth.load_credentials_from_file(path, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    return found


class Client(GCSFileSystem):  # type: ignore[misc]  # gcsfs has no types
    """A gcsfs file system of which only what its subclasses may use is used. Safe to use from many threads."""

    cachable = False
    # Keeps settings of gcsfs in the user's fsspec configuration out: Google's own chain decides here.
    protocol = ("assetsync-gs",)

    def __init__(
        self,
        endpoint: str,
        credentials: google.auth.credentials.Credentials | None,
        *,
        user_project: str | None,
        proxy: str | None,
    ) -> None:
        super().__init__(
            access=ACCESS,
            token="anon" if credentials is None else credentials,
            endpoint_url=endpoint,
            requester_pays=user_project or False,
            use_listings_cache=False,
        )
        self._proxy = proxy
        session = self.run(self._set_session())
        # gcsfs has a finalizer too, which neither waits nor wakes the event loop; this one is run before it.
        self._close = weakref.finalize(self, _close, self.loop, session)

    def close(self) -> None:
        """Close all connections."""
        self._close()

    def link(self, path: str, params: Mapping[str, str]) -> str:
        """The URL of a request, `path` being quoted already."""
        return f"{self._location}{path}?{urlencode(self._get_params(params))}"

    def signed(self, headers: Mapping[str, str]) -> dict[str, str]:
        """`headers` and a token, which is renewed here, in the caller's thread, when it is about to expire."""
        return dict(self._get_headers(headers))

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: Body = (), *, limit: int | None = None
    ) -> Reply:
        """One request, and its reply, of whose body not much more than `limit` bytes are read."""
        return self.run(self._exchange(method, url, headers, body, limit))

    def stream(self, url: str, headers: Mapping[str, str]) -> tuple[Stream, bytes]:
        """One GET, and the first bytes of its body, of which the rest is still to be read."""
        return self.run(self._begin(url, headers))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of `work`, which the event loop runs on its own thread."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, limit: int | None
    ) -> Reply:
        size = sum(map(len, body))
        is_small = size <= _SMALL_BODY
        async with self._session.request(
            method,
            URL(url, encoded=True),
            headers={**_AS_STORED, **headers, **({} if is_small else {"Content-Length": str(size)})},
            data=b"".join(body) if is_small else _pieces(body),
            proxy=self._proxy,
            timeout=timeout(size),
            allow_redirects=False,
            auto_decompress=False,
        ) as response:
            return Reply(response.status, response.headers, await _read(response, limit))

    async def _begin(self, url: str, headers: Mapping[str, str]) -> tuple[Stream, bytes]:
        response: aiohttp.ClientResponse = await self._session.get(
            URL(url, encoded=True),
            headers={**_AS_STORED, **headers},
            proxy=self._proxy,
            timeout=timeout(0),
            allow_redirects=False,
            auto_decompress=False,
            read_bufsize=PIECE,
        )
        try:
            return Stream(self, response), await _some(response)
        except BaseException:
            response.close()
            raise


class Stream:
    """A reply whose body is read bit by bit. To be closed in the end."""

    def __init__(self, client: Client, response: aiohttp.ClientResponse) -> None:
        self._client = client
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    def read(self) -> bytes:
        """Some bytes, at least LEAST of them unless the end is near; none at the end."""
        return self._client.run(_some(self._response))

    def close(self) -> None:
        """Drop the connection, unless all was read. Does not wait, since a generator's finalizer may call it."""
        self._client.loop.call_soon_threadsafe(self._response.close)


def timeout(size: int) -> aiohttp.ClientTimeout:
    """How long a request with a body of `size` bytes may take."""
    return aiohttp.ClientTimeout(total=limits.time_for(size), sock_connect=CONNECT_TIMEOUT, sock_read=READ_TIMEOUT)


async def _pieces(body: Body) -> AsyncIterator[memoryview]:
    for part in body:
        view = memoryview(part)
        for start in range(0, len(view), PIECE):
            yield view[start : start + PIECE]


async def _read(response: aiohttp.ClientResponse, limit: int | None) -> bytes:
    """The body of a reply: of an object, not much more than `limit` bytes; of a refusal, its beginning."""
    if response.status >= 300:
        return await _beginning(response, MAX_REFUSAL)
    if limit is not None:
        return await _beginning(response, limit)
    body = await _beginning(response, limits.MAX_REPLY)
    if len(body) > limits.MAX_REPLY:
        raise TooLargeError(f"the reply is larger than {limits.MAX_REPLY} bytes")
    return body


async def _some(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while len(body) < LEAST and (chunk := await response.content.read(PIECE)):
        body += chunk
    return bytes(body)


async def _beginning(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    while len(body) <= limit and (chunk := await response.content.read(PIECE)):
        body += chunk
    return bytes(body)


def _close(loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession) -> None:
    if not loop.is_running():
        return
    closing = asyncio.run_coroutine_threadsafe(session.close(), loop)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        closing.result(_CLOSE_PATIENCE)
    # Otherwise it is the event loop that drops the last reference, and it can't wait for itself.
