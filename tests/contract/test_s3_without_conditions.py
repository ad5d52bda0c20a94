"""Implementations of S3 that ignore preconditions: rclone's in Go, s3rver in Node.js. A smoke test and the probe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from assetsync.backends.probe import check_create, check_replace
from assetsync.backends.s3.store import S3Backend, open_store
from assetsync.errors import ChangedError, DeniedError, ExistsError, NoStoreError, NotFoundError, UnsupportedError
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import content, entry_of, some_bytes
from tests.servers import s3rver
from tests.servers.rclone import rclone, serve_rclone

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Served:
    """A server with a bucket called `bucket`: what gives access, a name that it can copy, whether uploads go on."""

    environ: Mapping[str, str]
    name: str
    lists_parts: bool


@contextmanager
def _rclone(folder: Path) -> Iterator[Served]:
    if rclone() is None:
        pytest.skip("rclone is not installed")
    (folder / "bucket").mkdir()
    with serve_rclone(folder) as server:
        yield Served(server.environ, "ünïcode + %41.bin", lists_parts=True)


@contextmanager
def _s3rver(folder: Path) -> Iterator[Served]:
    reason = s3rver.missing()
    if reason:
        pytest.skip(reason)
    with s3rver.serve_s3rver(folder, "bucket") as server:
        # It reads the name of what is to be copied as if it were not encoded, and refuses to list parts.
        yield Served(server.environ, "plain.bin", lists_parts=False)


@pytest.fixture(scope="module", params=[_rclone, _s3rver], ids=["rclone", "s3rver"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Each server in turn."""
    with request.param(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture
def backend(served: Served) -> Iterator[S3Backend]:
    backend = open_store(StoreConfig("s3://bucket/base", conditional_writes=False), served.environ)
    yield backend
    backend.close()


def test_the_main_job(served: Served, backend: S3Backend, tmp_path: Path) -> None:
    data = some_bytes(3 * MIB)
    (tmp_path / "file").write_bytes(data)
    entry = entry_of(data)
    backend.upload(f"n/1.0/{served.name}", str(tmp_path / "file"), entry)
    backend.copy(f"n/1.0/{served.name}", "n/1.1/copy", entry)
    backend.create("n/1.0.meta", b"{}")
    backend.replace("n.versions", b"one", None)
    backend.replace("n.versions", b"two", backend.read("n.versions").tag)
    assert content(backend, "n/1.1/copy") == data
    assert b"".join(backend.read_range("n/1.1/copy", 3 * MIB - 10, 100)) == data[-10:]
    assert list(backend.read_range("n/1.1/copy", 4 * MIB, 100)) == []
    assert backend.stat("n/1.1/copy").sha256 == entry.sha256
    assert [info.key for info in backend.list().objects] == [
        "n.versions", "n/1.0.meta", f"n/1.0/{served.name}", "n/1.1/copy",
    ]  # fmt: skip
    assert backend.list("n/", delimiter=True).folders == ["n/1.0/", "n/1.1/"]
    with pytest.raises(ExistsError):
        backend.create("n/1.0.meta", b"other")
    with pytest.raises(ChangedError):
        backend.replace("n.versions", b"three", None)
    backend.delete("n/1.0.meta")
    with pytest.raises(NotFoundError):
        backend.read("n/1.0.meta")


def test_a_large_file_goes_on_where_it_stopped(served: Served, backend: S3Backend, tmp_path: Path) -> None:
    if not served.lists_parts:
        pytest.skip("this server does not say which parts it has")
    backend.min_part_size = MIB
    data = memoryview(some_bytes(3 * MIB - 7))
    (tmp_path / "file").write_bytes(data)
    entry = entry_of(bytes(data))
    upload_id = backend.begin_upload("big/1.0", entry)
    for number in (1, 2):
        backend.upload_part("big/1.0", upload_id, number, data[(number - 1) * MIB : number * MIB], entry.size)
    parts = [*backend.uploaded_parts("big/1.0", upload_id, str(tmp_path / "file"), entry)]
    assert [part.number for part in parts] == [1, 2]
    parts.append(backend.upload_part("big/1.0", upload_id, 3, data[2 * MIB :], entry.size))
    backend.complete_upload("big/1.0", upload_id, parts, entry)
    assert content(backend, "big/1.0") == data
    assert backend.stat("big/1.0").sha256 == entry.sha256


def test_its_lack_of_conditions_is_found_out(served: Served) -> None:
    backend = open_store(StoreConfig("s3://bucket/base"), served.environ)
    assert backend.needs_probe
    with pytest.raises(UnsupportedError, match="ignores the condition"):
        backend.probe()
    assert not [info for info in backend.list().objects if ".assetsync-probe-" in info.key]
    backend.close()


def test_its_refusals_are_understood(served: Served) -> None:
    elsewhere = open_store(StoreConfig("s3://no-such-bucket/base"), served.environ)
    with pytest.raises(NoStoreError):
        elsewhere.list()
    elsewhere.close()
    stranger = open_store(StoreConfig("s3://bucket/base"), {**served.environ, "AWS_SECRET_ACCESS_KEY": "wrong"})
    with pytest.raises(DeniedError, match="signature"):
        stranger.list()
    stranger.close()


def test_a_check_does_not_say_that_the_store_refuses_what_it_does_not(backend: S3Backend) -> None:
    """The backend looks before it writes, which is not the same as a store that refuses."""
    backend.create("probe", b"first")
    for check in (check_create, check_replace):
        with pytest.raises(UnsupportedError, match="is asked before each write instead"):
            check(backend, "probe")
    assert backend.read("probe").data == b"first"
