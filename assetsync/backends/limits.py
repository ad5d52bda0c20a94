"""How much a reply and a listing may be, and how long they may take.

Whatever answers at an endpoint may never come to an end: it sends a byte now and then, or ever more of them.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from assetsync.errors import StoreError

# Seconds for one request from end to end. The silence between two bytes is bounded too, but who sends one now and then
# is no better than who is silent.
TOTAL_TIMEOUT = 300.0
# Bytes per second: a large body has so much more time.
SLOWEST = 8 * 1024
# Bytes of a reply that is no object. A full page of a listing has up to 5 MB.
MAX_REPLY = 16 * 1024 * 1024

# As large as anybody's store, and still within the memory of a large machine.
MAX_ENTRIES = 10_000_000
# Pages of a listing that may have less than FEW entries: S3 sends empty ones where much was deleted.
MAX_POOR_PAGES = 1000
FEW = 10
# Seconds from the first page of a listing to its last.
MAX_LISTING = 3600.0
# Bytes. No store has longer keys, so no folder of a longer name holds anything.
MAX_KEY = 1024


def time_for(size: int) -> float:
    """Seconds that a request with a body of `size` bytes may take."""
    return TOTAL_TIMEOUT + size / SLOWEST


class Pages:
    """The pages of one listing of what begins with `prefix` in the store at `url`, as they come."""

    def __init__(self, url: str, prefix: str) -> None:
        self._url = url
        self._prefix = prefix
        self._began = time.monotonic()
        self._entries = 0
        self._pages = 0
        self._tokens: set[str] = set()
        if len(prefix.encode(errors="surrogateescape")) > MAX_KEY:
            raise StoreError(f"`{url}` lists a folder whose name has more than {MAX_KEY} bytes", hint=_HINT)

    def add(self, keys: Collection[str], token: str) -> None:
        """Count a page of objects and folders with these keys. StoreError when it is one too many.

        StoreError too for a key that does not begin with the prefix: whoever clears away what was listed must not be
        led to something else. `token` is that of the next page, or empty.
        """
        self._entries += len(keys)
        self._pages += 1
        if self._entries > MAX_ENTRIES:
            raise StoreError(f"the listing of `{self._url}` has more than {MAX_ENTRIES:,} entries", hint=_HINT)
        if max(map(len, keys), default=0) > MAX_KEY:
            raise StoreError(f"the listing of `{self._url}` has a name of more than {MAX_KEY} characters", hint=_HINT)
        if self._prefix and not all(key.startswith(self._prefix) for key in keys):
            raise StoreError(f"the listing of `{self._url}` has names that were not asked for", hint=_HINT)
        if token and self._is_endless(token):
            raise StoreError(f"the listing of `{self._url}` does not come to an end", hint=_HINT)
        self._tokens.add(token)

    def _is_endless(self, token: str) -> bool:
        if token in self._tokens or self._pages > MAX_POOR_PAGES + self._entries // FEW:
            return True
        return time.monotonic() - self._began > MAX_LISTING


_HINT = "check `store` and its `endpoint`: something else may answer there"
