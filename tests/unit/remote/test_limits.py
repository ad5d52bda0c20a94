"""Documents of a store that were made to fill the memory. What they cost is in proportion to their bytes."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable

import pytest

from assetsync.backends.contract import Blob
from assetsync.backends.memory.store import MemoryBackend
from assetsync.errors import ContentError, DamagedError
from assetsync.model.paths import parts_problem
from assetsync.model.tree import FileEntry, directory_tree
from assetsync.model.versioning import MajorMinor
from assetsync.remote import documents
from assetsync.remote.documents import Meta, parse_claim, parse_meta, parse_versions, render_meta
from assetsync.remote.store import Store
from assetsync.state.cache import Cache

pytestmark = pytest.mark.timeout(120)
MIB = 1024 * 1024
Parse = Callable[..., object]


def meta_of(*paths: str) -> bytes:
    return json.dumps({"push_date": "today", "is_directory": True, "contents": paths}).encode()


def peak_of_refusal(data: bytes) -> tuple[str, int]:
    tracemalloc.start()
    try:
        with pytest.raises(DamagedError) as caught:
            parse_meta(data, key="x/1.0.meta")
        return caught.value.message, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_path_of_fifty_thousand_segments_is_refused_before_it_is_taken_apart() -> None:
    message, peak = peak_of_refusal(meta_of("a/" * 50_000 + "a"))
    assert message.endswith("is longer than 1024 bytes")
    assert len(message) < 500
    assert peak < 5 * MIB


def test_many_deep_paths_cost_no_more_than_they_are_long() -> None:
    paths = [f"{number}/" + "a/" * 120 + "F" for number in range(2_000)]
    data = meta_of(*paths, "A/b", "a/b")
    message, peak = peak_of_refusal(data)
    assert message.endswith("collide where case or Unicode forms are folded")
    assert peak < 12 * len(data)


def test_brackets_are_counted_before_lists_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BRACKETS", 1_000)
    data = b'{"push_date": "today", "contents": [' + b"[]," * 100_000 + b"[]]}"
    message, peak = peak_of_refusal(data)
    assert message.endswith("it holds more than 1,000 lists and objects")
    assert peak < MIB


@pytest.mark.parametrize(
    "number", ["1e999999", "-1e999999", "9" * 5_000, "9" * 40, "-1", "NaN", "Infinity", "1.0", "true", '"1"']
)
def test_a_number_that_is_no_size_is_refused(number: str) -> None:
    text = '{"push_date": "d", "is_directory": false, "assetsync": {"format": 1, "sizes": [%s], "sha256": ["%s"]}}'
    with pytest.raises(DamagedError):
        parse_meta((text % (number, "0" * 64)).encode(), key="x/1.0.meta")


@pytest.mark.parametrize("parse", [parse_meta, parse_versions, parse_claim])
@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"9" * 10_000 + b"}", b'"' + b"x" * 9999]
)
def test_what_is_nested_or_endless_is_damaged(parse: Parse, data: bytes) -> None:
    with pytest.raises(DamagedError):
        parse(data, key="x/1.0.meta")


@pytest.mark.parametrize(
    ("parse", "limit"),
    [(parse_meta, "MAX_META_BYTES"), (parse_versions, "MAX_VERSIONS_BYTES"), (parse_claim, "MAX_CLAIM_BYTES")],
)
def test_a_document_has_a_size(monkeypatch: pytest.MonkeyPatch, parse: Parse, limit: str) -> None:
    monkeypatch.setattr(documents, limit, 9)
    with pytest.raises(DamagedError, match="larger than 9 bytes"):
        parse(b" " * 10, key="x/1.0.meta")


def test_no_version_is_written_that_could_not_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = directory_tree(FileEntry(f"f{number}", 1, "0" * 64) for number in range(3))
    meta = Meta("today", True, tuple(file.path for file in tree.files), tree, None)
    assert parse_meta(render_meta(meta), key="x/1.0.meta").tree == tree
    monkeypatch.setattr(documents, "MAX_FILES", 2)
    with pytest.raises(ContentError, match="3 files are too many"):
        render_meta(meta)


def test_texts_are_cut() -> None:
    data = json.dumps({"push_date": "d" * 20_000, "is_directory": False}).encode()
    assert len(parse_meta(data, key="x/1.0.meta").push_date) == 10_000


class _Watched(MemoryBackend):
    """Notes how many bytes it was asked for at most."""

    limits: list[int]

    def read(self, key: str, *, limit: int = 0) -> Blob:
        self.limits.append(limit)
        return super().read(key, limit=limit)


def test_the_backend_is_asked_for_no_more_than_a_document_may_have() -> None:
    backend = _Watched("memory://limits-of-documents")
    backend.limits = []
    backend.create("x/1.0.claim", b"x" * (documents.MAX_CLAIM_BYTES + 1))
    store = Store(backend, MajorMinor(), Cache(None))
    with pytest.raises(DamagedError, match="larger than"):
        store.claim("x", "1.0")
    assert store.indexes.of("x") is None
    store.indexes.add("x", "1.0")
    assert backend.limits == [documents.MAX_CLAIM_BYTES, documents.MAX_VERSIONS_BYTES]


@pytest.mark.parametrize("odd", ["\u202e", "\u061c", "\u200b", "\ufeff", "\u2066", "\x85"])
def test_a_path_that_looks_like_another_is_refused(odd: str) -> None:
    assert parts_problem([f"a{odd}b"]) is not None
    with pytest.raises(DamagedError) as caught:
        parse_meta(meta_of(f"a{odd}b"), key="x/1.0.meta")
    assert odd not in caught.value.message
