"""The rarer calls of the S3 API on one bucket, through boto3, one try each: large bodies, copies, parts.

Methods have the names of the API reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from assetsync.backends.bodies import Body, FileBody, PieceBody
from assetsync.backends.contract import Dated, Piece
from assetsync.backends.http import age_of, store_time
from assetsync.backends.labels import UNLABELLED, Labels
from assetsync.backends.refusal import Operation, Place
from assetsync.backends.s3.access import Access
from assetsync.backends.s3.bodies import SentPart, Source, base64_of
from assetsync.backends.s3.failures import cut, refusal_of
from assetsync.backends.s3.translate import (
    ABORT,
    COPY,
    LIST_PARTS,
    READ,
    SEND_PARTS,
    no_ranges,
    not_of_s3,
    refused,
)
from assetsync.errors import DamagedError
from assetsync.escape import printable

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

# Bytes handed out at once.
READ_CHUNK = 256 * 1024
_LAST_PART = 10_000


class Bucket:
    """One bucket, seen under a prefix (empty, or with a slash at its end), by keys relative to it."""

    def __init__(
        self,
        access: Access,
        place: Callable[[], Place],
        prefix: str,
        kms_key_id: str | None,
        labels: Labels = UNLABELLED,
    ) -> None:
        self._access = access
        self._place = place
        self._prefix = prefix
        self._labels: dict[str, Any] = {}
        if labels.storage_class:
            self._labels["StorageClass"] = labels.storage_class
        if labels.tags:
            self._labels["Tagging"] = urlencode(labels.tags)
        self._encryption: dict[str, Any] = {}
        if kms_key_id:
            self._encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id}

    def get_dated(self, key: str, limit: int) -> Dated:
        """An object with what the reply says of its age. NotFoundError; DamagedError above `limit` bytes."""
        with self._calling(READ, key) as client:
            reply = client.get_object(Bucket=self._name, Key=self._prefix + key)
            with reply["Body"] as body:
                data = body.read(limit + 1)
        if len(data) > limit:
            raise DamagedError(f"`{printable(key)}` in `{self._place().store}` is larger than {limit} bytes")
        headers = {name.title(): value for name, value in reply["ResponseMetadata"]["HTTPHeaders"].items()}
        return Dated(data, age_of(headers), store_time(headers))

    def get_range(self, key: str, first: int, end: int, etag: str) -> tuple[str, Iterator[bytes]]:
        """Like `Objects.range`, for stores that answer 200 with a part of an object."""
        condition: dict[str, Any] = {"IfMatch": etag} if etag else {}
        with self._calling(READ, key) as client:
            reply = client.get_object(
                Bucket=self._name, Key=self._prefix + key, Range=f"bytes={first}-{end - 1}", **condition
            )
        if not reply.get("ContentRange", "bytes 0-").startswith(f"bytes {first}-"):
            reply["Body"].close()
            raise no_ranges(key, self._place())
        return reply.get("ETag", ""), self._chunks(key, reply["Body"], end - first)

    def _chunks(self, key: str, body: StreamingBody, size: int) -> Iterator[bytes]:
        with self._calling(READ, key), body:
            while size > 0 and (chunk := body.read(min(size, READ_CHUNK))):
                size -= len(chunk)
                yield chunk

    def put_object(
        self, operation: Operation, key: str, body: FileBody, sha256: str, condition: Mapping[str, Any]
    ) -> str:
        """Store a large object, and return its etag. `condition` is CREATE_ONLY, or empty.

        ExistsError, ChecksumError; OSError of the file.
        """
        with self._calling(operation, key, body=body, create_only="IfNoneMatch" in condition) as client:
            reply = client.put_object(
                Bucket=self._name,
                Key=self._prefix + key,
                Body=body,  # type: ignore[arg-type] # whatever reads will do
                ContentLength=len(body),
                ChecksumSHA256=base64_of(sha256),
                Metadata={"sha256": sha256},
                **self._labels,
                **self._encryption,
                **condition,
            )
        return reply.get("ETag", "")

    def copy_object(self, source: Source, target: str, condition: Mapping[str, Any]) -> str:
        """The copy keeps the metadata, and gets the labels of this store. NotFoundError, ExistsError.

        Returns the sha256 of its bytes in Base64, as AWS tells it of what was uploaded with one, else an empty string.
        """
        labels = {**self._labels, "TaggingDirective": "REPLACE"} if "Tagging" in self._labels else self._labels
        with self._calling(COPY, target, create_only="IfNoneMatch" in condition) as client:
            reply = client.copy_object(
                Bucket=self._name,
                Key=self._prefix + target,
                CopySource=source._asdict(),  # type: ignore[arg-type]
                **labels,
                **self._encryption,
                **condition,
            )
        return reply.get("CopyObjectResult", {}).get("ChecksumSHA256", "")

    def create_multipart_upload(self, key: str, sha256: str, *, checksums: bool) -> str:
        """The id of a new upload. `sha256` is that of the whole object.

        With `checksums`, AWS keeps the sha256 of each part, and then insists on having it with the part and again at
        the end.
        """
        algorithm: dict[str, Any] = {"ChecksumAlgorithm": "SHA256"} if checksums else {}
        with self._calling(SEND_PARTS, key) as client:
            reply = client.create_multipart_upload(
                Bucket=self._name,
                Key=self._prefix + key,
                Metadata={"sha256": sha256},
                **algorithm,
                **self._labels,
                **self._encryption,
            )
        if "UploadId" not in reply:
            raise not_of_s3(SEND_PARTS, key, self._place(), "no id of an upload")
        return reply["UploadId"]

    def upload_part(self, key: str, upload_id: str, number: int, data: Piece, sha256: str) -> SentPart:
        """For an upload with checksums. NotFoundError when the upload is gone; ChecksumError; errors of reading."""
        checksum = base64_of(sha256)
        body = PieceBody(data)
        with self._calling(SEND_PARTS, key, body=body) as client:
            reply = client.upload_part(
                Bucket=self._name,
                Key=self._prefix + key,
                UploadId=upload_id,
                PartNumber=number,
                Body=body,  # type: ignore[arg-type] # whatever reads will do
                ContentLength=len(data),
                ChecksumSHA256=checksum,
            )
        return SentPart(number, len(data), reply.get("ETag", ""), checksum)

    def upload_part_copy(
        self, source: Source, target: str, upload_id: str, number: int, first: int, last: int
    ) -> SentPart:
        """A part out of the bytes `first` to `last` of an object, for an upload without checksums. NotFoundError."""
        with self._calling(COPY, target) as client:
            reply = client.upload_part_copy(
                Bucket=self._name,
                Key=self._prefix + target,
                UploadId=upload_id,
                PartNumber=number,
                CopySource=source._asdict(),  # type: ignore[arg-type]
                CopySourceRange=f"bytes={first}-{last}",
            )
        etag = reply.get("CopyPartResult", {}).get("ETag", "")
        if not etag:
            raise not_of_s3(COPY, target, self._place(), "a part without an etag")
        return SentPart(number, last - first + 1, etag)

    def list_parts(self, key: str, upload_id: str) -> list[SentPart]:
        """All parts, in order. NotFoundError when the upload is gone."""
        parts: list[SentPart] = []
        marker = 0
        while True:
            after: dict[str, Any] = {"PartNumberMarker": marker} if marker else {}
            with self._calling(LIST_PARTS, key) as client:
                reply = client.list_parts(Bucket=self._name, Key=self._prefix + key, UploadId=upload_id, **after)
            parts.extend(
                SentPart(part["PartNumber"], part["Size"], part["ETag"], part.get("ChecksumSHA256", ""))
                for part in reply.get("Parts", ())
            )
            before, marker = marker, int(reply.get("NextPartNumberMarker", 0))
            if not reply.get("IsTruncated") or not before < marker < _LAST_PART:
                return parts

    def complete_multipart_upload(
        self, key: str, upload_id: str, parts: Sequence[SentPart], condition: Mapping[str, Any]
    ) -> None:
        """Make the object of its parts. ExistsError; NotFoundError when the upload is gone."""
        rows: list[Any] = [
            {
                "PartNumber": part.number,
                "ETag": part.etag,
                **({"ChecksumSHA256": part.checksum} if part.checksum else {}),
            }
            for part in parts
        ]
        with self._calling(SEND_PARTS, key, create_only="IfNoneMatch" in condition) as client:
            client.complete_multipart_upload(
                Bucket=self._name,
                Key=self._prefix + key,
                UploadId=upload_id,
                MultipartUpload={"Parts": rows},
                **condition,
            )

    def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        """NotFoundError when the upload is gone."""
        with self._calling(ABORT, key) as client:
            client.abort_multipart_upload(Bucket=self._name, Key=self._prefix + key, UploadId=upload_id)

    @property
    def _name(self) -> str:
        return self._place().bucket

    def source(self, key: str) -> Source:
        """An object here, to be copied from."""
        return Source(self._name, self._prefix + key)

    @contextmanager
    def _calling(
        self, operation: Operation, key: str, *, body: Body | None = None, create_only: bool = False
    ) -> Iterator[S3Client]:
        """A client whose exceptions become ours."""
        try:
            yield self._access.client
        except ClientError as error:
            raise refused(operation, key, self._place(), refusal_of(error), create_only=create_only) from error
        except (BotoCoreError, HTTPError, ResponseParserError, ValueError, OverflowError, OSError) as error:
            self._access.sender(self._access.location).give_up()
            if body is not None and body.error is not None:
                raise body.error from None
            raise cut(operation, key, self._place(), error) from error
