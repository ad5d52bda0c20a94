"""Is a published version whole? Every object of it is there, with its size and, where it can be known, its sha256."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from assetsync.errors import DamagedError, NotFoundError
from assetsync.model.tree import FileEntry
from assetsync.pool import Transfers
from assetsync.progress import Progress, Reporter
from assetsync.remote import layout
from assetsync.remote.documents import Meta
from assetsync.remote.marks import read_marks
from assetsync.remote.store import Store


class Flaw(Struct, frozen=True):
    """One thing that is wrong with a version. `path` is that of the file, empty for the version as such."""

    asset: str
    version: str
    path: str
    code: str
    message: str


class Verdict(Struct, frozen=True):
    """The result of verifying a version. `checked` says by what: "bytes", "sha256" or "size"; `yanked` is why it was
    yanked, if it was."""

    asset: str
    version: str
    files: int
    size: int
    checked: str
    flaws: tuple[Flaw, ...]
    yanked: str | None = None


def verify_all(
    store: Store, versions: Sequence[tuple[str, str]], *, deep: bool = False, transfers: Transfers, reporter: Reporter
) -> list[Verdict]:
    """Compare the objects of versions with their `.meta`, many at once; the verdicts are in the order of `versions`.

    Sizes come with one listing; the sha256 that a store keeps with an object costs a request each. With `deep`, every
    byte is read. Versions of modelkit record no sizes and hashes: of them, only what is missing shows. StoreError; a
    version that is damaged has flaws.
    """

    def verdict(one: tuple[str, str]) -> Verdict:
        name, version = one
        spec = f"{name}:{version}"
        reporter.begin(spec, "hash", 0)
        found = _verdict(store, name, version, deep, transfers, partial(reporter.advance, spec))
        reporter.end(spec, "verified")
        yank = marks[name].yanked.get(version)
        return replace(found, yanked=yank.why) if yank is not None else found

    names = list(dict.fromkeys(name for name, _ in versions))
    with store.cache.at_once():
        marks = dict(zip(names, transfers.each(partial(read_marks, store), names), strict=True))
        return transfers.each(verdict, versions)


def _verdict(store: Store, name: str, version: str, deep: bool, transfers: Transfers, progress: Progress) -> Verdict:
    flaw = partial(Flaw, name, version)
    try:
        meta = store.meta(name, version)
    except NotFoundError:
        return Verdict(name, version, 0, 0, "size", (flaw("", "missing", "there is no such version"),))
    except DamagedError as error:
        return Verdict(name, version, 0, 0, "size", (flaw("", "damaged", error.message),))
    check = _Check(store, name, version, meta, deep, transfers, progress)
    flaws = check.flaws()
    return Verdict(name, version, len(meta.paths), check.size, check.checked, tuple(flaws))


def unlisted(name: str, why: str) -> Verdict:
    """The verdict on an asset whose index can't be read, so that nobody knows its versions."""
    return Verdict(name, "", 0, 0, "size", (Flaw(name, "", "", "damaged", why),))


class _Check:
    def __init__(
        self, store: Store, name: str, version: str, meta: Meta, deep: bool, transfers: Transfers, progress: Progress
    ) -> None:
        self._store = store
        self._name = name
        self._version = version
        self._meta = meta
        self._deep = deep
        self._group = transfers.group()
        self._progress = self._group.interruptible(progress)
        self._sizes = store.sizes(name, version, meta)
        self.size = sum(self._sizes.get(path, 0) for path in meta.paths)
        self.checked = "size"

    def flaws(self) -> list[Flaw]:
        found = list(self._by_size())
        files = self._meta.tree.files if self._meta.tree else ()
        there = [file for file in files if self._sizes.get(file.path) == file.size]
        if self._deep and there:
            self.checked = "bytes"
            found += self._each(self._by_bytes, there)
        elif there and self._stored_sha256(there[0]) is not None:
            self.checked = "sha256"
            found += self._each(self._by_sha256, there)
        return found

    def _each(self, look: Callable[[FileEntry], Flaw | None], files: Sequence[FileEntry]) -> Iterator[Flaw]:
        """Look at each of the files, many at once; the flaws that were found, in their order."""
        found: dict[str, Flaw | None] = {}

        def task(file: FileEntry) -> None:
            found[file.path] = look(file)

        tasks = ((file.size if self._deep else 0, partial(task, file)) for file in files)
        self._group.run_sized(tasks, largest_stream=sys.maxsize)
        self._group.wait()
        return (flaw for file in files if (flaw := found[file.path]) is not None)

    def _flaw(self, path: str, code: str, message: str) -> Flaw:
        return Flaw(self._name, self._version, path, code, message)

    def _by_size(self) -> Iterator[Flaw]:
        wanted = {file.path: file.size for file in self._meta.tree.files} if self._meta.tree else {}
        for path in self._meta.paths:
            size = self._sizes.get(path)
            if size is None:
                yield self._flaw(path, "missing", "the object is not there")
            elif size != wanted.get(path, size):
                yield self._flaw(path, "size", f"the object has {size} bytes, recorded are {wanted[path]}")
        for path in sorted(self._sizes.keys() - set(self._meta.paths)):
            yield self._flaw(path, "extra", "the object belongs to no version")

    def _key(self, file: FileEntry) -> str:
        return layout.data_key(self._name, self._version, file.path)

    def _stored_sha256(self, file: FileEntry) -> str | None:
        return self._store.backend.stat(self._key(file)).sha256

    def _by_sha256(self, file: FileEntry) -> Flaw | None:
        found = self._stored_sha256(file)
        if found is None or found == file.sha256:
            return None
        return self._flaw(file.path, "sha256", f"the store keeps sha256 {found[:12]}…, recorded is {file.sha256[:12]}…")

    def _read(self, count: int) -> None:
        self._group.pace(count)
        self._progress(count)

    def _by_bytes(self, file: FileEntry) -> Flaw | None:
        found = self._store.sha256(self._key(file), file.size, self._read)
        if found == file.sha256:
            return None
        return self._flaw(file.path, "bytes", f"the bytes have sha256 {found[:12]}…, recorded is {file.sha256[:12]}…")
