"""Listings that do not end."""

from __future__ import annotations

import pytest

from assetsync.backends import limits
from assetsync.backends.limits import MAX_EMPTY_PAGES, MAX_KEY, Pages
from assetsync.errors import StoreError


def _add(pages: Pages, entries: int, times: int) -> None:
    for _ in range(times):
        pages.add(entries)


def test_a_large_listing_ends() -> None:
    pages = Pages("s3://bucket", "a" * MAX_KEY)
    for _ in range(5000):
        pages.add(1000)
        pages.add(0)


def test_pages_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ENTRIES", 5000)
    pages = Pages("s3://bucket", "")
    with pytest.raises(StoreError, match="more than 5,000 entries") as caught:
        _add(pages, 1000, times=6)
    assert "endpoint" in (caught.value.hint or "")


def test_empty_pages_without_end_are_given_up() -> None:
    pages = Pages("s3://bucket", "")
    with pytest.raises(StoreError, match="does not come to an end"):
        _add(pages, 0, times=MAX_EMPTY_PAGES + 1)


def test_folders_in_folders_without_end_are_given_up() -> None:
    with pytest.raises(StoreError, match="1024 bytes"):
        Pages("s3://bucket", "é/" * 400)
