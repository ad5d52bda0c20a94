"""How much of the network a command may use: requests at once, and bytes in a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from msgspec import Struct


class Traffic(Struct, frozen=True):
    """`jobs` are requests to the store under way at once, `rate` is in bytes of content per second, up and down
    together. None: as many as serve best, and no limit."""

    jobs: int | None = None
    rate: float | None = None


UNLIMITED = Traffic()


class Pace:
    """Keeps what is sent and got at `rate` bytes per second, from many threads. `clock` tells seconds.

    Whoever is about to move some bytes waits until there has been time for them, so that at no moment more has moved
    than the rate allows since the first one. Time in which nobody wanted to move anything is not made up for.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._reserved_until = clock()

    def reserve(self, count: int) -> float:
        """Seconds to wait before the next `count` bytes may move."""
        with self._lock:
            now = self._clock()
            self._reserved_until = max(self._reserved_until, now) + count / self._rate
            return self._reserved_until - now
