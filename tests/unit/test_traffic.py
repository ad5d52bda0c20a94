"""The limits of what a command sends and asks: bytes per second by a clock of the test's own, and requests at once."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetsync.pool import Cancelled, Lane, Transfers
from assetsync.traffic import Pace, Traffic

RATE = 20_000_000


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.integers(1, 8_000_000), min_size=1, max_size=200), st.integers(1, 48))
def test_bytes_move_at_the_rate_and_never_faster(sizes: list[int], width: int) -> None:
    """Each of `width` threads reserves, waits, moves its bytes in no time, and goes on."""
    clock = Clock()
    pace = Pace(RATE, clock)
    free_at = [clock.now] * width
    moved: list[tuple[float, int]] = []
    for size in sizes:
        free_at.sort()
        clock.now = max(clock.now, free_at[0])
        free_at[0] = clock.now + pace.reserve(size)
        moved.append((free_at[0] - 100.0, size))
    total = 0
    for seconds, size in sorted(moved):
        total += size
        assert total <= RATE * seconds * 1.001
    assert max(seconds for seconds, _ in moved) <= 1.1 * total / RATE


def test_time_in_which_nothing_moved_is_not_made_up_for() -> None:
    clock = Clock()
    pace = Pace(1000, clock)
    assert pace.reserve(500) == pytest.approx(0.5)
    clock.now += 3600
    assert pace.reserve(500) == pytest.approx(0.5)
    assert pace.reserve(500) == pytest.approx(1.0)


def test_no_more_requests_at_once_than_jobs() -> None:
    """Of assets that wait for their files, the files have the turns; a turn is never lost."""
    jobs, lock = 3, threading.Lock()
    under_way, most = 0, 0
    gate = threading.Barrier(jobs)

    def request(*, first: bool = False) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        if first:
            gate.wait(timeout=60)  # all turns are in use at once
        with lock:
            under_way -= 1

    def asset(number: int) -> None:
        request(first=number < jobs)
        group = transfers.group()
        for _ in range(4):
            group.submit(request)
            group.submit(request, Lane.BULK)
        group.wait()

    with Transfers(traffic=Traffic(jobs=jobs)) as transfers:
        transfers.each(asset, range(jobs * 2))
    assert most == jobs


def test_whoever_waits_for_the_rate_is_woken_by_an_interruption() -> None:
    waiting, woken = threading.Event(), threading.Event()

    def interrupted() -> None:
        with Transfers(traffic=Traffic(rate=1)) as transfers:
            group = transfers.group()

            def send() -> None:
                waiting.set()
                try:
                    group.pace(1_000_000)  # 11 days
                except Cancelled:
                    woken.set()
                    raise

            group.submit(send)
            assert waiting.wait(timeout=60)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert woken.wait(timeout=60)
