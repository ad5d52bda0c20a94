"""Calls of the SDK on one container, tried again where that may help, with errors of ours that say what was tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob import BlobClient, BlobPrefix, ContainerClient
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from assetsync.backends.azure.replies import etag_of, is_size
from assetsync.backends.azure.translate import (
    LIST,
    NO_SENSE,
    READ,
    REPLACE,
    no_sense,
    translated,
)
from assetsync.backends.bodies import Body
from assetsync.backends.refusal import Operation, Place
from assetsync.backends.retry import Tries
from assetsync.errors import (
    DamagedError,
    UnsupportedError,
)
from assetsync.escape import printable

T = TypeVar("T")
# Exceptions of the SDK, and of how its requests are sent.
FAILURES = (AzureError, HTTPError, RequestException)
# Azure drops dots at the end of a segment: `x.` and `x` are one blob.
DOT_AT_END = re.compile(r"\.(?:/|\Z)")


class Calls:
    """Calls about the objects of one container, under a prefix (empty, or with a slash at its end).

    Every method may raise a StoreError.
    """

    def __init__(self, container: ContainerClient, place: Place, prefix: str) -> None:
        self._place = place
        self._container = container
        self._prefix = prefix
        self._tries = Tries()

    def close(self) -> None:
        """Close all connections."""
        self._container.close()

    def blob(self, key: str) -> BlobClient:
        """The SDK's client for an object. UnsupportedError for a key that Azure would make another of."""
        name = self._prefix + key
        if DOT_AT_END.search(name):
            raise UnsupportedError(
                f"`{printable(key)}` can't be in `{self._place.store}`: Azure drops dots at the end of a name",
                hint="rename the file or folder",
            )
        return self._container.get_blob_client(name)

    def written(
        self,
        operation: Operation,
        key: str,
        write: Callable[[], T],
        is_ours: Callable[[], bool],
        body: Body | None = None,
    ) -> T | None:
        """Return what a conditional `write` returns; None when only its reply was lost. Errors of reading `body`."""
        return self._tries.settle(
            lambda: self._once(operation, key, write, body, create_only=operation is not REPLACE), is_ours
        )

    def tried(self, operation: Operation, key: str, call: Callable[[], T], body: Body | None = None) -> T:
        """Return the result of `call`, a call of the SDK, tried again where that may help. StoreError; errors of
        reading the `body` that it sends."""
        return self._tries.run(lambda: self._once(operation, key, call, body))

    def _once(
        self,
        operation: Operation,
        key: str,
        call: Callable[[], T],
        body: Body | None = None,
        *,
        create_only: bool = False,
    ) -> T:
        try:
            return call()
        except (*FAILURES, *NO_SENSE) as error:
            if body is not None and body.error is not None:
                raise body.error from None
            if isinstance(error, FAILURES):
                # Not chained: the SDK's exceptions may quote a SAS token.
                raise translated(operation, key, self._place, error, create_only=create_only) from None
            raise no_sense(operation, key, self._place, error) from None

    def read(self, key: str, limit: int) -> tuple[bytes, str, Mapping[str, str]]:
        """A small object, its etag, and the headers of the reply. DamagedError when it is larger than `limit` bytes."""
        blob = self.blob(key)

        def get() -> tuple[bytes, str, Mapping[str, str]]:
            replies: list[Any] = []
            stream = blob.download_blob(raw_response_hook=replies.append)
            data = stream.readall() if stream.size <= limit else b""
            if max(stream.size, len(data)) > limit:
                raise DamagedError(f"`{printable(key)}` in `{self._place.store}` is larger than {limit} bytes")
            return data, etag_of(stream.properties), replies[-1].http_response.headers

        return self.tried(READ, key, get)

    def chunk(self, key: str, start: int, length: int, etag: str | None) -> tuple[bytes, str | None]:
        """Some bytes of an object, fewer or none at its end, and its etag. ChangedError when that is not `etag`."""
        blob = self.blob(key)
        condition = {} if etag is None else if_still(etag)

        def get() -> tuple[bytes, str | None]:
            try:
                stream = blob.download_blob(start, length, **condition)
            except HttpResponseError as error:
                if error.status_code == 416:
                    return b"", etag
                raise
            return b"".join(stream.chunks())[:length], etag_of(stream.properties)  # `readall` copies once more

        return self.tried(READ, key, get)

    def page(self, prefix: str, token: str | None, size: int, *, delimiter: bool) -> tuple[Sequence[Any], str | None]:
        """One page of at most `size` entries of a listing, and the token of the next, if there is one."""

        def get() -> tuple[Sequence[Any], str | None]:
            options: dict[str, Any] = {
                "name_starts_with": self._prefix + prefix,
                "include": ["metadata"],
                "results_per_page": size,
            }
            found = self._container.walk_blobs(**options) if delimiter else self._container.list_blobs(**options)
            pages = found.by_page(token)
            page = list(next(pages))
            if not all(map(self._is_listed, page)):
                raise ValueError("an entry that was not asked for, or without a size")
            return page, pages.continuation_token  # type: ignore[attr-defined]

        return self.tried(LIST, prefix, get)

    def _is_listed(self, found: Any) -> bool:
        """Whether an entry of a listing is one: the SDK takes what comes."""
        is_named = isinstance(found.name, str) and found.name.startswith(self._prefix)
        return is_named and (isinstance(found, BlobPrefix) or is_size(found.size))


def if_still(etag: str) -> dict[str, Any]:
    """The arguments for a call that is meant for the object with that etag alone."""
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}
