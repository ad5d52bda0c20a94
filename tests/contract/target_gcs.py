"""Cloud Storage, on a fake of its JSON API."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assetsync.backends.contract import Backend
from assetsync.backends.gcs.store import GRAIN, open_store
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import Server
from tests.servers.gcs import GCSServer

BUCKET = "bucket"


class _GCS(Server):
    def __init__(self, server: GCSServer) -> None:
        self._server = server
        self.environ = server.environ
        self.faults = server.faults

    def config(self, prefix: str) -> StoreConfig:
        return StoreConfig(f"gs://{BUCKET}/{prefix}")

    def open(self, config: StoreConfig) -> Backend:
        backend = open_store(config, self.environ)
        backend.multipart_threshold = GRAIN
        backend.bytes_per_part = GRAIN
        return backend

    def fill(self, backend: Backend, keys: Iterable[str]) -> None:
        prefix = backend.url.removeprefix(f"gs://{BUCKET}/")
        for key in keys:
            self._server.storage.put(BUCKET, f"{prefix}/{key}", b"x")

    def without_bucket(self) -> StoreConfig | None:
        return StoreConfig("gs://no-such-bucket/prefix")

    def unreachable(self) -> StoreConfig | None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return StoreConfig(f"gs://{BUCKET}", endpoint=f"http://127.0.0.1:{port}")


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    with GCSServer(BUCKET) as server:
        yield _GCS(server)


TARGETS = {"gcs": serve}
