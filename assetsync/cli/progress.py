"""Progress of long work: bars with bytes, rate and time left on a terminal, one line for each asset elsewhere."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from assetsync.cli.output import echo
from assetsync.escape import presentable
from assetsync.render.units import size

# Assets with a bar of their own at one time; a terminal has only so many lines.
BARS_SHOWN = 8
_DOING = {"upload": "uploading", "download": "downloading", "hash": "hashing"}


class Bars:
    """A Reporter for terminals. A context manager; its bars go when it ends, its lines stay."""

    def __init__(self, colour: bool) -> None:
        console = Console(stderr=True, no_color=not colour, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._hashing: set[str] = set()

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, asset: str, verb: str, total: int) -> None:
        with self._lock:
            self._drop(asset)
            if verb == "hash":
                self._hashing.add(asset)
            if len(self._tasks) < BARS_SHOWN:
                self._tasks[asset] = self._progress.add_task(f"{_DOING.get(verb, verb)} {asset}", total=total)

    def advance(self, asset: str, count: int) -> None:
        with self._lock:
            task = self._tasks.get(asset)
        if task is not None:
            self._progress.advance(task, count)

    def end(self, asset: str, outcome: str) -> None:
        with self._lock:
            self._drop(asset)
            if asset in self._hashing:
                self._hashing.remove(asset)
                return
        self._progress.console.print(f"  {asset}: {presentable(outcome)}", markup=False, soft_wrap=True)

    def _drop(self, asset: str) -> None:
        task = self._tasks.pop(asset, None)
        if task is not None:
            self._progress.remove_task(task)


# Seconds. Hashing is told of when it took so long that somebody may have wondered.
HASHING_TOLD = 5.0


@dataclass(slots=True)
class _Running:
    verb: str
    began: float
    count: int = 0


class Lines:
    """A Reporter for logs: one line when an asset is done, with its bytes and seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}

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
        seconds = time.monotonic() - running.began if running else 0.0
        if running and running.verb == "hash" and seconds < HASHING_TOLD:
            return
        cost = f" ({size(running.count)} in {seconds:.1f} s)" if running else ""
        echo(f"  {asset}: {presentable(outcome)}{cost}", err=True)
