"""One pool of requests for the whole program, and groups of tasks that succeed or fail together.

Stores answer in 10 to 50 ms, so what counts is how many requests are under way: `WIDTH` at once, across assets and
files alike. Parts of large files have a pool of their own, because each of its threads owns a buffer of the size of a
part; their number bounds the memory that any transfer needs. Tasks never wait for others; they submit further ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

WIDTH = 48
BULK_WIDTH = 8
# Requests in flight when many assets are looked at. Each is a small GET, bound by latency.
LOOK_WIDTH = 48

# Seconds that tasks get, after an interruption, to clear away what they have half written.
GRACE = 2.0

T = TypeVar("T")
U = TypeVar("U")


class Cancelled(Exception):  # noqa: N818 - not an error: the group it belongs to has failed already
    """Raised inside the tasks of a group that is being given up."""


class Transfers:
    """The two pools. Use it as a context manager; leaving it by an exception gives up what is under way."""

    def __init__(self, width: int = WIDTH) -> None:
        self._small = ThreadPoolExecutor(width, thread_name_prefix="transfer")
        self._bulk = ThreadPoolExecutor(BULK_WIDTH, thread_name_prefix="bulk")
        self._buffers = threading.local()
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._running = 0

    def __enter__(self) -> Transfers:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._stopped.set()
        # An interrupted request may take a minute to time out; nobody who pressed ctrl-C waits for that.
        interrupted = kind is not None and not issubclass(kind, Exception)
        for pool in (self._small, self._bulk):
            pool.shutdown(wait=not interrupted, cancel_futures=kind is not None)
        if interrupted:
            with self._changed:
                self._changed.wait_for(lambda: not self._running, timeout=GRACE)

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def group(self) -> Group:
        return Group(self)

    def buffer(self, size: int) -> memoryview:
        """See `Group.buffer`."""
        buffer: bytearray | None = getattr(self._buffers, "buffer", None)
        if buffer is None or len(buffer) < size:
            buffer = self._buffers.buffer = bytearray(size)
        return memoryview(buffer)[:size]

    def submit(self, task: Callable[[], None], *, bulk: bool) -> None:
        (self._bulk if bulk else self._small).submit(self._run, task)

    def _run(self, task: Callable[[], None]) -> None:
        with self._changed:
            self._running += 1
        try:
            task()
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()


class Group:
    """Tasks that belong together. The first error cancels the rest; `wait` raises it."""

    def __init__(self, transfers: Transfers) -> None:
        self._transfers = transfers
        self._changed = threading.Condition()
        self._pending = 0
        self._error: BaseException | None = None

    def submit(self, task: Callable[[], None], *, bulk: bool = False) -> None:
        """Run `task` in the pool; `bulk` for those that use the pool's buffers. Tasks may submit further ones."""
        with self._changed:
            self._pending += 1
        try:
            self._transfers.submit(lambda: self._run(task), bulk=bulk)
        except RuntimeError as error:  # the pool is shutting down
            self._done(Cancelled(str(error)))

    def buffer(self, size: int) -> memoryview:
        """This thread's buffer of at least `size` bytes, cut to `size`. For bulk tasks only."""
        return self._transfers.buffer(size)

    def check(self) -> None:
        """Cancelled when the group is being given up. Long tasks call it now and then."""
        if self._error is not None or self._transfers.stopped:
            raise Cancelled

    def interruptible(self, progress: Callable[[int], None]) -> Callable[[int], None]:
        """`progress`, raising Cancelled once the program is being left: what is half written is then cleared away."""

        def told(count: int) -> None:
            if self._transfers.stopped:
                raise Cancelled
            progress(count)

        return told

    def wait(self) -> None:
        """Until all tasks are done; raises the first error."""
        with self._changed:
            # Tasks that a stopped pool dropped never report, hence the look at the clock.
            while self._pending and not self._transfers.stopped:
                self._changed.wait(timeout=0.5)
            if self._error is not None:
                raise self._error
            if self._pending:
                raise Cancelled

    def _run(self, task: Callable[[], None]) -> None:
        try:
            self.check()
            task()
        except BaseException as error:
            self._done(error)
        else:
            self._done(None)

    def _done(self, error: BaseException | None) -> None:
        with self._changed:
            self._pending -= 1
            if error is not None and (self._error is None or isinstance(self._error, Cancelled)):
                self._error = error
            if not self._pending:  # waking the waiter for each of thousands of tasks costs more than many of them
                self._changed.notify_all()


def together(call: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """`map`, with up to LOOK_WIDTH calls at once. The first error is raised; calls that have not begun never run."""
    todo: Sequence[T] = list(items)
    if len(todo) < 2:
        yield from map(call, todo)
        return
    pool = ThreadPoolExecutor(min(LOOK_WIDTH, len(todo)), thread_name_prefix="look")
    try:
        yield from pool.map(call, todo)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
