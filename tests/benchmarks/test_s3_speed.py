"""How fast objects go to and from an S3, beside boto3 and other programs: `pytest -m benchmark`.

The server is rclone's, over loopback, near and 30 ms away. Peers that are not installed are left out;
`ASSETSYNC_BENCH_S5CMD` may name an s5cmd that is not on the PATH, and obstore takes part where it can be imported.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from assetsync.backends.s3.store import S3Backend, open_store
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from assetsync.model.versioning import load_versioning
from assetsync.pool import BULK_WIDTH, WIDTH
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from tests.benchmarks.side_by_side import side_by_side, table
from tests.servers.delay import delayed
from tests.servers.rclone import RcloneServer, rclone, serve_rclone

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

S5CMD = os.environ.get("ASSETSYNC_BENCH_S5CMD") or shutil.which("s5cmd")
MIB = 1024 * 1024
SMALL = 20 * 1024
_names = count()

Contenders = dict[str, Callable[[], object]]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path)  # gigabytes; pytest would keep the last three


@pytest.fixture
def server(folder: Path) -> Iterator[RcloneServer]:
    if rclone() is None:
        pytest.skip("rclone is not installed")
    (folder / "buckets/bucket").mkdir(parents=True)
    with serve_rclone(folder / "buckets") as running:
        yield running


@pytest.fixture(params=[0.0, 0.03], ids=["near", "30 ms away"])
def url(request: pytest.FixtureRequest, server: RcloneServer) -> Iterator[str]:
    if not request.param:
        yield server.url
        return
    with delayed(int(server.url.rpartition(":")[2]), request.param) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def backend(server: RcloneServer, url: str) -> Iterator[S3Backend]:
    backend = open_store(StoreConfig("s3://bucket", endpoint=url), server.environ)
    yield backend
    backend.close()


@pytest.fixture
def boto3_client(server: RcloneServer, url: str) -> Iterator[Any]:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=server.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=server.environ["AWS_SECRET_ACCESS_KEY"],
        config=Config(max_pool_connections=64, request_checksum_calculation="when_required"),
    )
    yield client
    client.close()


@pytest.fixture
def show(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Callable[[str, Contenders], None]:
    """Times contenders and prints a table that compares them to the first one."""

    def compare(title: str, contenders: Contenders, rounds: int = 5) -> None:
        times = side_by_side(contenders, rounds)
        with capsys.disabled():
            sys.stdout.write(table(f"{title}, {request.node.callspec.id}", times, next(iter(contenders))))

    return compare


Show = Callable[..., None]


def _many(work: Callable[[int], object], number: int, width: int = WIDTH) -> None:
    with ThreadPoolExecutor(width) as pool:
        list(pool.map(work, range(number)))


def _files(folder: Path, number: int, size: int) -> list[tuple[str, FileEntry]]:
    folder.mkdir()
    made = []
    for name in range(number):
        data = os.urandom(size)
        path = folder / f"{name:05}"
        path.write_bytes(data)
        made.append((str(path), FileEntry(path.name, size, hashlib.sha256(data).hexdigest())))
    return made


def _s5cmd(server: RcloneServer, url: str, *arguments: str) -> Callable[[], object]:
    command = [str(S5CMD), "--endpoint-url", url, *arguments]
    environ = {**os.environ, **server.environ}
    return lambda: subprocess.run(command, check=True, capture_output=True, env=environ)


def _obstore(server: RcloneServer, url: str) -> Any:
    """A store of obstore, or None where it is not installed."""
    try:
        from obstore.store import S3Store
    except ImportError:
        return None
    return S3Store(
        "bucket",
        endpoint=url,
        region="us-east-1",
        access_key_id=server.environ["AWS_ACCESS_KEY_ID"],
        secret_access_key=server.environ["AWS_SECRET_ACCESS_KEY"],
        client_options={"allow_http": True},
    )


def test_small_objects(
    folder: Path, server: RcloneServer, url: str, backend: S3Backend, boto3_client: Any, show: Show
) -> None:
    number = 2000
    files = _files(folder / "small", number, SMALL)
    contents = [Path(path).read_bytes() for path, _ in files]

    def assetsync_up() -> None:
        prefix = f"assetsync{next(_names)}"
        _many(lambda i: backend.upload(f"{prefix}/{i}", *files[i]), number)

    def boto3_up(width: int) -> None:
        prefix = f"boto3-{next(_names)}"
        _many(lambda i: boto3_client.put_object(Bucket="bucket", Key=f"{prefix}/{i}", Body=contents[i]), number, width)

    up: Contenders = {
        "assetsync": assetsync_up,
        "boto3, 16 threads": partial(boto3_up, 16),
        f"boto3, {WIDTH} threads": partial(boto3_up, WIDTH),
    }
    obstore = _obstore(server, url)
    if obstore is not None:
        up["obstore"] = lambda: _many(lambda i: obstore.put(f"obstore/{i}", contents[i]), number)
    if S5CMD:
        up["s5cmd"] = _s5cmd(server, url, "--numworkers", "64", "cp", f"{folder}/small/*", "s3://bucket/s5cmd/")
    show(f"upload {number} × 20 KiB", up)

    _many(lambda i: backend.upload(f"get/{i}", *files[i]), number)

    def read(i: int) -> None:
        assert b"".join(backend.read_range(f"get/{i}", 0, SMALL)) == contents[i]

    def boto3_down(width: int) -> None:
        _many(lambda i: boto3_client.get_object(Bucket="bucket", Key=f"get/{i}")["Body"].read(), number, width)

    down: Contenders = {
        "assetsync": lambda: _many(read, number),
        "boto3, 16 threads": partial(boto3_down, 16),
        f"boto3, {WIDTH} threads": partial(boto3_down, WIDTH),
    }
    if obstore is not None:
        down["obstore"] = lambda: _many(lambda i: bytes(obstore.get(f"get/{i}").bytes()), number)
    if S5CMD:
        target = f"{folder}/down/"
        down["s5cmd"] = _s5cmd(server, url, "--numworkers", "64", "cp", "s3://bucket/get/*", target)
    show(f"download {number} × 20 KiB", down)


def test_one_large_object(
    folder: Path, server: RcloneServer, url: str, backend: S3Backend, boto3_client: Any, show: Show
) -> None:
    size = 512 * MIB
    ((path, entry),) = _files(folder / "large", 1, size)

    def send_parts() -> None:
        key = f"large{next(_names)}"
        upload_id = backend.begin_upload(key, entry)
        step = backend.part_size(size)

        def send(index: int) -> Any:
            with open(path, "rb", buffering=0) as file:
                file.seek(index * step)
                data = memoryview(bytearray(min(step, size - index * step)))
                file.readinto(data)
            return backend.upload_part(key, upload_id, index + 1, data, size)

        with ThreadPoolExecutor(BULK_WIDTH) as pool:
            parts = list(pool.map(send, range(-(-size // step))))
        backend.complete_upload(key, upload_id, parts, entry)
        backend.delete(key)

    up: Contenders = {
        "assetsync": send_parts,
        "boto3": lambda: boto3_client.upload_file(path, "bucket", "boto3"),
    }
    if S5CMD:
        up["s5cmd"] = _s5cmd(server, url, "cp", path, "s3://bucket/s5cmd")
    show("upload 512 MiB", up, rounds=3)

    boto3_client.upload_file(path, "bucket", "get")

    def receive() -> None:
        digest = hashlib.sha256()
        with open(folder / "received", "wb") as file:
            for chunk in backend.read_range("get", 0, size):
                digest.update(chunk)
                file.write(chunk)
        assert digest.hexdigest() == entry.sha256

    down: Contenders = {
        "assetsync, verified, one connection": receive,
        "boto3": lambda: boto3_client.download_file("bucket", "get", f"{folder}/received"),
    }
    if S5CMD:
        down["s5cmd"] = _s5cmd(server, url, "cp", "s3://bucket/get", f"{folder}/received")
    show("download 512 MiB", down, rounds=3)


def test_files_of_two_mib(
    folder: Path, server: RcloneServer, url: str, backend: S3Backend, boto3_client: Any, show: Show
) -> None:
    files = _files(folder / "medium", 100, 2 * MIB)

    def up() -> None:
        prefix = f"assetsync{next(_names)}"
        _many(lambda i: backend.upload(f"{prefix}/{i}", *files[i]), len(files))

    def boto3_up() -> None:
        _many(lambda i: boto3_client.upload_file(files[i][0], "bucket", f"boto3/{i}"), len(files), 16)

    contenders: Contenders = {"assetsync": up, "boto3, 16 threads": boto3_up}
    if S5CMD:
        contenders["s5cmd"] = _s5cmd(server, url, "cp", f"{folder}/medium/*", "s3://bucket/s5cmd/")
    show("upload 100 × 2 MiB", contenders)


def test_a_list_of_a_thousand_assets(server: RcloneServer, backend: S3Backend, boto3_client: Any, show: Show) -> None:
    for asset in range(1000):
        for version in range(10):
            where = server.folder / f"bucket/asset{asset:04}/0.{version}"
            where.mkdir(parents=True)
            for part in range(9):
                (where / str(part)).touch()
            where.with_name(where.name + ".meta").touch()
        versions = ", ".join(f'"0.{version}"' for version in reversed(range(10)))
        (server.folder / f"bucket/asset{asset:04}.versions").write_text(f'{{"versions": [{versions}]}}')

    store = Store(backend, load_versioning("major_minor"), Cache(None))

    def boto3_walk() -> None:
        """The same requests: a delimiter at the top, in each folder, and a GET for each asset."""
        names = []
        folders = []
        for page in boto3_client.get_paginator("list_objects_v2").paginate(Bucket="bucket", Delimiter="/"):
            names += [entry["Key"] for entry in page.get("Contents", ())]
            folders += [entry["Prefix"] for entry in page.get("CommonPrefixes", ())]
        with ThreadPoolExecutor(WIDTH) as pool:
            look = partial(boto3_client.list_objects_v2, Bucket="bucket", Delimiter="/")
            list(pool.map(lambda folder: look(Prefix=folder), folders))
            list(pool.map(lambda key: boto3_client.get_object(Bucket="bucket", Key=key)["Body"].read(), names))

    assert len(store.list()) == 1000
    show("list 1,000 assets among 101,000 objects", {"assetsync": store.list, "boto3": boto3_walk}, rounds=3)
