"""Listings: exact prefixes, folders, order, and more keys than fit on a page."""

from __future__ import annotations

import pytest

from assetsync.backends.contract import PagedBackend
from assetsync.errors import NoStoreError
from tests.contract.harness import Target


def _keys(target: Target, prefix: str = "") -> list[str]:
    return [info.key for info in target.backend.list(prefix).objects]


def test_an_empty_store_lists_as_empty(target: Target) -> None:
    assert target.backend.list() == ([], [])
    assert target.backend.list(delimiter=True) == ([], [])
    assert target.backend.list("no/such/folder/") == ([], [])
    assert target.backend.list("no/such/folder/", delimiter=True) == ([], [])


def test_sizes_and_the_order_of_keys(target: Target) -> None:
    for key, size in [("b", 2), ("a/z", 3), ("a-b", 4), ("a.versions", 0), ("B", 1)]:
        target.backend.create(key, b"x" * size)
    found = [(info.key, info.size) for info in target.open().list().objects]
    assert found == [("B", 1), ("a-b", 4), ("a.versions", 0), ("a/z", 3), ("b", 2)]


def test_a_prefix_is_exact(target: Target) -> None:
    for key in ("pre/a", "pre/sub/b", "pre2/c", "pre-x", "prefix", "other/pre/d"):
        target.backend.create(key, b"x")
    assert _keys(target, "pre/") == ["pre/a", "pre/sub/b"]
    assert target.backend.list("pre/", delimiter=True).folders == ["pre/sub/"]


def test_a_sibling_of_the_stores_own_prefix_is_not_listed(target: Target) -> None:
    sibling = target.open(target.server.config(target.prefix + "2"))
    sibling.create("a/1.0", b"theirs")
    target.backend.create("b/1.0", b"ours")
    assert _keys(target) == ["b/1.0"]
    assert target.backend.list(delimiter=True) == ([], ["b/"])


def test_a_delimiter_folds_folders(target: Target) -> None:
    keys = ["a.versions", "a/0.1.meta", "a/0.1/x", "a/0.1/y/z", "a/0.2", "a/0.2.meta", "a/sub.versions", "b/c/d"]
    for key in keys:
        target.backend.create(key, b"x")
    top = target.backend.list(delimiter=True)
    assert ([info.key for info in top.objects], top.folders) == (["a.versions"], ["a/", "b/"])
    inner = target.backend.list("a/", delimiter=True)
    assert [info.key for info in inner.objects] == ["a/0.1.meta", "a/0.2", "a/0.2.meta", "a/sub.versions"]
    assert inner.folders == ["a/0.1/"]
    assert target.backend.list("b/", delimiter=True) == ([], ["b/c/"])
    assert _keys(target) == sorted(keys)


def test_a_folder_vanishes_with_its_last_object(target: Target) -> None:
    target.backend.create("a/b/c", b"x")
    target.backend.delete("a/b/c")
    assert target.backend.list() == ([], [])
    # Of a directory store an empty folder may stay; it holds nothing, so nobody minds.
    assert target.backend.list("a/b/", delimiter=True) == ([], [])


def test_more_keys_than_a_page_holds(target: Target) -> None:
    many = target.server.many
    flat = [f"many/{number:05}" for number in range(many)]
    folders = [f"many/f{number:05}/x" for number in range(many // 2)]
    target.server.fill(target.backend, [*flat, *folders])
    assert _keys(target, "many/") == sorted([*flat, *folders])
    folded = target.backend.list("many/", delimiter=True)
    assert [info.key for info in folded.objects] == flat
    assert folded.folders == [key.removesuffix("x") for key in folders]


def test_a_bucket_that_does_not_exist_is_not_an_empty_one(target: Target) -> None:
    config = target.server.without_bucket()
    if config is None:
        pytest.skip("this store has no buckets, and the first object makes it")
    backend = target.open(config)
    with pytest.raises(NoStoreError) as caught:
        backend.list()
    assert caught.value.hint
    with pytest.raises(NoStoreError):
        backend.create("a/1.0", b"x")


def test_pages_are_the_listing_in_pieces(target: Target) -> None:
    backend = target.backend
    if not isinstance(backend, PagedBackend):
        pytest.skip("this store does not list in pages")
    for key in ("a.versions", "a/0.1.meta", "a/0.1/x", "b/c/d"):
        backend.create(key, b"x")
    for prefix in ("", "a/"):
        for delimiter in (False, True):
            pages = [*backend.pages(prefix, delimiter=delimiter)]
            objects = sorted(entry for page in pages for entry in page.objects)
            folders = sorted(folder for page in pages for folder in page.folders)
            assert (objects, folders) == backend.list(prefix, delimiter=delimiter)


def test_a_tag_in_a_listing_is_that_of_reading(target: Target) -> None:
    for key in ("a.versions", "a/0.1.meta"):
        target.backend.create(key, b"x")
    before = {info.key: info.tag for info in target.backend.list().objects}
    target.backend.replace("a.versions", b"y", target.backend.read("a.versions").tag)
    after = {info.key: info.tag for info in target.backend.list().objects}
    if not isinstance(target.backend, PagedBackend):
        assert not any(after.values())
        return
    assert after == {key: target.backend.read(key).tag for key in after}
    assert before["a.versions"] != after["a.versions"]
    assert before["a/0.1.meta"] == after["a/0.1.meta"]
