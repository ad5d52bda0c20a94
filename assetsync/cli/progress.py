"""Progress of long work: bars with bytes, rate and time left on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from assetsync.cli.fitting import fitted
from assetsync.cli.output import echo
from assetsync.cli.results import Results
from assetsync.render.units import duration, size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID  # 30 ms that a command with nothing to show need not spend

# Assets with a bar of their own at one time; a terminal has only so many lines.
BARS_SHOWN = 8
# Cells. Together with bytes, rate and time left, a bar fits into a terminal of 80.
NAME_WIDTH = 28
BAR_WIDTH = 12
_DOING = {"upload": "uploading", "download": "downloading", "hash": "hashing"}


class Bars:
    """A Reporter for terminals. A context manager; its bars go when it ends, its lines stay.

    `results` says which lines; `total` is the bytes of all assets together, None where nobody knows them beforehand.
    Nothing is drawn, nor is rich imported, before there is something to tell.
    """

    def __init__(self, colour: bool, results: Results, total: int | None = None) -> None:
        self._colour = colour
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._hashing: set[str] = set()
        self._results = results
        self._bytes = total
        self._total: TaskID | None = None
        self._ending = ExitStack()

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *_: object) -> None:
        with self._ending:
            self._print(self._results.rest())

    @cached_property
    def _progress(self) -> Progress:
        """The bars, from the first that is asked for on. To be asked for under the lock."""
        from rich import progress
        from rich.console import Console
        from rich.table import Column

        shown = progress.Progress(
            progress.TextColumn(
                "{task.description}", markup=False, table_column=Column(no_wrap=True, max_width=NAME_WIDTH)
            ),
            progress.BarColumn(bar_width=BAR_WIDTH),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True, no_color=not self._colour, highlight=False),
            transient=True,
        )
        if self._bytes is not None:
            self._total = shown.add_task(self._results.count, total=self._bytes)
        shown.start()
        self._ending.callback(shown.stop)
        return shown

    def begin(self, asset: str, verb: str, total: int) -> None:
        with self._lock:
            self._drop(asset)
            if verb == "hash":
                self._hashing.add(asset)
            if len(self._tasks) < BARS_SHOWN:
                self._tasks[asset] = self._progress.add_task(_short(asset, verb), total=total)

    def advance(self, asset: str, count: int) -> None:
        with self._lock:
            progress, tasks = self._progress, (self._tasks.get(asset), self._total)
        for task in tasks:
            if task is not None:
                progress.advance(task, count)

    def end(self, asset: str, outcome: str) -> None:
        with self._lock:
            self._drop(asset)
            if asset in self._hashing:
                self._hashing.remove(asset)
                return
            lines = self._results.add(asset, outcome)
            if self._total is not None:
                self._progress.update(self._total, description=self._results.count)
            self._print(lines)

    def _print(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._progress.console.print(fitted(line, sys.stderr), markup=False, soft_wrap=True)

    def _drop(self, asset: str) -> None:
        task = self._tasks.pop(asset, None)
        if task is not None:
            self._progress.remove_task(task)


def _short(asset: str, verb: str) -> str:
    """`uploading nlp/tokenizer`, with the middle of a long name left out: its end tells more."""
    doing = _DOING.get(verb, verb)
    room = NAME_WIDTH - len(doing) - 1
    return f"{doing} {asset}" if len(asset) <= room else f"{doing} {asset[:4]}…{asset[len(asset) - room + 5 :]}"


# Seconds. Hashing is told of when it took so long that somebody may have wondered.
HASHING_TOLD = 5.0
# Seconds between two lines that say how far it is, where assets have no line each.
COUNT_TOLD = 10.0


class _Running(Struct):
    verb: str
    began: float
    count: int = 0


class Lines:
    """A Reporter for logs: one line when an asset is done, with its bytes and seconds, as `results` wants it.

    A context manager; lines that waited for others come when it ends.
    """

    def __init__(self, results: Results) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._results = results
        self._told = time.monotonic()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        _echo(self._results.rest())

    def begin(self, asset: str, verb: str, total: int) -> None:
        with self._lock:
            self._running[asset] = _Running(verb, time.monotonic())

    def advance(self, asset: str, count: int) -> None:
        with self._lock:
            if asset in self._running:
                self._running[asset].count += count

    def end(self, asset: str, outcome: str) -> None:
        with self._lock:
            running = self._running.pop(asset, None)
            now = time.monotonic()
            seconds = now - running.began if running else 0.0
            if running and running.verb == "hash" and seconds < HASHING_TOLD:
                return
            cost = f" ({size(running.count)} in {duration(seconds)})" if running else ""
            _echo(self._results.add(asset, outcome, cost))
            if self._results.are_condensed and now - self._told >= COUNT_TOLD:
                self._told = now
                _echo([f"  {self._results.count}"])


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        echo(line, err=True)
