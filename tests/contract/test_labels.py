"""Storage class and tags of new data, where S3's are in tests/e2e/test_named_stores.py: Google and Azure."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from azure.storage.blob import BlobClient

from assetsync.backends.contract import Backend, MultipartBackend
from assetsync.backends.opening import open_backend
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from tests.servers import azurite
from tests.servers.gcs import GCSServer

TAGS = (("cost", "a b"), ("team", "nlp"))


def store_some(backend: Backend, folder: Path) -> None:
    """`data` in one request, `large` in parts, `copied` by the store, and the document `x.meta`."""
    assert isinstance(backend, MultipartBackend)
    for key, content in (("data", b"abc"), ("large", bytes(backend.multipart_threshold + 1))):
        path = folder / key
        path.write_bytes(content)
        entry = FileEntry(key, len(content), hashlib.sha256(content).hexdigest())
        if key == "data":
            backend.upload(key, str(path), entry)
            backend.copy("data", "copied", entry)
            continue
        upload, step = backend.begin_upload(key, entry), backend.part_size(entry.size)
        numbers = range(1, -(-entry.size // step) + 1)
        parts = [
            backend.upload_part(key, upload, n, memoryview(content)[(n - 1) * step : n * step], entry.size)
            for n in numbers
        ]
        backend.complete_upload(key, upload, parts, entry)
    backend.create("x.meta", b"{}")


def test_google_gets_class_and_metadata_with_each_data_object(tmp_path: Path) -> None:
    with GCSServer("labels") as server:
        config = StoreConfig("gs://labels/p", storage_class="NEARLINE", object_tags=TAGS)
        backend = open_backend(config, server.environ)
        try:
            store_some(backend, tmp_path)
            kept = {key: backend.stat(key).sha256 for key in ("data", "large", "copied")}
        finally:
            backend.close()
        assert None not in kept.values()
        for key, stored in server.storage.buckets["labels"].items():
            expected = ("STANDARD", None) if key.endswith(".meta") else ("NEARLINE", dict(TAGS))
            tags = {name: text for name, text in stored.metadata.items() if name != "sha256"}
            assert (stored.storage_class, tags or None) == expected, key


@pytest.mark.skipif(azurite.missing() is not None, reason=str(azurite.missing()))
def test_azure_gets_tier_and_tags_with_each_data_object(tmp_path: Path) -> None:
    with azurite.Azurite() as server:
        server.create_container("labels")
        config = StoreConfig(f"az://labels/{tmp_path.name}", storage_class="Cool", object_tags=TAGS)
        backend = open_backend(config, server.environ)
        try:
            store_some(backend, tmp_path)
        finally:
            backend.close()

        def labels(key: str) -> tuple[object, object]:
            connection = server.environ["AZURE_STORAGE_CONNECTION_STRING"]
            with BlobClient.from_connection_string(connection, "labels", f"{tmp_path.name}/{key}") as blob:
                return blob.get_blob_properties().blob_tier, blob.get_blob_tags()

        for key in ("data", "large", "copied"):
            assert labels(key) == ("Cool", dict(TAGS)), key
        assert labels("x.meta") == ("Hot", {})
