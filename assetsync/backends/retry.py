"""Trying again, and what a refusal means after a reply got lost. Both are one rule for all stores.

Tries follow each other with exponential backoff and full jitter, after errors that another try may mend, and after no
others. A store that is throttling, failing or restarting gets PATIENCE. One that can't be reached and has never
answered gets CONNECT_ATTEMPTS, because a wrong host name does not become right. Denied, not found, exists and changed
are answers, never tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from assetsync.backends.contract import Backend
from assetsync.backends.refusal import AGAIN
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

if TYPE_CHECKING:
    from tenacity import RetryCallState

CONNECT_ATTEMPTS = 3
# Seconds of waiting: as long as servers take to restart. Tries that take long themselves end it sooner, by LONGEST.
PATIENCE = 30.0
LONGEST = 90.0
# However short the waits are.
MOST_ATTEMPTS = 40
# Seconds: the first wait is up to FIRST_WAIT, each further one up to twice the one before, MAX_WAIT at the most.
FIRST_WAIT = 0.2
MAX_WAIT = 5.0

T = TypeVar("T")


class Tries:
    """How the calls to one store are tried again. Safe to use from many threads."""

    def __init__(self) -> None:
        self._answered = False

    def run(self, call: Callable[[], T]) -> T:
        """Return what `call` returns, trying again after a TransientError or UnreachableError.

        The last error is raised; for a store that has answered before, it advises to run the command again.
        """
        try:
            return self._once(call)
        except (TransientError, UnreachableError) as error:
            return self._again(call, error)

    def settle(self, write: Callable[[], T], is_ours: Callable[[], bool]) -> T | None:
        """Return what a conditional `write` returns, tried like `run`; None when an earlier try had worked.

        A write can succeed and its reply get lost; the next try then finds the object there, another object, or the
        upload gone. So a refusal of any try but the first is no answer yet: `is_ours` reads back what is there and
        compares.
        """
        tries = 0

        def attempt() -> T:
            nonlocal tries
            tries += 1
            return write()

        try:
            return self.run(attempt)
        except (ExistsError, ChangedError, NotFoundError):
            if tries == 1 or not is_ours():
                raise
            return None

    def _once(self, call: Callable[[], T]) -> T:
        try:
            result = call()
        except (TransientError, UnreachableError) as error:
            self._answered = self._answered or isinstance(error, TransientError)
            raise
        except StoreError:
            self._answered = True
            raise
        self._answered = True
        return result

    def _again(self, call: Callable[[], T], first: StoreError) -> T:
        from tenacity import Retrying, retry_if_exception_type, wait_random_exponential  # most runs try nothing again

        failed = [first]

        def attempt() -> T:
            if failed:  # the try that was made already
                raise failed.pop()
            return self._once(call)

        try:
            return Retrying(
                retry=retry_if_exception_type((TransientError, UnreachableError)),
                wait=wait_random_exponential(multiplier=FIRST_WAIT, max=MAX_WAIT),
                stop=self._enough,
                reraise=True,
            )(attempt)
        except UnreachableError as error:
            if self._answered:
                error.hint = AGAIN
            raise

    def _enough(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, UnreachableError) and not self._answered:
            return state.attempt_number >= CONNECT_ATTEMPTS
        waited_enough = state.idle_for >= PATIENCE or (state.seconds_since_start or 0.0) >= LONGEST
        return waited_enough or state.attempt_number >= MOST_ATTEMPTS


def holds(backend: Backend, key: str, data: bytes) -> bool:
    """Whether the object has exactly these bytes. StoreError."""
    try:
        return backend.read(key, limit=len(data)).data == data
    except (NotFoundError, DamagedError):
        return False


def is_file(backend: Backend, key: str, entry: FileEntry) -> bool:
    """Whether the object has the size and the sha256 of `entry`, as the store knows them. StoreError."""
    try:
        found = backend.stat(key)
        return (found.size, found.sha256) == (entry.size, entry.sha256)
    except NotFoundError:
        return False
