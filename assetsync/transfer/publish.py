"""Publishing one version: claim -> check -> data -> commit -> index. Safe to kill at every step.

A reader never sees half a version, because `.meta` comes last. Two publishers never mix bytes, because every object is
created only where none is, and a version is claimed before its first byte is sent. Running the same publish again goes
on where it stopped: objects that are there and right count as done, and so do the parts of large files.
"""

from __future__ import annotations

import io
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from msgspec import Struct

from assetsync.backends.contract import WHOLE, Copy, MultipartBackend, Part, ProbedBackend
from assetsync.backends.probe import refuses_writes
from assetsync.errors import (
    ChangedError,
    ChecksumError,
    ConflictError,
    ContentError,
    ExistsError,
    NotFoundError,
    StoreError,
    UnsupportedError,
)
from assetsync.local.scan import stamp_changed
from assetsync.model.provenance import Provenance
from assetsync.model.tree import FileEntry, Tree
from assetsync.plan.snapshot import CLAIM_LIFETIME, Present, RemoteVersion
from assetsync.pool import BULK_WIDTH, Group, Lane, Transfers
from assetsync.progress import Progress
from assetsync.remote import documents, layout
from assetsync.remote.documents import Claim, Meta
from assetsync.remote.store import Store
from assetsync.state.journal import Journal

# Bytes. Of larger files, fewer are sent at once, if they may be in memory as a whole.
SMALL = 1024 * 1024
# A claim that is there and then is not belonged to someone who finished just then; that does not happen often in a row.
CLAIM_ATTEMPTS = 3


class Elsewhere(Struct, frozen=True):
    """Where the content of an asset is, when that is not at the asset's path: at the local `path`, or beside the store.

    `copy` has the store copy one file of such content to a key, which must not exist yet. It raises NotFoundError,
    ExistsError, ChecksumError and other StoreErrors. `read` gets the first bytes of a file of it.
    """

    path: str = ""
    copy: Copy | None = None
    read: Callable[[str, int], bytes] | None = None


class Publication(Struct, frozen=True):
    """One version to publish: `local`, which was scanned at the absolute `path`, as `name:version`.

    The store copies unchanged files from `source`, the version that this one follows. With `copy`, it copies the others
    too, from outside the asset, and nothing is here: see Elsewhere. `record` is the `.meta` of a version that was
    published before in another store, which is kept.
    """

    name: str
    version: str
    path: str
    local: Present
    source: RemoteVersion | None = None
    provenance: Provenance | None = None
    description: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()
    copy: Copy | None = None
    record: Meta | None = None

    @property
    def tree(self) -> Tree:
        """The files to publish."""
        return self.local.tree

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


def probe(store: Store) -> None:
    """Before the first publish to a store of which it is unsure: does it honour preconditions? UnsupportedError."""
    backend = store.backend
    fact = f"probed {store.url}"
    if isinstance(backend, ProbedBackend) and backend.needs_probe and store.cache.fact(fact) is None:
        backend.probe()
        store.cache.remember(fact, "conditional writes work")


def publish(
    store: Store, what: Publication, *, transfers: Transfers, journal: Journal, who: str, progress: Progress
) -> None:
    """Publish one version, up to its index. The claim stays until `release`.

    ConflictError when someone else has the version; ContentError when a file changed meanwhile; StoreError.
    """
    began = time.time()
    went_on = _claim(store, what, journal, who)
    if not _committed(store, what, journal):
        _check_claim(store, what)
        group = transfers.group()
        present = store.sizes(what.name, what.version, what.tree) if went_on else {}
        _Data(store, what, group, journal, progress, present).send()
        group.wait()
        if _still_claimed(store, what, journal, who, began):
            _commit(store, what)
            # modelkit looks whether a version exists, and then writes without a condition: maybe just now, over ours.
            if not _committed(store, what, journal):
                raise ConflictError(f"`{what}` was removed from `{store.url}` at once", hint="plan again")
    store.indexes.add(what.name, what.version)


