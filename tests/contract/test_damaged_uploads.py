"""A bit that flips on the way to a real server: the upload fails, and the store does not keep it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from assetsync.backends.s3.store import S3Backend, open_store
from assetsync.errors import ChecksumError, StoreError
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import content, entry_of, some_bytes
from tests.servers.flip import MARK, damaging
from tests.servers.rclone import rclone, serve_rclone
from tests.servers.s3 import S3Server

MIB = 1024 * 1024
BUCKET = "damage"


@pytest.fixture(scope="module", params=["strict", "rclone"])
def damaged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Backend]:
    """A store whose bytes go through a relay that damages them."""
    if request.param == "strict":
        with S3Server() as server:
            server.make_bucket(BUCKET)
            yield from _opened(server.url, server.environ, honours_conditions=True)
        return
    if rclone() is None:
        pytest.skip("rclone is not installed")
    folder = tmp_path_factory.mktemp("rclone")
    (folder / BUCKET).mkdir()
    with serve_rclone(folder) as running:
        yield from _opened(running.environ["AWS_ENDPOINT_URL"], running.environ, honours_conditions=False)
    shutil.rmtree(folder)


def _opened(url: str, environ: dict[str, str], *, honours_conditions: bool) -> Iterator[S3Backend]:
    config = StoreConfig(f"s3://{BUCKET}/base", conditional_writes=honours_conditions)
    with damaging(url) as relay:
        backend = open_store(config, {**environ, "AWS_ENDPOINT_URL": relay})
        yield backend
        backend.close()


def test_what_arrives_as_it_was_sent_is_stored(damaged: S3Backend, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for size in (1000, 3 * MIB):
        path.write_bytes(some_bytes(size))
        damaged.upload(f"whole/{size}", str(path), entry_of(some_bytes(size)))
        assert content(damaged, f"whole/{size}") == some_bytes(size)


@pytest.mark.parametrize("size", [1000, 3 * MIB])
def test_a_file_that_is_damaged_on_the_way_is_not_stored(damaged: S3Backend, tmp_path: Path, size: int) -> None:
    data = some_bytes(size) + MARK
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(ChecksumError, match="not those of the checksum"):
        damaged.upload(f"file/{size}", str(path), entry_of(data))
    assert damaged.list("file/").objects == []


def test_a_document_that_is_damaged_on_the_way_is_not_stored(damaged: S3Backend) -> None:
    with pytest.raises(ChecksumError):
        damaged.create("document/1.0.meta", MARK)
    assert damaged.list("document/").objects == []


def test_a_part_that_is_damaged_on_the_way_is_refused(damaged: S3Backend) -> None:
    data = some_bytes(6 * MIB) + MARK
    entry = entry_of(data)
    upload_id = damaged.begin_upload("parts/1.0", entry)
    with pytest.raises(ChecksumError):
        damaged.upload_part("parts/1.0", upload_id, 1, memoryview(data), len(data))
    damaged.abort_upload("parts/1.0", upload_id)


def test_a_replacement_that_is_damaged_on_the_way_is_told(damaged: S3Backend) -> None:
    damaged.replace("x.versions", b"one", None)
    with pytest.raises(StoreError):
        damaged.replace("x.versions", MARK, damaged.read("x.versions").tag)
