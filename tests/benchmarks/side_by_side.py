"""Timings of several ways to do the same work, taken in turns, so that a busy machine is busy for all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def side_by_side(contenders: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """The median wall time of each contender, in seconds, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, work in contenders.items():
            begin = time.perf_counter()
            work()
            if number:
                times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(taken) for name, taken in times.items()}


def table(title: str, times: Mapping[str, float], to: str) -> str:
    """Lines for people: each time, and its ratio to that of the contender named `to`."""
    width = max(map(len, times))
    lines = [f"{name:<{width}}  {taken:8.3f} s  {taken / times[to]:6.2f} × {to}" for name, taken in times.items()]
    return "\n".join(["", title, *lines, ""])