def release(store: Store, name: str, version: str, journal: Journal) -> None:
    """Delete the claim of a version that is committed and indexed. A store that refuses to delete is fine."""
    try:
        store.backend.delete(layout.claim_key(name, version))
    except StoreError:
        pass  # the claim on a version that exists hinders nobody
    journal.drop_claims(store.url, f"{name}:{version}")


def _claim(store: Store, what: Publication, journal: Journal, who: str) -> bool:
    """Claim the version, or join a publish of the same content. Returns whether it joined one. ConflictError."""
    claim = _new_claim(what, who)
    journal.add_claim(claim.id, store.url, str(what))
    found = _create_claim(store, what, claim, journal)
    if found is None:
        return False
    other, age = found
    if other.id == claim.id:  # the reply to our own create got lost
        return False
    if _claims(other, what):
        if age < CLAIM_LIFETIME:
            journal.drop_claim(claim.id)
        return True
    journal.drop_claim(claim.id)
    if age < CLAIM_LIFETIME and other.id not in journal.claims():
        raise ConflictError(
            f"`{what}` is being published by {other.who}, since {other.when}",
            hint="wait for it and plan again; if that process is dead, its number is skipped after an hour",
        )
    raise ConflictError(
        f"`{what}` is occupied by an unfinished publish of other content by {other.who}",
        hint="plan again: the next number is taken",
    )


def _new_claim(what: Publication, who: str) -> Claim:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Claim(uuid.uuid4().hex, what.tree.digest, what.tree.is_directory, who, now)


def _claims(claim: Claim, what: Publication) -> bool:
    """Whether a claim is on the content that is being published."""
    return (claim.digest, claim.is_directory) == (what.tree.digest, what.tree.is_directory)


def _create_claim(store: Store, what: Publication, claim: Claim, journal: Journal) -> tuple[Claim, float] | None:
    """Create the claim. Returns None, or the claim that is in the way and its age in seconds. ConflictError.

    An old one of the same content is replaced, so that it is no longer old: `doctor` may be about to clear it.
    """
    for _ in range(CLAIM_ATTEMPTS):
        try:
            store.backend.create(layout.claim_key(what.name, what.version), documents.render_claim(claim))
        except ExistsError:
            found = store.claim(what.name, what.version)
            if found is None:  # its owner finished in between
                if _committed(store, what, journal):
                    return None  # the same content: nothing is left to claim
                continue
            other, age = found
            if age < CLAIM_LIFETIME or not _claims(other, what) or _renewed(store, what, claim):
                return found
        else:
            return None
    raise _taken(what)


def _renewed(store: Store, what: Publication, claim: Claim) -> bool:
    """Whether `claim` could take the place of one on the same content.

    `doctor` puts its own there in the same way, before it clears: of the two, one finds that it comes too late.
    """
    found = store.tagged_claim(what.name, what.version)
    if found is None or not _claims(found[0], what):
        return False
    try:
        store.backend.replace(layout.claim_key(what.name, what.version), documents.render_claim(claim), found[1])
    except ChangedError:
        return False
    return True


def _check_claim(store: Store, what: Publication) -> None:
    """Where the store ignores conditions, two may have found no claim, and written theirs one over the other.

    Only the one whose claim is there goes on. ConflictError.
    """
    if not refuses_writes(store.backend):
        found = store.tagged_claim(what.name, what.version)
        if found is None or not _claims(found[0], what):
            raise _taken(what)


