"""Listings that do not end."""

from __future__ import annotations

import itertools

import pytest

from assetsync.backends import limits
from assetsync.backends.limits import FEW, MAX_KEY, MAX_POOR_PAGES, Pages
from assetsync.errors import StoreError

TOKENS = itertools.count()


def _add(pages: Pages, entries: int, times: int) -> None:
    for _ in range(times):
        pages.add(["name"] * entries, str(next(TOKENS)))


def test_a_large_listing_ends() -> None:
    pages = Pages("s3://bucket", "name")
    Pages("s3://bucket", "a" * MAX_KEY)
    for _ in range(5000):
        _add(pages, 1000, times=1)
        _add(pages, 0, times=1)
    pages.add([], "")


def test_pages_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ENTRIES", 5000)
    pages = Pages("s3://bucket", "")
    with pytest.raises(StoreError, match="more than 5,000 entries") as caught:
        _add(pages, 1000, times=6)
    assert "endpoint" in (caught.value.hint or "")


@pytest.mark.parametrize("entries", [0, 1, FEW - 1])
def test_poor_pages_without_end_are_given_up(entries: int) -> None:
    pages = Pages("s3://bucket", "")
    with pytest.raises(StoreError, match="does not come to an end"):
        _add(pages, entries, times=20 * MAX_POOR_PAGES)


def test_a_token_that_comes_again_is_given_up() -> None:
    pages = Pages("s3://bucket", "")
    for token in ("a", "b"):
        pages.add(["name"] * 1000, token)
    with pytest.raises(StoreError, match="does not come to an end"):
        pages.add(["name"] * 1000, "a")


def test_a_listing_ends_within_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages("s3://bucket", "")
    _add(pages, 1000, times=1)
    monkeypatch.setattr(limits, "MAX_LISTING", -1.0)
    with pytest.raises(StoreError, match="does not come to an end"):
        _add(pages, 1000, times=1)


def test_a_name_that_is_longer_than_any_is_refused() -> None:
    with pytest.raises(StoreError, match="more than 1024 characters"):
        Pages("s3://bucket", "").add(["x" * 1025], "")


def test_folders_in_folders_without_end_are_given_up() -> None:
    with pytest.raises(StoreError, match="1024 bytes"):
        Pages("s3://bucket", "é/" * 400)


@pytest.mark.parametrize("key", ["b/1.0.meta", "a", "", "../a/x"])
def test_keys_that_were_not_asked_for_are_refused(key: str) -> None:
    with pytest.raises(StoreError, match="not asked for"):
        Pages("s3://bucket", "a/").add(["a/1.0", key], "")
