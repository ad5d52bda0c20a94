"""Object storage behind one narrow interface: every store keeps the first part, and some can do more.

Keys are POSIX paths relative to the root of the store (the prefix of its URL); a backend adds its own prefix. The
interface has no way to overwrite an object, but for `replace`, which is a compare-and-swap and serves `.versions` and
old claims, and `delete`, which serves claims, probes and leftovers of versions that were never committed.

Every method may raise `DeniedError`, `NoStoreError`, `TransientError` (after its own retries with backoff and jitter)
and `UnreachableError`; other errors are named where they belong. Backends are safe to use from many threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from assetsync.model.tree import FileEntry
from assetsync.progress import Progress, no_progress

# Bytes. A store may hold files of up to so many in memory while it uploads them.
WHOLE = 2 * 1024 * 1024


class ObjectInfo(NamedTuple):
    """An object as listed or looked up. `sha256` (hex) is None where the store does not know it.

    `tag` is what `read` would say, where the store tells it without reading; else it is empty.
    """

    key: str
    size: int
    sha256: str | None = None
    tag: str = ""


class Listing(NamedTuple):
    """Objects under a prefix and, when listed with a delimiter, the `folders` (keys with a trailing slash)."""

    objects: list[ObjectInfo]
    folders: list[str]

    @classmethod
    def of(cls, pages: Iterable[Listing]) -> Listing:
        """The whole of some pages, in the order of keys."""
        kept = [*pages]
        return cls(
            sorted(one for page in kept for one in page.objects), sorted(one for page in kept for one in page.folders)
        )


class Blob(NamedTuple):
    """A small object, read whole. `tag` is what `replace` wants."""

    data: bytes
    tag: str


class Dated(NamedTuple):
    """A small object, read whole, and times by the store's own clock.

    `age` is in seconds; `now` is when the store replied, in seconds since 1970 (UTC), or None where it does not tell.
    """

    data: bytes
    age: float
    now: float | None = None


class Part(NamedTuple):
    """A part of a multipart upload that the store has. `number` counts from 1; `token` is the store's own receipt."""

    number: int
    size: int
    token: str


class Piece(Protocol):
    """Bytes that may be read no sooner than a slice of them is wanted: those of a part of a file, or in memory."""

    def __len__(self) -> int:
        """The number of bytes."""

    def __getitem__(self, at: slice, /) -> bytes | memoryview:
        """The bytes of a slice, as many as it says. AssetsyncError, OSError."""


# Has a file copied to a key, which must not exist yet. True when it is told that the copy is what was asked for.
# NotFoundError, ExistsError, ChecksumError, StoreError.
Copy = Callable[[FileEntry, str], bool]


class Backend(Protocol):
    """The operations of every store."""

    @property
    def url(self) -> str:
        """The store's URL for messages and the lock: no credentials, no trailing slash."""

    def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
        """All objects whose key starts with `prefix`, which is empty or ends with `/`, in the order of their keys.

        With `delimiter`, only those without a further `/`; the rest are folded into `folders`. An empty result is
        not an error; a bucket that does not exist raises NoStoreError.
        """

    def read(self, key: str, *, limit: int = 64 * 1024 * 1024) -> Blob:
        """The bytes of a small object. NotFoundError; DamagedError when it is larger than `limit` bytes."""

    def read_dated(self, key: str, *, limit: int = 1024 * 1024) -> Dated:
        """The same with the times of the store's clock, which cost more on some stores: for claims."""

    def stat(self, key: str) -> ObjectInfo:
        """Size and, where known, sha256 of an object. NotFoundError."""

    def create(self, key: str, data: bytes) -> None:
        """Store a small object that must not exist yet. ExistsError.

        When a reply got lost and the next try finds an object, it is read back: the same bytes are our own success.
        """

    def replace(self, key: str, data: bytes, tag: str | None) -> None:
        """Store `data` if the object still is the one that `read` returned with `tag` (None: if there is none).

        ChangedError when it is not.
        """

    def upload(self, key: str, path: str, entry: FileEntry, progress: Progress = no_progress) -> None:
        """Store the local file `path`, of `entry.size` bytes, as an object that must not exist yet, in one request.

        The store verifies the bytes (`entry.sha256` where it can). ExistsError; ChecksumError when the bytes are not
        those of `entry`, in which case nothing is stored. `entry.sha256` is kept with the object, for `stat`. OSErrors
        of the local file come through as they are. A lost reply is dealt with as in `create`.
        """

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """The bytes of a range, in chunks of at most 8 MiB. NotFoundError. Retries resume where it stopped.

        A range that reaches beyond the end of the object ends there; one without bytes asks nothing of the store.
        """

    def copy(self, source: str, target: str, entry: FileEntry) -> bool:
        """Copy an object within the store, on the server, to a new key. NotFoundError, ExistsError.

        True when the store has told that the copy is what `entry` says; else it is what the source was at that moment.
        ChecksumError where it has told that the source is something else; then nothing is stored.
        """

    def delete(self, key: str) -> None:
        """Remove an object. Removing what is not there is no error."""

    def close(self) -> None:
        """Let go of connections. Nothing else is called afterwards; closing twice is no error."""


