"""The store in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assetsync.backends.contract import Backend
from assetsync.backends.memory.store import open_store
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import Server


class _Memory(Server):
    many = 300  # it lists without pages
    within_process = "a store in memory belongs to one process"

    def config(self, prefix: str) -> StoreConfig:
        return StoreConfig(f"memory://{prefix}")

    def open(self, config: StoreConfig) -> Backend:
        backend = open_store(config, self.environ)
        backend.multipart_threshold = 100_000
        backend.bytes_per_part = 40_000
        return backend


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    yield _Memory()


TARGETS = {"memory": serve}
WITHOUT = {"faults"}
