"""Versions in a memory store, made without publishing, so that tests can get them; and a store that counts and lies."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from builtins import list as List  # noqa: N812 - a store has a method `list`
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from assetsync.backends.contract import Blob, Listing, ObjectInfo
from assetsync.backends.memory.store import MemoryBackend
from assetsync.errors import NotFoundError
from assetsync.local.scan import scan
from assetsync.model.tree import FileEntry, Tree, directory_tree, file_tree
from assetsync.model.versioning import MajorMinor
from assetsync.plan.snapshot import Present
from assetsync.remote import documents, layout
from assetsync.remote.documents import Meta
from assetsync.remote.store import Store
from assetsync.state.cache import Cache

Files = Mapping[str, bytes] | bytes
PUSHED = "2026-01-31T09:00:00+00:00"


class WatchedBackend(MemoryBackend):
    """Remembers what it was asked for; `lies` are bytes that it returns instead of those of an object."""

    def __init__(self) -> None:
        super().__init__("memory://watched")
        self.requests: List[str] = []
        self.bytes_read = 0
        self.lies: dict[str, bytes | None] = {}
        self.before_chunk: Callable[[str, int], None] = lambda key, start: None
        self._counting = threading.Lock()

    def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
        self.requests.append(f"list {prefix}")
        return super().list(prefix, delimiter=delimiter)

    def read(self, key: str, *, limit: int = 64 * 1024 * 1024) -> Blob:
        self.requests.append(f"read {key}")
        return super().read(key, limit=limit)

    def stat(self, key: str) -> ObjectInfo:
        self.requests.append(f"stat {key}")
        return super().stat(key)

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        self.requests.append(f"range {key} {start}")
        if key in self.lies:
            lie = self.lies[key]
            if lie is None:
                raise NotFoundError(f"`{key}` is not here")
            yield lie[start:]
            return
        for chunk in super().read_range(key, start, length):
            self.before_chunk(key, start)
            with self._counting:
                self.bytes_read += len(chunk)
            yield chunk

    @property
    def ranges(self) -> List[str]:
        """The objects whose data was asked for."""
        return [request.split()[1] for request in self.requests if request.startswith("range ")]

    def forget(self) -> None:
        self.requests.clear()
        self.bytes_read = 0


def new_store(backend: MemoryBackend | None = None) -> Store:
    return Store(backend or WatchedBackend(), MajorMinor(), Cache(None))


def watched(store: Store) -> WatchedBackend:
    assert isinstance(store.backend, WatchedBackend)
    return store.backend


def put(store: Store, name: str, version: str, files: Files, *, modelkit: bool = False) -> Tree:
    """Make a version, as assetsync or as modelkit does."""
    if isinstance(files, bytes):
        store.backend.create(layout.data_key(name, version), files)
        tree = file_tree(len(files), hashlib.sha256(files).hexdigest())
    else:
        for path, data in files.items():
            store.backend.create(layout.data_key(name, version, path), data)
        tree = directory_tree(
            FileEntry(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in files.items()
        )
    put_meta(store, name, version, tree, modelkit=modelkit)
    try:
        store.indexes.add(name, version)
    finally:
        if isinstance(store.backend, WatchedBackend):
            store.backend.forget()
    return tree


def put_meta(store: Store, name: str, version: str, tree: Tree, *, modelkit: bool = False) -> None:
    paths = tuple(file.path for file in tree.files)
    meta = documents.render_meta(Meta(PUSHED, tree.is_directory, paths, tree, None))
    if modelkit:
        document = json.loads(meta)
        del document["assetsync"]
        meta = json.dumps(document).encode()
    store.backend.create(layout.meta_key(name, version), meta)


def scanned(root: Path, path: str, *exclude: str) -> Present | None:
    """What is at the path, as a plan would have it."""
    found = scan(str(root), path, exclude=exclude, cache=Cache(None))
    return found if isinstance(found, Present) else None


_OURS = re.compile(r"\.assetsync(-tmp-[0-9a-f]{32})?")


def files_below(folder: Path) -> dict[str, bytes]:
    """All that is in a folder: files with their bytes, links and empty folders as such.

    Left out is what assetsync keeps for itself: `.assetsync`, and what a failed fetch has got so far.
    """
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        if any(_OURS.fullmatch(part) for part in below.parts):
            continue
        if path.is_symlink():
            found[str(below)] = f"-> {path.readlink()}".encode()
        elif path.is_file():
            found[str(below)] = path.read_bytes()
        elif not any(path.iterdir()):
            found[f"{below}/"] = b""
    return found