def _still_claimed(store: Store, what: Publication, journal: Journal, who: str, began: float) -> bool:
    """Whether the claim still holds, right before the commit. False when another process has committed the same.

    `doctor` clears claims that look dead. When it was wrong about this one, there is none, or one of its own, and the
    publish ends with a ConflictError. A publish that `began` so long ago that its claim may look dead renews it.
    """
    found = store.tagged_claim(what.name, what.version)
    if found is not None and _claims(found[0], what):
        # The clock is read after the claim: the machine may have slept in between.
        if time.time() - began < CLAIM_LIFETIME:
            return True
        claim = _new_claim(what, who)
        journal.add_claim(claim.id, store.url, str(what))
        if any(_renewed(store, what, claim) for _ in range(CLAIM_ATTEMPTS)):  # another of the same content may do so
            return True
    if _committed(store, what, journal):
        return False
    raise ConflictError(
        f"the claim on `{what}` was cleared while it was being published",
        hint="plan again, and publish anew; `assetsync doctor --repair` may have taken it for dead",
    )


def _committed(store: Store, what: Publication, journal: Journal) -> bool:
    """Whether the version exists with this content. ConflictError when it exists with another."""
    try:
        meta = store.meta(what.name, what.version)
    except NotFoundError:
        return False
    if meta.tree is not None and meta.tree.content.same_as(what.tree.content):
        return True
    release(store, what.name, what.version, journal)
    raise _taken(what)


def _taken(what: Publication) -> ConflictError:
    return ConflictError(f"`{what}` was published by someone else meanwhile", hint="plan again")


def _commit(store: Store, what: Publication) -> None:
    meta = what.record or Meta(
        push_date=datetime.now(UTC).isoformat(),
        is_directory=what.tree.is_directory,
        paths=tuple(file.path for file in what.tree.files),
        tree=what.tree,
        provenance=what.provenance,
        description=what.description,
        owner=what.owner,
        tags=what.tags,
    )
    try:
        store.backend.create(layout.meta_key(what.name, what.version), documents.render_meta(meta))
    except ExistsError:
        return  # whose it is, the look at it will show


def _sources(what: Publication) -> dict[str, str]:
    """The keys of the version before from which files can be copied, by sha256."""
    source = what.source
    if source is None or source.files is None:
        return {}
    return {file.sha256: layout.data_key(what.name, source.version, file.path) for file in source.files if file.sha256}


