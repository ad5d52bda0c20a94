"""Versioning systems: how versions look, sort and follow each other.

A system is a small class with `initial`, `check`, `sort` and `next`. One whose versions fall into lines (all versions
of one major) also has the methods of `Lines`. Systems know no clock: the time comes in as an argument. Others are
registered by the entry point group ``assetsync.versioning``; see docs/versioning.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Protocol, TypeGuard, runtime_checkable

from assetsync.errors import InvalidError, UsageError
from assetsync.escape import printable

ENTRY_POINT_GROUP = "assetsync.versioning"


@runtime_checkable
class Versioning(Protocol):
    """The methods of every versioning system. Versions are strings; `sort` puts the newest first."""

    def initial(self, *, now: datetime) -> str:
        """The first version of a new asset. `now` is in UTC."""

    def check(self, version: str) -> None:
        """InvalidError, with the rule in its message, unless `version` is complete and canonical."""

    def sort(self, versions: Iterable[str]) -> list[str]:
        """Valid versions, newest first."""

    def next(self, versions: Sequence[str], *, now: datetime) -> str:
        """The version that follows the newest of `versions`, which are valid and of one line, and never empty.

        InvalidError when none can follow.
        """


@runtime_checkable
class Lines(Protocol):
    """The further methods of a system whose versions fall into lines."""

    def line_of(self, version: str) -> str:
        """The line of a valid version: `1` for `1.2`."""

    def check_line(self, line: str) -> None:
        """InvalidError unless `line` is a canonical line."""

    def sort_lines(self, lines: Iterable[str]) -> list[str]:
        """Valid lines, newest first."""

    def next_line(self, line: str) -> str:
        """The line that a major bump opens after `line`."""

    def first_of_line(self, line: str) -> str:
        """The first version of a line: `2.0` for `2`."""


def has_lines(versioning: Versioning) -> TypeGuard[Lines]:
    """Whether the versions of a system fall into lines."""
    return _has_lines(type(versioning))


@cache  # to look at all methods takes a while, and this is asked for each asset
def _has_lines(kind: type) -> bool:
    return issubclass(kind, Lines)


# The bound keeps a hostile version from costing more than its bytes: int() is quadratic, and refuses long texts.
_NUMBER = r"(0|[1-9][0-9]{0,17})"
_MAJOR_MINOR = re.compile(rf"{_NUMBER}\.{_NUMBER}")
_MAJOR = re.compile(_NUMBER)


class MajorMinor:
    """`MAJOR.MINOR`, both decimal integers without leading zeros, compared as integers."""

    def initial(self, *, now: datetime) -> str:
        return "0.0"

    def check(self, version: str) -> None:
        if not _MAJOR_MINOR.fullmatch(version):
            raise InvalidError(f"`{version}` is not a version of the form MAJOR.MINOR, such as `1.2`")

    def sort(self, versions: Iterable[str]) -> list[str]:
        return sorted(versions, key=_numbers, reverse=True)

    def next(self, versions: Sequence[str], *, now: datetime) -> str:
        major, minor = max(_numbers(version) for version in versions)
        return f"{major}.{minor + 1}"

    def line_of(self, version: str) -> str:
        return version.partition(".")[0]

    def check_line(self, line: str) -> None:
        if not _MAJOR.fullmatch(line):
            raise InvalidError(f"`{line}` is not a major version, such as `1`")

    def sort_lines(self, lines: Iterable[str]) -> list[str]:
        return sorted(lines, key=int, reverse=True)

    def next_line(self, line: str) -> str:
        return str(int(line) + 1)

    def first_of_line(self, line: str) -> str:
        return f"{line}.0"


def _numbers(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


_DATE_FORMAT = "%Y-%m-%dT%H-%M-%SZ"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z"


class SimpleDate:
    """The UTC date and time of the publication, to the second: `2026-01-31T09-00-00Z`."""

    def initial(self, *, now: datetime) -> str:
        return now.astimezone(UTC).strftime(_DATE_FORMAT)

    def check(self, version: str) -> None:
        try:
            if re.fullmatch(_DATE, version):
                datetime.strptime(version, _DATE_FORMAT).replace(tzinfo=UTC)
                return
        except ValueError:
            pass
        raise InvalidError(f"`{version}` is not a UTC date of the form YYYY-MM-DDThh-mm-ssZ")

    def sort(self, versions: Iterable[str]) -> list[str]:
        return sorted(versions, reverse=True)

    def next(self, versions: Sequence[str], *, now: datetime) -> str:
        """Now, or the second after the newest version where a clock lags or two publications share a second."""
        newest = datetime.strptime(max(versions), _DATE_FORMAT).replace(tzinfo=UTC)
        try:
            following = newest + timedelta(seconds=1)
        except OverflowError:
            raise InvalidError(f"no date can follow `{max(versions)}`") from None
        return self.initial(now=max(now, following))


BUILT_IN: dict[str, type[MajorMinor] | type[SimpleDate]] = {"major_minor": MajorMinor, "simple_date": SimpleDate}
DEFAULT = "major_minor"


def load_versioning(name: str) -> Versioning:
    """The versioning system called `name`: a built-in one or a plug-in. UsageError, naming what there is, otherwise.

    A plug-in that can't be loaded, or lacks a method, is a UsageError too. One that fails later, or answers what it
    must not, raises AssetsyncError with its name.
    """
    built_in = BUILT_IN.get(name)
    if built_in is not None:
        return built_in()
    from importlib.metadata import entry_points

    plugins = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in plugins:
        known = ", ".join(f"`{known}`" for known in sorted({*BUILT_IN, *plugins}))
        raise UsageError(
            f"unknown versioning system `{name}`",
            hint=f"use one of {known}, or install the package that offers it",
        )
    try:
        system = plugins[name].load()()
    except Exception as error:  # whatever foreign code raises
        why = f"{type(error).__name__}: {printable(str(error))}"
        raise UsageError(
            f"the versioning plug-in `{name}` ({plugins[name].value}) can't be loaded: {why}",
            hint="install the package that offers it again, or ask its author",
        ) from error
    from assetsync.model.plugin import guarded

    return guarded(name, plugins[name].value, system)


def is_valid(system: Versioning, version: str) -> bool:
    """Whether `version` is a complete version of `system`. An alias, such as `@production`, never is."""
    if version.startswith("@"):
        return False
    try:
        system.check(version)
    except InvalidError:
        return False
    return True


def looks_like_version(text: str) -> bool:
    """Whether `text` is a version of a built-in system: a name must hold no such segment."""
    # All of them begin with a digit, and most segments do not.
    return text[:1].isdigit() and any(is_valid(system(), text) for system in BUILT_IN.values())
