"""Each request that goes to a store is told to the logger `assetsync.requests`, at level DEBUG: `-v` listens.

Only what is asked for is told: no header, no query, so no signature and no token.
"""

from __future__ import annotations

import logging
from urllib.parse import unquote, urlsplit

REQUESTS = logging.getLogger("assetsync.requests")


def tell(method: str, key: str) -> None:
    """Tell of a request for a key, a bucket or a session, by its HTTP method or by what the service calls it."""
    REQUESTS.debug("%s %s", method, key)


def tell_url(method: str | None, url: str | None) -> None:
    """`tell` for a URL, of which the path is told."""
    if REQUESTS.isEnabledFor(logging.DEBUG):
        tell(method or "?", unquote(urlsplit(url or "").path))
