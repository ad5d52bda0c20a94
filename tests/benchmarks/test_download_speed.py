"""How fast versions are pulled, beside rclone from the same server: `pytest -m benchmark`."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from assetsync.model.tree import FileEntry, directory_tree
from assetsync.remote import documents, layout
from assetsync.remote.documents import Meta
from tests.benchmarks.side_by_side import side_by_side, table
from tests.servers.rclone import RcloneServer, rclone, serve_rclone

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(rclone() is None, reason="rclone is not installed"),
]

MIB = 1024 * 1024
WORK = {"5,000 × 20 KiB": [20 * 1024] * 5000, "200 × 2 MiB": [2 * MIB] * 200, "1 GiB": [1024 * MIB]}
MOST_MEMORY = 100  # MiB
PROCESS = """
import os, resource, sys
from assetsync.backends.opening import open_backend
from assetsync.state.cache import Cache
from assetsync.transfer.fetch import Retrieval, pull
from assetsync.state.pull_markers import Markers
from assetsync.model.manifest import StoreConfig
from assetsync.local.scan import scan
from assetsync.plan.snapshot import Present
from assetsync.remote.store import Store
from assetsync.pool import Transfers
from assetsync.model.versioning import MajorMinor

url, version, root = sys.argv[1:]
os.makedirs(root, exist_ok=True)
config = StoreConfig(url, endpoint=os.environ.get("AWS_ENDPOINT_URL"), region="us-east-1")
store = Store(open_backend(config, os.environ), MajorMinor(), Cache(None))
over = scan(root, "data", cache=Cache(None))
what = Retrieval("bench", version, root, "data", over if isinstance(over, Present) else None)
counts = []
with Transfers() as transfers:
    pull(store, what, transfers=transfers, markers=Markers(f"{root}/.assetsync/pulls"), progress=counts.append)
store.close()
print(sum(counts), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path)  # gigabytes; pytest would keep the last three


@pytest.fixture
def server(folder: Path) -> Iterator[RcloneServer]:
    (folder / "buckets/bucket").mkdir(parents=True)
    with serve_rclone(folder / "buckets") as server:
        yield server


def _publish(bucket: Path, version: str, sizes: list[int], seeds: list[int]) -> None:
    """Put a version where the server finds it."""
    entries = []
    for number, (size, seed) in enumerate(zip(sizes, seeds, strict=True)):
        rng = random.Random(seed)
        path = bucket / layout.data_key("bench", version, f"{number % 10}/{number}")
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for start in range(0, size, MIB):
                chunk = rng.randbytes(min(MIB, size - start))
                digest.update(chunk)
                file.write(chunk)
        entries.append(FileEntry(f"{number % 10}/{number}", size, digest.hexdigest()))
    tree = directory_tree(entries)
    meta = Meta("2026-01-31T09:00:00+00:00", True, tuple(file.path for file in tree.files), tree, None)
    (bucket / layout.meta_key("bench", version)).write_bytes(documents.render_meta(meta))


def _pull(url: str, version: str, root: Path, environ: dict[str, str]) -> tuple[int, int]:
    """Pull in a process of its own; returns the bytes downloaded and the peak of its memory in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, url, version, str(root)],
        env={**os.environ, **environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=True,
    )
    downloaded, memory = done.stdout.split()
    return int(downloaded), int(memory)


def _copy_by_rclone(server: RcloneServer, version: str, target: Path) -> None:
    program = rclone()
    assert program is not None
    remote = f":s3,provider=Other,env_auth=true,endpoint='{server.url}':bucket/bench/{version}"
    subprocess.run(
        [program, "copy", "--transfers", "16", "--checkers", "16", remote, str(target)],
        env={**os.environ, **server.environ, "RCLONE_CONFIG": ""},
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize("what", WORK)
def test_a_fresh_pull_beside_rclone(
    folder: Path, server: RcloneServer, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = WORK[what]
    _publish(server.folder / "bucket", "0.0", sizes, list(range(len(sizes))))
    fresh = (folder / f"round-{number}" for number in count())
    memory: list[int] = []

    def ours() -> None:
        downloaded, peak = _pull("s3://bucket", "0.0", next(fresh), server.environ)
        assert downloaded == sum(sizes)
        memory.append(peak)

    times = side_by_side({"assetsync": ours, "rclone": lambda: _copy_by_rclone(server, "0.0", next(fresh))}, rounds=3)
    with capsys.disabled():
        sys.stdout.write(table(f"download {what}, peak memory {max(memory)} MiB", times, "rclone"))
    assert max(memory) <= MOST_MEMORY


@pytest.mark.parametrize("scheme", ["s3", "directory"])
def test_one_of_200_files_changed(
    folder: Path, server: RcloneServer, scheme: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = server.folder / "bucket"
    sizes = [2 * MIB] * 200
    _publish(bucket, "0.0", sizes, list(range(200)))
    _publish(bucket, "0.1", sizes, [*range(100), 1000, *range(101, 200)])
    url = "s3://bucket" if scheme == "s3" else str(bucket)
    _pull(url, "0.0", folder / "repo", server.environ)
    downloaded, memory = _pull(url, "0.1", folder / "repo", server.environ)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{scheme}: 1 of 200 files of 2 MiB changed: {downloaded} bytes downloaded, peak memory {memory} MiB\n"
        )
    assert downloaded == 2 * MIB


def test_memory_for_1_gib_from_a_directory(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _publish(folder / "store", "0.0", [1024 * MIB], [0])
    downloaded, memory = _pull(str(folder / "store"), "0.0", folder / "repo", {})
    with capsys.disabled():
        sys.stdout.write(f"\ndirectory: {downloaded} bytes downloaded, peak memory {memory} MiB\n")
    assert memory <= MOST_MEMORY
