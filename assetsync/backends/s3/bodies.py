"""Small files, parts, and their comparison with what a store has."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any, BinaryIO, NamedTuple

from assetsync.backends.bodies import changed
from assetsync.model.tree import FileEntry

MIB = 1024 * 1024
CREATE_ONLY: dict[str, Any] = {"IfNoneMatch": "*"}


class Source(NamedTuple):
    """An object to copy from, which may be in another bucket. The names are those of `CopySource`."""

    Bucket: str
    Key: str


class SentPart(NamedTuple):
    """A part that the store has. `checksum` is its SHA-256 in Base64, where the store keeps it, else empty."""

    number: int
    size: int
    etag: str
    checksum: str = ""


def base64_of(sha256: str) -> str:
    """A sha256 in hex as the headers of S3 have it."""
    return b64encode(bytes.fromhex(sha256)).decode()


def small_file(path: str, entry: FileEntry) -> bytes:
    """The bytes of a local file. ChecksumError when it is not what `entry` says; OSError."""
    with open(path, "rb", buffering=0) as file:
        data = file.read(entry.size + 1)
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise changed(path)
    return data


def checksum_of_part(file: BinaryIO, start: int, size: int, *, etag: str, checksum: str) -> str | None:
    """The sha256 in Base64 of what a local file has from `start` on; None when the part that the store has is another.

    They are compared by `checksum`, that sha256 where the store tells it, else by the etag. That is the MD5 of the
    part, but not where the store encrypts with KMS: then nothing agrees, and the part is sent again.
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    file.seek(start)
    while size and (chunk := file.read(min(MIB, size))):
        sha256.update(chunk)
        if not checksum:
            md5.update(chunk)
        size -= len(chunk)
    found = b64encode(sha256.digest()).decode()
    same = found == checksum if checksum else md5.hexdigest() == etag.strip('"').lower()
    return found if same else None
