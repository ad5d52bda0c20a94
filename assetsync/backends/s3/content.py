"""Bytes on their way: local files as bodies of requests, and objects as streams that survive a cut connection."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

import urllib3
from urllib3.exceptions import HTTPError

from assetsync.backends.contract import Progress
from assetsync.backends.s3.access import EMPTY_SHA256
from assetsync.backends.s3.wire import CHUNK, chunks_of, drop
from assetsync.errors import ChecksumError, StoreError, UnsupportedError
from assetsync.escape import printable
from assetsync.model.tree import FileEntry

MIB = 1024 * 1024
SMALL = MIB
READ_CHUNK = 256 * 1024  # of each of the many threads that read at a time


class Content(NamedTuple):
    """The body of a write: its chunks, anew for each try, their size in bytes and their sha256 (hex)."""

    chunks: Callable[[], Iterator[memoryview]] | None
    size: int
    sha256: str


EMPTY = Content(None, 0, EMPTY_SHA256)


def content_of(data: bytes | memoryview) -> Content:
    """Bytes as the body of a write."""
    return Content(lambda: chunks_of(data), len(data), hashlib.sha256(data).hexdigest())


def file_content(path: str, entry: FileEntry, progress: Progress, *, verify: bool) -> Content:
    """A local file as the body of a write. ChecksumError when it is not what `entry` says; OSError.

    A small one is read at once, and verified. A large one is read as it is sent; with `verify` its last chunk is held
    back until all of it is known to be right, so that a store which does not verify gets nothing whole either.
    """
    if entry.size > SMALL:
        return Content(_Stream(path, entry, progress, verify=verify).chunks, entry.size, entry.sha256)
    with open(path, "rb", buffering=0) as file:
        data = file.read(entry.size + 1)
    content = content_of(data)
    if (content.size, content.sha256) != (entry.size, entry.sha256):
        raise _changed(path)
    reported = _Once(progress)

    def chunks() -> Iterator[memoryview]:
        yield from chunks_of(data)
        reported.upto(len(data))

    return content._replace(chunks=chunks)


def holds_part(file: BinaryIO, start: int, size: int, *, etag: str, sha256: str) -> bool:
    """Whether a local file has, from `start` on, the bytes of a part that the store has.

    By their `sha256` in Base64 where the store keeps it, else by the etag. That is their MD5, but not where the store
    encrypts with KMS: then nothing agrees, and the part is sent again.
    """
    digest = hashlib.sha256() if sha256 else hashlib.md5(usedforsecurity=False)
    file.seek(start)
    while size and (chunk := file.read(min(MIB, size))):
        digest.update(chunk)
        size -= len(chunk)
    return b64encode(digest.digest()).decode() == sha256 if sha256 else digest.hexdigest() == etag.strip('"').lower()


class _Once:
    """Tells how far one got; what is sent again after a failure does not count again."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told = 0

    def upto(self, count: int) -> None:
        if count > self._told:
            self._progress(count - self._told)
            self._told = count


class _Stream:
    """A file that is read as it is sent."""

    def __init__(self, path: str, entry: FileEntry, progress: Progress, *, verify: bool) -> None:
        self._path = path
        self._entry = entry
        self._reported = _Once(progress)
        self._verify = verify

    def chunks(self) -> Iterator[memoryview]:
        size = self._entry.size
        buffer = memoryview(bytearray(CHUNK))
        digest = hashlib.sha256()
        done = 0
        with open(self._path, "rb", buffering=0) as file:
            while done < size:
                chunk = buffer[: file.readinto(buffer[: min(CHUNK, size - done)])]
                done += len(chunk)
                if not chunk:
                    raise _changed(self._path)
                if self._verify:
                    digest.update(chunk)
                    if done == size and (digest.hexdigest() != self._entry.sha256 or file.read(1)):
                        raise _changed(self._path)
                yield chunk
                self._reported.upto(done)


def _changed(path: str) -> ChecksumError:
    return ChecksumError(
        f"`{printable(path)}` is not what it was when it was hashed; nothing was stored",
        hint="run the command again when nothing writes to it",
    )


class Stream:
    """The bytes `first` to `last` of an object; those that are not there are left out.

    `open_` opens a range of the object: its first and last byte, and the etag it must have if it is known. `broken`
    translates what urllib3 raises. A call of `next` that raised a TransientError may be repeated.
    """

    def __init__(
        self,
        open_: Callable[[int, int, str | None], urllib3.BaseHTTPResponse],
        broken: Callable[[Exception], StoreError],
        first: int,
        last: int,
    ) -> None:
        self._open = open_
        self._broken = broken
        self._position = first
        self._last = last
        self._etag: str | None = None
        self._response: urllib3.BaseHTTPResponse | None = None

    def next(self) -> bytes:
        """The next chunk; empty at the end. StoreError."""
        if self._position > self._last:
            return b""
        if self._response is None:
            self._response = self._opened()
        try:
            chunk = self._response.read(min(READ_CHUNK, self._last + 1 - self._position))
        except (HTTPError, OSError) as error:
            self.close()
            raise self._broken(error) from error
        self._position = self._position + len(chunk) if chunk else self._last + 1
        return chunk

    def close(self) -> None:
        if self._response is not None:
            drop(self._response)
            self._response = None

    def _opened(self) -> urllib3.BaseHTTPResponse:
        response = self._open(self._position, self._last, self._etag)
        # Some answer 200 with a part of the object, so the status does not tell.
        begins = response.headers.get("Content-Range", "bytes 0-")
        if not begins.startswith(f"bytes {self._position}-"):
            drop(response)
            raise UnsupportedError("the store ignores ranges of bytes", hint="use a store that honours them")
        self._etag = response.headers.get("ETag")
        return response
