"""The requests to a store as `-v` tells them: how many of each kind; with `-vv`, each as it goes out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from assetsync.escape import printable
from assetsync.render.units import plural


@contextmanager
def requests_told(say: Callable[[str], None], *, each: bool) -> Iterator[None]:
    """While this is open, requests are counted; at its end `say` gets how many there were, if there were any."""
    logger = logging.getLogger("assetsync.requests")
    counts = _Counts(say if each else None)
    logger.addHandler(counts)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(counts)
        logger.setLevel(logging.NOTSET)
        if counts.kinds:
            kinds = ", ".join(f"{count} {kind}" for kind, count in counts.kinds.most_common())
            say(f"{plural(counts.kinds.total(), 'request')}: {kinds}")


class _Counts(logging.Handler):
    """Counts by method. Handlers are called one at a time, from whichever thread."""

    def __init__(self, say: Callable[[str], None] | None) -> None:
        super().__init__()
        self.kinds: Counter[str] = Counter()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.kinds[text.partition(" ")[0]] += 1
        if self._say is not None:
            self._say(f"  {printable(text)}")
