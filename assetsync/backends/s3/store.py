"""Assets in a bucket: what the interface of backends promises, out of single calls of the S3 API.

What is created is created by ``If-None-Match: *``, and what is replaced by ``If-Match``. Where an earlier try may have
had its effect although its reply was lost, a refusal is looked into before it counts. Stores that ignore these headers
(`conditional_writes: false`) are asked before each write instead, which can't exclude a race.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import BinaryIO

from assetsync.backends.contract import Blob, Listing, ObjectInfo, Part, Progress, no_progress
from assetsync.backends.http import age_of, store_time
from assetsync.backends.probe import check_create, check_replace
from assetsync.backends.retry import holds, is_file, retrying, settled
from assetsync.backends.s3.access import Access
from assetsync.backends.s3.bucket import Bucket, SentPart
from assetsync.backends.s3.content import MIB, Stream, content_of, file_content, holds_part
from assetsync.backends.s3.translate import CREATE, REPLACE, ConflictingError, NoRangeError, UnchangedError
from assetsync.backends.s3.wire import Reply, Wire
from assetsync.errors import (
    ChangedError,
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

# Limits of S3, from "Amazon S3 multipart upload limits".
MAX_PARTS = 10_000
MAX_COPY = 5 * 1024 * MIB

COPY_WIDTH = 8
PROBE = ".assetsync-probe-"

_CREATE_ONLY = {"If-None-Match": "*"}


_URL = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9])(?:/(?P<prefix>.*))?", re.DOTALL)


def open_store(config: StoreConfig, environ: Mapping[str, str]) -> S3Backend:
    """The bucket and prefix of `config.url`. Nothing is sent before it is used. UsageError."""
    match = _URL.fullmatch(config.url)
    if match is None:
        raise UsageError(f"`{printable(config.url)}` is no S3 store", hint="write `s3://BUCKET/PREFIX`")
    prefix = (match["prefix"] or "").strip("/")
    url = f"s3://{match['bucket']}/{prefix}".rstrip("/")
    wire = Wire(Access(config, match["bucket"], environ), url, match["bucket"], environ)
    bucket = Bucket(wire, match["bucket"], f"{prefix}/" if prefix else "", config.kms_key_id)
    return S3Backend(url, bucket, conditional_writes=config.conditional_writes)


class S3Backend:
    """See the module, and `assetsync.backends` for what each method promises."""

    sequential_parts = False

    def __init__(self, url: str, bucket: Bucket, *, conditional_writes: bool) -> None:
        self._url = url
        self._bucket = bucket
        self._conditional = conditional_writes
        # Bytes. Tests make them small.
        self.multipart_threshold = 16 * MIB
        self.min_part_size = 8 * MIB
        self.max_copy = MAX_COPY
        self.copy_part_size = 512 * MIB

    @property
    def url(self) -> str:
        return self._url

    def close(self) -> None:
        self._bucket.close()

    def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
        objects: list[ObjectInfo] = []
        folders: list[str] = []
        token = ""
        while True:
            page = retrying(partial(self._bucket.list_objects, prefix, delimiter=delimiter, token=token))
            # A key that is the prefix itself marks a folder made in a console.
            objects.extend(ObjectInfo(key, size) for key, size in page.objects if key != prefix)
            folders.extend(page.folders)
            if not page.next or page.next == token:
                return Listing(sorted(objects), sorted(folders))
            token = page.next

    def read(self, key: str, *, limit: int = 64 * MIB) -> Blob:
        return _blob(retrying(partial(self._bucket.get_object, key, limit)))

    def read_changed(self, key: str, tag: str, *, limit: int = 64 * MIB) -> Blob | None:
        try:
            reply = retrying(partial(self._bucket.get_object, key, limit, tag))
        except UnchangedError:
            return None
        return _blob(reply)

    def stat(self, key: str) -> ObjectInfo:
        head = retrying(partial(self._bucket.head_object, key))
        return ObjectInfo(key, head.size, head.sha256)

    def create(self, key: str, data: bytes) -> None:
        content = content_of(data)

        def attempt() -> None:
            self._bucket.put_object(CREATE, key, content, self._if_none(key))

        settled(attempt, lambda: holds(self, key, data))

    def replace(self, key: str, data: bytes, tag: str | None) -> None:
        content = content_of(data)

        def attempt() -> None:
            condition = self._if_none(key) if tag is None else self._if_match(key, tag)
            self._bucket.put_object(REPLACE, key, content, condition)

        try:
            settled(attempt, lambda: holds(self, key, data))
        except (ExistsError, NotFoundError) as error:
            raise self._changed(key) from error

    def upload(self, key: str, path: str, entry: FileEntry, progress: Progress = no_progress) -> None:
        content = file_content(path, entry, progress, verify=self._bucket.is_custom)

        def attempt() -> None:
            self._bucket.put_object(CREATE, key, content, self._if_none(key))

        settled(attempt, lambda: is_file(self, key, entry))

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        stream = Stream(
            partial(self._bucket.open_object, key), partial(self._bucket.broken, key), start, start + length - 1
        )
        try:
            while chunk := retrying(stream.next):
                yield chunk
        except NoRangeError:
            return  # it begins beyond the end
        finally:
            stream.close()

    def copy(self, source: str, target: str, entry: FileEntry) -> None:
        if entry.size > self.max_copy:
            self._copy_in_parts(source, target, entry)
            return

        def attempt() -> None:
            self._bucket.copy_object(source, target, self._if_none_surely(target))

        settled(attempt, lambda: is_file(self, target, entry))

    def delete(self, key: str) -> None:
        retrying(partial(self._bucket.delete_object, key))

    def part_size(self, size: int) -> int:
        least = -(-size // MAX_PARTS)
        return self.min_part_size if least <= self.min_part_size else -(-least // MIB) * MIB

    def begin_upload(self, key: str, entry: FileEntry) -> str:
        return retrying(partial(self._bucket.create_multipart_upload, key, entry.sha256, checksums=True))

    def uploaded_parts(self, key: str, upload_id: str, path: str, entry: FileEntry) -> Sequence[Part]:
        """Those that are not what the file has there are left out, and get sent again: it may have changed and back."""
        step = self.part_size(entry.size)
        listed = retrying(partial(self._bucket.list_parts, key, upload_id))
        with open(path, "rb") as file:
            return [_part(sent) for sent in listed if _is_of(file, sent, (sent.number - 1) * step, step, entry.size)]

    def upload_part(self, key: str, upload_id: str, number: int, data: memoryview, size: int) -> Part:
        return _part(retrying(partial(self._bucket.upload_part, key, upload_id, number, content_of(data))))

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part], entry: FileEntry) -> None:
        sent = [SentPart(part.number, part.size, *part.token.split()) for part in parts]

        def attempt() -> None:
            condition = self._if_none_surely(key)
            self._bucket.complete_multipart_upload(key, upload_id, sent, condition)

        try:
            settled(attempt, lambda: is_file(self, key, entry))
        except ConflictingError:
            # S3 wants such an upload to begin anew ("CompleteMultipartUpload", 409): the next try will.
            self.abort_upload(key, upload_id)
            raise

    def abort_upload(self, key: str, upload_id: str) -> None:
        try:
            retrying(partial(self._bucket.abort_multipart_upload, key, upload_id))
        except NotFoundError:
            return

    @property
    def identity(self) -> str:
        return self._bucket.identity

    @property
    def conditional_writes(self) -> bool:
        return self._conditional

    @property
    def needs_probe(self) -> bool:
        return self._conditional and self._bucket.is_custom

    def probe(self) -> None:
        key = PROBE + secrets.token_hex(8)
        self.create(key, b"first")
        try:
            check_create(self, key)
            check_replace(self, key)
        finally:
            self._clear(key)

    def _clear(self, key: str) -> None:
        try:
            self.delete(key)
        except (DeniedError, UnsupportedError):
            return  # whoever may not delete leaves the probe behind

    def _if_none(self, key: str) -> Mapping[str, str]:
        """The condition of a PUT that must not overwrite. ExistsError where the store has to be asked before."""
        if self._conditional:
            return _CREATE_ONLY
        self._refuse_existing(key)
        return {}

    def _if_none_surely(self, key: str) -> Mapping[str, str]:
        """The same for what stores that honour the condition of a PUT may ignore: copies, and objects out of parts."""
        if self._conditional and self._bucket.is_custom:
            self._refuse_existing(key)
        return self._if_none(key)

    def _if_match(self, key: str, tag: str) -> Mapping[str, str]:
        """The condition of a PUT that replaces. ChangedError where the store has to be asked before."""
        if self._conditional:
            return {"If-Match": tag}
        if self._bucket.head_object(key).etag != tag:
            raise self._changed(key)
        return {}

    def _refuse_existing(self, key: str) -> None:
        try:
            self._bucket.head_object(key)
        except NotFoundError:
            return
        raise ExistsError(f"`{printable(key)}` in `{self._url}` exists already")

    def _changed(self, key: str) -> ChangedError:
        return ChangedError(f"`{printable(key)}` in `{self._url}` changed meanwhile")

    def _copy_in_parts(self, source: str, target: str, entry: FileEntry) -> None:
        upload_id = retrying(partial(self._bucket.create_multipart_upload, target, entry.sha256, checksums=False))
        step = max(self.copy_part_size, self.part_size(entry.size))

        def copy_part(number: int) -> Part:
            first = (number - 1) * step
            last = min(first + step, entry.size) - 1
            copied = retrying(
                partial(self._bucket.upload_part_copy, source, target, upload_id, number, first=first, last=last)
            )
            return _part(copied)

        try:
            parts = list(together(copy_part, range(1, -(-entry.size // step) + 1), width=COPY_WIDTH))
            self.complete_upload(target, upload_id, parts, entry)
        except StoreError:
            self.abort_upload(target, upload_id)
            raise


def _blob(reply: Reply) -> Blob:
    return Blob(reply.body, reply.headers.get("ETag", ""), age_of(reply.headers), store_time(reply.headers))


def _part(sent: SentPart) -> Part:
    """The token holds what completing the upload needs: etag and checksum."""
    return Part(sent.number, sent.size, f"{sent.etag} {sent.checksum}".rstrip())


def _is_of(file: BinaryIO, sent: SentPart, start: int, step: int, size: int) -> bool:
    """Whether `sent` is the part of at most `step` bytes from `start` on, of a file of `size` bytes."""
    if sent.size != min(step, size - start):
        return False
    return holds_part(file, start, sent.size, etag=sent.etag, sha256=sent.checksum)
