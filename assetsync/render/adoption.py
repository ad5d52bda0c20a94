"""The assets of a store that were found here, as text: a line for each asset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from assetsync.escape import printable
from assetsync.render.units import plural


class Found(NamedTuple):
    """One asset: its newest version and how many there are; what is here, see `assetsync.project.matching.Match`.

    `line` is the version line that its entry declares; `readonly`: it is entered to be consumed alone.
    """

    name: str
    newest: str
    versions: int
    version: str | None
    path: str | None
    line: str | None
    readonly: bool


def adoption_text(found: Sequence[Found], present: Sequence[str]) -> str:
    """All of it. A line begins with `+` for what is entered, `~` for what differs, `-` for what is not here."""
    width = max((len(one.name) for one in found), default=0)
    lines = [f"{_sign(one)} {printable(one.name).ljust(width)}  {_told(one)}" for one in found]
    if present:
        lines.append(f"{plural(len(present), 'asset')} in assets.yaml already: left as they are there")
    if not found and present:
        return "\n".join(lines) + "\n"
    here = sum(one.version is not None for one in found)
    lines.append(f"{plural(len(found), 'asset')}: {here} found here, {len(found) - here} not")
    return "\n".join(lines) + "\n"


def _sign(one: Found) -> str:
    if one.version is not None or one.readonly:
        return "+"
    return "-" if one.path is None else "~"


def _told(one: Found) -> str:
    if one.version is not None:
        what = f"{printable(one.path or '')} is {one.version}"
        if one.version == one.newest:
            return f"{what}, the newest"
        declared = f'; its line is declared: `version: "{one.line}"`' if one.line else ""
        return f"{what}; {one.newest} is newer{declared}"
    if one.path is not None:
        differs = f"{printable(one.path)} differs from each of its {plural(one.versions, 'version')}"
        return f"{differs}; `assetsync add {printable(one.path)} {one.name}` would publish it as the next"
    return f"not here; its newest is {one.newest}" + (", entered as readonly" if one.readonly else "")