class _Data:
    """Sends the files of one publication as tasks of one group. `present` has those that an earlier try left."""

    def __init__(
        self,
        store: Store,
        what: Publication,
        group: Group,
        journal: Journal,
        progress: Progress,
        present: dict[str, int],
    ) -> None:
        self._store = store
        self._backend = store.backend
        self._what = what
        self._group = group
        self._journal = journal
        self._progress = group.interruptible(progress)
        self._present = present
        self._sources = _sources(what)

    def send(self) -> None:
        """A task for each file, the largest first, so that no long one is left for the end."""
        if isinstance(self._backend, ProbedBackend) and self._what.tree.is_directory:
            self._backend.expect_writes(layout.data_key(self._what.name, self._what.version) + "/")
        files = sorted(enumerate(self._what.tree.files), key=lambda numbered: numbered[1].size, reverse=True)
        small = []
        for number, entry in files:
            task = partial(self._file, number, entry)
            if SMALL < entry.size <= WHOLE:
                self._group.submit(task, Lane.STREAM)
            else:
                small.append(task)
        self._group.run(small)

    def _file(self, number: int, entry: FileEntry) -> None:
        key = layout.data_key(self._what.name, self._what.version, entry.path)
        if entry.path in self._present:
            self._check_present(key, entry)
            self._journal.end_upload(self._store.url, key, entry)  # if it was in parts, and its end was not noted
            self._progress(entry.size)
        elif self._copy(key, entry):
            pass
        elif self._what.copy is not None:
            self._copy_elsewhere(self._what.copy, key, entry)
        else:
            self._upload(key, number, entry)

    def _copy(self, key: str, entry: FileEntry) -> bool:
        """Have the store copy the file from the version before; False when it can't."""
        source = self._sources.get(entry.sha256)
        if source is None:
            return False
        try:
            if not (self._backend.copy(source, key, entry) or self._is_there(key, entry)):
                # modelkit overwrites versions, so the source may be another file by now.
                self._backend.delete(key)
                return False
        except ExistsError:
            self._check_present(key, entry)
        except (NotFoundError, ChecksumError, UnsupportedError):
            return False
        self._progress(entry.size)
        return True

    def _copy_elsewhere(self, copy: Copy, key: str, entry: FileEntry) -> None:
        try:
            sure = copy(entry, key)
        except ExistsError:
            sure = False
        except (NotFoundError, ChecksumError) as error:
            raise ContentError(
                f"`{self._what}` was not published: its source changed meanwhile", hint="run the command again"
            ) from error
        if not sure:  # the source may have changed since it was hashed, and the store copies whatever is there
            self._check_present(key, entry)
        self._progress(entry.size)

    def _upload(self, key: str, number: int, entry: FileEntry) -> None:
        path = f"{self._what.path}/{entry.path}" if entry.path else self._what.path
        check_unchanged = partial(self._check_unchanged, path, number)
        check_present = partial(self._check_present, key, entry)
        backend = self._backend
        if isinstance(backend, MultipartBackend) and entry.size > backend.multipart_threshold:
            parts = _Parts(
                backend, self._store.url, self._group, self._journal, self._progress, check_unchanged, check_present
            )
            parts.begin(key, path, entry)
            return
        self._group.pace(entry.size)
        try:
            backend.upload(key, path, entry, self._progress)
        except ExistsError:
            check_present()
        except (ChecksumError, FileNotFoundError):
            check_unchanged()
            raise
        check_unchanged()

    def _check_unchanged(self, path: str, number: int) -> None:
        """ContentError when the file is another than the one that was hashed."""
        if stamp_changed(path, self._what.local.stamps[number]):
            raise ContentError(
                f"`{path}` changed while it was being published; `{self._what}` was not published",
                hint="run the command again when nothing writes to it",
            )

    def _check_present(self, key: str, entry: FileEntry) -> None:
        """Take an object that is there already for the file, when it has its size and checksum; else ConflictError."""
        if not self._is_there(key, entry):
            self._store.spoil(self._what.name, self._what.version, key)
            raise ConflictError(
                f"`{key}` in `{self._store.url}` already exists with other content",
                hint="an unfinished publish left it: plan again, and the next number is taken",
            )

    def _is_there(self, key: str, entry: FileEntry) -> bool:
        """Whether an object has the size and the checksum of a file. It is read where the store keeps no checksum."""
        info = self._backend.stat(key)
        sha256 = info.sha256
        if sha256 is None and info.size == entry.size:
            sha256 = self._store.sha256(key, info.size)
        return (info.size, sha256) == (entry.size, entry.sha256)


class _EndedError(ContentError):
    """A file is shorter than it was."""


class _PieceOfFile:
    """`size` bytes of an open file, from `start` on, read each time that some of them are wanted: the memory of a whole
    part would be needed as often as parts are under way."""

    def __init__(self, file: io.FileIO, start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, at: slice) -> bytes:
        """_EndedError, OSError."""
        first, end, _ = at.indices(self._size)
        found = os.pread(self._file.fileno(), end - first, self._start + first)
        while len(found) < end - first:
            more = os.pread(self._file.fileno(), end - first - len(found), self._start + first + len(found))
            if not more:
                raise _EndedError(f"`{self._file.name}` ended {end - first - len(found)} bytes too early")
            found += more
        return found


