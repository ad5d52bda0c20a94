"""A version that is remembered, asked for anew."""

from __future__ import annotations

import hashlib

import pytest

from assetsync.backends.contract import Blob
from assetsync.model.tree import FileEntry as File
from assetsync.model.tree import Tree, directory_tree, file_tree
from tests.unit.publishing import WatchedBackend, new_store, put, watched

ONE, OTHER = {"a": b"one", "b": b"12345"}, {"a": b"two", "b": b"12345"}
META = "nlp/tok/1.0.meta"


class Untagged(WatchedBackend):
    """A store that names no tags, as some proxies make of one."""

    def read(self, key: str, *, limit: int = 64 * 1024 * 1024) -> Blob:
        found = super().read(key, limit=limit)
        return found._replace(tag="") if key.endswith(".meta") else found


def tree_of(files: dict[str, bytes]) -> Tree:
    return directory_tree(File(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in files.items())


@pytest.mark.parametrize("backend", [WatchedBackend, Untagged])
def test_a_meta_that_is_another_now_is_seen_whatever_was_remembered(backend: type[WatchedBackend]) -> None:
    store = new_store(backend())
    tree = put(store, "nlp/tok", "1.0", ONE)
    other = put(store, "nlp/tok", "1.1", OTHER)
    for _ in range(2):
        found = store.confirm("nlp/tok", "1.0")
        assert found is not None
        assert found.content == tree.content
    data = store.backend.read("nlp/tok/1.1.meta").data
    store.backend.delete(META)
    assert store.confirm("nlp/tok", "1.0") is None
    store.backend.create(META, data)
    found = store.confirm("nlp/tok", "1.0")
    assert found is not None
    assert found.content == other.content


def test_a_version_of_modelkit_is_judged_by_files_and_sizes_until_its_hashes_are_learnt() -> None:
    store = new_store()
    tree = put(store, "nlp/tok", "1.0", ONE, modelkit=True)
    found = store.confirm("nlp/tok", "1.0")
    assert found is not None
    assert found.content is None
    assert not found.contradicts(tree.content)
    assert found.contradicts(tree_of({"a": b"one", "b": b"123456"}).content)
    assert found.contradicts(tree_of({"a": b"one"}).content)
    assert found.contradicts(file_tree(8, "0" * 64).content)
    assert watched(store).ranges == []


def test_of_a_version_of_modelkit_only_files_that_may_be_the_same_are_read_and_only_once() -> None:
    store = new_store()
    put(store, "nlp/tok", "1.0", ONE, modelkit=True)
    like = tree_of({"a": b"longer", "b": b"12345", "c": b"new"})
    for _ in range(2):
        found = store.look("nlp/tok", "1.0", like=like)
        assert found is not None
        assert found.content is None
        assert found.files is not None
        assert [(file.path, file.size, bool(file.sha256)) for file in found.files] == [("a", 3, False), ("b", 5, True)]
        assert found.has_hashes
    assert watched(store).ranges == ["nlp/tok/1.0/b"]
    assert store.compare("nlp/tok", "1.0", like) is not None
    assert watched(store).ranges == ["nlp/tok/1.0/b"]
