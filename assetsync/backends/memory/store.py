"""A store in the memory of this process, for tests: `memory://NAME`. Stores of the same name are the same store.

It keeps the whole contract, uploads in parts included, so that code which publishes and pulls can be tested without a
server. `multipart_threshold`, `bytes_per_part` and `sequential_parts` may be set to exercise such uploads with little;
and without `verifies_whole`, it makes of parts whatever they are, as S3 does.
"""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct, field

from assetsync.backends.contract import Blob, Dated, Listing, ObjectInfo, Part, Piece
from assetsync.errors import ChangedError, ChecksumError, DamagedError, ExistsError, NotFoundError, UsageError
from assetsync.escape import printable
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from assetsync.progress import Progress, no_progress

CHUNK = 1024 * 1024

_stores: dict[str, MemoryBackend] = {}
_opening = threading.Lock()


def open_store(config: StoreConfig, environ: Mapping[str, str]) -> MemoryBackend:
    """The store of that name, made at first use. UsageError without a name."""
    name = config.url.removeprefix("memory://").strip("/")
    if not name:
        raise UsageError(f"`{config.url}` names no store", hint="write `memory://NAME`")
    with _opening:
        return _stores.setdefault(name, MemoryBackend(f"memory://{name}"))


class _Object(Struct, frozen=True):
    data: bytes
    sha256: str
    tag: str
    born: float


class _Upload(Struct, frozen=True):
    key: str
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryBackend:
    """See the module. One lock makes each method a single step."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._objects: dict[str, _Object] = {}
        self._uploads: dict[str, _Upload] = {}
        self._lock = threading.Lock()
        self.multipart_threshold = 64 * CHUNK
        self.bytes_per_part = 16 * CHUNK
        self.sequential_parts = False
        self.verifies_whole = True
        # Tells the time in seconds, by which objects age.
        self.clock: Callable[[], float] = time.monotonic

    @property
    def url(self) -> str:
        return self._url

    def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
        with self._lock:
            found = sorted((key, len(value.data)) for key, value in self._objects.items() if key.startswith(prefix))
        if not delimiter:
            return Listing([ObjectInfo(key, size) for key, size in found], [])
        objects: list[ObjectInfo] = []
        folders: dict[str, None] = {}
        for key, size in found:
            name, slash, _ = key.removeprefix(prefix).partition("/")
            if slash:
                folders[f"{prefix}{name}/"] = None
            else:
                objects.append(ObjectInfo(key, size))
        return Listing(objects, list(folders))

    def read(self, key: str, *, limit: int = 64 * CHUNK) -> Blob:
        found = self._get(key)
        if len(found.data) > limit:
            raise DamagedError(f"`{printable(key)}` in `{self._url}` is larger than {limit} bytes")
        return Blob(found.data, found.tag)

    def read_dated(self, key: str, *, limit: int = CHUNK) -> Dated:
        return Dated(self.read(key, limit=limit).data, self.clock() - self._get(key).born)

    def read_changed(self, key: str, tag: str, *, limit: int = 64 * CHUNK) -> Blob | None:
        found = self.read(key, limit=limit)
        return None if found.tag == tag else found

    def stat(self, key: str) -> ObjectInfo:
        found = self._get(key)
        return ObjectInfo(key, len(found.data), found.sha256)

    def create(self, key: str, data: bytes) -> None:
        with self._lock:
            self._add(key, bytes(data))

    def replace(self, key: str, data: bytes, tag: str | None) -> None:
        with self._lock:
            found = self._objects.get(key)
            if (found.tag if found else None) != tag:
                raise ChangedError(f"`{printable(key)}` in `{self._url}` changed meanwhile")
            self._objects[key] = self._object(bytes(data))

    def upload(self, key: str, path: str, entry: FileEntry, progress: Progress = no_progress) -> None:
        data = bytearray()
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                data += chunk
                progress(len(chunk))
        self._check(key, data, entry)
        self.create(key, bytes(data))

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        end = start + length
        data = self._get(key).data if length else b""
        for position in range(start, min(end, len(data)), CHUNK):
            yield data[position : min(position + CHUNK, end)]

    def copy(self, source: str, target: str, entry: FileEntry) -> bool:
        found = self._get(source)
        with self._lock:
            self._add(target, found.data)
        return False  # as the clouds, which tell nothing of what they have copied

    def delete(self, key: str) -> None:
        with self._lock:
            self._objects.pop(key, None)

    def found(self, key: str) -> str | None:
        """The sha256 (hex) of an object; None where there is none. For tests that look at all that happens."""
        found = self._objects.get(key)
        return found.sha256 if found else None

    def begin_as(self, other: MemoryBackend) -> None:
        """Hold what another store holds. For tests."""
        self._objects = dict(other._objects)

    def close(self) -> None:
        pass  # the objects stay for whoever opens the store next

    def part_size(self, size: int) -> int:
        return self.bytes_per_part

    def begin_upload(self, key: str, entry: FileEntry) -> str:
        upload_id = uuid.uuid4().hex
        with self._lock:
            self._check_free(key)
            self._uploads[upload_id] = _Upload(key)
        return upload_id

    def uploaded_parts(self, key: str, upload_id: str, path: str, entry: FileEntry) -> Sequence[Part]:
        with self._lock:
            parts = sorted(self._upload(key, upload_id).parts.items())
        return [Part(number, len(data), hashlib.sha256(data).hexdigest()) for number, data in parts]

    def upload_part(self, key: str, upload_id: str, number: int, data: Piece, size: int) -> Part:
        kept = bytes(data[:])
        with self._lock:
            self._upload(key, upload_id).parts[number] = kept
        return Part(number, len(kept), hashlib.sha256(kept).hexdigest())

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part], entry: FileEntry) -> None:
        with self._lock:
            sent = self._upload(key, upload_id).parts
            self._check_free(key)
            data = b"".join([sent[part.number] for part in parts])
            if self.verifies_whole:
                self._check(key, data, entry)
            self._add(key, data)
            del self._uploads[upload_id]

    def abort_upload(self, key: str, upload_id: str) -> None:
        with self._lock:
            self._uploads.pop(upload_id, None)

    def _get(self, key: str) -> _Object:
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            raise NotFoundError(f"`{printable(key)}` is not in `{self._url}`")
        return found

    def _add(self, key: str, data: bytes) -> None:
        self._check_free(key)
        self._objects[key] = self._object(data)

    def _check_free(self, key: str) -> None:
        if key in self._objects:
            raise ExistsError(f"`{printable(key)}` exists already in `{self._url}`")

    def _upload(self, key: str, upload_id: str) -> _Upload:
        found = self._uploads.get(upload_id)
        if found is None or found.key != key:
            raise NotFoundError(f"the upload of `{printable(key)}` to `{self._url}` is gone")
        return found

    def _check(self, key: str, data: bytes | bytearray, entry: FileEntry) -> None:
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise ChecksumError(f"the bytes for `{printable(key)}` in `{self._url}` are not those that were hashed")

    def _object(self, data: bytes) -> _Object:
        return _Object(data, hashlib.sha256(data).hexdigest(), uuid.uuid4().hex, self.clock())
