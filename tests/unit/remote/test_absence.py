"""Which of many assets a store does not have."""

from __future__ import annotations

import pytest

from assetsync.backends.memory.store import MemoryBackend
from assetsync.model.versioning import MajorMinor
from assetsync.remote import absence
from assetsync.remote.absence import absent
from assetsync.remote.documents import render_versions
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from tests.unit.remote.paging import PagingBackend

NAMES = [f"nlp/a{number:02}" for number in range(20)]


@pytest.fixture
def paging() -> PagingBackend:
    return PagingBackend()


@pytest.fixture
def store(paging: PagingBackend) -> Store:
    return Store(paging, MajorMinor(), Cache(None))


def test_one_listing_tells_it_of_all_in_a_folder(paging: PagingBackend, store: Store) -> None:
    paging.create("nlp/a00.versions", render_versions(["0.0"]))
    paging.create("nlp/a01/0.0.claim", b"{}")
    paging.create("nlp/a02x/0.0.claim", b"{}")
    assert absent(store, NAMES) == {*NAMES} - {"nlp/a00", "nlp/a01"}
    assert paging.asked == {"page": 1}


def test_the_root_is_a_folder(store: Store) -> None:
    names = [name.removeprefix("nlp/") for name in NAMES]
    assert absent(store, names) == {*names}


def test_of_few_nobody_looks(paging: PagingBackend, store: Store) -> None:
    assert absent(store, NAMES[: absence.MANY - 1]) == frozenset()
    assert not paging.asked


def test_a_long_listing_is_given_up(paging: PagingBackend, store: Store) -> None:
    for number in range(2 * absence.PAGE):
        paging.create(f"nlp/other{number}.versions", b"")
    assert absent(store, NAMES) == frozenset()
    assert paging.asked == {"page": 2}


def test_a_store_that_lists_in_one_go_is_not_asked() -> None:
    assert absent(Store(MemoryBackend("memory://plain"), MajorMinor(), Cache(None)), NAMES) == frozenset()


def test_who_came_meanwhile_is_kept(paging: PagingBackend, store: Store) -> None:
    """The index is written on the belief that there is none; the store knows better."""
    assert absent(store, NAMES) == {*NAMES}
    paging.create("nlp/a00.versions", render_versions(["0.0"]))
    store.indexes.add("nlp/a00", "0.1")
    index = store.indexes.of("nlp/a00")
    assert index is not None
    assert index.listed == ("0.1", "0.0")
