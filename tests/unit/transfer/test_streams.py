"""Files of megabytes: few of them at once, and their writing begins before they are made durable."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assetsync.backends.memory.store import MemoryBackend
from assetsync.pool import STREAM_WIDTH
from assetsync.project.asset_store import AssetStore
from assetsync.transfer import download

MIB = 1024 * 1024


def test_few_streams_are_under_way_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = 2 * STREAM_WIDTH
    data = tmp_path / "data"
    data.mkdir()
    for index in range(number):
        (data / f"{index}").write_bytes(bytes([index]) * (MIB + 1))
    (data / "small").write_bytes(b"s")
    # As many as there may be have to come together before one goes on; one more would be counted.
    together = threading.Barrier(STREAM_WIDTH, timeout=60)
    lock = threading.Lock()
    now, most = 0, 0
    read = MemoryBackend.read_range

    def counted(self: MemoryBackend, key: str, start: int, length: int) -> Iterator[bytes]:
        nonlocal now, most
        if length == 1:
            yield from read(self, key, start, length)
            return
        with lock:
            now += 1
            most = max(most, now)
        together.wait()
        yield from read(self, key, start, length)
        with lock:
            now -= 1

    begun: list[int] = []
    synced: list[int] = []
    sync = download._sync

    def syncing(paths: list[str]) -> None:
        synced.append(len(begun))
        sync(paths)

    monkeypatch.setattr(download, "start_writing", lambda descriptor, at, length: begun.append(length))
    monkeypatch.setattr(download, "_sync", syncing)
    monkeypatch.setattr(MemoryBackend, "read_range", counted)
    environ = {"ASSETSYNC_STATE_DIR": str(tmp_path / "state")}
    with AssetStore(f"memory://{tmp_path.name}-streams", directory=str(tmp_path), environ=environ) as store:
        store.new("data", name="a")
        store.fetch("a", assets_dir=str(tmp_path / "assets"))
    assert most == STREAM_WIDTH
    assert begun == [MIB + 1] * number
    assert min(synced) == number
