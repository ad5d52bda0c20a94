"""Numbers with their units, as people read them."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(count: int) -> str:
    """A number of bytes in decimal units: `0 B`, `48.2 kB`, `1.3 GB`."""
    if count < 1000:
        return f"{count} B"
    value, power = count / 1000, 1
    while value >= 999.95 and power < len(_UNITS) - 1:  # what would be rounded to 1000.0
        value, power = value / 1000, power + 1
    return f"{value:.1f} {_UNITS[power]}"


def duration(seconds: float) -> str:
    """A time that something took: `0.3 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def money(amount: float) -> str:
    """A price, in the currency that assets.yaml thinks in: `1.20`, `0.0042`, `under 0.0001`."""
    if 0 < amount < 0.0001:
        return "under 0.0001"
    return f"{amount:,.2f}" if amount >= 0.1 else f"{amount:.2g}"


def plural(count: int, noun: str) -> str:
    """`1 file`, `2 files`, `1,204 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
