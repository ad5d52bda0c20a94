"""Azure Blob Storage, by Azurite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from assetsync.backends.azure.store import open_store
from assetsync.backends.contract import Backend
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import Server
from tests.servers.azurite import ACCOUNT, Azurite, missing

CONTAINER = "contract"


class _Azure(Server):
    # Three pages of flat keys, and a half more of them in folders.
    many = 210
    # Azure drops dots at the end of a segment.
    refused_keys = frozenset({"odd/x.."})
    aborted_parts_stay = True

    def __init__(self, azurite: Azurite) -> None:
        self._azurite = azurite
        self.environ: Mapping[str, str] = azurite.environ
        self.faults = azurite.faults

    def config(self, prefix: str) -> StoreConfig:
        return StoreConfig(f"az://{CONTAINER}/{prefix}")

    def open(self, config: StoreConfig) -> Backend:
        environ = {} if config.endpoint else self.environ
        backend = open_store(config, {**environ, "AZURE_STORAGE_KEY": "a2V5"})
        backend.multipart_threshold = 100_000
        backend.bytes_per_part = 40_000
        backend.keys_per_page = 100
        return backend

    def without_bucket(self) -> StoreConfig:
        return StoreConfig("az://no-such-container/prefix")

    def unreachable(self) -> StoreConfig:
        return StoreConfig(f"az://{CONTAINER}/prefix", endpoint=f"http://127.0.0.1:1/{ACCOUNT}")


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    with Azurite() as azurite:
        azurite.create_container(CONTAINER)
        yield _Azure(azurite)


TARGETS = {"azure": serve}
