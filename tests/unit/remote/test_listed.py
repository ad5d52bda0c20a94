"""Tags of many objects, out of a few pages."""

from __future__ import annotations

import pytest

from assetsync.backends.memory.store import MemoryBackend
from assetsync.remote.listed import MANY, tags
from tests.unit.remote.paging import PAGE, PagingBackend

KEYS = [(f"nlp/a{number:04}", f"nlp/a{number:04}.versions") for number in range(1500)]


@pytest.fixture
def paging() -> PagingBackend:
    backend = PagingBackend()
    for name, key in KEYS:
        backend.create(key, name.encode())
    return backend


def test_they_are_those_that_reading_tells(paging: PagingBackend) -> None:
    found = tags(paging, KEYS)
    assert found == {key: MemoryBackend.read(paging, key).tag for _, key in KEYS}
    assert paging.asked == {"page": 2}


def test_of_what_is_not_there_nothing_is_told(paging: PagingBackend) -> None:
    paging.delete(KEYS[7][1])
    assert len(tags(paging, KEYS)) == len(KEYS) - 1


def test_nobody_reads_beyond_the_last(paging: PagingBackend) -> None:
    assert len(tags(paging, KEYS[: PAGE // 2])) == PAGE // 2
    assert paging.asked == {"page": 1}


def test_pages_that_show_little_are_given_up_and_what_they_showed_is_kept(paging: PagingBackend) -> None:
    spread = KEYS[::30]
    assert len(tags(paging, spread)) == len([key for key in KEYS[:PAGE] if key in spread])
    assert paging.asked == {"page": 1}


def test_few_are_not_listed(paging: PagingBackend) -> None:
    assert not tags(paging, KEYS[: MANY - 1])
    assert not paging.asked


def test_an_empty_store_tells_nothing() -> None:
    assert not tags(PagingBackend(), KEYS)


def test_a_store_that_lists_in_one_go_is_not_asked() -> None:
    assert not tags(MemoryBackend("memory://plain"), KEYS)
