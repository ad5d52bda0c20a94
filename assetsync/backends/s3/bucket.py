"""The calls of the S3 API that assetsync needs, on one bucket, one try each. Names follow the API reference."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import quote, unquote_plus

import urllib3

from assetsync.backends.refusal import Operation
from assetsync.backends.s3 import markup
from assetsync.backends.s3.content import EMPTY, Content, content_of
from assetsync.backends.s3.translate import (
    ABORT,
    COPY,
    DELETE,
    LIST,
    LIST_PARTS,
    READ,
    SEND_PARTS,
    refusal_of,
)
from assetsync.backends.s3.wire import Reply, Request, Wire
from assetsync.errors import StoreError
from assetsync.escape import printable

SHA256_METADATA = "x-amz-meta-sha256"
SHA256_CHECKSUM = "x-amz-checksum-sha256"


class Head(NamedTuple):
    """What HEAD tells. `sha256` (hex) is the store's own, else the one that the uploader left, else None."""

    size: int
    etag: str
    sha256: str | None


class Page(NamedTuple):
    """A page of a listing: (key, size) pairs, folders, and the token of the next page, if there is one."""

    objects: list[tuple[str, int]]
    folders: list[str]
    next: str


class SentPart(NamedTuple):
    """A part that the store has. `checksum` is its SHA-256 in Base64, where the store keeps it, else empty."""

    number: int
    size: int
    etag: str
    checksum: str = ""


