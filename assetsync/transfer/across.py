"""One file from one store to another: copied by the store where that reaches both, and otherwise streamed through here.

A large file is read once, and sent on part by part as it comes, so memory is flat whatever its size. The sha256 of what
came is compared before the object comes into being.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, field

from assetsync.backends.contract import AcrossBackend, Backend, Copy, MultipartBackend, Part
from assetsync.errors import ChecksumError, UnsupportedError
from assetsync.model.tree import FileEntry
from assetsync.remote import layout
from assetsync.remote.store import Store
from assetsync.state.journal import Journal

# Large files on their way at once, each with one part in memory.
LARGE_AT_ONCE = 4


def copies_by_itself(source: Backend, target: Backend) -> bool:
    """Whether the target can copy from the source without the content coming through here."""
    return isinstance(target, AcrossBackend) and target.reaches(source)


class Across(Struct, frozen=True):
    """From `source` to `target`. Files that can't be sent in parts go through the folder `scratch`.

    `pace` is called with bytes before they are sent, and may wait.
    """

    source: Store
    target: Store
    journal: Journal
    scratch: str
    pace: Callable[[int], None]
    _large: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(LARGE_AT_ONCE))

    def copier(self, name: str, version: str) -> Copy:
        """A function that brings one file of a version to a key of the target, which must not exist yet.

        NotFoundError and ChecksumError when the source is not what its version says; ExistsError, StoreError.
        """

        def copy(entry: FileEntry, key: str) -> bool:
            return self._copy(layout.data_key(name, version, entry.path), key, entry)

        return copy

    def _copy(self, source: str, key: str, entry: FileEntry) -> bool:
        backend = self.target.backend
        if isinstance(backend, AcrossBackend) and backend.reaches(self.source.backend):
            try:
                return backend.copy_from(self.source.backend, source, key, entry)
            except UnsupportedError:
                pass  # not everything that the store can copy, it can copy as it is to be here
        if isinstance(backend, MultipartBackend) and entry.size > backend.multipart_threshold:
            with self._large:
                self._in_parts(backend, source, key, entry)
        else:
            self._by_file(backend, source, key, entry)
        return False

    def _read(self, source: str, entry: FileEntry) -> Iterator[bytes]:
        """The content, which is what `entry` says when it ends. ChecksumError."""
        digest, size = hashlib.sha256(), 0
        for chunk in self.source.backend.read_range(source, 0, entry.size):
            self.pace(len(chunk))
            digest.update(chunk)
            size += len(chunk)
            yield chunk
        if (size, digest.hexdigest()) != (entry.size, entry.sha256):
            raise ChecksumError(
                f"`{source}` in `{self.source.called}` is damaged: it is not what its version says",
                hint="look at it with `assetsync verify --deep`",
            )

    def _in_parts(self, backend: MultipartBackend, source: str, key: str, entry: FileEntry) -> None:
        left = self.journal.upload(self.target.url, key, entry)
        if left is not None:  # by a process that died: nothing tells which bytes of the source it had sent
            backend.abort_upload(key, left)
        upload = backend.begin_upload(key, entry)
        self.journal.begin_upload(self.target.url, key, entry, upload)
        parts: list[Part] = []
        try:
            size = backend.part_size(entry.size)
            for number, data in enumerate(_pieces(self._read(source, entry), size), start=1):
                parts.append(backend.upload_part(key, upload, number, data, entry.size))
            backend.complete_upload(key, upload, parts, entry)
        except BaseException:
            backend.abort_upload(key, upload)
            raise
        finally:
            self.journal.end_upload(self.target.url, key, entry)

    def _by_file(self, backend: Backend, source: str, key: str, entry: FileEntry) -> None:
        path = os.path.join(self.scratch, hashlib.sha256(key.encode()).hexdigest())
        try:
            with open(path, "wb") as file:
                for chunk in self._read(source, entry):
                    file.write(chunk)
            backend.upload(key, path, entry)
        finally:
            if os.path.lexists(path):
                os.unlink(path)


def _pieces(chunks: Iterable[bytes], size: int) -> Iterator[memoryview]:
    """The bytes of `chunks` in pieces of `size`, the last one excepted. Each is good until the next is asked for."""
    buffer, filled = bytearray(size), 0
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            count = min(size - filled, len(rest))
            buffer[filled : filled + count] = rest[:count]
            filled, rest = filled + count, rest[count:]
            if filled == size:
                yield memoryview(buffer)
                filled = 0
    if filled:
        yield memoryview(buffer)[:filled]
