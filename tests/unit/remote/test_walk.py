"""A walk through a store finds the same, however few requests it takes."""

from __future__ import annotations

import pytest

from assetsync.backends.memory.store import MemoryBackend
from assetsync.model.versioning import MajorMinor
from assetsync.remote.documents import render_versions
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from tests.unit.remote.paging import PagingBackend

INDEX = render_versions(["0.0"])


def _store(backend: MemoryBackend) -> Store:
    return Store(backend, MajorMinor(), Cache(None))


def _publish(backend: MemoryBackend, name: str, files: int = 1) -> None:
    backend.create(f"{name}.versions", INDEX)
    backend.create(f"{name}/0.0.meta", b"{}")
    for number in range(files):
        backend.create(f"{name}/0.0/{number}", b"x")


@pytest.fixture
def paging() -> PagingBackend:
    return PagingBackend()


def _seen(backend: MemoryBackend) -> tuple[object, object]:
    store = _store(backend)
    return store.list(), store.survey()


def _same_in_folders(backend: PagingBackend) -> MemoryBackend:
    """A store of the same objects that lists folder by folder."""
    plain = MemoryBackend("memory://plain")
    for entry in backend.list().objects:
        plain.create(entry.key, backend.read(entry.key).data)
    return plain


def test_many_small_assets_take_a_few_pages(paging: PagingBackend) -> None:
    for number in range(600):
        _publish(paging, f"many/a{number:03}")
    paging.asked.clear()
    assert len(_store(paging).list()) == 600
    # The root, two of the folder `many`, and two of what is below: three objects for each asset, `.versions` included.
    assert paging.asked == {"page": 5, "read": 600}


def test_a_folder_of_very_many_small_assets_is_not_listed_twice_to_its_end(paging: PagingBackend) -> None:
    for number in range(1500):
        _publish(paging, f"a{number:04}")
    paging.asked.clear()
    assert len(_store(paging).list()) == 1500
    # Two of the three pages of the root, and five of what is below.
    assert paging.asked == {"page": 7, "read": 1500}


def test_what_is_below_very_many_large_assets_is_tried_once(paging: PagingBackend) -> None:
    for number in range(600):
        _publish(paging, f"a{number:03}", files=20)
    paging.asked.clear()
    store = _store(paging)
    assert len(store.list()) == 600
    # Two of the root, two of what is below, and one of each folder.
    assert paging.asked == {"page": 604, "read": 600}
    assert [asset.name for asset in store.survey()] == [asset.name for asset in store.list()]


def test_assets_of_many_files_are_listed_one_by_one(paging: PagingBackend) -> None:
    for number in range(20):
        _publish(paging, f"a{number:02}", files=100)
    paging.asked.clear()
    assert len(_store(paging).list()) == 20
    assert paging.asked == {"page": 23, "read": 20}


def test_it_finds_what_a_walk_from_folder_to_folder_finds(paging: PagingBackend) -> None:
    for number in range(30):
        _publish(paging, f"nlp/a{number:02}")
    for name in ("nlp/a00/nested", "nlp/1.0/odd", "nlp/a01/b/c", "top"):
        _publish(paging, name)
    paging.create("nlp/a02/0.1.claim", b"{}")
    paging.create("nlp/a03/0.1/data", b"x")
    paging.create("nlp/a04/0.0/no.versions", b"an index by its name alone")
    paging.create("nlp/a05/", b"")  # made in a console
    paging.create("nlp/never/0.0.claim", b"{}")
    assert _seen(paging) == _seen(_same_in_folders(paging))
    names = [asset.name for asset in _store(paging).list()]
    assert {"nlp/a00/nested", "nlp/1.0/odd", "nlp/a01/b/c", "top"} <= set(names)
    assert "nlp/a04/0.0/no" not in names