@runtime_checkable
class MultipartBackend(Protocol):
    """Stores where a large file is sent in parts, which survive the process that sent them.

    `upload` of such a backend takes files up to `multipart_threshold`; larger ones come through here, create-only too.
    """

    multipart_threshold: int
    # Parts must arrive in order, one at a time.
    sequential_parts: bool

    def part_size(self, size: int) -> int:
        """How many bytes each part of a file of `size` bytes has, the last one excepted."""

    def begin_upload(self, key: str, entry: FileEntry) -> str:
        """Start, and return an id that another process can go on with. ExistsError when known early."""

    def uploaded_parts(self, key: str, upload_id: str, path: str, entry: FileEntry) -> Sequence[Part]:
        """The parts that the store has already, of the local file `path`. NotFoundError when the upload is gone.

        Stores that verify the whole, not its parts, read them from the file, to know their share of the checksum.
        """

    def upload_part(self, key: str, upload_id: str, number: int, data: Piece, size: int) -> Part:
        """Send part `number` of a file of `size` bytes. The store verifies it, here or as a whole. ChecksumError.

        Errors of reading `data` come through as they are.
        """

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part], entry: FileEntry) -> None:
        """Make the object out of its parts, if there is none yet. ExistsError, NotFoundError, ChecksumError."""

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Throw the parts away; some stores do so by themselves, later. An upload that is gone is no error."""


@runtime_checkable
class AcrossBackend(Protocol):
    """Stores that copy from another one on their own, where both belong to the same service and identity."""

    def reaches(self, other: Backend) -> bool:
        """Whether `copy_from` can work with that store. Nothing is sent."""

    def copy_from(self, other: Backend, source: str, target: str, entry: FileEntry) -> bool:
        """As `copy`, with a source in the store `other`. UnsupportedError where it can't be done after all."""


@runtime_checkable
class ConditionalBackend(Protocol):
    """Stores that can tell that an object has not changed without sending it."""

    def read_changed(self, key: str, tag: str, *, limit: int = 64 * 1024 * 1024) -> Blob | None:
        """As `read`; None when the object still is the one that was read with `tag`."""


@runtime_checkable
class PagedBackend(Protocol):
    """Stores that list a page at a time."""

    def pages(self, prefix: str, *, delimiter: bool) -> Iterator[Listing]:
        """As `list`, in pages of at most 1,000 entries, each asked for when it is wanted: for who may stop early."""


@runtime_checkable
class UnconditionalBackend(Protocol):
    """Stores where a write without a condition is another thing than one with: a policy may refuse it.

    For the proof that it does, at keys of `assetsync.remote.immutability` alone; nothing else writes so.
    """

    def put_plainly(self, key: str, data: bytes) -> None:
        """Store a small object, over whatever is there. DeniedError where the store refuses that."""

    def copy_plainly(self, source: str, target: str) -> None:
        """Copy an object over whatever is there. NotFoundError; DeniedError where the store refuses that."""


@runtime_checkable
class ProbedBackend(Protocol):
    """Stores of which it is not sure that they honour preconditions."""

    @property
    def conditional_writes(self) -> bool:
        """Whether the store is relied on to honour them."""

    @property
    def needs_probe(self) -> bool:
        """Whether `probe` should run before the first publish."""

    def expect_writes(self, folder: str) -> None:
        """Many objects of `folder`, a prefix with a slash at its end, are about to be made by who has claimed it.

        A store that has to be asked before each write may then be asked for all of them at once.
        """

    def probe(self) -> None:
        """Try a create-only write twice under a probe key. UnsupportedError when the second one succeeds."""


@runtime_checkable
class MadeByWriting(Protocol):
    """Stores that the first write makes, such as a directory. Until then, reading raises NoStoreError."""

    def is_there(self) -> bool:
        """Whether the store exists."""


@runtime_checkable
class RemoteBackend(Protocol):
    """Stores behind a server, which ask who is there."""

    @property
    def identity(self) -> str:
        """Where the credentials come from and at which endpoint they are used, in words. No secret. DeniedError."""
