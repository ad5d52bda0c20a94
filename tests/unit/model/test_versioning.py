from __future__ import annotations

import importlib.metadata
from datetime import UTC, datetime, timedelta, timezone
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetsync.errors import InvalidError, UsageError
from assetsync.model.versioning import (
    BUILT_IN,
    ENTRY_POINT_GROUP,
    Lines,
    MajorMinor,
    SimpleDate,
    Versioning,
    is_valid,
    load_versioning,
    looks_like_version,
)

NOW = datetime(2026, 1, 31, 9, 0, 0, tzinfo=UTC)
numbers = st.integers(0, 10**9)
versions = st.builds("{}.{}".format, numbers, numbers)
dates = st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(
    lambda now: SimpleDate().initial(now=now)
)


@pytest.mark.parametrize("version", ["0.0", "1.2", "10.3", "0.10", "999999999999999999.0"])
def test_major_minor_accepts(version: str) -> None:
    MajorMinor().check(version)


@pytest.mark.parametrize(
    "version",
    [
        "",
        "1",
        "1.",
        ".1",
        "01.02",
        "1.02",
        "1.2.3",
        "-1.2",
        "+1.2",
        " 1.2",
        "1.2 ",
        "1.2\n",
        "1_0.2",
        "1.x",
        "¹.²",
        "١.٢",
        "v1.2",
        "1,2",
        "1e3.0",
        "2026-01-31T09-00-00Z",
        "9" * 5000 + ".0",
    ],
)
def test_major_minor_refuses(version: str) -> None:
    with pytest.raises(InvalidError, match=r"MAJOR\.MINOR"):
        MajorMinor().check(version)


@pytest.mark.parametrize("line", ["0", "1", "10"])
def test_a_line_is_a_number(line: str) -> None:
    MajorMinor().check_line(line)


@pytest.mark.parametrize("line", ["", "01", "1.0", "x", "-1", "1\n", "9" * 5000])
def test_what_is_no_number_is_no_line(line: str) -> None:
    with pytest.raises(InvalidError):
        MajorMinor().check_line(line)


def test_major_minor_compares_numbers_and_not_texts() -> None:
    assert MajorMinor().sort(["1.9", "1.10", "10.0", "2.0", "1.2"]) == ["10.0", "2.0", "1.10", "1.9", "1.2"]
    assert MajorMinor().sort_lines(["1", "10", "2"]) == ["10", "2", "1"]


@pytest.mark.parametrize(
    ("existing", "following"),
    [
        (["0.0"], "0.1"),
        (["1.9"], "1.10"),
        (["1.2", "1.10", "1.9"], "1.11"),
        (["10.3"], "10.4"),
        (["0.1", "1.1"], "1.2"),
    ],
)
def test_the_next_minor_follows_the_newest(existing: list[str], following: str) -> None:
    assert MajorMinor().next(existing, now=NOW) == following


def test_lines() -> None:
    system = MajorMinor()
    assert isinstance(system, Lines)
    assert system.initial(now=NOW) == "0.0"
    assert [system.line_of(version) for version in ("1.2", "10.3", "0.0")] == ["1", "10", "0"]
    assert system.next_line("9") == "10"
    assert system.first_of_line("2") == "2.0"


@given(st.lists(versions, min_size=1, unique=True))
def test_the_next_minor_is_newer_than_all_and_valid(existing: list[str]) -> None:
    system = MajorMinor()
    following = system.next(existing, now=NOW)
    system.check(following)
    assert system.sort([*existing, following])[0] == following
    assert system.line_of(following) == system.line_of(system.sort(existing)[0])


@given(st.permutations(["0.1", "0.10", "0.9", "1.0", "9.0", "10.0"]))
def test_sorting_needs_no_order_to_begin_with(existing: list[str]) -> None:
    assert MajorMinor().sort(existing) == ["10.0", "9.0", "1.0", "0.10", "0.9", "0.1"]


@pytest.mark.parametrize("version", ["2026-01-31T09-00-00Z", "2024-02-29T23-59-59Z", "0001-01-01T00-00-00Z"])
def test_simple_date_accepts(version: str) -> None:
    SimpleDate().check(version)


