"""Local files as bodies of requests, parts, and their comparison with what a store has."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any, BinaryIO, NamedTuple, Protocol

from assetsync.backends.contract import Piece, Progress
from assetsync.errors import AssetsyncError, ChecksumError
from assetsync.escape import printable
from assetsync.model.tree import FileEntry

MIB = 1024 * 1024
# Bytes that are handed to a connection at once. Each must get through before the connection's time-out.
CHUNK = 128 * 1024
CREATE_ONLY: dict[str, Any] = {"IfNoneMatch": "*"}


class Digest(Protocol):
    """A hash of `hashlib`."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Add bytes."""

    def hexdigest(self) -> str:
        """The digest of all bytes that were added, in hex."""


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


def hex_of(data: Piece, digest: Digest) -> str:
    """The digest of `data` in hex. Errors of reading it."""
    for at in range(0, len(data), CHUNK):
        digest.update(data[at : at + CHUNK])
    return digest.hexdigest()


def small_file(path: str, entry: FileEntry) -> bytes:
    """The bytes of a local file. ChecksumError when it is not what `entry` says; OSError."""
    with open(path, "rb", buffering=0) as file:
        data = file.read(entry.size + 1)
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise _changed(path)
    return data


class PieceBody:
    """A body that is handed out in chunks; whole, it would have to get through before the time-out.

    An error of reading it is kept in `error`, because botocore takes it for a fault of the connection.
    """

    def __init__(self, data: Piece) -> None:
        self._data = data
        self._position = 0
        self.error: Exception | None = None

    def __len__(self) -> int:
        return len(self._data)

    def tell(self) -> int:
        """The position, in bytes, of the next chunk."""
        return self._position

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to a position, as botocore does to send a body again."""
        self._position = position + (0, self._position, len(self._data))[whence]
        return self._position

    def read(self, _: int = -1) -> bytes | memoryview:
        """The next chunk, of a size of our own choice; an empty one at the end. AssetsyncError, OSError."""
        try:
            chunk = self._data[self._position : self._position + CHUNK]
        except (AssetsyncError, OSError) as error:
            self.error = error
            raise
        self._position += len(chunk)
        return chunk


class FileBody:
    """A local file as a body that is read as it is sent.

    The last chunk is held back until all of it is known to be what `entry` says, so that a store which does not verify
    gets nothing whole either. `progress` hears of what went through; what is sent again does not count again. An error
    of the file is kept in `error`, because botocore takes it for a fault of the connection. With `md5`, that of what
    was sent is known at the end. OSError.
    """

    def __init__(self, path: str, entry: FileEntry, progress: Progress, *, md5: bool) -> None:
        self._path = path
        self._entry = entry
        self._progress = progress
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by `close`
        self._digest = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None
        self._position = 0
        self._told = 0
        self.error: Exception | None = None

    def __len__(self) -> int:
        return self._entry.size

    @property
    def md5(self) -> str | None:
        """The MD5 (hex) of what was sent, if that was wanted."""
        return self._md5.hexdigest() if self._md5 else None

    def __enter__(self) -> FileBody:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def tell(self) -> int:
        """The position, in bytes, of the next chunk."""
        return self._position

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to the start, as botocore does to send a body again, or to the end, as it does to measure one."""
        self._position = position + (0, self._position, len(self))[whence]
        if self._position == 0:
            self._file.seek(0)
            self._digest = hashlib.sha256()
            if self._md5:
                self._md5 = hashlib.md5(usedforsecurity=False)
        return self._position

    def read(self, _: int = -1) -> bytes:
        """The next chunk, of a size of our own choice; none at the end. ChecksumError, OSError."""
        self._tell_progress()
        try:
            return self._next()
        except (ChecksumError, OSError) as error:
            self.error = error
            raise

    def _next(self) -> bytes:
        chunk = self._file.read(min(CHUNK, len(self) - self._position))
        self._position += len(chunk)
        self._digest.update(chunk)
        if self._md5:
            self._md5.update(chunk)
        if not chunk and self._position < len(self):
            raise _changed(self._path)
        if chunk and self._position == len(self) and not self._is_right():
            raise _changed(self._path)
        return chunk

    def _is_right(self) -> bool:
        """Whether all that was read is what it should be, and all there is."""
        return not self._file.read(1) and self._digest.hexdigest() == self._entry.sha256

    def _tell_progress(self) -> None:
        """All before the position has been taken by the connection."""
        if self._position > self._told:
            self._progress(self._position - self._told)
            self._told = self._position


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


def _changed(path: str) -> ChecksumError:
    return ChecksumError(
        f"`{printable(path)}` is not what it was when it was hashed; nothing was stored",
        hint="run the command again when nothing writes to it",
    )
