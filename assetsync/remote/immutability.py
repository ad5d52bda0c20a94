"""Does the store itself refuse what assetsync never does? Tried on objects of its own, which hold nothing of use.

Everybody with the rights of a publisher could overwrite or delete a version by other means; a policy of the store is
what keeps them from it. The objects lie at keys like those of data: where a policy lets probes and claims be deleted,
as the one in docs/howto/immutable.md does, that proves nothing about data. They stay where nobody may delete them, and
are used again by the next proof.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial

from msgspec import Struct

from assetsync.backends.contract import MultipartBackend, UnconditionalBackend
from assetsync.errors import DeniedError, ExistsError, StoreError
from assetsync.model.tree import FileEntry
from assetsync.remote.store import Store

FOLDER = "assetsync-immutability"
FIRST, SECOND, NEW = (f"{FOLDER}/{name}" for name in ("first", "second", "new"))
ABORT = "abort an upload"
_DATA = b"assetsync tries whether this can be overwritten; it holds nothing of use\n"
_ENTRY = FileEntry("", len(_DATA), hashlib.sha256(_DATA).hexdigest())


class Attempt(Struct, frozen=True):
    """One thing that was tried. `refused`: None when that could not be told; then `detail` says why."""

    what: str
    refused: bool | None
    detail: str = ""

    @property
    def is_harmless(self) -> bool:
        """Whether no version can come to harm by it: an upload that was aborted never was one."""
        return self.what == ABORT


def prove(store: Store) -> Iterator[Attempt]:
    """Try what assetsync never does. StoreError when the objects to try it on can't be created."""
    backend = store.backend
    for key in (FIRST, SECOND):
        try:
            backend.create(key, _DATA)
        except ExistsError:
            pass
    yield _tried("overwrite data", partial(_overwrite, store))
    if isinstance(backend, UnconditionalBackend):
        yield _tried("put without a condition", partial(backend.put_plainly, NEW, _DATA))
        yield _tried("copy over data", partial(backend.copy_plainly, FIRST, SECOND))
    else:
        for what in ("put without a condition", "copy over data"):
            yield Attempt(what, None, "here, the right to overwrite decides")
    if isinstance(backend, MultipartBackend):
        yield _tried(ABORT, partial(_abort, backend))
    yield _tried("delete data", partial(_delete, store))


def _overwrite(store: Store) -> None:
    """Replace an object by the same bytes, on the condition that it is what it is: only a right can be missing."""
    store.backend.replace(FIRST, _DATA, store.backend.read(FIRST).tag)


def _abort(backend: MultipartBackend) -> None:
    backend.abort_upload(NEW, backend.begin_upload(NEW, _ENTRY))


def _delete(store: Store) -> None:
    for key in (NEW, SECOND, FIRST):
        store.backend.delete(key)


def _tried(what: str, call: Callable[[], object]) -> Attempt:
    try:
        call()
    except DeniedError:
        return Attempt(what, True)
    except StoreError as error:
        return Attempt(what, None, error.message)
    return Attempt(what, False)
