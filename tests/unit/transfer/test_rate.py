"""All bytes of files that are sent or got are paid for, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assetsync.backends.memory.store import MemoryBackend
from assetsync.project.asset_store import AssetStore
from assetsync.traffic import Pace, Traffic

KIB = 1024


@pytest.fixture
def paid(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    paid: list[int] = []

    def reserve(self: Pace, count: int) -> float:
        paid.append(count)
        return 0.0

    monkeypatch.setattr(Pace, "reserve", reserve)
    return paid


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AssetStore]:
    environ = {"ASSETSYNC_STATE_DIR": str(tmp_path / "state")}
    url = f"memory://{tmp_path.name}-rate"
    with AssetStore(url, directory=str(tmp_path), environ=environ, traffic=Traffic(rate=1e6)) as store:
        backend = store.store.backend
        assert isinstance(backend, MemoryBackend)
        backend.multipart_threshold, backend.bytes_per_part = 64 * KIB, 16 * KIB
        yield store


def test_bytes_are_paid_for_when_they_are_sent_and_when_they_are_got(
    tmp_path: Path, store: AssetStore, paid: list[int]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "small").write_bytes(b"s" * 1000)
    (data / "large").write_bytes(bytes(100 * KIB))  # in parts
    store.new("data", name="a")
    assert sum(paid) == 1000 + 100 * KIB
    assert max(paid) == 16 * KIB
    paid.clear()
    store.fetch("a", assets_dir=str(tmp_path / "assets"))
    assert sum(paid) == 1000 + 100 * KIB


def test_what_the_store_copies_costs_nothing(tmp_path: Path, store: AssetStore, paid: list[int]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "same").write_bytes(b"s" * 1000)
    (data / "other").write_bytes(b"one")
    store.new("data", name="a")
    paid.clear()
    (data / "other").write_bytes(b"three")
    store.update("data", name="a")
    assert paid == [5]
