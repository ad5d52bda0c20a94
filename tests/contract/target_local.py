"""The store in a directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assetsync.backends.contract import Backend
from assetsync.backends.directory.store import DirectoryBackend
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import Server


class _Directory(Server):
    many = 300  # it lists without pages

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def config(self, prefix: str) -> StoreConfig:
        folder = self._folder / prefix
        folder.mkdir(parents=True, exist_ok=True)
        return StoreConfig(folder.as_uri())

    def fill(self, backend: Backend, keys: Iterable[str]) -> None:
        assert isinstance(backend, DirectoryBackend)
        for key in keys:
            path = Path(backend.root, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    yield _Directory(folder)


TARGETS = {"local": serve}
WITHOUT = {"faults", "parts"}