class Bucket:
    """One bucket, seen under a prefix (empty, or with a slash at its end), by keys relative to it."""

    def __init__(self, wire: Wire, name: str, prefix: str, kms_key_id: str | None) -> None:
        self._wire = wire
        self._name = name
        self._prefix = prefix
        self._encryption: dict[str, str] = {}
        if kms_key_id:
            self._encryption = {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": kms_key_id,
            }

    @property
    def is_custom(self) -> bool:
        """Whether this is not AWS, but something that speaks like it."""
        return self._wire.location.custom

    @property
    def identity(self) -> str:
        """Where the credentials come from, and the endpoint. DeniedError."""
        return self._wire.identity

    def close(self) -> None:
        """Close idle connections."""
        self._wire.close()

    def get_object(self, key: str, limit: int, unless: str | None = None) -> Reply:
        """NotFoundError; UnchangedError when its etag is `unless`; DamagedError beyond `limit` bytes."""
        headers = {"If-None-Match": unless} if unless else {}
        return self._wire.send(self._request(READ, "GET", key, headers=headers), limit)

    def open_object(self, key: str, first: int, last: int, etag: str | None) -> urllib3.BaseHTTPResponse:
        """The bytes `first` to `last`, to be read from what is returned, and that to be given to `drop`."""
        headers = {"Range": f"bytes={first}-{last}"}
        if etag:
            headers["If-Match"] = etag
        return self._wire.open(self._request(READ, "GET", key, headers=headers))

    def broken(self, key: str, error: Exception) -> StoreError:
        """The error for a body that broke off."""
        return self._wire.broken(self._request(READ, "GET", key), error)

    def head_object(self, key: str) -> Head:
        """NotFoundError."""
        headers = {} if self.is_custom else {"x-amz-checksum-mode": "ENABLED"}
        found = self._wire.send(self._request(READ, "HEAD", key, headers=headers)).headers
        sha256 = _stored_sha256(found.get(SHA256_CHECKSUM, "")) or _hex_sha256(found.get(SHA256_METADATA, ""))
        return Head(int(found.get("Content-Length", "0")), found.get("ETag", ""), sha256)

    def put_object(self, operation: Operation, key: str, content: Content, condition: Mapping[str, str]) -> None:
        """`condition` is a header: create-only or compare-and-swap. ExistsError, ChangedError, ChecksumError."""
        headers = {SHA256_METADATA: content.sha256, **self._encryption, **condition}
        if not self.is_custom:
            headers[SHA256_CHECKSUM] = _base64(content.sha256)
        self._wire.send(self._request(operation, "PUT", key, headers=headers, content=content))

    def copy_object(self, source: str, target: str, condition: Mapping[str, str]) -> None:
        """The copy keeps the metadata. NotFoundError, ExistsError."""
        headers = {"x-amz-copy-source": self._source(source), **self._encryption, **condition}
        self._in_earnest(self._request(COPY, "PUT", target, headers=headers))

    def delete_object(self, key: str) -> None:
        """Deleting what is not there is fine."""
        self._wire.send(self._request(DELETE, "DELETE", key))

    def list_objects(self, prefix: str, *, delimiter: bool, token: str) -> Page:
        """One page. NoStoreError."""
        query = {"list-type": "2", "encoding-type": "url", "prefix": self._prefix + prefix}
        if delimiter:
            query["delimiter"] = "/"
        if token:
            query["continuation-token"] = token
        request = Request(LIST, "GET", "", "", query)
        reply = self._wire.send(request)
        with self._understood(request):
            return _page(markup.parse(reply.body), self._prefix)

    def create_multipart_upload(self, key: str, sha256: str, *, checksums: bool) -> str:
        """The id of a new upload. `sha256` is that of the whole object.

        With `checksums`, AWS keeps the sha256 of each part, and then insists on having it with the part and again at
        the end.
        """
        headers = {SHA256_METADATA: sha256, **self._encryption}
        if checksums and not self.is_custom:
            headers["x-amz-checksum-algorithm"] = "SHA256"
        request = self._request(SEND_PARTS, "POST", key, {"uploads": ""}, headers)
        reply = self._wire.send(request)
        with self._understood(request):
            return markup.parse(reply.body).need("UploadId")

    def upload_part(self, key: str, upload_id: str, number: int, content: Content) -> SentPart:
        """For an upload with checksums. NotFoundError when the upload is gone; ChecksumError."""
        query = {"partNumber": str(number), "uploadId": upload_id}
        checksum = "" if self.is_custom else _base64(content.sha256)
        headers = {SHA256_CHECKSUM: checksum} if checksum else {}
        reply = self._wire.send(self._request(SEND_PARTS, "PUT", key, query, headers, content))
        return SentPart(number, content.size, reply.headers.get("ETag", ""), checksum)

    def upload_part_copy(
        self, source: str, target: str, upload_id: str, number: int, first: int, last: int
    ) -> SentPart:
        """A part out of the bytes `first` to `last` of an object, for an upload without checksums. NotFoundError."""
        headers = {"x-amz-copy-source": self._source(source), "x-amz-copy-source-range": f"bytes={first}-{last}"}
        query = {"partNumber": str(number), "uploadId": upload_id}
        request = self._request(COPY, "PUT", target, query, headers)
        root = self._in_earnest(request)
        with self._understood(request):
            return SentPart(number, last - first + 1, root.need("ETag"))

    def list_parts(self, key: str, upload_id: str) -> list[SentPart]:
        """All parts, in order. NotFoundError when the upload is gone."""
        parts: list[SentPart] = []
        marker = ""
        while True:
            query = {"uploadId": upload_id, **({"part-number-marker": marker} if marker else {})}
            request = self._request(LIST_PARTS, "GET", key, query)
            reply = self._wire.send(request)
            with self._understood(request):
                root = markup.parse(reply.body)
                parts.extend(
                    SentPart(
                        part.number("PartNumber"), part.number("Size"), part.need("ETag"), part.get("ChecksumSHA256")
                    )
                    for part in root.all("Part")
                )
            before, marker = marker, root.get("NextPartNumberMarker")
            if root.get("IsTruncated") != "true" or marker in ("", before):
                return parts

    def complete_multipart_upload(
        self, key: str, upload_id: str, parts: Sequence[SentPart], condition: Mapping[str, str]
    ) -> None:
        """Make the object of its parts. ExistsError; NotFoundError when the upload is gone."""
        content = content_of(markup.complete_upload((part.number, part.etag, part.checksum) for part in parts))
        self._in_earnest(self._request(SEND_PARTS, "POST", key, {"uploadId": upload_id}, condition, content))

    def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        """NotFoundError when the upload is gone."""
        self._wire.send(self._request(ABORT, "DELETE", key, {"uploadId": upload_id}))

    def _request(
        self,
        operation: Operation,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: Content = EMPTY,
    ) -> Request:
        return Request(operation, method, self._prefix + key, key, query or {}, headers or {}, *content)

    def _source(self, key: str) -> str:
        return quote(f"/{self._name}/{self._prefix}{key}", safe="/~")

    def _in_earnest(self, request: Request) -> markup.Element:
        """The reply to a request whose success is certain only when its body has come: 200 may hold an error."""
        reply = self._wire.send(request)
        with self._understood(request):
            root = markup.parse(reply.body)
        if root.name == "Error":
            raise self._wire.refused(request, refusal_of(200, reply.headers, reply.body))
        return root

    @contextmanager
    def _understood(self, request: Request) -> Iterator[None]:
        """StoreError for a reply of another shape than S3's."""
        try:
            yield
        except markup.MalformedError as error:
            raise StoreError(
                f"cannot {request.operation.verb} `{printable(request.name) or self._name}`: "
                f"the reply is not one of S3: {printable(str(error))}",
                hint="check `endpoint` of `store`: something else may answer there",
            ) from error


def _page(root: markup.Element, prefix: str) -> Page:
    """A ListObjectsV2 reply; keys lose `prefix`. MalformedError."""
    decode: Callable[[str], str] = unquote_plus if root.get("EncodingType") == "url" else str

    def relative(text: str) -> str:
        key = decode(text)
        if not key.startswith(prefix):
            raise markup.MalformedError(f"`{key}` was not asked for")
        return key[len(prefix) :]

    objects = [(relative(entry.need("Key")), entry.number("Size")) for entry in root.all("Contents")]
    folders = [relative(entry.need("Prefix")) for entry in root.all("CommonPrefixes")]
    return Page(objects, folders, root.get("NextContinuationToken"))


def _base64(sha256: str) -> str:
    return b64encode(bytes.fromhex(sha256)).decode()


def _stored_sha256(checksum: str) -> str | None:
    """The hex of a checksum header, if it is that of the whole object: those of parts end with their number."""
    try:
        return _hex_sha256(b64decode(checksum, validate=True).hex())
    except (Base64Error, ValueError):
        return None


def _hex_sha256(text: str) -> str | None:
    text = text.lower()
    return text if len(text) == 64 and all(char in "0123456789abcdef" for char in text) else None
