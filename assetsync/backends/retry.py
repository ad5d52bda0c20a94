"""Trying again, and what a refusal means after a reply got lost. Both are one rule for all stores.

Tries follow each other with exponential backoff and full jitter, after errors that another try may mend, and after no
others. Throttling and server errors get `ATTEMPTS` tries; a store that can't be reached gets `CONNECT_ATTEMPTS`,
because a wrong host name does not become right. Denied, not found, exists and changed are answers, never tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from assetsync.backends.contract import Backend
from assetsync.errors import (
    ChangedError,
    DamagedError,
    ExistsError,
    NotFoundError,
    StoreError,
    TransientError,
    UnreachableError,
)
from assetsync.model.tree import FileEntry

ATTEMPTS = 7
CONNECT_ATTEMPTS = 3
# Seconds: the first wait is up to FIRST_WAIT, each further one up to twice the one before, MAX_WAIT at the most.
FIRST_WAIT = 0.2
MAX_WAIT = 10.0

T = TypeVar("T")


def retrying(call: Callable[[], T]) -> T:
    """Return what `call` returns, trying again after a TransientError or UnreachableError. The last error is raised."""
    for attempt in Retrying(
        retry=retry_if_exception_type((TransientError, UnreachableError)),
        wait=wait_random_exponential(multiplier=FIRST_WAIT, max=MAX_WAIT),
        stop=_enough,
        reraise=True,
    ):
        with attempt:
            return call()
    raise AssertionError("unreachable: Retrying either returns or raises")


def settled(write: Callable[[], T], is_ours: Callable[[], bool]) -> T | None:
    """Return what a conditional `write` returns, tried again like `retrying`; None when an earlier try had worked.

    A write can succeed and its reply get lost; the next try then finds the object there, another object, or the upload
    gone. So a refusal of any try but the first is no answer yet: `is_ours` reads back what is there and compares.
    """
    tries = 0

    def attempt() -> T:
        nonlocal tries
        tries += 1
        return write()

    try:
        return retrying(attempt)
    except (ExistsError, ChangedError, NotFoundError):
        if tries == 1 or not is_ours():
            raise
        return None


def holds(backend: Backend, key: str, data: bytes) -> bool:
    """Whether the object has exactly these bytes. StoreError."""
    try:
        return backend.read(key, limit=len(data)).data == data
    except (NotFoundError, DamagedError):
        return False


def is_file(backend: Backend, key: str, entry: FileEntry) -> bool:
    """Whether the object has the size and the sha256 of `entry`, as the store knows them. StoreError."""
    try:
        return backend.stat(key)[1:] == (entry.size, entry.sha256)
    except NotFoundError:
        return False


def _enough(state: RetryCallState) -> bool:
    error: BaseException | None = state.outcome.exception() if state.outcome else None
    limit = CONNECT_ATTEMPTS if isinstance(error, UnreachableError) else ATTEMPTS
    return isinstance(error, StoreError) and state.attempt_number >= limit
