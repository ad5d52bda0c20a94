"""Sending the files of one version: each object is created where none is, copied by the store where it can be.

Objects that an earlier try has left count as done when they are right; large files go in parts, which survive the
process.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from assetsync.backends.contract import WHOLE, Copy, MultipartBackend, Part, ProbedBackend
from assetsync.errors import (
    ChecksumError,
    ConflictError,
    ContentError,
    ExistsError,
    NotFoundError,
    UnsupportedError,
)
from assetsync.local.scan import stamp_changed
from assetsync.model.tree import FileEntry
from assetsync.pool import BULK_WIDTH, Group, Lane
from assetsync.progress import Progress
from assetsync.remote import layout
from assetsync.remote.store import Store
from assetsync.state.journal import Journal
from assetsync.transfer.publication import Publication


def _sources(what: Publication) -> dict[str, str]:
    """The keys of the version before from which files can be copied, by sha256."""
    source = what.source
    if source is None or source.files is None:
        return {}
    return {file.sha256: layout.data_key(what.name, source.version, file.path) for file in source.files if file.sha256}


class Sending:
    """Sends the files of one publication as tasks of one group.

    `present` has those that an earlier try left, with their sizes in bytes. Errors are those of the group:
    ConflictError, ContentError, StoreError, OSError of local files.
    """

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
        tasks = ((entry.size, partial(self._file, number, entry)) for number, entry in files)
        self._group.run_sized(tasks, largest_stream=WHOLE)

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
