"""The store in a bucket of Google Cloud Storage, through gcsfs.

Every write names the generation that it expects: 0 for create-only, else that of the object to replace. Each upload
carries a CRC32C, which the server compares before it stores anything, and the sha256 as metadata, for `stat`.

Large files go through a resumable upload, whose session URI is all that another process needs to go on. The server
knows no checksum of its parts, only of the whole, so the checksum grows here, part by part; who goes on with the upload
of another process reads the bytes that are there already from the local file, which is much cheaper than to send them.
The last bytes are held back for `complete_upload`, because the object comes into being with them.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any
from urllib.parse import quote

from msgspec import Struct, field

from assetsync.backends.contract import Backend, Blob, Dated, Listing, ObjectInfo, Part, Piece
from assetsync.backends.gcs import translate
from assetsync.backends.gcs.calls import Calls, Task
from assetsync.backends.gcs.client import EMULATOR_VARIABLE, Client, Identity, Reply, identity
from assetsync.backends.gcs.digest import CHECKSUM, FIELD, Digest, digest_of_file
from assetsync.backends.gcs.replies import Resource, page_of, resource_of, rewrite_of
from assetsync.backends.http import age_of, proxy_for, store_time
from assetsync.backends.labels import UNLABELLED, Labels
from assetsync.backends.limits import Pages
from assetsync.backends.ranges import read_range
from assetsync.backends.refusal import Place, UnchangedError
from assetsync.backends.retry import Tries, holds
from assetsync.errors import (
    ChecksumError,
    DamagedError,
    NotFoundError,
    StoreError,
    TransientError,
    UnsupportedError,
    UsageError,
)
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from assetsync.progress import Progress, no_progress

USER_PROJECT_VARIABLE = "ASSETSYNC_GCS_USER_PROJECT"
# Bytes. Parts but the last are multiples of GRAIN; so is what the server keeps of one that was cut.
GRAIN = 256 * 1024
MULTIPART_THRESHOLD = 8 * 1024 * 1024
BYTES_PER_PART = 16 * 1024 * 1024
# Files in one request are held in memory; of those that are not small, so many at once.
SMALL = 1024 * 1024
LARGE_AT_ONCE = 8
PAGE = 1000
# The server copies at least so many bytes in a round, and far more usually.
MIN_ROUND = 1024 * 1024
MIN_ROUNDS = 10

_URL = re.compile(r"gs://(?P<bucket>[a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:/(?P<prefix>.*))?")
_BINARY = "application/octet-stream"
_NEW = "0"  # the generation of what is not there
_SAYS_PERSISTED = re.compile(r"bytes=0-([0-9]{1,18})")


def open_store(config: StoreConfig, environ: Mapping[str, str]) -> GCSBackend:
    """The store at `config.url`. UsageError for a URL that names no bucket; DeniedError for unusable credentials."""
    match = _URL.fullmatch(config.url)
    if match is None:
        raise UsageError(f"`{config.url}` names no bucket", hint="write `gs://BUCKET` or `gs://BUCKET/PREFIX`")
    endpoint = _endpoint(config.endpoint or environ.get(EMULATOR_VARIABLE), environ)
    return GCSBackend(
        match["bucket"],
        (match["prefix"] or "").strip("/"),
        endpoint=endpoint,
        identity=identity(endpoint, environ),
        kms_key=config.kms_key_id,
        user_project=environ.get(USER_PROJECT_VARIABLE) or None,
        proxy=proxy_for(endpoint, environ),
        labels=Labels.of(config),
    )


def _endpoint(given: str | None, environ: Mapping[str, str]) -> str:
    if not given:
        return f"https://storage.{environ.get('GOOGLE_CLOUD_UNIVERSE_DOMAIN') or 'googleapis.com'}"
    return (given if "://" in given else f"http://{given}").rstrip("/")


class _Upload(Struct):
    """A resumable upload, as far as this process knows it. `digest` is that of all bytes so far, with the `tail`."""

    digest: Digest = field(default_factory=Digest)
    # Bytes that the server has, and whether that must be asked, because a reply is missing.
    sent: int = 0
    unsure: bool = False
    tail: bytes = b""


class GCSBackend:
    """See the module. `multipart_threshold` and `bytes_per_part` may be set, to multiples of GRAIN."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        endpoint: str,
        identity: Identity,
        kms_key: str | None = None,
        user_project: str | None = None,
        proxy: str | None = None,
        labels: Labels = UNLABELLED,
    ) -> None:
        self._labels = labels
        self._url = f"gs://{bucket}/{prefix}".rstrip("/")
        self._tries = Tries()
        self._prefix = f"{prefix}/" if prefix else ""
        self._objects = f"/storage/v1/b/{quote(bucket, safe='')}/o"
        self._kms_key = kms_key
        self._client = Client(endpoint, identity.credentials, user_project=user_project, proxy=proxy)
        self._calls = Calls(self._client, Place(self._url, bucket, endpoint, identity.who))
        self._room = threading.BoundedSemaphore(LARGE_AT_ONCE)
        self._uploads: dict[str, _Upload] = {}
        self.multipart_threshold = MULTIPART_THRESHOLD
        self.bytes_per_part = BYTES_PER_PART
        self.sequential_parts = True

    @property
    def url(self) -> str:
        return self._url

    @property
    def identity(self) -> str:
        place = self._calls.place
        return f"{place.credentials}, at {place.endpoint}"

    def close(self) -> None:
        """Close the connections. Also done when the last reference goes, and at exit."""
        self._client.close()

    def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
        return Listing.of(self.pages(prefix, delimiter=delimiter))

    def pages(self, prefix: str, *, delimiter: bool) -> Iterator[Listing]:
        params = {
            "prefix": self._prefix + prefix,
            "maxResults": str(PAGE),
            "fields": "nextPageToken,prefixes,items(name,size,metadata,generation)",
            **({"delimiter": "/"} if delimiter else {}),
        }
        task = Task(translate.LIST, prefix)
        pages = Pages(self._url, prefix)
        while True:
            page = self._tries.run(partial(self._calls.ask_json, task, "GET", self._objects, params, page_of))
            found = [self._info(task, item) for item in page.objects]
            below = [self._relative(task, name) for name in page.folders]
            pages.add([*(item.key for item in found), *below], page.next)
            yield Listing(found, below)
            if not page.next:
                return
            params["pageToken"] = page.next

    def read(self, key: str, *, limit: int = 64 * 1024 * 1024) -> Blob:
        return self._blob(key, {}, limit)

    def read_changed(self, key: str, tag: str, *, limit: int = 64 * 1024 * 1024) -> Blob | None:
        """As `read`; None when the object still is the one that was read with `tag`."""
        try:
            found = self._blob(key, {"ifGenerationNotMatch": tag}, limit)
        except UnchangedError:
            return None
        return None if found.tag == tag else found  # emulators send it all the same

    def _blob(self, key: str, condition: Mapping[str, str], limit: int) -> Blob:
        task = Task(translate.READ, key)
        reply = self._tries.run(lambda: self._read(task, limit, condition))
        return Blob(reply.body, self._calls.generation(task, reply.headers))

    def read_dated(self, key: str, *, limit: int = 1024 * 1024) -> Dated:
        reply = self._tries.run(lambda: self._read(Task(translate.READ, key), limit, {}))
        return Dated(reply.body, age_of(reply.headers), store_time(reply.headers))

    def stat(self, key: str) -> ObjectInfo:
        return self._info(Task(translate.READ, key), self._tries.run(lambda: self._resource(key)))

    def create(self, key: str, data: bytes) -> None:
        task = Task(translate.CREATE, key, create_only=True)
        self._tries.settle(partial(self._insert, task, data, Digest(data), _NEW), lambda: holds(self, key, data))

    def replace(self, key: str, data: bytes, tag: str | None) -> None:
        task = Task(translate.REPLACE, key)
        self._tries.settle(partial(self._insert, task, data, Digest(data), tag or _NEW), lambda: holds(self, key, data))

    def upload(self, key: str, path: str, entry: FileEntry, progress: Progress = no_progress) -> None:
        task = Task(translate.CREATE, key, create_only=True)
        with self._room if entry.size > SMALL else nullcontext():
            with open(path, "rb") as file:
                data = file.read(entry.size + 1)
            digest = Digest(data)
            self._check(task, digest, entry)
            insert = partial(self._insert, task, data, digest, _NEW, self._labels)
            self._tries.settle(insert, lambda: self._is_there(key, digest))
        progress(entry.size)

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        open_ = partial(self._calls.open_range, Task(translate.READ, key), self._path(key))
        return read_range(self._tries, open_, start, length)

    def copy(self, source: str, target: str, entry: FileEntry) -> bool:
        return self.copy_from(self, source, target, entry)

    def reaches(self, other: Backend) -> bool:
        """Whether both are at the same endpoint, and asked by the same identity."""
        return isinstance(other, GCSBackend) and self.identity == other.identity

    def copy_from(self, other: Backend, source: str, target: str, entry: FileEntry) -> bool:
        """See `AcrossBackend`. Google copies, also from another bucket."""
        if not isinstance(other, GCSBackend):
            raise UnsupportedError(f"cannot copy from `{other.url}` to `{self._url}`: it is another service")
        task = Task(translate.COPY, f"{source}` to `{target}", create_only=True)
        params = {"ifGenerationMatch": _NEW, "fields": "done,rewriteToken,resource(name,size,metadata,generation)"}
        if self._kms_key:
            params["destinationKmsKeyName"] = self._kms_key
        found = other._path(source)  # noqa: SLF001 - of the same class
        path = f"{found}/rewriteTo{self._path(target).removeprefix('/storage/v1')}"

        headers, body = {}, []
        if self._labels != UNLABELLED:  # a copy that is told of any metadata keeps nothing of its source's
            headers = {"Content-Type": "application/json; charset=UTF-8"}
            body = [json.dumps(self._metadata(target, entry.sha256, self._labels)).encode()]

        def ask() -> tuple[Resource | None, str]:
            return self._calls.parsed(task, self._calls.ask(task, "POST", path, params, headers, body), rewrite_of)

        def rewrite() -> bool:
            # Large objects take several rounds; the token says how far it has come, over failures too.
            for _ in range(MIN_ROUNDS + entry.size // MIN_ROUND):
                copied, params["rewriteToken"] = ask()
                if copied is not None:
                    break
            else:
                raise StoreError(f"{self._calls.tried(task)}: the copy does not come to an end")
            if copied.size != entry.size or copied.sha256 not in (None, entry.sha256):
                self._take_back(task, target, copied)
                raise ChecksumError(
                    f"{self._calls.tried(task)}: it is not what its version says",
                    hint="look at it with `assetsync verify`",
                )
            return copied.sha256 == entry.sha256

        return bool(self._tries.settle(rewrite, lambda: self._same(other, source, target)))

    def delete(self, key: str) -> None:
        try:
            self._tries.run(lambda: self._calls.ask(Task(translate.DELETE, key), "DELETE", self._path(key), {}))
        except NotFoundError:
            pass

    def part_size(self, size: int) -> int:
        return self.bytes_per_part

    def begin_upload(self, key: str, entry: FileEntry) -> str:
        task = Task(translate.CREATE, key, create_only=True)
        params = {"uploadType": "resumable", **self._conditions(_NEW)}
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "X-Upload-Content-Type": _BINARY,
            "X-Upload-Content-Length": str(entry.size),
        }
        body = [json.dumps(self._metadata(key, entry.sha256, self._labels)).encode()]
        reply = self._tries.run(lambda: self._calls.ask(task, "POST", f"/upload{self._objects}", params, headers, body))
        upload_id = self._calls.session(task, reply)
        self._uploads[upload_id] = _Upload()
        return upload_id

    def uploaded_parts(self, key: str, upload_id: str, path: str, entry: FileEntry) -> Sequence[Part]:
        task = Task(translate.LIST_PARTS, key)
        if not self._calls.is_session(upload_id):  # of another endpoint, or the journal is not ours
            raise NotFoundError(f"{self._calls.tried(task)}: that upload is not of `{self._calls.place.endpoint}`")
        try:
            sent = self._tries.run(lambda: _persisted(self._query(task, upload_id, entry.size), entry.size))
        except NotFoundError:
            self._uploads.pop(upload_id, None)
            raise
        upload = self._uploads.get(upload_id)
        if upload is None:
            whole = sent if sent == entry.size else sent - sent % self.bytes_per_part
            upload = self._uploads[upload_id] = _Upload(digest_of_file(path, whole), sent)
        size = self.bytes_per_part
        return [
            Part(number, min(size, entry.size - start), "")
            for number, start in enumerate(range(0, upload.digest.size, size), start=1)
        ]

    def upload_part(self, key: str, upload_id: str, number: int, data: Piece, size: int) -> Part:
        data = memoryview(data[:])
        task = Task(translate.SEND_PARTS, key, create_only=True)
        upload = self._uploads.setdefault(upload_id, _Upload())
        start = (number - 1) * self.bytes_per_part
        if upload.digest.size != start:
            raise StoreError(f"{self._calls.tried(task)}: part {number} is not the one that follows")
        stop = start + len(data)
        if stop == size:
            stop = (size - 1) // GRAIN * GRAIN
        self._send(task, upload_id, upload, start, data[: stop - start], size)
        upload.digest.update(data)
        upload.tail = bytes(data[stop - start :])
        return Part(number, len(data), "")

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part], entry: FileEntry) -> None:
        task = Task(translate.SEND_PARTS, key, create_only=True)
        upload = self._uploads.get(upload_id)
        if upload is None:
            raise NotFoundError(
                f"{self._calls.tried(task)}: that upload is not known here", hint="run the command again"
            )
        try:
            self._check(task, upload.digest, entry)
            self._tries.settle(
                partial(self._finish, task, upload_id, upload, entry.size),
                lambda: self._is_there(key, upload.digest),
            )
        except ChecksumError:
            with suppress(StoreError):
                self.abort_upload(key, upload_id)
            raise
        self._uploads.pop(upload_id, None)

    def abort_upload(self, key: str, upload_id: str) -> None:
        self._uploads.pop(upload_id, None)
        task = Task(translate.ABORT, key)
        try:
            self._tries.run(lambda: self._calls.ask_session(task, "DELETE", upload_id, {}))
        except NotFoundError:
            pass

    # One try of a request each.

    def _read(self, task: Task, limit: int, condition: Mapping[str, str]) -> Reply:
        reply = self._calls.ask(task, "GET", self._path(task.key), {"alt": "media", **condition}, limit=limit)
        if len(reply.body) > limit:
            raise DamagedError(f"{self._calls.tried(task)}: it is larger than {limit} bytes")
        return reply

    def _resource(self, key: str) -> Resource:
        params = {"fields": f"name,size,metadata,generation,{FIELD}"}
        return self._calls.ask_json(Task(translate.READ, key), "GET", self._path(key), params, resource_of)

    def _insert(self, task: Task, data: bytes, digest: Digest, generation: str, labels: Labels = UNLABELLED) -> None:
        metadata = {**self._metadata(task.key, digest.sha256, labels), FIELD: digest.checksum}
        boundary = uuid.uuid4().hex
        head = (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps(metadata)}\r\n"
            f"--{boundary}\r\nContent-Type: {_BINARY}\r\n\r\n"
        )
        params = {"uploadType": "multipart", "fields": "generation", **self._conditions(generation)}
        headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
        body = [head.encode(), data, f"\r\n--{boundary}--\r\n".encode()]
        self._calls.ask(task, "POST", f"/upload{self._objects}", params, headers, body)

    def _send(self, task: Task, upload_id: str, upload: _Upload, start: int, data: memoryview, size: int) -> None:
        """Send what the server has not got yet of `data`, which begins at `start`; with retries."""
        stop = start + len(data)

        def send() -> None:
            if upload.unsure:
                upload.sent = _persisted(self._query(task, upload_id, size), size)
            while upload.sent < stop:
                first = upload.sent
                if first < start:
                    raise StoreError(
                        f"{self._calls.tried(task)}: the server lost a part of it", hint="run the same command again"
                    )
                upload.unsure = True
                reply = self._calls.ask_session(
                    task,
                    "POST",
                    upload_id,
                    {"Content-Range": f"bytes {first}-{stop - 1}/{size}"},
                    data[first - start :],
                )
                upload.sent, upload.unsure = _persisted(reply, size), False
                if upload.sent <= first:
                    raise TransientError(f"{self._calls.tried(task)}: the server kept nothing of what was sent")

        self._tries.run(send)

    def _finish(self, task: Task, upload_id: str, upload: _Upload, size: int) -> None:
        """Send the tail, if the server has not got it, and see that it made an object of the right bytes."""
        reply = self._query(task, upload_id, size) if upload.unsure or upload.sent == size else None
        if reply is None or _persisted(reply, size) < size:
            headers = {
                "Content-Range": f"bytes {size - len(upload.tail)}-{size - 1}/{size}",
                "X-Goog-Hash": f"{CHECKSUM}={upload.digest.checksum}",
            }
            upload.unsure = True
            reply = self._calls.ask_session(task, "POST", upload_id, headers, upload.tail)
        if _persisted(reply, size) < size:
            raise TransientError(f"{self._calls.tried(task)}: the server did not keep the end of it")
        stored = self._calls.parsed(task, reply, resource_of) if reply.body else self._resource(task.key)
        if stored.checksum != upload.digest.checksum:  # it did not look at X-Goog-Hash
            self._take_back(task, task.key, stored)
            raise ChecksumError(f"{self._calls.tried(task)}: the bytes that arrived are not those of the checksum")

    def _take_back(self, task: Task, key: str, made: Resource) -> None:
        """Delete an object that was made just now and is wrong. Nobody has seen it: its version has no `.meta`."""
        if not made.generation:
            raise self._calls.no_sense(task)
        params = {"ifGenerationMatch": made.generation}
        self._calls.ask(Task(translate.DELETE, key), "DELETE", self._path(key), params)

    def _query(self, task: Task, upload_id: str, size: int) -> Reply:
        """How far a resumable upload has come. NotFoundError too when the object that it made is not there any more."""
        reply = self._calls.ask_session(task, "PUT", upload_id, {"Content-Range": f"bytes */{size}"})
        if _persisted(reply, size) == size:
            # The session remembers its success for a week, and so may a journal; the object can be removed meanwhile.
            made = self._calls.parsed(task, reply, resource_of).generation if reply.body else ""
            found = self._resource(task.key).generation
            if (made or found) != found:
                raise NotFoundError(
                    f"{self._calls.tried(task)}: what it made was replaced", hint="run the command again"
                )
        return reply

    # The object that is there after a reply got lost, by the checksum that the server keeps of all objects, modelkit's
    # too.

    def _is_there(self, key: str, digest: Digest) -> bool:
        try:
            found = self._tries.run(lambda: self._resource(key))
        except NotFoundError:
            return False
        return (found.size, found.checksum) == (digest.size, digest.checksum)

    def _same(self, other: GCSBackend, source: str, target: str) -> bool:
        try:
            one = self._tries.run(partial(other._resource, source))
            two = self._tries.run(partial(self._resource, target))
        except NotFoundError:
            return False
        return (one.size, one.checksum) == (two.size, two.checksum)

    def _check(self, task: Task, digest: Digest, entry: FileEntry) -> None:
        if (digest.size, digest.sha256) != (entry.size, entry.sha256):
            raise ChecksumError(f"{self._calls.tried(task)}: the bytes of the file are not those that were hashed")

    def _path(self, key: str) -> str:
        return f"{self._objects}/{quote(self._prefix + key, safe='')}"

    def _info(self, task: Task, found: Resource) -> ObjectInfo:
        return ObjectInfo(self._relative(task, found.name), found.size, found.sha256, found.generation)

    def _relative(self, task: Task, name: str) -> str:
        """A name without the prefix. StoreError for one that was not asked for."""
        if not name.startswith(self._prefix):
            raise self._calls.no_sense(task)
        return name[len(self._prefix) :]

    def _metadata(self, key: str, sha256: str, labels: Labels) -> dict[str, Any]:
        own = {"storageClass": labels.storage_class} if labels.storage_class else {}
        metadata = {**labels.tags, "sha256": sha256}
        return {"name": self._prefix + key, "contentType": _BINARY, "metadata": metadata, **own}

    def _conditions(self, generation: str) -> dict[str, str]:
        conditions = {"ifGenerationMatch": generation}
        if self._kms_key:
            conditions["kmsKeyName"] = self._kms_key
        return conditions


def _persisted(reply: Reply, size: int) -> int:
    """How many bytes of a resumable upload the server has, by its reply; all once it has made an object of them.

    Nothing where it tells of more than there are.
    """
    if reply.status != 308:
        return size
    match = _SAYS_PERSISTED.fullmatch(reply.headers.get("Range", ""))
    count = int(match[1]) + 1 if match else 0
    return count if count <= size else 0
