"""Of many objects, the tags: told by a few pages of listings, where those take the place of many requests.

An object whose tag is the one that it was read with is that object, and it is there. S3 lists what is there at that
moment ("Amazon S3 data consistency model"), and so do Cloud Storage ("Consistency") and Azure, so that this is as true
as to ask for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assetsync.backends.contract import Backend, PagedBackend
from assetsync.pool import LOOK_WIDTH, together
from assetsync.remote import layout

# From so many objects below one folder on, it is listed. That goes on as long as each page shows so many of them,
# because pages come one after the other.
MANY = 32
SHOWN_BY_A_PAGE = 50


def tags(backend: Backend, keys: Iterable[tuple[str, str]], *, width: int = LOOK_WIDTH) -> Mapping[str, str]:
    """The tags of objects, as far as a few listings show them, by up to `width` requests at once. StoreError.

    `keys` are names of assets, and keys of objects that belong to them.
    """
    if not isinstance(backend, PagedBackend):
        return {}
    by_folder: dict[str, set[str]] = {}
    for name, key in keys:
        by_folder.setdefault(layout.folder_of(name), set()).add(key)

    def tags_in(folder: str) -> Mapping[str, str]:
        wanted, last = by_folder[folder], max(by_folder[folder])
        found: dict[str, str] = {}
        for number, page in enumerate(backend.pages(folder, delimiter=False), start=1):
            found.update((entry.key, entry.tag) for entry in page.objects if entry.tag and entry.key in wanted)
            if len(found) < number * SHOWN_BY_A_PAGE or any(entry.key >= last for entry in page.objects):
                break
        return found

    many = [folder for folder, wanted in by_folder.items() if len(wanted) >= MANY]
    return {key: tag for found in together(tags_in, many, width=width) for key, tag in found.items()}
