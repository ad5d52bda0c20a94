"""How much a listing may be. Whatever answers at an endpoint may never come to an end."""

from __future__ import annotations

from assetsync.errors import StoreError

# As large as anybody's store, and still within the memory of a large machine.
MAX_ENTRIES = 10_000_000
# Pages without a single entry, one after the other: S3 sends some where much was deleted.
MAX_EMPTY_PAGES = 1000
# Bytes. No store has longer keys, so no folder of a longer name holds anything.
MAX_KEY = 1024


class Pages:
    """The pages of one listing of what begins with `prefix` in the store at `url`, as they come."""

    def __init__(self, url: str, prefix: str) -> None:
        self._url = url
        self._entries = 0
        self._empty = 0
        if len(prefix.encode(errors="surrogateescape")) > MAX_KEY:
            raise StoreError(f"`{url}` lists a folder whose name has more than {MAX_KEY} bytes", hint=_HINT)

    def add(self, entries: int) -> None:
        """Count a page of so many objects and folders. StoreError when it is one too many."""
        self._entries += entries
        self._empty = 0 if entries else self._empty + 1
        if self._entries > MAX_ENTRIES:
            raise StoreError(f"the listing of `{self._url}` has more than {MAX_ENTRIES:,} entries", hint=_HINT)
        if self._empty > MAX_EMPTY_PAGES:
            raise StoreError(f"the listing of `{self._url}` does not come to an end", hint=_HINT)


_HINT = "check `store` and its `endpoint`: something else may answer there"