class _Parts:
    """One large file, sent in parts by a few threads; the last of them completes it."""

    def __init__(
        self,
        backend: MultipartBackend,
        store_url: str,
        group: Group,
        journal: Journal,
        progress: Progress,
        check_unchanged: Callable[[], None],
        check_present: Callable[[], None],
    ) -> None:
        self._backend = backend
        self._store_url = store_url
        self._group = group
        self._journal = journal
        self._progress = progress
        self._check_unchanged = check_unchanged
        self._check_present = check_present
        self._lock = threading.Lock()
        self._sent: list[Part] = []

    def begin(self, key: str, path: str, entry: FileEntry) -> None:
        """Find what an earlier try has sent, and submit the rest."""
        try:
            upload_id, self._sent = self._resume(key, path, entry) or self._start(key, entry)
        except ExistsError:
            self._check_present()
            self._progress(entry.size)
            return
        self._progress(sum(part.size for part in self._sent))
        sent = {part.number for part in self._sent}
        count = -(-entry.size // self._backend.part_size(entry.size))
        missing = [number for number in range(1, count + 1) if number not in sent]
        workers = min(1 if self._backend.sequential_parts else BULK_WIDTH, len(missing))
        if not workers:
            with self._settled(key, upload_id, entry):
                self._complete(key, upload_id, entry)
        numbers = iter(missing)
        for _ in range(workers):
            self._group.submit(partial(self._send, numbers, count, key, path, upload_id, entry), Lane.BULK)

    def _resume(self, key: str, path: str, entry: FileEntry) -> tuple[str, list[Part]] | None:
        upload_id = self._journal.upload(self._store_url, key, entry)
        if upload_id is None:
            return None
        try:
            return upload_id, list(self._backend.uploaded_parts(key, upload_id, path, entry))
        except NotFoundError:
            return None

    def _start(self, key: str, entry: FileEntry) -> tuple[str, list[Part]]:
        upload_id = self._backend.begin_upload(key, entry)
        self._journal.begin_upload(self._store_url, key, entry, upload_id)
        return upload_id, []

    def _send(self, numbers: Iterator[int], count: int, key: str, path: str, upload_id: str, entry: FileEntry) -> None:
        size = self._backend.part_size(entry.size)
        with self._settled(key, upload_id, entry), open(path, "rb", buffering=0) as file:
            while True:
                with self._lock:
                    number = next(numbers, None)
                if number is None:
                    return
                self._group.check()
                start = (number - 1) * size
                data = _PieceOfFile(file, start, min(size, entry.size - start))
                self._group.pace(len(data))
                part = self._upload(key, upload_id, number, data, entry)
                self._progress(part.size)
                with self._lock:
                    self._sent.append(part)
                    is_last = len(self._sent) == count
                if is_last:
                    self._complete(key, upload_id, entry)

    def _upload(self, key: str, upload_id: str, number: int, data: _PieceOfFile, entry: FileEntry) -> Part:
        try:
            return self._backend.upload_part(key, upload_id, number, data, entry.size)
        except (ChecksumError, _EndedError):
            self._check_unchanged()
            raise

    def _complete(self, key: str, upload_id: str, entry: FileEntry) -> None:
        self._check_unchanged()
        parts = sorted(self._sent, key=lambda part: part.number)
        try:
            self._backend.complete_upload(key, upload_id, parts, entry)
        except ChecksumError:  # some part is wrong, and nobody knows which: the next try must not go on with them
            self._give_up(key, upload_id, entry)
            self._check_unchanged()
            raise
        self._journal.end_upload(self._store_url, key, entry)

    @contextmanager
    def _settled(self, key: str, upload_id: str, entry: FileEntry) -> Iterator[None]:
        """Around what sends or completes: the ways in which an upload is over before it is complete."""
        try:
            yield
        except ExistsError:
            self._give_up(key, upload_id, entry)
            self._check_present()
        except NotFoundError:
            self._check_unchanged()  # then another thread has given it up
            # Completed by another process of this project, or by a request whose reply got lost.
            self._check_present()
            self._journal.end_upload(self._store_url, key, entry)
        except (ContentError, FileNotFoundError):
            self._give_up(key, upload_id, entry)
            self._check_unchanged()
            raise

    def _give_up(self, key: str, upload_id: str, entry: FileEntry) -> None:
        self._backend.abort_upload(key, upload_id)
        self._journal.end_upload(self._store_url, key, entry)
