"""A versioning plug-in that breaks its interface: the error names the plug-in, the method and what it did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from assetsync.errors import AssetsyncError, InvalidError, UsageError
from assetsync.model.history import History
from assetsync.model.plugin import guarded
from assetsync.model.versioning import Lines, MajorMinor, SimpleDate, Versioning, is_valid

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def system(**methods: Callable[..., object]) -> Versioning:
    """MajorMinor as a plug-in, with other methods."""
    return guarded("ours", "pkg:System", type("System", (MajorMinor,), methods)())


def test_a_sound_system_behaves_as_without_a_guard() -> None:
    plugin = system()
    assert isinstance(plugin, Lines)
    assert plugin.initial(now=NOW) == "0.0"
    assert plugin.next(["0.0", "0.1"], now=NOW) == "0.2"
    assert History.of(["1.0", "0.2", "0.10", "x"], plugin).versions == ("1.0", "0.10", "0.2")
    assert (plugin.line_of("1.2"), plugin.next_line("1"), plugin.first_of_line("2")) == ("1", "2", "2.0")
    assert plugin.sort_lines({"2", "10"}) == ["10", "2"]
    assert not is_valid(plugin, "01.2")
    with pytest.raises(InvalidError):
        plugin.check_line("x")


def test_a_system_without_lines_has_none_behind_the_guard() -> None:
    assert not isinstance(guarded("dates", "pkg:Dates", SimpleDate()), Lines)


def fail(*_: object, **__: object) -> object:
    raise ZeroDivisionError("of foreign code")


FAULTS: list[tuple[str, Callable[..., object], Callable[[Versioning], object], str]] = [
    ("check", fail, lambda s: is_valid(s, "0.0"), "its `check` failed with ZeroDivisionError: of foreign code"),
    (
        "check",
        lambda self, v: False,
        lambda s: is_valid(s, "x"),
        "its `check` returned `False`; it must return nothing",
    ),
    ("sort", fail, lambda s: s.sort(["0.0"]), "its `sort` failed with ZeroDivisionError"),
    (
        "sort",
        lambda self, v: None,
        lambda s: s.sort(["0.0"]),
        "its `sort` returned `None`, which is no list of strings",
    ),
    ("sort", lambda self, v: [(0, 0)], lambda s: s.sort(["0.0"]), "which is no list of strings"),
    ("sort", lambda self, v: [], lambda s: s.sort(["0.0"]), "returned `[]` for `['0.0']`: not the same ones"),
    ("next", fail, lambda s: s.next(["0.0"], now=NOW), "its `next` failed with ZeroDivisionError"),
    (
        "next",
        lambda self, v, now: 1.1,
        lambda s: s.next(["0.0"], now=NOW),
        "its `next` returned `1.1`, which is no string",
    ),
    ("initial", lambda self, now: None, lambda s: s.initial(now=NOW), "its `initial` returned `None`"),
]


@pytest.mark.parametrize(("method", "does", "call", "said"), FAULTS, ids=[f"{one[0]}-{one[3][:40]}" for one in FAULTS])
def test_a_fault_is_told_with_the_name_of_the_plug_in(
    method: str, does: Callable[..., object], call: Callable[[Versioning], object], said: str
) -> None:
    with pytest.raises(AssetsyncError) as caught:
        call(system(**{method: does}))
    assert caught.value.message.startswith("the versioning plug-in `ours` (pkg:System) is faulty: ")
    assert said in caught.value.message
    assert not isinstance(caught.value, InvalidError)  # which would mean that a version is not valid
    assert "docs/versioning.md" in str(caught.value.hint)


def test_next_may_refuse() -> None:
    def none_follows(*_: object, **__: object) -> str:
        raise InvalidError("no version can follow")

    with pytest.raises(InvalidError, match="no version can follow"):
        system(next=none_follows).next(["0.0"], now=NOW)


def test_some_methods_of_lines_are_not_enough() -> None:
    class Half(SimpleDate):
        def line_of(self, version: str) -> str:
            return version

    with pytest.raises(
        UsageError, match=r"`half` \(pkg:Half\) lacks `check_line`, `sort_lines`, `next_line`, `first_of"
    ):
        guarded("half", "pkg:Half", Half())
