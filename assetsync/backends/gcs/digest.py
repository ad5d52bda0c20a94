"""The two hashes of what is sent: sha256, which assetsync goes by, and the checksum that Cloud Storage compares."""

from __future__ import annotations

import base64
import hashlib
from typing import Protocol

import google_crc32c

# Bytes that are hashed, or read from a file, at once.
PIECE = 1024 * 1024


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


def _new_checksum() -> _Hash:
    if CHECKSUM == "md5":
        return hashlib.md5(usedforsecurity=False)
    checksum: _Hash = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
    return checksum


# The checksum's name in the header `X-Goog-Hash`, and in an object's resource. Without its C extension, CRC32C is
# slower than any network.
CHECKSUM = "crc32c" if google_crc32c.implementation == "c" else "md5"
FIELD = "crc32c" if CHECKSUM == "crc32c" else "md5Hash"


class Digest:
    """Both hashes of bytes that come in pieces."""

    def __init__(self, data: bytes | memoryview = b"") -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._checksum = _new_checksum()
        self.update(data)

    def update(self, data: bytes | memoryview) -> None:
        """Hash further bytes, which follow those before."""
        self.size += len(data)
        self._sha256.update(data)
        for start in range(0, len(data), PIECE):
            self._checksum.update(bytes(data[start : start + PIECE]))  # CRC32C takes nothing but bytes

    @property
    def sha256(self) -> str:
        """In hex."""
        return self._sha256.hexdigest()

    @property
    def checksum(self) -> str:
        """As Cloud Storage writes it, in Base64."""
        return base64.b64encode(self._checksum.digest()).decode()


def digest_of_file(path: str, count: int) -> Digest:
    """The hashes of the first `count` bytes of a local file, or of as many as there are."""
    digest = Digest()
    with open(path, "rb", buffering=0) as file:
        while digest.size < count and (piece := file.read(min(PIECE, count - digest.size))):
            digest.update(piece)
    return digest
