"""The options of commands that talk to a store: how many requests at once, and how many bytes in a second."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from assetsync.escape import printable
from assetsync.traffic import Traffic

# Each request that is under way has a thread.
MAX_JOBS = 1000

_RATE = r"(?P<number>[0-9]{1,12}(?:\.[0-9]{1,6})?) ?(?P<unit>[kKMGT]?)(?P<binary>i?)B?"
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def _rate(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Bytes per second: `20M`, `1.5 MB`, `500KiB`. BadParameter."""
    if value is None:
        return None
    match = re.fullmatch(_RATE, value)
    if match is None or (match["binary"] and not match["unit"]):
        raise click.BadParameter(f"`{printable(value)}` is no rate; write it like `20M` or `500K`")
    thousand = 1024.0 if match["binary"] else 1000.0
    rate: float = float(match["number"]) * thousand ** _POWERS[match["unit"]]
    if rate < 1:
        raise click.BadParameter("the rate is at least one byte per second")
    return rate


def traffic_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--jobs` and `--limit-rate`, handed to the function as `traffic`."""

    @click.option(
        "--jobs",
        type=click.IntRange(1, MAX_JOBS),
        metavar="N",
        help="At most N requests to the store at once; by default as many as serve best.",
    )
    @click.option(
        "--limit-rate",
        callback=_rate,
        metavar="RATE",
        help="Send and get at most RATE bytes of files per second together, such as 20M or 500K.",
    )
    @wraps(function)
    def collected(*args: Any, jobs: int | None, limit_rate: float | None, **kwargs: Any) -> Any:
        return function(*args, traffic=Traffic(jobs, limit_rate), **kwargs)

    return collected
