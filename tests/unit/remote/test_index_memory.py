"""The next change of `.versions` begins with what this process has read of it, and loses nothing by that."""

from __future__ import annotations

from assetsync.model.versioning import MajorMinor
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from tests.unit.publishing import WatchedBackend


def _store(backend: WatchedBackend) -> Store:
    return Store(backend, MajorMinor(), Cache(None))


def _listed(backend: WatchedBackend) -> tuple[str, ...]:
    index = _store(backend).indexes.of("x")
    assert index is not None
    return index.listed


def test_an_index_that_was_read_is_replaced_without_another_look() -> None:
    backend = WatchedBackend()
    _store(backend).indexes.add("x", "1.0")
    store = _store(backend)
    store.indexes.of("x")
    backend.requests.clear()
    store.indexes.add("x", "1.1")
    assert "read x.versions" not in backend.requests
    assert _listed(backend) == ("1.1", "1.0")


def test_what_others_published_meanwhile_stays() -> None:
    backend = WatchedBackend()
    early, late = _store(backend), _store(backend)
    assert early.indexes.of("x") is None
    late.indexes.add("x", "1.0")
    early.indexes.add("x", "1.1")
    early.indexes.of("x")
    late.indexes.add("x", "1.2")
    early.indexes.add("x", "1.3")
    assert _listed(backend) == ("1.3", "1.2", "1.1", "1.0")


def test_memory_is_no_proof_that_a_version_is_listed() -> None:
    backend = WatchedBackend()
    store = _store(backend)
    store.indexes.add("x", "1.0")
    store.indexes.of("x")
    _store(backend).indexes.rewrite("x", lambda listed: ())
    store.indexes.add("x", "1.0")
    assert _listed(backend) == ("1.0",)
