"""The store in a container of Azure Blob Storage.

Objects are block blobs. Create-only writes carry `If-None-Match: *`, which Azure refuses with 409 BlobAlreadyExists,
compare-and-swap `If-Match`; Azure checks both and the MD5 of each request's body. Azure knows no sha256: ours is
checked against what is sent, and kept in the blob's metadata.

The parts of a large file are uncommitted blocks of the blob to be. Their ids begin with the id of the upload, which is
all that another process needs to go on, and end with their MD5, so that it can tell whether they are still those of the
file. Azure drops them a week after the last one came.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from azure.core import MatchConditions
from azure.storage.blob import BlobBlock, BlobPrefix, BlobProperties, ContainerClient, StandardBlobTier

from assetsync.backends.azure.access import open_container
from assetsync.backends.azure.blocks import UPLOAD_ID, belongs, block_id, md5_at, new_upload_id, number_of
from assetsync.backends.azure.calls import DOT_AT_END, Calls, if_still
from assetsync.backends.azure.replies import SHA256, is_directory, known, sha256_of, tag_of
from assetsync.backends.azure.translate import (
    COPY,
    CREATE,
    DELETE,
    LIST_PARTS,
    READ,
    REPLACE,
    SEND_PARTS,
)
from assetsync.backends.azure.transport import Transport
from assetsync.backends.bodies import Body, FileBody, PieceBody, hex_of
from assetsync.backends.contract import Backend, Blob, Dated, Listing, ObjectInfo, Part, Piece
from assetsync.backends.http import age_of, store_time
from assetsync.backends.labels import UNLABELLED, Labels
from assetsync.backends.limits import Pages
from assetsync.backends.refusal import Operation, Place
from assetsync.backends.retry import holds, is_file
from assetsync.errors import (
    ChangedError,
    ExistsError,
    NotFoundError,
    UnsupportedError,
    UsageError,
)
from assetsync.escape import printable
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from assetsync.progress import Progress, no_progress

MIB = 1024 * 1024
# Bytes that are read at once; they are in memory as a whole.
CHUNK = MIB
THRESHOLD = 4 * MIB
# Rounds of creating an object that others create and delete at the same time.
CREATE_ATTEMPTS = 5
MAX_BLOCKS = 50_000  # of one blob
KEYS_PER_PAGE = 5000  # the most that Azure gives
# Seconds. Within an account, copies are done at once or within seconds; nothing is lost when one is not waited for.
COPY_POLL = 0.5
COPY_PATIENCE = 600.0

IF_MISSING: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}

_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}|\$root|\$web")
_SCOPE = re.compile(r"(?=.{3,63}\Z)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")

# Without a handler, warnings of the SDK would go to stderr; what matters is in the errors.
logging.getLogger("azure").addHandler(logging.NullHandler())


def open_store(config: StoreConfig, environ: Mapping[str, str]) -> AzureBackend:
    """The store at `az://CONTAINER/PREFIX`. UsageError, or DeniedError where no credentials are to be found."""
    name, _, prefix = config.url.removeprefix("az://").rstrip("/").partition("/")
    if not _CONTAINER.fullmatch(name) or len(name) > 63:
        raise UsageError(
            f"`{config.url}` names no container",
            hint="write `az://CONTAINER/PREFIX`; the account comes from the environment or `endpoint`",
        )
    if DOT_AT_END.search(prefix):
        raise UsageError(f"`{config.url}` has a segment that ends with a dot, which Azure would drop")
    scope = config.kms_key_id or None
    if scope and not _SCOPE.fullmatch(scope):
        raise UsageError(
            f"`kms_key_id` of `{config.url}` is not the name of an encryption scope",
            hint="on Azure, keys come with encryption scopes of the account: write the name of one",
        )
    access = open_container(
        config,
        name,
        environ,
        transport=Transport(),
        retry_total=0,
        permit_redirects=False,  # they would carry tokens
        max_single_get_size=8 * MIB,
        user_agent="assetsync",
    )
    place = Place(config.url.rstrip("/"), name, access.endpoint, access.source)
    return AzureBackend(access.container, place, prefix, scope, Labels.of(config))


class AzureBackend:
    """See `Backend` and `MultipartBackend`. Tests make `bytes_per_part` and `keys_per_page` small."""

    multipart_threshold = THRESHOLD
    sequential_parts = False
    bytes_per_part = 3 * MIB
    keys_per_page = KEYS_PER_PAGE

    def __init__(
        self,
        container: ContainerClient,
        place: Place,
        prefix: str,
        scope: str | None,
        labels: Labels = UNLABELLED,
    ) -> None:
        # Of data objects, which are those with metadata.
        self._labels: dict[str, Any] = {"tags": dict(labels.tags)} if labels.tags else {}
        if labels.storage_class:
            self._labels["standard_blob_tier"] = _tier(labels.storage_class)
        self._place = place
        self._prefix = f"{prefix}/" if prefix else ""
        self._calls = Calls(container, place, self._prefix)
        self._scope: dict[str, Any] = {"encryption_scope": scope} if scope else {}

    @property
    def url(self) -> str:
        return self._place.store

    @property
    def identity(self) -> str:
        return f"{self._place.credentials}, at {self._place.endpoint}"

    def close(self) -> None:
        """Close all connections."""
        self._calls.close()

    def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
        return Listing.of(self.pages(prefix, delimiter=delimiter))

    def pages(self, prefix: str, *, delimiter: bool) -> Iterator[Listing]:
        token: str | None = None
        pages = Pages(self.url, prefix)
        while True:
            page, token = self._calls.page(prefix, token, self.keys_per_page, delimiter=delimiter)
            keys = [found.name[len(self._prefix) :] for found in page]
            pages.add(keys, token or "")
            named = [*zip(keys, page, strict=True)]
            yield Listing(
                [
                    ObjectInfo(key, found.size, tag=tag_of(found))
                    for key, found in named
                    if not (isinstance(found, BlobPrefix) or is_directory(found))
                ],
                [key for key, found in named if isinstance(found, BlobPrefix)],
            )
            if not token:
                return

    def read(self, key: str, *, limit: int = 64 * MIB) -> Blob:
        data, etag, _ = self._calls.read(key, limit)
        return Blob(data, etag)

    def read_dated(self, key: str, *, limit: int = MIB) -> Dated:
        data, _, headers = self._calls.read(key, limit)
        return Dated(data, age_of(headers), store_time(headers))

    def stat(self, key: str) -> ObjectInfo:
        found = self._settled(key)
        return ObjectInfo(key, found.size, sha256_of(found))

    def create(self, key: str, data: bytes) -> None:
        self._put_bytes(CREATE, key, data, IF_MISSING)

    def replace(self, key: str, data: bytes, tag: str | None) -> None:
        condition = IF_MISSING if tag is None else if_still(tag)
        try:
            self._put_bytes(REPLACE, key, data, condition)
        except (ExistsError, NotFoundError) as error:
            raise ChangedError(error.message, hint=error.hint) from error

    def upload(self, key: str, path: str, entry: FileEntry, progress: Progress = no_progress) -> None:
        with FileBody(path, entry, progress, md5=False) as body:
            metadata = {SHA256: entry.sha256}
            self._put(CREATE, key, body, body.md5_ahead(), IF_MISSING, lambda: is_file(self, key, entry), metadata)

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        end = start + length
        etag: str | None = None
        while start < end:
            wanted = min(CHUNK, end - start)
            chunk, etag = self._calls.chunk(key, start, wanted, etag)
            if chunk:
                yield chunk
            if len(chunk) < wanted:
                return
            start += len(chunk)

    def copy(self, source: str, target: str, entry: FileEntry) -> bool:
        """See `Backend.copy`. UnsupportedError where Azure can't: then the caller uploads."""
        return self.copy_from(self, source, target, entry)

    def reaches(self, other: Backend) -> bool:
        """Whether both are in the same account, and asked by the same identity."""
        return isinstance(other, AzureBackend) and self.identity == other.identity

    def copy_from(self, other: Backend, source: str, target: str, entry: FileEntry) -> bool:
        """See `AcrossBackend`. Azure copies, also from another container of the account."""
        if not isinstance(other, AzureBackend):
            raise UnsupportedError(f"cannot copy from `{other.url}` to `{self.url}`: it is another service")
        if self._scope:
            # A copy would be encrypted by the default of the container.
            raise UnsupportedError(f"cannot copy `{printable(source)}` in `{self.url}` into an encryption scope")
        blob = self._calls.blob(target)
        # With its SAS token, where there is one: the source needs it too.
        url = other._calls.blob(source).url  # noqa: SLF001 - of the same class
        reply = self._calls.written(
            COPY,
            target,
            lambda: blob.start_copy_from_url(url, **IF_MISSING, **self._labels),
            lambda: is_file(self, target, entry),
        )
        if reply and reply.get("copy_status") != "success":
            self._await_copy(target)
        return False

    def delete(self, key: str) -> None:
        blob = self._calls.blob(key)
        try:
            self._calls.tried(DELETE, key, lambda: blob.delete_blob(delete_snapshots="include"))
        except NotFoundError:
            pass

    def part_size(self, size: int) -> int:
        smallest = -(-size // MAX_BLOCKS)
        return self.bytes_per_part if smallest <= self.bytes_per_part else -(-smallest // MIB) * MIB

    def begin_upload(self, key: str, entry: FileEntry) -> str:
        if self._exists(key):
            raise ExistsError(f"cannot create `{printable(key)}` in `{self.url}`: it exists already")
        return new_upload_id()

    def uploaded_parts(self, key: str, upload_id: str, path: str, entry: FileEntry) -> Sequence[Part]:
        """See `MultipartBackend`. An upload is never gone for good: without parts it begins anew."""
        if not UPLOAD_ID.fullmatch(upload_id):
            raise NotFoundError(f"`{printable(upload_id[:100])}` is no upload to `{self.url}`")
        blob = self._calls.blob(key)
        try:
            _, blocks = self._calls.tried(LIST_PARTS, key, lambda: blob.get_block_list("uncommitted"))
        except NotFoundError:
            return []
        parts = [Part(number_of(block.id), block.size, block.id) for block in blocks if belongs(block, upload_id)]
        step = self.part_size(entry.size)
        with open(path, "rb") as file:
            return [part for part in parts if part.token == block_id(upload_id, part.number, md5_at(file, part, step))]

    def upload_part(self, key: str, upload_id: str, number: int, data: Piece, size: int) -> Part:
        return self._stage(key, upload_id, number, PieceBody(data), hex_of(data, hashlib.md5(usedforsecurity=False)))

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part], entry: FileEntry) -> None:
        try:
            self._commit(key, parts, {SHA256: entry.sha256}, lambda: is_file(self, key, entry))
        except NotFoundError as error:
            if self._exists(key):  # when another upload is completed, the parts of all others vanish
                raise ExistsError(error.message) from error
            raise

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Nothing is done: Azure drops the parts after a week. A request to delete them would delete the object too,
        if someone else completes one meanwhile.
        """

    def _stage(self, key: str, upload_id: str, number: int, body: Body, md5: str) -> Part:
        """Send a part, whose MD5 in hex is known."""
        blob = self._calls.blob(key)
        block = block_id(upload_id, number, md5)

        def send() -> object:
            return blob.stage_block(block, body, length=len(body), headers=_md5_header(md5), **self._scope)  # type: ignore[arg-type]

        self._calls.tried(SEND_PARTS, key, send, body)
        return Part(number, len(body), block)

    def _put_bytes(self, operation: Operation, key: str, data: bytes, condition: Mapping[str, Any]) -> None:
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self._put(operation, key, PieceBody(data), md5, condition, lambda: holds(self, key, data))

    def _put(
        self,
        operation: Operation,
        key: str,
        body: Body,
        md5: str,
        condition: Mapping[str, Any],
        is_ours: Callable[[], bool],
        metadata: dict[str, str] | None = None,
    ) -> None:
        """Write an object in one request, if `condition` holds."""
        blob = self._calls.blob(key)

        def write() -> object:
            return blob.upload_blob(
                b"",  # whatever it is given, it reads into memory as a whole
                raw_request_hook=partial(_give_body, body),
                headers=_md5_header(md5),
                metadata=metadata,
                overwrite=operation is REPLACE,
                **condition,
                **self._scope,
                **(self._labels if metadata else {}),
            )

        for attempt in range(CREATE_ATTEMPTS):
            try:
                self._calls.written(operation, key, write, is_ours, body)
                return
            except ExistsError:
                if operation is not CREATE or self._exists(key):
                    raise
            # There are parts of an unfinished upload, which Azurite takes for an object; or there was one until now.
            try:
                parts = [self._stage(key, new_upload_id(), 1, body, md5)] if len(body) else []
                self._commit(key, parts, metadata, is_ours)
                return
            except NotFoundError:
                # Somebody else's object came and went meanwhile, a claim that was let go, and took our part along.
                if attempt == CREATE_ATTEMPTS - 1:
                    raise

    def _commit(
        self, key: str, parts: Sequence[Part], metadata: dict[str, str] | None, is_ours: Callable[[], bool]
    ) -> None:
        """Make an object out of its parts, if there is none yet."""
        blob = self._calls.blob(key)
        blocks = [BlobBlock(part.token) for part in parts]
        self._calls.written(
            CREATE,
            key,
            lambda: blob.commit_block_list(
                blocks,
                metadata=metadata,
                validate_content=True,
                **IF_MISSING,
                **self._scope,
                **(self._labels if metadata else {}),
            ),
            is_ours,
        )

    def _settled(self, key: str) -> BlobProperties:
        """The properties of an object, after any copy to it has come to an end."""
        blob = self._calls.blob(key)
        deadline = time.monotonic() + COPY_PATIENCE
        while True:
            found = self._calls.tried(READ, key, lambda: known(blob.get_blob_properties()))
            if found.copy.status != "pending" or time.monotonic() > deadline:
                return found
            time.sleep(COPY_POLL)

    def _await_copy(self, key: str) -> None:
        """Wait for a copy that we began. UnsupportedError when it fails; then it leaves nothing."""
        found = self._settled(key)
        status = found.copy.status
        if status == "success":
            return
        blob = self._calls.blob(key)
        if status == "pending":
            self._calls.tried(DELETE, key, lambda: blob.abort_copy(found))
            found = self._settled(key)
        self._calls.tried(DELETE, key, lambda: blob.delete_blob(**if_still(found.etag)))
        raise UnsupportedError(
            f"cannot copy to `{printable(key)}` in `{self.url}`: the copy is {status} "
            f"({printable(found.copy.status_description or 'Azure says no more')})"
        )

    def _exists(self, key: str) -> bool:
        try:
            self.stat(key)
        except NotFoundError:
            return False
        return True


def _md5_header(md5: str) -> dict[str, str]:
    """For an MD5 in hex. The SDK adds others to it."""
    return {"Content-MD5": b64encode(bytes.fromhex(md5)).decode()}


def _give_body(body: Body, request: Any) -> None:
    """Have a request of the SDK, which is not signed yet, send `body`."""
    request.http_request.data = body
    request.http_request.headers["Content-Length"] = str(len(body))


def _tier(name: str) -> StandardBlobTier:
    """UsageError."""
    for tier in StandardBlobTier:
        if tier.value.lower() == name.lower():
            return tier
    known = ", ".join(f"`{tier.value}`" for tier in StandardBlobTier)
    raise UsageError(f"`{name}` is no `storage_class` of Azure", hint=f"its access tiers are {known}")
