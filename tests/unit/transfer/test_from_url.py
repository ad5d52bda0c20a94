from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from assetsync.backends.contract import Backend
from assetsync.backends.memory.store import MemoryBackend
from assetsync.errors import ConflictError, InvalidError, NotFoundError
from assetsync.model.manifest import StoreConfig
from assetsync.model.versioning import MajorMinor
from assetsync.progress import Silent
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from assetsync.state.folder import Folder
from assetsync.transfer import from_url as origin

STORE = StoreConfig("s3://bucket/assets")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> MemoryBackend:
    """The bucket that every URL is in."""
    backend = MemoryBackend("memory://bucket")

    def open_backend(config: StoreConfig, environ: object) -> Backend:
        assert config.url == "s3://bucket"
        return backend

    monkeypatch.setattr(origin, "open_backend", open_backend)
    return backend


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def look(url: str, closing: ExitStack) -> origin.Origin:
    return origin.look(url, STORE, {}, closing)


def test_a_prefix_is_exact_and_keeps_its_structure(bucket: MemoryBackend, closing: ExitStack) -> None:
    for key in ("runs/7/a", "runs/7/sub/b", "runs/70/c", "runs/7.txt", "runs/7/.git/config", "runs/7/x/.DS_Store"):
        bucket.create(key, key.encode())
    for url in ("s3://bucket/runs/7", "s3://bucket/runs/7/"):
        found = look(url, closing)
        assert (found.paths, found.keys) == (("a", "sub/b"), ("runs/7/a", "runs/7/sub/b"))
        assert found.excluded == 2
    assert look("s3://bucket", closing).paths == ("runs/7.txt", "runs/7/a", "runs/7/sub/b", "runs/70/c")


def test_an_object_comes_before_what_lies_below_its_key(bucket: MemoryBackend, closing: ExitStack) -> None:
    bucket.create("out", b"object")
    bucket.create("out/part", b"below")
    assert not look("s3://bucket/out", closing).is_directory
    assert look("s3://bucket/out/", closing).paths == ("part",)


@pytest.mark.parametrize("url", ["s3://bucket/none", "s3://bucket/runs/7/junk"])
def test_what_is_not_there_is_not_found(bucket: MemoryBackend, closing: ExitStack, url: str) -> None:
    bucket.create("runs/7/junk/.DS_Store", b"")
    with pytest.raises(NotFoundError, match="neither an object nor a prefix"):
        look(url, closing)


@pytest.mark.parametrize("key", ["p/../../x", "p/a\\b", "p//x", "p/line\nbreak", "p/A", "p/a/below"])
def test_keys_that_can_not_be_files_are_refused(bucket: MemoryBackend, closing: ExitStack, key: str) -> None:
    bucket.create("p/a", b"")
    bucket.create(key, b"")
    with pytest.raises(InvalidError, match="can't be an asset"):
        look("s3://bucket/p/", closing)


def test_a_url_with_a_secret_is_refused_without_repeating_it(closing: ExitStack) -> None:
    with pytest.raises(InvalidError) as caught:
        look("s3://key:secret@bucket/x", closing)
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


def test_what_arrives_is_what_lies_there(bucket: MemoryBackend, closing: ExitStack, tmp_path: Path) -> None:
    bucket.create("p/a", b"same")
    bucket.create("p/sub/b", b"same")
    with Cache(None) as cache:
        found = look("s3://bucket/p", closing)
        present = found.bring(str(tmp_path), Store(bucket, MajorMinor(), cache), "asset", Silent())
    assert [(file.path, file.size) for file in present.tree.files] == [("a", 4), ("sub/b", 4)]
    assert Path(origin.content_path(str(tmp_path)), "sub/b").read_bytes() == b"same"


def test_a_folder_for_a_url_is_empty_alone_and_temporary(tmp_path: Path) -> None:
    with ExitStack() as first:
        folder = origin.fresh_folder(Folder.at(str(tmp_path / "incoming")), "s3://bucket/x", first)
        Path(folder, "left").write_text("behind")
        with ExitStack() as second, pytest.raises(ConflictError, match="is downloading"):
            origin.fresh_folder(Folder.at(str(tmp_path / "incoming")), "s3://bucket/x", second)
        assert os.listdir(folder) == ["left"]
    assert not os.path.exists(folder)
    os.makedirs(os.path.join(folder, "of a process that was killed"))
    with ExitStack() as third:
        assert origin.fresh_folder(Folder.at(str(tmp_path / "incoming")), "s3://bucket/x", third) == folder
        assert os.listdir(folder) == []


@pytest.mark.parametrize(
    ("url", "config"),
    [
        ("s3://bucket/x", StoreConfig("s3://bucket", endpoint="http://here", kms_key_id="key")),
        ("s3://other/x", StoreConfig("s3://other", endpoint="http://here")),
        ("gs://bucket/x", StoreConfig("gs://bucket")),
    ],
)
def test_settings_of_the_store_hold_for_what_is_beside_it(
    monkeypatch: pytest.MonkeyPatch, closing: ExitStack, url: str, config: StoreConfig
) -> None:
    seen: list[StoreConfig] = []

    def open_backend(config: StoreConfig, environ: object) -> Backend:
        seen.append(config)
        return MemoryBackend("memory://bucket")

    monkeypatch.setattr(origin, "open_backend", open_backend)
    store = StoreConfig("s3://bucket/assets", endpoint="http://here", kms_key_id="key")
    with pytest.raises(NotFoundError):
        origin.look(url, store, {}, closing)
    assert seen == [config]
