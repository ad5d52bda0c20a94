"""Single objects through obstore: the calls that are made once for each file. One try each, none of them asynchronous.

obstore takes an eighth of boto3's time for a request. `bucket.py` has what it can't do: whole listings (it folds `a//b`
into `a/b`, and takes any reply for an empty listing), copies, parts, and keys with an empty segment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from assetsync.backends.labels import UNLABELLED, Labels
from assetsync.backends.refusal import Operation, Place
from assetsync.backends.s3.access import Access, Location, read_authorities
from assetsync.backends.s3.translate import READ, broken, refusal_in, refused
from assetsync.backends.told import tell
from assetsync.errors import DamagedError, StoreError, UnsupportedError
from assetsync.escape import printable

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ClientConfig, S3Config, S3Credential

# Seconds; boto3's are also for sending one chunk of a body.
CONNECT_TIMEOUT = 10.0
# Seconds without a byte of a reply; for a small body this includes sending it.
READ_TIMEOUT = 60.0
# Seconds for one request from end to end: a store that sends a byte now and then is no better than a silent one. A
# range that is cut off goes on where it was.
TOTAL_TIMEOUT = 300.0
# Seconds for which credentials are used before botocore is asked whether they are still good.
CREDENTIALS_LIFE = 30.0
# obstore asks again this long before the credentials expire.
_ASKED_BEFORE = timedelta(minutes=5)
# Bytes handed out at once.
READ_CHUNK = 256 * 1024

# Bytes. So much is read whole; of more, a range.
SMALL = 1024 * 1024

_RAISED = (BaseError, FileNotFoundError, PermissionError, NotImplementedError)
T = TypeVar("T")


class NoPartialError(StoreError):
    """The store answers 200 to a range, as rclone does; obstore does not say with which bytes."""


class Head(NamedTuple):
    """The facts that a store tells of an object. `sha256` (hex) is the one that the uploader left, else None."""

    size: int
    etag: str
    sha256: str | None


class Objects:
    """The objects of one bucket under a prefix (empty, or with a slash at its end), by keys relative to it."""

    def __init__(
        self,
        access: Access,
        place: Callable[[], Place],
        prefix: str,
        kms_key_id: str | None,
        labels: Labels = UNLABELLED,
    ) -> None:
        self._access = access
        self._labels = labels
        self._place = place
        self._prefix = prefix
        self._kms_key_id = kms_key_id
        self._lock = threading.Lock()
        self._stores: dict[Location, S3Store] = {}
        # Why there were no credentials when obstore last asked; it makes text of it.
        self._denied: StoreError | None = None

    def get(self, key: str, limit: int, unless: str = "") -> tuple[bytes, str]:
        """The bytes of an object and its etag. NotFoundError; DamagedError when it is larger than `limit` bytes.

        UnchangedError when its etag is `unless`.
        """
        options: Any = {"if_none_match": unless} if unless else {}

        def act(store: S3Store) -> tuple[bytes, str]:
            found = obstore.get(store, self._prefix + key, options=options)
            if found.meta["size"] > limit:
                raise DamagedError(f"`{printable(key)}` in `{self._place().store}` is larger than {limit} bytes")
            return bytes(found.bytes()), found.meta["e_tag"] or ""

        return self._call("GET", READ, key, act)

    def head(self, key: str) -> Head:
        """NotFoundError."""

        def act(store: S3Store) -> Head:
            found = obstore.get(store, self._prefix + key, options={"head": True})
            sha256 = str(found.attributes.get("sha256", "")).lower()
            return Head(found.meta["size"], found.meta["e_tag"] or "", sha256 if _is_sha256(sha256) else None)

        return self._call("HEAD", READ, key, act)

    def put(
        self, operation: Operation, key: str, data: bytes, sha256: str, mode: PutMode, *, labelled: bool = False
    ) -> str:
        """Store a small object, and return its etag. ExistsError, ChangedError, ChecksumError."""
        labels = self._labels if labelled else UNLABELLED
        attributes = {"sha256": sha256}
        if labels.storage_class:
            attributes["Storage-Class"] = labels.storage_class

        def act(store: S3Store) -> str:
            put = obstore.put(
                store,
                self._prefix + key,
                data,
                mode=mode,
                attributes=attributes,
                tags=dict(labels.tags) or None,
                use_multipart=False,
            )
            return put["e_tag"] or ""

        return self._call("PUT", operation, key, act, create_only=mode == "create")

    def range(self, key: str, first: int, end: int, etag: str) -> tuple[str, Iterator[bytes]]:
        """The etag of an object, and its bytes from `first` up to `end`, exclusive. NotFoundError, NoRangeError.

        ChangedError when it has another etag than `etag`, which is empty where any will do. The iterator raises
        StoreError too. NoPartialError where the store answers with 200.
        """
        if first == 0 and end <= SMALL and not etag and (found := self._beginning(key, end)):
            return found
        options: Any = {"range": (first, end), **({"if_match": etag} if etag else {})}

        def act(store: S3Store) -> tuple[str, Iterator[bytes]]:
            found = obstore.get(store, self._prefix + key, options=options)
            return found.meta["e_tag"] or "", self._chunks(key, found.stream(min_chunk_size=READ_CHUNK))

        return self._call("GET", READ, key, act)

    def _beginning(self, key: str, end: int) -> tuple[str, Iterator[bytes]] | None:
        """The same without asking for a range, which not every store answers by 206; None when there is much more."""

        def act(store: S3Store) -> tuple[str, Iterator[bytes]] | None:
            found = obstore.get(store, self._prefix + key)
            if found.meta["size"] > 2 * SMALL:
                return None
            return found.meta["e_tag"] or "", iter([bytes(found.bytes())[:end]])

        return self._call("GET", READ, key, act)

    def close(self) -> None:
        """Let go of the connections, which close when their last user is done."""
        with self._lock:
            self._stores.clear()

    def _chunks(self, key: str, stream: Iterator[Any]) -> Iterator[bytes]:
        while True:
            try:
                chunk = next(stream, None)
            except _RAISED as error:
                raise self._error(READ, key, str(error)) from None
            if chunk is None:
                return
            yield bytes(chunk)

    def _call(
        self, method: str, operation: Operation, key: str, act: Callable[[S3Store], T], *, create_only: bool = False
    ) -> T:
        """Return the result of `act`, called again when the bucket turns out to be in another region."""
        if any(segment in ("", ".", "..") for segment in (self._prefix + key).split("/")):
            raise UnsupportedError(
                f"`{printable(key)}` in `{self._place().store}` has a segment that is empty, `.` or `..`",
                hint="store it under another key; assetsync has no use for such names",
            )
        location = self._access.location
        tell(method, self._prefix + key)
        try:
            return act(self._store(location))
        except _RAISED as error:
            text = str(error)
        if self._moved(location, text):
            tell(method, self._prefix + key)
            try:
                return act(self._store(self._access.location))
            except _RAISED as error:
                text = str(error)
        raise self._error(operation, key, text, create_only=create_only)

    def _moved(self, before: Location, text: str) -> bool:
        """Whether the bucket is in another region, by what a reply says, and that was found out by now."""
        refusal = refusal_in(text)
        region = refusal.region if refusal else ""
        if not region and "Received redirect without LOCATION" in text:
            region = self._access.region_of_bucket()
        return region not in ("", before.region) and self._access.move(region)

    def _error(self, operation: Operation, key: str, text: str, *, create_only: bool = False) -> StoreError:
        if "Received non-partial response" in text:
            return NoPartialError(f"cannot read `{printable(key)}` in `{self._place().store}`: the reply is no part")
        if self._denied is not None and "credential provider" in text:
            return self._denied
        refusal = refusal_in(text)
        if refusal is None:
            return broken(operation, key, self._place(), text, proxy=self._access.proxy is not None)
        return refused(operation, key, self._place(), refusal, create_only=create_only)

    def _store(self, location: Location) -> S3Store:
        with self._lock:
            if location not in self._stores:
                self._stores[location] = self._open(location)
            return self._stores[location]

    def _open(self, location: Location) -> S3Store:
        # obstore would take much of this from variables of its own, such as AWS_CONDITIONAL_PUT and AWS_SKIP_SIGNATURE.
        config: S3Config = {
            "bucket": self._place().bucket,
            "endpoint": location.url,
            "aws_endpoint_url_s3": location.url,
            "virtual_hosted_style_request": True,  # the bucket is in the URL already
            "region": location.region,
            "skip_signature": self._access.anonymous,
            "unsigned_payload": False,
            "s3_express": False,
            "request_payer": False,
            "checksum_algorithm": "sha256",
            "conditional_put": "etag",
            "sse_bucket_key_enabled": False,
        }
        if self._kms_key_id:
            config |= {"server_side_encryption": "aws:kms", "sse_kms_key_id": self._kms_key_id}
        options: ClientConfig = {
            "allow_http": True,
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT),
            "read_timeout": timedelta(seconds=READ_TIMEOUT),
            "timeout": timedelta(seconds=TOTAL_TIMEOUT),
            "user_agent": "assetsync",
        }
        if location.url.startswith("https:"):
            options["root_certificate"] = read_authorities(self._access.authorities)
        if proxy := self._access.proxy:
            options["proxy_url"] = proxy
        return S3Store(
            config=config,
            client_options=options,
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=TOTAL_TIMEOUT)},
            credential_provider=None if self._access.anonymous else self._credential,
        )

    def _credential(self) -> S3Credential:
        """Called by obstore, from any thread. DeniedError."""
        try:
            access_key, secret_key, token = self._access.frozen()
        except StoreError as error:
            self._denied = error
            raise
        self._denied = None
        expires = datetime.now(UTC) + _ASKED_BEFORE + timedelta(seconds=CREDENTIALS_LIFE)
        return {"access_key_id": access_key, "secret_access_key": secret_key, "token": token, "expires_at": expires}


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
