"""The next change of `.versions` begins with what this process has read of it, and loses nothing by that."""

from __future__ import annotations

import hashlib

import pytest

from assetsync.backends.contract import ObjectInfo
from assetsync.model.versioning import MajorMinor
from assetsync.remote.documents import render_versions
from assetsync.remote.index import Index, Indexes
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


def _md5(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


VERSIONS = render_versions(["1.10", "1.9"])


@pytest.mark.parametrize(
    ("listed", "known"),
    [
        (ObjectInfo("x.versions", len(VERSIONS), tag=_md5(VERSIONS)), True),
        (ObjectInfo("x.versions", len(VERSIONS) + 1, tag=_md5(VERSIONS)), False),
        (ObjectInfo("x.versions", len(VERSIONS), tag=_md5(render_versions(["1.10"]))), False),
        (ObjectInfo("x.versions", len(VERSIONS), tag='"an etag of parts-2"'), False),
        (ObjectInfo("x.versions", len(VERSIONS)), False),
    ],
    ids=["the same", "longer", "another", "no MD5", "no tag"],
)
def test_an_index_is_recognised_by_size_and_md5_alone(listed: ObjectInfo, known: bool) -> None:
    tags = {listed.key: listed.tag}
    indexes = Indexes(WatchedBackend(), MajorMinor(), Cache(None), tags)
    indexes.recognise("x", ["1.9", "1.10"], listed)
    assert indexes.remembered("x") == (Index(("1.10", "1.9"), (), listed.tag) if known else None)
    tags.clear()  # the listing is no longer of this moment
    assert indexes.remembered("x") is None