@pytest.mark.parametrize(
    "version",
    [
        "9999-99-99T99-99-99Z",
        "2025-02-29T00-00-00Z",
        "2026-01-31T24-00-00Z",
        "2026-01-31T09-60-00Z",
        "0000-01-01T00-00-00Z",
        "2026-01-31T09-00-61Z",
        "2026-1-31T09-00-00Z",
        "2026-01-31T09:00:00Z",
        "2026-01-31T09-00-00",
        "2026-01-31",
        "1.2",
        "",
        "2026-01-31T09-00-00Z\n",
        " 2026-01-31T09-00-00Z",
        "2026-01-31t09-00-00z",
        "２０２６-01-31T09-00-00Z",
    ],
)
def test_simple_date_refuses(version: str) -> None:
    with pytest.raises(InvalidError, match="is not a UTC date"):
        SimpleDate().check(version)


def test_a_date_is_in_utc_wherever_the_clock_is() -> None:
    there = timezone(timedelta(hours=5, minutes=30))
    assert SimpleDate().initial(now=datetime(2026, 1, 31, 14, 30, 0, 999, tzinfo=there)) == "2026-01-31T09-00-00Z"


def test_three_dates_within_one_second_are_three_versions() -> None:
    system = SimpleDate()
    existing = [system.initial(now=NOW)]
    for _ in range(2):
        existing.append(system.next(existing, now=NOW + timedelta(milliseconds=300)))
    assert existing == ["2026-01-31T09-00-00Z", "2026-01-31T09-00-01Z", "2026-01-31T09-00-02Z"]


def test_a_clock_that_lags_names_the_second_after_the_newest() -> None:
    assert SimpleDate().next(["2026-02-01T00-00-00Z", "2025-01-01T00-00-00Z"], now=NOW) == "2026-02-01T00-00-01Z"


def test_nothing_follows_the_last_second_there_is() -> None:
    with pytest.raises(InvalidError, match="no date can follow"):
        SimpleDate().next(["9999-12-31T23-59-59Z"], now=NOW)


@given(st.lists(dates, min_size=1))
def test_the_next_date_is_newer_than_all_and_valid(existing: list[str]) -> None:
    system = SimpleDate()
    if "9999-12-31T23-59-59Z" not in existing:
        following = system.next(existing, now=NOW)
        system.check(following)
        assert system.sort([*existing, following])[0] == following
        assert following not in existing


def test_dates_have_no_lines() -> None:
    assert not isinstance(SimpleDate(), Lines)


@given(st.text(max_size=30))
def test_any_text_is_valid_or_not_and_nothing_else(text: str) -> None:
    for system in (MajorMinor(), SimpleDate()):
        if is_valid(system, text):
            assert system.sort([text]) == [text]
            assert looks_like_version(text)


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_systems_are_found_by_name(name: str) -> None:
    assert isinstance(load_versioning(name), Versioning)


class Letters:
    """A system of a plug-in: a, b, c."""

    def initial(self, *, now: datetime) -> str:
        return "a"

    def check(self, version: str) -> None:
        pass

    def sort(self, versions: list[str]) -> list[str]:
        return sorted(versions, reverse=True)

    def next(self, versions: list[str], *, now: datetime) -> str:
        return chr(ord(max(versions)) + 1)


class HalfDone:
    def initial(self, *, now: datetime) -> str:
        return "a"


class Broken:
    def __init__(self) -> None:
        raise RuntimeError("needs a licence")


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        [
            EntryPoint("letters", f"{__name__}:Letters", ENTRY_POINT_GROUP),
            EntryPoint("half", f"{__name__}:HalfDone", ENTRY_POINT_GROUP),
            EntryPoint("broken", f"{__name__}:Broken", ENTRY_POINT_GROUP),
            EntryPoint("gone", "no.such.module:System", ENTRY_POINT_GROUP),
            EntryPoint("major_minor", f"{__name__}:Letters", ENTRY_POINT_GROUP),
        ]
    )
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: points.select(group=group))


@pytest.mark.usefixtures("plugins")
def test_a_plug_in_is_found_by_name_and_replaces_no_built_in() -> None:
    assert load_versioning("letters").next(["a", "b"], now=NOW) == "c"
    assert isinstance(load_versioning("major_minor"), MajorMinor)


@pytest.mark.usefixtures("plugins")
def test_an_unknown_system_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="unknown versioning system `semver`") as caught:
        load_versioning("semver")
    assert caught.value.hint is not None
    assert "`broken`, `gone`, `half`, `letters`, `major_minor`, `simple_date`" in caught.value.hint


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone", "ModuleNotFoundError"),
        ("broken", "RuntimeError: needs a licence"),
        ("half", "lacks `check`, `sort`, `next`"),
    ],
)
def test_a_plug_in_that_does_not_work_is_a_usage_error_that_names_it(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"plug-in `{name}`.*{said}"):
        load_versioning(name)
