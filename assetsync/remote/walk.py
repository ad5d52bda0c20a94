"""A walk through the folders of a store that may hold assets. It never descends into the data of a version.

Each folder is a listing with a delimiter, many of them side by side. Where many small folders lie in one, as they do in
a store of many assets with few files, one listing of all that is below takes their place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

from assetsync.backends.contract import Backend, Listing, PagedBackend
from assetsync.errors import StoreError
from assetsync.pool import LOOK_WIDTH, together
from assetsync.remote import layout

# From so many folders in one on, it is tried to list all that is below. That goes on as long as each page saves the
# listings of so many folders, because pages come one after the other.
MANY = 16
SAVED_BY_A_PAGE = 50
# Folders of one store that are looked into for assets: each may hold ever more of them.
MAX_FOLDERS = 1_000_000


def walk(
    backend: Backend, is_version: Callable[[str, Collection[str]], bool], *, width: int = LOOK_WIDTH
) -> Iterator[tuple[str, Listing]]:
    """Every folder that may hold assets, with its listing, by up to `width` requests at once. StoreError.

    `is_version` says whether a folder (without a slash at its end) is a version, by the names of the assets so far.
    """
    lists = _Lists(backend, width)
    indexed: set[str] = set()
    folders = [""]
    walked = 0
    while folders:
        walked += len(folders)
        if walked > MAX_FOLDERS:
            raise StoreError(
                f"the store has more than {MAX_FOLDERS:,} folders", hint="check `store` and its `endpoint`"
            )
        listings = lists.of(folders)
        yield from zip(folders, listings, strict=True)
        for listing in listings:
            indexed.update(indexed_in(listing))
        folders = [name + "/" for listing in listings for name in _folders(listing) if not is_version(name, indexed)]


def indexed_in(listing: Listing) -> Iterator[str]:
    """The names of the assets whose index is in a listing."""
    names = map(layout.name_of_versions_key, (entry.key for entry in listing.objects))
    return (name for name in names if name is not None)


def _folders(listing: Listing) -> Sequence[str]:
    return layout.folder_names((entry.key for entry in listing.objects), listing.folders)


class _Lists:
    """Listings of folders, with a delimiter, out of as few requests as may be."""

    def __init__(self, backend: Backend, width: int) -> None:
        self._backend = backend
        self._width = width
        # What is known of folders that were listed with all that is below.
        self._known: dict[str, Listing] = {}
        self._tried: set[str] = set()

    def of(self, folders: Sequence[str]) -> Sequence[Listing]:
        """The listings of `folders`, all of which are as deep."""
        unknown = Counter(_parent(folder) for folder in folders if folder not in self._known)
        many = [parent for parent, count in unknown.items() if count >= MANY and parent not in self._tried]
        for found in together(self._below, many, width=self._width):
            self._known.update(found)
        return [*together(self._listing, folders, width=self._width)]

    def _listing(self, folder: str) -> Listing:
        if folder in self._known:
            return self._known[folder]
        if not isinstance(self._backend, PagedBackend):
            return self._backend.list(folder, delimiter=True)
        pages = self._backend.pages(folder, delimiter=True)
        begun = [*islice(pages, 2)]
        # Of many assets that do not fit on a page, the listing of all that is below makes that of the folder, too.
        if len(begun) > 1 and len([*indexed_in(_joined(begun))]) >= MANY:
            self._known.update(self._below(folder))
            if folder in self._known:
                return self._known[folder]
        return _joined([*begun, *pages])

    def _below(self, parent: str) -> dict[str, Listing]:
        """`parent` and the folders below it, at any depth, with their listings; none where it takes too many pages."""
        self._tried.add(parent)
        if not isinstance(self._backend, PagedBackend):
            return {}
        found = {parent: Listing([], [])}
        for number, page in enumerate(self._backend.pages(parent, delimiter=False)):
            if len(found[parent].folders) < number * SAVED_BY_A_PAGE:
                return {}
            for entry in page.objects:
                folder = layout.folder_of(entry.key)
                listing = _listing_in(found, folder, parent)
                if entry.key != folder:  # which marks a folder made in a console
                    listing.objects.append(entry)
        return {folder: Listing(sorted(one.objects), sorted(one.folders)) for folder, one in found.items()}


def _joined(pages: Sequence[Listing]) -> Listing:
    objects = sorted(entry for page in pages for entry in page.objects)
    return Listing(objects, sorted(folder for page in pages for folder in page.folders))


def _listing_in(found: dict[str, Listing], folder: str, top: str) -> Listing:
    """The listing of a folder. A new one gets into the listing of the folder above, and that likewise, up to `top`."""
    if folder not in found:
        found[folder] = Listing([], [])
        if folder != top:
            _listing_in(found, _parent(folder), top).folders.append(folder)
    return found[folder]


def _parent(folder: str) -> str:
    return layout.folder_of(folder.removesuffix("/"))
