"""Of many assets, those that the store does not have: told by a few listings, instead of by two requests for each."""

from __future__ import annotations

from collections.abc import Iterable

from assetsync.backends.contract import PagedBackend
from assetsync.pool import together
from assetsync.remote import layout
from assetsync.remote.store import Store

# From so many assets in one folder on, the folder is listed.
MANY = 16
# A listing with more entries than this for each of them, and than a page has, is given up: pages come one by one.
ENTRIES_EACH = 10
PAGE = 1000


def absent(store: Store, names: Iterable[str]) -> frozenset[str]:
    """Those of `names` of which the store has no object. StoreError.

    The others may be absent, too: where it would take many requests to tell, nobody has looked.
    """
    backend = store.backend
    if not isinstance(backend, PagedBackend):
        return frozenset()
    by_folder: dict[str, list[str]] = {}
    for name in names:
        by_folder.setdefault(layout.folder_of(name), []).append(name)

    def absent_in(folder: str) -> Iterable[str]:
        wanted = by_folder[folder]
        there = _entries(backend, folder, max(PAGE, ENTRIES_EACH * len(wanted)))
        if there is None:
            return ()
        return [name for name in wanted if there.isdisjoint((layout.versions_key(name), layout.asset_folder(name)))]

    many = [folder for folder, wanted in by_folder.items() if len(wanted) >= MANY]
    gone = frozenset(name for names in together(absent_in, many, width=store.width) for name in names)
    store.indexes.take_for_absent(gone)
    return gone


def _entries(backend: PagedBackend, folder: str, most: int) -> set[str] | None:
    """The keys and folders in a folder; None when there are more than `most`."""
    there: set[str] = set()
    for page in backend.pages(folder, delimiter=True):
        there.update(page.folders, (entry.key for entry in page.objects))
        if len(there) > most:
            return None
    return there
