"""Groups of tasks in a pool: all of them run, or the first error ends them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from assetsync.pool import BULK_WIDTH, SMALL, Cancelled, Group, Lane, Transfers, meanwhile, together

# Seconds. Nobody waits as long, unless something is broken.
PATIENCE = 60


class _BoomError(Exception):
    pass


def _boom() -> None:
    raise _BoomError


def test_all_tasks_run_those_that_tasks_submit_included() -> None:
    done: list[int] = []

    def task(depth: int) -> Callable[[], None]:
        def run() -> None:
            done.append(depth)
            for _ in range(3 if depth else 0):
                group.submit(task(depth - 1), Lane.BULK if depth == 2 else Lane.SMALL)

        return run

    with Transfers(2) as transfers:
        group = transfers.group()
        group.submit(task(3))
        group.wait()
    assert sorted(done) == [0] * 27 + [1] * 9 + [2] * 3 + [3]


def test_what_moves_megabytes_is_a_stream_up_to_a_size() -> None:
    lanes: dict[int, str] = {}

    def task(size: int) -> None:
        lanes[size] = threading.current_thread().name.partition("_")[0]

    with Transfers() as transfers:
        group = transfers.group()
        sizes = [0, SMALL, SMALL + 1, 4 * SMALL, 4 * SMALL + 1]
        group.run_sized(((size, partial(task, size)) for size in sizes), largest_stream=4 * SMALL)
        group.wait()
    assert [lanes[size] for size in sizes] == ["small", "small", "stream", "stream", "small"]


def test_an_empty_group_is_done() -> None:
    with Transfers(1) as transfers:
        transfers.group().wait()


def test_the_first_error_is_raised_and_what_has_not_begun_never_runs() -> None:
    ran: list[str] = []
    blocked = threading.Event()

    def wait() -> None:
        blocked.wait(PATIENCE)

    with Transfers(1) as transfers:
        group = transfers.group()
        group.submit(wait)
        group.submit(_boom)
        group.submit(lambda: ran.append("after"))
        blocked.set()
        with pytest.raises(_BoomError):
            group.wait()
        with pytest.raises(_BoomError):
            group.wait()
    assert ran == []


def test_long_tasks_notice_that_their_group_failed_and_do_not_hide_why() -> None:
    started, noticed = threading.Event(), threading.Event()

    def long_task() -> None:
        started.set()
        while not noticed.wait(0.001):
            try:
                group.check()
            except Cancelled:
                noticed.set()
                raise

    with Transfers(2) as transfers:
        group = transfers.group()
        group.submit(long_task)
        assert started.wait(PATIENCE)
        group.submit(_boom)
        with pytest.raises(_BoomError):
            group.wait()
    assert noticed.is_set()


def test_groups_fail_on_their_own() -> None:
    done: list[int] = []
    with Transfers(2) as transfers:
        bad, good = transfers.group(), transfers.group()
        bad.submit(_boom)
        good.submit(lambda: done.append(1))
        good.wait()
        with pytest.raises(_BoomError):
            bad.wait()
    assert done == [1]


def test_what_is_submitted_after_a_failure_does_not_run() -> None:
    ran: list[int] = []
    with Transfers(1) as transfers:
        group = transfers.group()
        group.submit(_boom)
        with pytest.raises(_BoomError):
            group.wait()
        group.submit(lambda: ran.append(1))
        with pytest.raises(_BoomError):
            group.wait()
    assert ran == []


def test_leaving_by_an_error_gives_up_what_is_under_way() -> None:
    seen: list[BaseException] = []
    started, never = threading.Event(), threading.Event()

    def wait_for_the_end(group: Group) -> None:
        started.set()
        while not never.wait(0.001):
            group.check()

    def leave() -> None:
        with Transfers(1) as transfers:
            groups.append(transfers.group())
            groups[0].submit(lambda: wait_for_the_end(groups[0]))
            groups[0].submit(lambda: seen.append(RuntimeError("it ran")))
            assert started.wait(PATIENCE)
            raise _BoomError

    groups: list[Group] = []
    with pytest.raises(_BoomError):
        leave()
    with pytest.raises(Cancelled):
        groups[0].wait()
    groups[0].submit(lambda: seen.append(RuntimeError("it ran")))
    with pytest.raises(Cancelled):
        groups[0].wait()
    assert seen == []


def test_an_interrupt_does_not_wait_for_requests_under_way() -> None:
    begun, release, finished = threading.Event(), threading.Event(), threading.Event()

    def request() -> None:
        begun.set()
        release.wait(PATIENCE)
        finished.set()

    def interrupt() -> None:
        with Transfers(1) as transfers:
            transfers.group().submit(request)
            assert begun.wait(PATIENCE)  # else it would never run
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert not finished.is_set()
    release.set()
    assert finished.wait(PATIENCE)


def test_each_bulk_thread_has_a_buffer_of_its_own_and_keeps_it() -> None:
    buffers: dict[int, set[int]] = {}
    meet = threading.Barrier(BULK_WIDTH)
    lock = threading.Lock()

    def task() -> None:
        meet.wait(PATIENCE)
        for size in (1000, 10, 1000):
            view = group.buffer(size)
            assert len(view) == size
            with lock:
                buffers.setdefault(threading.get_ident(), set()).add(id(view.obj))

    with Transfers(1) as transfers:
        group = transfers.group()
        for _ in range(BULK_WIDTH):
            group.submit(task, Lane.BULK)
        group.wait()
    assert [len(kept) for kept in buffers.values()] == [1] * BULK_WIDTH
    assert len(set.union(*buffers.values())) == BULK_WIDTH


def test_a_buffer_grows_when_more_is_wanted() -> None:
    sizes: list[int] = []
    with Transfers(1) as transfers:
        group = transfers.group()
        group.submit(lambda: sizes.extend(len(group.buffer(size)) for size in (10, 1000)), Lane.BULK)
        group.wait()
    assert sizes == [10, 1000]


def test_together_keeps_the_order_and_runs_that_many_at_once() -> None:
    meet = threading.Barrier(3)

    def call(number: int) -> int:
        meet.wait(PATIENCE)
        return number * 2

    assert [*together(call, range(6), width=3)] == [0, 2, 4, 6, 8, 10]


def test_the_first_error_together_is_raised_when_calls_under_way_have_ended() -> None:
    begun, failed, ended = threading.Event(), threading.Event(), threading.Event()

    def call(number: int) -> None:
        if number:
            begun.set()
            failed.wait(PATIENCE)
            ended.set()
        else:
            begun.wait(PATIENCE)
            failed.set()
            raise _BoomError

    with pytest.raises(_BoomError):
        [*together(call, range(2), width=2)]
    assert ended.is_set()


def test_an_interrupt_does_not_wait_for_what_was_asked_together() -> None:
    begun, release, ended = threading.Event(), threading.Event(), threading.Event()

    def call(number: int) -> None:
        if number:
            begun.set()
            release.wait(PATIENCE)
            ended.set()
        else:
            begun.wait(PATIENCE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        [*together(call, range(2), width=2)]
    assert not ended.is_set()
    release.set()
    assert ended.wait(PATIENCE)


def test_meanwhile_gives_the_result_or_the_error() -> None:
    with meanwhile(lambda: 1) as result:
        assert result() == 1
    with meanwhile(_boom) as failing, pytest.raises(_BoomError):
        failing()


def test_each_asset_may_wait_for_groups_in_the_other_pools() -> None:
    with Transfers(1) as transfers:

        def publish(asset: int) -> list[int]:
            done: list[int] = []
            group = transfers.group()
            for number in range(3):
                group.submit(lambda number=number: done.append(asset * number))  # type: ignore[misc]
            group.wait()
            return sorted(done)

        assert transfers.each(publish, [1, 2, 3]) == [[0, 1, 2], [0, 2, 4], [0, 3, 6]]
        assert transfers.each(publish, [5]) == [[0, 5, 10]]


def test_assets_under_way_are_given_up_when_one_fails_unexpectedly() -> None:
    waiting = threading.Event()

    def publish(asset: str) -> None:
        if asset == "bad":
            waiting.wait(PATIENCE)
            raise _BoomError
        group = transfers.group()
        group.submit(lambda: endless(group))
        with pytest.raises(Cancelled):
            group.wait()

    def endless(group: Group) -> None:
        waiting.set()
        while True:
            group.check()

    with pytest.raises(_BoomError), Transfers(1) as transfers:
        transfers.each(publish, ["bad", "long"])


def test_a_single_task_of_an_asset_runs_on_the_thread_of_that_asset() -> None:
    ran: list[str] = []

    def asset(number: int) -> str:
        group = transfers.group()
        group.run([lambda: ran.append(threading.current_thread().name)])
        group.wait()
        return threading.current_thread().name

    with Transfers() as transfers:
        names = transfers.each(asset, [1, 2])
    assert sorted(ran) == sorted(names)


def test_a_single_task_of_the_main_thread_leaves_it_to_interruptions() -> None:
    ran: list[threading.Thread] = []
    with Transfers() as transfers:
        group = transfers.group()
        group.run([lambda: ran.append(threading.current_thread())])
        group.wait()
    assert ran != [threading.main_thread()]


@pytest.mark.parametrize("granted", [0, 1, 3])
def test_a_system_that_grants_few_threads(monkeypatch: pytest.MonkeyPatch, granted: int) -> None:
    """The work is done by those that there are, each piece once; without any, it is refused."""
    start = threading.Thread.start
    started: list[threading.Thread] = []
    done: list[int] = []
    # Until all have started, none is idle: the pool would give its thread the next piece, and start no other.
    meet = threading.Barrier(granted or 1)

    def work(number: int) -> None:
        if number < granted:
            meet.wait(PATIENCE)
        done.append(number)

    def refuse(thread: threading.Thread) -> None:
        if not thread.name.startswith("small"):
            start(thread)  # of a server that another test has left running
            return
        if len(started) >= granted:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    with Transfers() as transfers:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        group = transfers.group()
        for number in range(20):
            group.submit(partial(work, number))
        if granted:
            group.wait()
        else:
            with pytest.raises(MemoryError):
                group.wait()
    assert sorted(done) == (list(range(20)) if granted else [])
    assert len(started) == granted
