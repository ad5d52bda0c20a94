"""One try of a request each: a reply that is a success, or an error of ours that says what was tried."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from assetsync.backends.gcs import translate
from assetsync.backends.gcs.client import CUT, NO_TOKEN, Body, Client, Reply, Stream
from assetsync.backends.refusal import Operation, Place, tried
from assetsync.backends.told import tell, tell_url
from assetsync.errors import StoreError, UnsupportedError

T = TypeVar("T")
_GOOGLE = ".googleapis.com"
_INCOMPLETE = 308  # of a resumable upload, to which bytes are missing


class Task(NamedTuple):
    """The purpose of a request. With `create_only`, a precondition that does not hold means that the object exists."""

    operation: Operation
    key: str
    create_only: bool = False


class Calls:
    """Requests to the bucket of `place`. Every method may raise a StoreError, and none tries again."""

    def __init__(self, client: Client, place: Place) -> None:
        self._client = client
        self._place = place

    @property
    def place(self) -> Place:
        """Where requests go, and with whose credentials."""
        return self._place

    def ask(
        self,
        task: Task,
        method: str,
        path: str,
        params: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: Body = (),
        *,
        limit: int | None = None,
    ) -> Reply:
        """A request of the JSON API. Not much more than `limit` bytes of an object are read, if it is one."""
        with self._translated(task):
            url = self._client.link(path, params)
            tell(method, unquote(path))
            reply = self._client.exchange(method, url, self._client.signed(headers or {}), body, limit=limit)
        if reply.status // 100 != 2:
            raise self._refused(task, reply.status, reply.body)
        return reply

    def ask_json(self, task: Task, method: str, path: str, params: Mapping[str, str], read: Callable[[Any], T]) -> T:
        """A request of the JSON API, and what `read` makes of its reply: see `parsed`."""
        return self.parsed(task, self.ask(task, method, path, params), read)

    def parsed(self, task: Task, reply: Reply, read: Callable[[Any], T]) -> T:
        """The JSON of a reply, as `read` understands it, which raises ValueError for what is not to be understood."""
        try:
            return read(json.loads(reply.body))
        except (ValueError, RecursionError) as error:
            raise self.no_sense(task) from error

    def session(self, task: Task, reply: Reply) -> str:
        """The URI of the session that a reply tells of."""
        url = reply.headers.get("Location", "")
        if not self.is_session(url):
            raise self.no_sense(task)
        return url

    def ask_session(
        self, task: Task, method: str, url: str, headers: Mapping[str, str], data: bytes | memoryview = b""
    ) -> Reply:
        """A request to a session URI, which stands for itself: no credentials are sent along.

        Data goes by POST, as gcsfs sends it too: a PUT would be repeated by aiohttp on its own. A session that does not
        lie where the store is asked is refused: it comes from a reply, or from the journal of an earlier process.
        """
        if not self.is_session(url):
            raise self.no_sense(task)
        tell_url(method, url)
        with self._translated(task):
            reply = self._client.exchange(
                method, url, {"Content-Type": "application/octet-stream", **headers}, [data] if data else ()
            )
        if reply.status // 100 != 2 and reply.status != _INCOMPLETE:
            raise self._refused(task, reply.status, reply.body)
        return reply

    def is_session(self, url: str) -> bool:
        """Whether a URL can be that of a session: it lies where the store is asked."""
        try:
            session = urlsplit(url)
        except ValueError:
            return False
        store = urlsplit(self._client.link("/", {}))
        if store.hostname and store.hostname.endswith(_GOOGLE):
            return session.scheme == "https" and (session.hostname or "").endswith(_GOOGLE)
        return session[:2] == store[:2]

    def open_range(self, task: Task, path: str, first: int, end: int, generation: str) -> tuple[str, Iterator[bytes]]:
        """See `ranges.Open`: the tag is the generation. The iterator raises StoreError too."""
        tell("GET", unquote(path))
        params = {"alt": "media", **({"generation": generation} if generation else {})}
        with self._translated(task):
            headers = self._client.signed({"Range": f"bytes={first}-{end - 1}"})
            stream, chunk = self._client.stream(self._client.link(path, params), headers)
        try:
            if stream.status == 200 and first:
                raise UnsupportedError(f"{self.tried(task)}: `{self._place.endpoint}` sends no ranges")
            if stream.status not in (200, 206):
                raise self._refused(task, stream.status, chunk)
            return self.generation(task, stream.headers), self._chunks(task, stream, chunk, end - first)
        except StoreError:
            stream.close()
            raise

    def _chunks(self, task: Task, stream: Stream, chunk: bytes, count: int) -> Iterator[bytes]:
        """The first `count` bytes of a stream, which begins with `chunk`, or as many as there are."""
        try:
            while chunk:
                yield chunk[:count]
                count -= len(chunk)
                if count <= 0:
                    return
                with self._translated(task):
                    chunk = stream.read()
        finally:
            stream.close()

    def generation(self, task: Task, headers: Mapping[str, str]) -> str:
        """The generation of the object that a read returned."""
        generation = headers.get("x-goog-generation")
        if generation is None:
            raise UnsupportedError(f"{self.tried(task)}: `{self._place.endpoint}` does not tell its generation")
        return generation

    def tried(self, task: Task) -> str:
        """The attempt in words: the beginning of every message."""
        return tried(task.operation, task.key, self._place)

    def no_sense(self, task: Task) -> StoreError:
        """The error for a reply that can't be one of Cloud Storage."""
        return translate.no_sense(task.operation, task.key, self._place)

    def _refused(self, task: Task, status: int, body: bytes) -> StoreError:
        refusal = translate.told(status, body)
        return translate.refused(task.operation, task.key, self._place, refusal, create_only=task.create_only)

    @contextmanager
    def _translated(self, task: Task) -> Iterator[None]:
        try:
            yield
        except NO_TOKEN as error:
            raise translate.no_token(task.operation, task.key, self._place, error) from error
        except CUT as error:
            raise translate.cut(task.operation, task.key, self._place, error) from error
