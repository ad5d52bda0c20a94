"""Retries with exponential backoff and full jitter, for errors that another try may mend, and for no others.

Throttling and server errors get `ATTEMPTS` tries; a store that can't be reached gets `CONNECT_ATTEMPTS`, because a
wrong host name does not become right. Denied, not found, exists and changed are answers and are never retried.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from assetsync.errors import StoreError, TransientError, UnreachableError

ATTEMPTS = 7
CONNECT_ATTEMPTS = 3
# Seconds: the first wait is up to FIRST_WAIT, each further one up to twice the one before, MAX_WAIT at the most.
FIRST_WAIT = 0.2
MAX_WAIT = 10.0

T = TypeVar("T")


def retrying(call: Callable[[], T]) -> T:
    """What `call` returns, trying again after a TransientError or UnreachableError. The last error is raised."""
    for attempt in Retrying(
        retry=retry_if_exception_type((TransientError, UnreachableError)),
        wait=wait_random_exponential(multiplier=FIRST_WAIT, max=MAX_WAIT),
        stop=_enough,
        reraise=True,
    ):
        with attempt:
            return call()
    raise AssertionError("unreachable: Retrying either returns or raises")


def _enough(state: RetryCallState) -> bool:
    error: BaseException | None = state.outcome.exception() if state.outcome else None
    limit = CONNECT_ATTEMPTS if isinstance(error, UnreachableError) else ATTEMPTS
    return isinstance(error, StoreError) and state.attempt_number >= limit
