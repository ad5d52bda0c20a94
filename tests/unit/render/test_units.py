from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetsync.render.units import money, plural, size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (48_213, "48.2 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_300_000_000, "1.3 GB"),
        (10**15, "1.0 PB"),
        (2**63 - 1, "9223.4 PB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


@given(st.integers(0, 2**63 - 1))
def test_a_size_has_few_digits_and_one_unit(count: int) -> None:
    number, unit = size(count).split(" ")
    assert unit in ("B", "kB", "MB", "GB", "TB", "PB")
    assert float(number) < 1000 or unit == "PB"


@pytest.mark.parametrize(("count", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1204, "1,204 files")])
def test_plurals(count: int, text: str) -> None:
    assert plural(count, "file") == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (1.2e-10, "under 0.0001"), (0.0042, "0.0042"), (1.2, "1.20"), (12_345.6, "12,345.60")],
)
def test_prices(amount: float, text: str) -> None:
    assert money(amount) == text
