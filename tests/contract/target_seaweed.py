"""S3, by SeaweedFS: a real server that others wrote. What goes wrong on demand goes wrong in `target_s3`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assetsync.backends.contract import Backend
from assetsync.backends.s3.store import open_store
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import Server
from tests.servers.seaweed import SeaweedServer, missing, shared_bucket, shared_seaweed

MIB = 1024 * 1024


class _Seaweed(Server):
    def __init__(self, server: SeaweedServer) -> None:
        self._bucket = shared_bucket()
        self.environ = server.environ

    def config(self, prefix: str) -> StoreConfig:
        return StoreConfig(f"s3://{self._bucket}/{prefix}")

    def open(self, config: StoreConfig) -> Backend:
        backend = open_store(config, self.environ)
        # As AWS does, it refuses smaller parts, unless they are the last.
        backend.multipart_threshold = backend.min_part_size = 5 * MIB
        return backend

    def without_bucket(self) -> StoreConfig:
        return StoreConfig("s3://no-such-bucket/base")

    def unreachable(self) -> StoreConfig:
        return StoreConfig(f"s3://{self._bucket}/base", endpoint="http://127.0.0.1:1")


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    yield _Seaweed(shared_seaweed())


TARGETS = {"seaweed": serve}
WITHOUT = {"faults"}
AT_TIMES = {"test_one_of_many_uploads_in_parts_wins": "it looks and then completes an upload, so several may win"}
