"""Threads for requests and files: the only place that makes them, and one rule for how they end.

Stores answer in 10 to 50 ms, so throughput is the number of requests under way. `together` asks about many things at
once. `Transfers` publishes and fetches: its pools serve all assets and files of a command. Streams of more than a
megabyte, and parts of large files, have pools of their own, because each takes megabytes for a buffer: their numbers
bound the memory that any transfer needs. Tasks of a pool never wait for others in it; they submit further ones.

After an error, tasks that have not begun never run, and those under way are waited for. After an interruption (ctrl-C),
nobody waits: a request may take a minute to time out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from enum import Enum
from functools import cache, partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from assetsync.traffic import UNLIMITED, Pace, Traffic

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

# Assets under way at once. Each mostly waits for the store: a publish is half a dozen small requests besides its data.
ASSETS_WIDTH = 32
WIDTH = 64
STREAM_WIDTH = 16
BULK_WIDTH = 8
# Requests in flight when many assets are looked at. Each is a small GET, bound by latency.
LOOK_WIDTH = 64

# Bytes. A task that moves more, up to what its caller holds in memory or streams as one, is a stream.
SMALL = 1024 * 1024

# Seconds after an interruption in which transfers may remove what they have half written.
CLEARING_TIME = 2.0

T = TypeVar("T")
U = TypeVar("U")


@cache
def _pools() -> type[ThreadPoolExecutor]:
    """The class of pools. Importing what it is made of takes 4 ms, which a command without threads need not spend."""
    from concurrent.futures import ThreadPoolExecutor

    class Pool(ThreadPoolExecutor):
        """A pool that makes do with the threads that the system grants it.

        That of the standard library raises when one can't be started, and does the work all the same when there are
        others: then it is both refused and done.
        """

        def _adjust_thread_count(self) -> None:
            try:
                super()._adjust_thread_count()
            except RuntimeError as error:
                if not self._threads:
                    self._work_queue.get_nowait()
                    raise MemoryError("the system starts no thread") from error

    return Pool


@contextmanager
def threads(width: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Up to `width` threads whose names begin with `name`, for as long as the block runs; see above for its end."""
    pool = _pools()(width, thread_name_prefix=name)
    try:
        yield pool
    except (Exception, GeneratorExit):
        pool.shutdown(cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def together(call: Callable[[T], U], items: Iterable[T], *, width: int = LOOK_WIDTH) -> Iterator[U]:
    """`map`, with up to `width` calls at once. The first error is raised; calls that have not begun never run."""
    todo: Sequence[T] = list(items)
    if len(todo) < 2:
        yield from map(call, todo)
        return
    with threads(min(width, len(todo)), "together") as pool:
        yield from pool.map(call, todo)


@contextmanager
def meanwhile(call: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Run `call` on a thread while the block runs, which gets a function that waits for its result or error."""
    with threads(1, "meanwhile") as pool:
        yield pool.submit(call).result


class Lane(Enum):
    """The pool that a task is for: each takes one small object, a stream of megabytes, or a part in a buffer."""

    SMALL = WIDTH
    STREAM = STREAM_WIDTH
    BULK = BULK_WIDTH


class Cancelled(Exception):  # noqa: N818 - not an error: the group it belongs to has failed already
    """Raised inside the tasks of a group that is being given up."""


class _Turns:
    """Lets at most `jobs` threads send requests at once; None: any number, and the pools are the only limit."""

    def __init__(self, jobs: int | None) -> None:
        self._free = threading.Semaphore(jobs) if jobs else None
        self._here = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """This thread has a turn in the block."""
        if self._free is None:
            yield
            return
        self._free.acquire()
        self._here.has_turn = True
        try:
            yield
        finally:
            if self._here.has_turn:
                self._free.release()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Another thread has the turn of this one, if it has one, in the block. An error does not take it back."""
        if self._free is None or not getattr(self._here, "has_turn", False):
            yield
            return
        self._here.has_turn = False
        self._free.release()
        yield
        self._free.acquire()
        self._here.has_turn = True


class Transfers:
    """The pools of a command that publishes or fetches, within the limits of `traffic`.

    A context manager; leaving it by an exception gives up what is under way.
    """

    def __init__(self, width: int = WIDTH, traffic: Traffic = UNLIMITED) -> None:
        jobs = traffic.jobs
        self._turns = _Turns(jobs)
        self._pace = Pace(traffic.rate) if traffic.rate else None
        self._pools = ExitStack()
        widths = {lane: min(jobs or lane.value, lane.value) for lane in Lane} | {Lane.SMALL: jobs or width}
        self._lanes = {
            lane: self._pools.enter_context(threads(count, lane.name.lower())) for lane, count in widths.items()
        }
        self._assets = self._pools.enter_context(threads(jobs or ASSETS_WIDTH, "asset"))
        self._buffers = threading.local()
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._running = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self._stopped.set()
        self._pools.__exit__(kind, error, at)
        if kind is not None and not issubclass(kind, Exception):
            with self._changed:
                self._changed.wait_for(lambda: not self._running, timeout=CLEARING_TIME)

    @property
    def stopped(self) -> bool:
        """Whether the command gives up what is under way."""
        return self._stopped.is_set()

    def group(self) -> Group:
        """A new group of tasks in these pools."""
        return Group(self)

    def each(self, call: Callable[[T], U], assets: Sequence[T]) -> list[U]:
        """`call` for each asset, many at once; results in the order of `assets`. The first error is raised.

        Calls may wait for groups, because these run in other pools.
        """

        def in_turn(asset: T) -> U:
            with self._turns.taken():
                return call(asset)

        if len(assets) < 2:
            return [*map(in_turn, assets)]
        return [*self._assets.map(in_turn, assets)]

    def lent(self) -> AbstractContextManager[None]:
        """While this thread waits for tasks in the block, one of them has its turn."""
        return self._turns.lent()

    def pace(self, count: int) -> None:
        """See `Group.pace`."""
        if self._pace is not None and self._stopped.wait(self._pace.reserve(count)):
            raise Cancelled

    def buffer(self, size: int) -> memoryview:
        """See `Group.buffer`."""
        buffer: bytearray | None = getattr(self._buffers, "buffer", None)
        if buffer is None or len(buffer) < size:
            buffer = self._buffers.buffer = bytearray(size)
        return memoryview(buffer)[:size]

    def submit(self, task: Callable[[], None], lane: Lane) -> None:
        """See `Group.submit`."""
        self._lanes[lane].submit(self._in_turn, task)

    def _in_turn(self, task: Callable[[], None]) -> None:
        with self._turns.taken():
            self.run(task)

    def run(self, task: Callable[[], None]) -> None:
        """Run `task` on this thread, as one of those that an interruption gives some time."""
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

    def run(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Submit `tasks`. A single one runs here, because to hand it over would only make two threads wait for each
        other; but not on the main thread, where interruptions arrive."""
        if len(tasks) == 1 and threading.current_thread() is not threading.main_thread():
            self._begin()
            self._transfers.run(partial(self._run, tasks[0]))
            return
        for task in tasks:
            self.submit(task)

    def run_sized(self, tasks: Iterable[tuple[int, Callable[[], None]]], *, largest_stream: int) -> None:
        """Submit tasks, each with the bytes that it moves.

        Those of more than SMALL, and at most `largest_stream`, are streams, of which fewer run at once.
        """
        others = []
        for size, task in tasks:
            if SMALL < size <= largest_stream:
                self.submit(task, Lane.STREAM)
            else:
                others.append(task)
        self.run(others)

    def submit(self, task: Callable[[], None], lane: Lane = Lane.SMALL) -> None:
        """Run `task` in the pool of `lane`: BULK for those that use a buffer of the pool. Tasks may submit further
        ones."""
        self._begin()
        try:
            self._transfers.submit(partial(self._run, task), lane)
        except RuntimeError as error:  # the pool is shutting down
            self._done(Cancelled(str(error)))
        except MemoryError as error:
            self._done(error)

    def buffer(self, size: int) -> memoryview:
        """This thread's buffer of at least `size` bytes, cut to `size`. For tasks of the lane BULK only."""
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

    def pace(self, count: int) -> None:
        """Wait until `count` bytes of content may be sent or got. Cancelled."""
        self._transfers.pace(count)

    def wait(self) -> None:
        """Until all tasks are done; raises the first error."""
        with self._transfers.lent(), self._changed:
            # Tasks that a stopped pool dropped never report, hence the look at the clock.
            while self._pending and not self._transfers.stopped:
                self._changed.wait(timeout=0.5)
            if self._error is not None:
                raise self._error
            if self._pending:
                raise Cancelled

    def _begin(self) -> None:
        with self._changed:
            self._pending += 1

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
