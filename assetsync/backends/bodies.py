"""Local files and parts of them as bodies of requests, read as they are sent: in memory is one chunk of each."""

from __future__ import annotations

import hashlib
import os
from typing import Protocol

from assetsync.backends.contract import Piece
from assetsync.errors import AssetsyncError, ChecksumError
from assetsync.escape import printable
from assetsync.model.tree import FileEntry
from assetsync.progress import Progress

# Bytes that are handed to a connection at once. Each must get through before the connection's time-out.
CHUNK = 128 * 1024


class Digest(Protocol):
    """A hash of `hashlib`."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Add bytes."""

    def hexdigest(self) -> str:
        """The digest of all bytes that were added, in hex."""


def hex_of(data: Piece, digest: Digest) -> str:
    """The digest of `data` in hex. Errors of reading it."""
    for at in range(0, len(data), CHUNK):
        digest.update(data[at : at + CHUNK])
    return digest.hexdigest()


class PieceBody:
    """A body that is handed out in chunks; whole, it would have to get through before the time-out.

    An error of reading it is kept in `error`, because SDKs take it for a fault of the connection.
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
        """Go to a position, as SDKs do to send a body again."""
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
    of the file is kept in `error`, because SDKs take it for a fault of the connection. With `md5`, that of what
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

    def md5_ahead(self) -> str:
        """The MD5 (hex) of the file as it is now, for a header. ChecksumError where its size is another; OSError."""
        file = self._file.fileno()
        if os.fstat(file).st_size != len(self):
            raise changed(self._path)
        digest = hashlib.md5(usedforsecurity=False)
        for at in range(0, len(self), CHUNK):
            digest.update(os.pread(file, min(CHUNK, len(self) - at), at))
        return digest.hexdigest()

    def tell(self) -> int:
        """The position, in bytes, of the next chunk."""
        return self._position

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to the start, as SDKs do to send a body again, or to the end, as they do to measure one."""
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
            raise changed(self._path)
        if chunk and self._position == len(self) and not self._is_right():
            raise changed(self._path)
        return chunk

    def _is_right(self) -> bool:
        """Whether all that was read is what it should be, and all there is."""
        return not self._file.read(1) and self._digest.hexdigest() == self._entry.sha256

    def _tell_progress(self) -> None:
        """All before the position has been taken by the connection."""
        if self._position > self._told:
            self._progress(self._position - self._told)
            self._told = self._position


Body = FileBody | PieceBody


def changed(path: str) -> ChecksumError:
    """The error for a local file that is not what was hashed."""
    return ChecksumError(
        f"`{printable(path)}` is not what it was when it was hashed; nothing was stored",
        hint="run the command again when nothing writes to it",
    )
