"""Versions `MAJOR.MINOR.PATCH`: the next one is the next patch of a line, and a line is `MAJOR.MINOR`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from assetsync.errors import InvalidError

_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}")
_LINE = re.compile(rf"{_NUMBER}\.{_NUMBER}")


class SemVer:
    """What every system has: `initial`, `check`, `sort`, `next`."""

    def initial(self, *, now: datetime) -> str:
        return "0.1.0"

    def check(self, version: str) -> None:
        if not _VERSION.fullmatch(version):
            raise InvalidError(f"`{version}` is not a version of the form MAJOR.MINOR.PATCH, such as `1.2.3`")

    def sort(self, versions: Iterable[str]) -> list[str]:
        return sorted(versions, key=_numbers, reverse=True)

    def next(self, versions: Sequence[str], *, now: datetime) -> str:
        major, minor, patch = max(map(_numbers, versions))
        return f"{major}.{minor}.{patch + 1}"

    # From here on: what makes lines, so that `version: "1.2"` and `--bump-major` work.

    def line_of(self, version: str) -> str:
        return version.rpartition(".")[0]

    def check_line(self, line: str) -> None:
        if not _LINE.fullmatch(line):
            raise InvalidError(f"`{line}` is not a line of the form MAJOR.MINOR, such as `1.2`")

    def sort_lines(self, lines: Iterable[str]) -> list[str]:
        return sorted(lines, key=_numbers, reverse=True)

    def next_line(self, line: str) -> str:
        return f"{int(line.partition('.')[0]) + 1}.0"

    def first_of_line(self, line: str) -> str:
        return f"{line}.0"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))
