"""The store in a bucket of S3: the contract of backends, out of single calls of the S3 API.

Objects up to 1 MiB are put, and all are read, by obstore (`objects.py`); listings and deletions are signed requests of
our own (`signed.py`); all else goes through boto3 (`bucket.py`).

Objects are created by ``If-None-Match: *`` and replaced by ``If-Match``. Where an earlier try may have had its effect
although its reply was lost, a refusal is looked into before it counts. Stores that ignore these headers
(`conditional_writes: false`) are asked before each write instead, which can't exclude a race.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO

from assetsync.backends.bodies import FileBody, hex_of
from assetsync.backends.contract import WHOLE, Backend, Blob, Dated, Listing, ObjectInfo, Part, Piece
from assetsync.backends.labels import Labels
from assetsync.backends.limits import Pages
from assetsync.backends.probe import check_create, check_replace
from assetsync.backends.ranges import read_range
from assetsync.backends.refusal import OTHER_BYTES, Operation, Place, UnchangedError, error_by
from assetsync.backends.retry import Tries, holds, is_file
from assetsync.backends.s3.access import Access
from assetsync.backends.s3.bodies import (
    CREATE_ONLY,
    MIB,
    SentPart,
    Source,
    base64_of,
    checksum_of_part,
    small_file,
)
from assetsync.backends.s3.expected import Expected
from assetsync.backends.s3.objects import NoPartialError, Objects
from assetsync.backends.s3.translate import (
    CREATE,
    REPLACE,
    SEND_PARTS,
    ConflictingError,
)
from assetsync.errors import (
    ChangedError,
    ChecksumError,
    DeniedError,
    ExistsError,
    NotFoundError,
    StoreError,
    UnsupportedError,
    UsageError,
)
from assetsync.escape import printable
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from assetsync.pool import together
from assetsync.progress import Progress, no_progress

if TYPE_CHECKING:
    from obstore import PutMode

    from assetsync.backends.s3.bucket import Bucket
    from assetsync.backends.s3.listing import Listings
    from assetsync.backends.s3.signed import Requests

# Limits of S3, from "Amazon S3 multipart upload limits".
MAX_PARTS = 10_000
MAX_COPY = 5 * 1024 * MIB
# At least 5 MiB, says S3. SeaweedFS keeps chunks of 8: parts of 5 cost it a tenth more.
PART = 8 * MIB

COPY_WIDTH = 8
PROBE = ".assetsync-probe-"

_MD5 = re.compile(r"[0-9a-f]{32}")
_URL = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9])(?:/(?P<prefix>.*))?", re.DOTALL)


def open_store(config: StoreConfig, environ: Mapping[str, str]) -> S3Backend:
    """The bucket and prefix of `config.url`. Nothing is sent before it is used. UsageError."""
    if find_spec("boto3") is None:  # it is imported late
        raise ModuleNotFoundError("No module named 'boto3'", name="boto3")
    match = _URL.fullmatch(config.url)
    if match is None:
        raise UsageError(f"`{printable(config.url)}` is no S3 store", hint="write `s3://BUCKET/PREFIX`")
    prefix = (match["prefix"] or "").strip("/")
    url = f"s3://{match['bucket']}/{prefix}".rstrip("/")
    return S3Backend(
        url, match["bucket"], f"{prefix}/" if prefix else "", Access(config, match["bucket"], environ), config
    )


class S3Backend:
    """See the module, and `assetsync.backends.contract` for what each method promises."""

    sequential_parts = False

    def __init__(self, url: str, bucket: str, prefix: str, access: Access, config: StoreConfig) -> None:
        self._url = url
        self._name = bucket
        self._access = access
        self._tries = Tries()
        self._objects = Objects(access, self._place, prefix, config.kms_key_id, Labels.of(config))
        self._prefix = prefix
        self._config = config
        self._conditional = config.conditional_writes
        self._expected = Expected(self._exists, self._listed)
        # A store that ignores conditions is not relied on to look at checksums either. Its etags tell what it has got,
        # but not where it encrypts with KMS.
        self._compares_etags = not config.conditional_writes and config.kms_key_id is None
        self._answers_partially = True
        # Bytes. Tests make them small.
        self.multipart_threshold = 16 * MIB
        self.min_part_size = PART
        self.max_copy = MAX_COPY
        self.copy_part_size = 512 * MIB

    @cached_property
    def _bucket(self) -> Bucket:
        """The calls that go through boto3, which takes 0.2 s to import: a pull makes none."""
        from assetsync.backends.s3.bucket import Bucket

        return Bucket(self._access, self._place, self._prefix, self._config.kms_key_id, Labels.of(self._config))

    @cached_property
    def _requests(self) -> Requests:
        """The requests that need of botocore its signature alone: a pull makes none."""
        from assetsync.backends.s3.signed import Requests

        return Requests(self._access, self._place, self._prefix)

    @cached_property
    def _listings(self) -> Listings:
        from assetsync.backends.s3.listing import Listings

        return Listings(self._requests, self._place, self._prefix)

    @property
    def url(self) -> str:
        return self._url

    def close(self) -> None:
        self._access.close()
        self._objects.close()

    def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
        return Listing.of(self.pages(prefix, delimiter=delimiter))

    def pages(self, prefix: str, *, delimiter: bool) -> Iterator[Listing]:
        token = ""
        pages = Pages(self._url, prefix)
        while True:
            page, token = self._tries.run(partial(self._listings.page, prefix, delimiter=delimiter, token=token))
            pages.add([*(entry.key for entry in page.objects), *page.folders], token)
            # A key that is the prefix itself marks a folder made in a console.
            yield Listing([entry for entry in page.objects if entry.key != prefix], page.folders)
            if not token:
                return

    def read(self, key: str, *, limit: int = 64 * MIB) -> Blob:
        return Blob(*self._tries.run(partial(self._objects.get, key, limit)))

    def read_changed(self, key: str, tag: str, *, limit: int = 64 * MIB) -> Blob | None:
        """As `read`; None when the object still is the one that was read with `tag`."""
        try:
            return Blob(*self._tries.run(partial(self._objects.get, key, limit, tag)))
        except UnchangedError:
            return None

    def read_dated(self, key: str, *, limit: int = MIB) -> Dated:
        return self._tries.run(partial(self._bucket.get_dated, key, limit))

    def stat(self, key: str) -> ObjectInfo:
        head = self._tries.run(partial(self._objects.head, key))
        return ObjectInfo(key, head.size, head.sha256)

    def create(self, key: str, data: bytes) -> None:
        sha256 = hashlib.sha256(data).hexdigest()

        def attempt() -> None:
            self._put(CREATE, key, data, sha256, self._create_mode(key))

        self._tries.settle(attempt, lambda: holds(self, key, data))

    def replace(self, key: str, data: bytes, tag: str | None) -> None:
        sha256 = hashlib.sha256(data).hexdigest()

        def attempt() -> None:
            mode = self._create_mode(key) if tag is None else self._replace_mode(key, tag)
            self._put(REPLACE, key, data, sha256, mode)

        try:
            self._tries.settle(attempt, lambda: holds(self, key, data))
        except (ExistsError, NotFoundError) as error:
            raise self._changed(key) from error

    def upload(self, key: str, path: str, entry: FileEntry, progress: Progress = no_progress) -> None:
        if entry.size <= WHOLE:  # others go through boto3, which sends them as they are read, and asks before
            data = small_file(path, entry)
            self._tries.settle(
                lambda: self._put(CREATE, key, data, entry.sha256, self._data_mode(key), labelled=True),
                lambda: is_file(self, key, entry),
            )
            progress(entry.size)
            return
        with FileBody(path, entry, progress, md5=self._compares_etags) as body:
            self._tries.settle(partial(self._put_file, key, body, entry), lambda: is_file(self, key, entry))

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        return read_range(self._tries, partial(self._open_range, key), start, length)

    def copy(self, source: str, target: str, entry: FileEntry) -> bool:
        return self.copy_from(self, source, target, entry)

    def reaches(self, other: Backend) -> bool:
        """Whether both are at the same endpoint, and asked by the same identity. Regions may differ."""
        return isinstance(other, S3Backend) and self._access.is_like(other._access)  # noqa: SLF001 - of the same class

    def copy_from(self, other: Backend, source: str, target: str, entry: FileEntry) -> bool:
        """See `AcrossBackend`. The service copies, also from another bucket."""
        if not isinstance(other, S3Backend):
            raise UnsupportedError(f"cannot copy from `{other.url}` to `{self._url}`: it is another service")
        at = other._bucket.source(source)  # noqa: SLF001 - of the same class
        if entry.size > self.max_copy:
            self._copy_in_parts(at, target, entry)
            return False

        def attempt() -> str:
            return self._bucket.copy_object(at, target, self._checked_condition(target))

        sha256 = self._tries.settle(attempt, lambda: is_file(self, target, entry))
        return sha256 == base64_of(entry.sha256)

    def delete(self, key: str) -> None:
        self._tries.run(partial(self._requests.delete_object, key))  # what is not there is deleted, says S3

    def put_plainly(self, key: str, data: bytes) -> None:
        sha256 = hashlib.sha256(data).hexdigest()
        self._tries.run(lambda: self._objects.put(CREATE, key, data, sha256, "overwrite"))

    def copy_plainly(self, source: str, target: str) -> None:
        self._tries.run(partial(self._bucket.copy_object, self._bucket.source(source), target, {}))

    def part_size(self, size: int) -> int:
        least = -(-size // MAX_PARTS)
        return self.min_part_size if least <= self.min_part_size else -(-least // MIB) * MIB

    def begin_upload(self, key: str, entry: FileEntry) -> str:
        return self._tries.run(partial(self._bucket.create_multipart_upload, key, entry.sha256, checksums=True))

    def uploaded_parts(self, key: str, upload_id: str, path: str, entry: FileEntry) -> Sequence[Part]:
        """Parts that differ from the file's bytes there are left out, and get sent again: the file may have changed and
        back.
        """
        step = self.part_size(entry.size)
        listed = self._tries.run(partial(self._bucket.list_parts, key, upload_id))
        with open(path, "rb") as file:
            parts = (_found_in(file, sent, (sent.number - 1) * step, step, entry.size) for sent in listed)
            return [_part(sent) for sent in parts if sent is not None]

    def upload_part(self, key: str, upload_id: str, number: int, data: Piece, size: int) -> Part:
        sha256 = hex_of(data, hashlib.sha256())
        sent = self._tries.run(partial(self._bucket.upload_part, key, upload_id, number, data, sha256))
        self._check_etag(SEND_PARTS, key, data, sent.etag)
        return _part(sent)

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part], entry: FileEntry) -> None:
        sent = [SentPart(part.number, part.size, *part.token.split()) for part in parts]

        def attempt() -> None:
            condition = self._checked_condition(key)
            self._bucket.complete_multipart_upload(key, upload_id, sent, condition)

        try:
            self._tries.settle(attempt, lambda: is_file(self, key, entry))
        except ConflictingError:
            # S3 wants such an upload to begin anew ("CompleteMultipartUpload", 409): the next try will.
            self.abort_upload(key, upload_id)
            raise

    def abort_upload(self, key: str, upload_id: str) -> None:
        try:
            self._tries.run(partial(self._bucket.abort_multipart_upload, key, upload_id))
        except NotFoundError:
            return

    @property
    def identity(self) -> str:
        if not self._access.anonymous:
            _ = self._access.credentials  # found at first use
        place = self._place()
        return f"{place.credentials}, at {place.endpoint}"

    @property
    def conditional_writes(self) -> bool:
        return self._conditional

    @property
    def needs_probe(self) -> bool:
        return self._conditional and self._access.location.custom

    def expect_writes(self, folder: str) -> None:
        self._expected.expect(folder)

    def probe(self) -> None:
        key, data = PROBE + secrets.token_hex(8), b"first"
        sha256 = hashlib.sha256(data).hexdigest()
        tag = self._tries.settle(
            lambda: self._objects.put(CREATE, key, data, sha256, "create"), lambda: holds(self, key, data)
        )
        try:
            # Side by side, because the store may be far; the first says best what is wrong where both do.
            checks = (partial(check_create, self, key), partial(check_replace, self, key, tag or ""))
            for _ in together(lambda check: check(), checks):
                pass
        finally:
            self._clear(key)

    def _clear(self, key: str) -> None:
        try:
            self.delete(key)
        except (DeniedError, UnsupportedError):
            return  # whoever may not delete leaves the probe behind

    def _place(self) -> Place:
        return Place(self._url, self._name, self._access.location.endpoint, self._access.source)

    def _open_range(self, key: str, start: int, end: int, etag: str) -> tuple[str, Iterator[bytes]]:
        """One try of opening a range, by way of boto3 for good once the store turned out to answer in its own way."""
        if not self._answers_partially:
            return self._bucket.get_range(key, start, end, etag)
        try:
            return self._objects.range(key, start, end, etag)
        except NoPartialError:
            self._answers_partially = False
            return self._bucket.get_range(key, start, end, etag)

    def _put(
        self, operation: Operation, key: str, data: bytes, sha256: str, mode: PutMode, *, labelled: bool = False
    ) -> None:
        """One try of storing a small object."""
        etag = self._objects.put(operation, key, data, sha256, mode, labelled=labelled)
        try:
            self._check_etag(operation, key, data, etag)
        except ChecksumError:
            if operation is CREATE:
                self.delete(key)
            raise

    def _put_file(self, key: str, body: FileBody, entry: FileEntry) -> None:
        """One try of storing a large object."""
        condition: dict[str, Any] = CREATE_ONLY if self._data_mode(key) == "create" else {}
        body.seek(0)
        etag = self._bucket.put_object(CREATE, key, body, entry.sha256, condition)
        if body.md5 is not None and _is_other_md5(etag, body.md5):
            self.delete(key)
            raise error_by(OTHER_BYTES, CREATE, key, self._place())

    def _check_etag(self, operation: Operation, key: str, data: Piece, etag: str) -> None:
        """ChecksumError where the etag shows that the store has got other bytes."""
        if self._compares_etags and _is_other_md5(etag, hex_of(data, hashlib.md5(usedforsecurity=False))):
            raise error_by(OTHER_BYTES, operation, key, self._place())

    def _create_mode(self, key: str) -> PutMode:
        """How to create. ExistsError where the store has to be asked before."""
        if self._conditional:
            return "create"
        if self._exists(key):
            raise self._taken(key)
        return "overwrite"

    def _data_mode(self, key: str) -> PutMode:
        """The same for one of many objects that are written while a claim keeps others away."""
        if self._conditional:
            return "create"
        if self._expected.has(key):
            raise self._taken(key)
        return "overwrite"

    def _replace_mode(self, key: str, tag: str) -> PutMode:
        """How to replace what has that etag. ChangedError where the store has to be asked before."""
        if self._conditional:
            return {"e_tag": tag}
        if self._objects.head(key).etag != tag:
            raise self._changed(key)
        return "overwrite"

    def _checked_condition(self, key: str) -> dict[str, Any]:
        """The condition of a copy, or of making an object out of parts. ExistsError.

        Stores other than AWS may ignore it there, even where they honour that of a PUT; so they are asked before.
        """
        if self._access.location.custom and self._expected.has(key):
            raise self._taken(key)
        return CREATE_ONLY if self._conditional else {}

    def _exists(self, key: str) -> bool:
        try:
            self._objects.head(key)
        except NotFoundError:
            return False
        return True

    def _listed(self, folder: str) -> frozenset[str]:
        return frozenset(entry.key for entry in self.list(folder).objects)

    def _taken(self, key: str) -> ExistsError:
        return ExistsError(f"`{printable(key)}` in `{self._url}` exists already")

    def _changed(self, key: str) -> ChangedError:
        return ChangedError(f"`{printable(key)}` in `{self._url}` changed meanwhile")

    def _copy_in_parts(self, source: Source, target: str, entry: FileEntry) -> None:
        upload_id = self._tries.run(
            partial(self._bucket.create_multipart_upload, target, entry.sha256, checksums=False)
        )
        step = max(self.copy_part_size, self.part_size(entry.size))

        def copy_part(number: int) -> Part:
            first = (number - 1) * step
            last = min(first + step, entry.size) - 1
            copied = self._tries.run(
                partial(self._bucket.upload_part_copy, source, target, upload_id, number, first=first, last=last)
            )
            return _part(copied)

        try:
            parts = list(together(copy_part, range(1, -(-entry.size // step) + 1), width=COPY_WIDTH))
            self.complete_upload(target, upload_id, parts, entry)
        except StoreError:
            self.abort_upload(target, upload_id)
            raise


def _part(sent: SentPart) -> Part:
    """The token holds what completing the upload needs: etag and checksum."""
    return Part(sent.number, sent.size, f"{sent.etag} {sent.checksum}".rstrip())


def _found_in(file: BinaryIO, sent: SentPart, start: int, step: int, size: int) -> SentPart | None:
    """`sent`, if it is the part of at most `step` bytes from `start` on, of a file of `size` bytes; else None.

    With its checksum: SeaweedFS does not list those, and wants them all the same to complete the upload.
    """
    if sent.size != min(step, size - start):
        return None
    checksum = checksum_of_part(file, start, sent.size, etag=sent.etag, checksum=sent.checksum)
    return None if checksum is None else sent._replace(checksum=checksum)


def _is_other_md5(etag: str, md5: str) -> bool:
    """Whether an etag is an MD5, and another one than `md5` (hex)."""
    etag = etag.strip('"').lower()
    return _MD5.fullmatch(etag) is not None and etag != md5
