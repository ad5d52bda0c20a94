"""A versioning system of somebody else, held to its interface: what it does wrong is told with its name.

Without that, an error in foreign code would look like a defect of assetsync, and a `sort` that loses a version would
lose it from the index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NoReturn

from assetsync.errors import AssetsyncError, InvalidError, UsageError
from assetsync.escape import printable
from assetsync.model.versioning import Lines, Versioning

_INTERFACE = "https://github.com/your-org/assetsync/blob/main/docs/versioning.md"


def guarded(name: str, origin: str, system: object) -> Versioning:
    """`system`, the plug-in called `name` that `origin` offers, with its calls and answers checked.

    UsageError when it lacks a method. Of the methods of `Lines` it must have all or none.
    """
    _check_methods(name, origin, system, Versioning, needed=True)
    _check_methods(name, origin, system, Lines, needed=any(hasattr(system, method) for method in _methods(Lines)))
    return (_GuardedLines if isinstance(system, Lines) else _Guarded)(name, origin, system)


def _methods(protocol: type) -> list[str]:
    return [method for method in vars(protocol) if not method.startswith("_")]


def _check_methods(name: str, origin: str, system: object, protocol: type, *, needed: bool) -> None:
    lacking = [method for method in _methods(protocol) if not callable(getattr(system, method, None))]
    if needed and lacking:
        raise UsageError(
            f"the versioning plug-in `{name}` ({origin}) lacks " + ", ".join(f"`{method}`" for method in lacking),
            hint=f"its author finds the interface in {_INTERFACE}",
        )


class _Guarded:
    """A system without lines. Each method raises AssetsyncError for a fault of the plug-in."""

    def __init__(self, name: str, origin: str, system: Any) -> None:
        self._name = name
        self._origin = origin
        self._system = system

    def initial(self, *, now: datetime) -> str:
        return self._text("initial", lambda: self._system.initial(now=now))

    def check(self, version: str) -> None:
        self._verdict("check", lambda: self._system.check(version))

    def sort(self, versions: Iterable[str]) -> list[str]:
        return self._sorted("sort", list(versions), self._system.sort)

    def next(self, versions: Sequence[str], *, now: datetime) -> str:
        return self._text("next", lambda: self._system.next(versions, now=now), may_refuse=True)

    def _text(self, method: str, call: Callable[[], object], *, may_refuse: bool = False) -> str:
        answer = self._answer(method, call, may_refuse=may_refuse)
        if not isinstance(answer, str):
            self._fault(f"its `{method}` returned {_shown(answer)}, which is no string")
        return answer

    def _verdict(self, method: str, call: Callable[[], object]) -> None:
        answer = self._answer(method, call, may_refuse=True)
        if answer is not None:  # True or False, most likely: then everything would be valid
            self._fault(f"its `{method}` returned {_shown(answer)}; it must return nothing, or raise InvalidError")

    def _sorted(self, method: str, given: list[str], sort: Callable[[list[str]], object]) -> list[str]:
        answer = self._answer(method, lambda: sort([*given]))
        if not isinstance(answer, list) or not all(isinstance(one, str) for one in answer):
            self._fault(f"its `{method}` returned {_shown(answer)}, which is no list of strings")
        if sorted(answer) != sorted(given):
            self._fault(f"its `{method}` returned {_shown(answer)} for {_shown(given)}: not the same ones")
        return answer

    def _answer(self, method: str, call: Callable[[], object], *, may_refuse: bool = False) -> object:
        try:
            return call()
        except Exception as error:  # whatever foreign code raises
            if may_refuse and isinstance(error, InvalidError):
                raise
            self._fault(f"its `{method}` failed with {type(error).__name__}: {printable(str(error))}", error)

    def _fault(self, what: str, cause: Exception | None = None) -> NoReturn:
        raise AssetsyncError(
            f"the versioning plug-in `{self._name}` ({self._origin}) is faulty: {what}",
            hint=f"ask its author, who finds the interface in {_INTERFACE}",
        ) from cause


class _GuardedLines(_Guarded):
    """A system whose versions fall into lines."""

    def line_of(self, version: str) -> str:
        return self._text("line_of", lambda: self._system.line_of(version))

    def check_line(self, line: str) -> None:
        self._verdict("check_line", lambda: self._system.check_line(line))

    def sort_lines(self, lines: Iterable[str]) -> list[str]:
        return self._sorted("sort_lines", list(lines), self._system.sort_lines)

    def next_line(self, line: str) -> str:
        return self._text("next_line", lambda: self._system.next_line(line))

    def first_of_line(self, line: str) -> str:
        return self._text("first_of_line", lambda: self._system.first_of_line(line))


def _shown(answer: object) -> str:
    text = printable(repr(answer))
    return f"`{text}`" if len(text) <= 80 else f"`{text[:79]}…`"
