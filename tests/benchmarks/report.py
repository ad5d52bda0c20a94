"""What was measured, as the part of docs/performance.md between its marks, and as a plot."""

from __future__ import annotations

import math
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from tests.benchmarks.measure import US, Measured

DOCS = Path(__file__).parents[2] / "docs"
FLOOR = "floor: "
MIB = 1024 * 1024

_MARKED = re.compile(r"(<!-- measured -->\n).*(<!-- end of measured -->\n)", re.DOTALL)
_COLOURS = {US: "#d62728", "rclone": "#1f77b4", "s5cmd": "#2ca02c", "aws": "#ff7f0e", "dvc": "#9467bd"}
_OTHERS = "#8c8c8c"


@dataclass(frozen=True, slots=True)
class Row:
    """One work, done by several. Names that begin with `FLOOR` are of programs that do less than the work; those that
    begin with `US` are of our own under other conditions.
    """

    work: str
    store: str
    results: Mapping[str, Measured]
    missing: Sequence[str] = ()

    @property
    def peers(self) -> dict[str, Measured]:
        return {name: taken for name, taken in self.results.items() if not name.startswith((US, FLOOR))}

    @property
    def floors(self) -> dict[str, Measured]:
        return {name: taken for name, taken in self.results.items() if name.startswith(FLOOR)}

    @property
    def title(self) -> str:
        return f"{self.work}, {self.store}" if self.store else self.work


def fastest(results: Mapping[str, Measured]) -> tuple[str, float] | None:
    """Who took the least wall time, and how many seconds; None of nobody."""
    if not results:
        return None
    name = min(results, key=lambda name: results[name].seconds)
    return name, results[name].seconds


def seconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _against(us: float, other: tuple[str, float] | None) -> tuple[str, str]:
    if other is None:
        return "", ""
    name, taken = other
    return f"{name.removeprefix(FLOOR)} {seconds(taken)}", f"{us / taken:.2f}"


def summary(rows: Sequence[Row]) -> str:
    """A line for each row: us, the best peer and the floor, with ratios."""
    lines = [
        _line("work", "assetsync, s", "best peer, s", "us ÷ peer", "floor, s", "us ÷ floor"),
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        us = row.results[US].seconds
        peer, floor = _against(us, fastest(row.peers)), _against(us, fastest(row.floors))
        lines.append(_line(row.title, seconds(us), *peer, *floor))
    return "\n".join(lines)


def details(row: Row) -> str:
    """All that is known of a row."""
    lines = [
        f"#### {row.title}",
        "",
        _line("program", "median, s", "CPU, s", "peak memory, MiB", "requests", "runs"),
        "|---|---|---|---|---|---|",
    ]
    for name, taken in sorted(row.results.items(), key=lambda item: item[1].seconds):
        requests = "" if taken.requests is None else f"{taken.requests:,}"
        memory = f"{taken.memory / MIB:.0f}"
        lines.append(_line(name, seconds(taken.seconds), seconds(taken.cpu), memory, requests, len(taken.samples)))
    return "\n".join([*lines, *(f"\nLeft out: {reason}." for reason in row.missing)])


def machine() -> str:
    """Where it was measured, and how busy it was."""
    busy = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({_processor()}), {platform.system()} "
        f"{platform.release().partition('-')[0]}, Python {sys.version.split()[0]}; load at the end {busy:.1f}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = re.findall(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    except FileNotFoundError:
        names = []
    return names[0] if names else platform.machine()


def text(rows: Sequence[Row], versions: Mapping[str, str]) -> str:
    """The measured part of the page."""
    known = ", ".join(f"{name} {version}" for name, version in versions.items())
    return "\n\n".join(
        [
            f"Measured on {machine()}. {known}.",
            "![Time of each program relative to the fastest peer](performance.svg)",
            summary(rows),
            "### Each row",
            *map(details, rows),
        ]
    )


def write(rows: Sequence[Row], versions: Mapping[str, str], docs: Path = DOCS) -> None:
    """Put the figures into docs/performance.md, and the plot beside it."""
    page = docs / "performance.md"
    measured = text(rows, versions)
    page.write_text(_MARKED.sub(lambda found: f"{found[1]}\n{measured}\n\n{found[2]}", page.read_text()))
    (docs / "performance.svg").write_text(plot(rows))


def plot(rows: Sequence[Row]) -> str:
    """A dot for each program in each row: its time relative to that of the fastest peer, on a logarithmic axis."""
    shown = [row for row in rows if row.peers or row.floors]
    left, width, step, top = 430, 560, 22, 40
    low, high = math.log2(0.125), math.log2(16)
    height = top + step * len(shown) + 50

    def place(ratio: float) -> float:
        clipped = min(max(math.log2(ratio), low), high)
        return left + width * (clipped - low) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 40}" height="{height}">',
        "<style>text { font: 12px sans-serif }</style>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for power in range(-3, 5):
        x = place(2.0**power)
        colour = "#444" if power == 0 else "#ddd"
        parts.append(f'<line x1="{x:.1f}" y1="{top - 8}" x2="{x:.1f}" y2="{height - 46}" stroke="{colour}"/>')
        parts.append(f'<text x="{x:.1f}" y="{top - 14}" text-anchor="middle">{2.0**power:g} ×</text>')
    for number, row in enumerate(shown):
        y = top + step * number + 10
        best = fastest(row.peers or row.floors)
        assert best is not None
        parts.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{escape(row.title)}</text>')
        for name, taken in row.results.items():
            ratio = taken.seconds / best[1]
            parts.append(
                f'<circle cx="{place(ratio):.1f}" cy="{y}" r="{6 if name == US else 4}" fill="{_colour(name)}">'
                f"<title>{escape(name)}: {seconds(taken.seconds)} s, {ratio:.2f} ×</title></circle>"
            )
    names = [*_COLOURS, "others, floors"]
    for number, name in enumerate(names):
        x = left + number * 90
        parts.append(f'<circle cx="{x}" cy="{height - 20}" r="5" fill="{_colour(name)}"/>')
        parts.append(f'<text x="{x + 9}" y="{height - 16}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _colour(name: str) -> str:
    return _COLOURS.get(name, _OTHERS)
