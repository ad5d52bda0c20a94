"""What the contract suite wants of a store to test: a server, its faults, and fresh stores on it.

One file per store: ``tests/contract/target_<store>.py``, found by its name, with::

    TARGETS = {"s3": serve}

where ``serve(folder)`` is a context manager that starts the server (port 0, data in the empty `folder`) and yields a
`Server`. It calls `pytest.skip` with a reason where the server can't run. It runs once per test session.

A file that also says ``WITHOUT = {"faults", "parts"}`` is of a store that has no server which could fail, or that takes
files of any size in one request: tests that use these fixtures are not for it.

A server that is not as strict as the cloud it stands for says so with ``LENIENT = {"test_name": "what it does"}``, for
tests that must fail on it, and ``AT_TIMES`` for those that may, which are not run. docs/reliability.md has the list.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

import pytest

from assetsync.backends.contract import Backend
from assetsync.backends.opening import open_backend
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry

ALWAYS = 1_000_000


class Fault(Enum):
    """What a test server can do instead of answering a request as it should."""

    SLOW_DOWN = auto()  # refuse it as too many: 503 SlowDown, 429
    SERVER_ERROR = auto()  # 500, nothing done
    DENIED = auto()  # 403
    CUT = auto()  # close the connection without a word, nothing done
    CUT_BODY = auto()  # answer, but close the connection in the middle of the body. Counts only reads of data
    LOST_REPLY = auto()  # do it, then close the connection without a word. Counts only requests that change something
    CORRUPT = auto()  # flip a bit of the data received, before its checksum is verified. Counts only requests with data


class Faults(Protocol):
    """The hooks of a test server. Safe to call while requests are under way."""

    @property
    def possible(self) -> frozenset[Fault]:
        """The faults that the server can inject; tests of others are skipped."""

    def inject(self, fault: Fault, times: int = 1) -> None:
        """Let the next `times` requests that the fault applies to suffer it."""

    def clear(self) -> None:
        """Back to normal."""

    @property
    def requests(self) -> int:
        """How many requests have come in since the start, those that failed included."""


class Server(ABC):
    """A running store. Subclass it and override what differs."""

    # What `open_backend` gets: credentials of the test server.
    environ: Mapping[str, str] = {}
    faults: Faults | None = None
    # Why no other process can use the store; None when they can.
    within_process: str | None = None
    # So many keys need three pages of a listing, at least.
    many = 2100
    # Keys out of `ODD_KEYS` that the store can't hold; using them must raise a StoreError, not store something else.
    refused_keys: frozenset[str] = frozenset()
    # Whether the parts of an upload that was aborted stay until the store drops them by itself.
    aborted_parts_stay = False

    @abstractmethod
    def config(self, prefix: str) -> StoreConfig:
        """The store under `prefix` (one or more segments, no slash at either end). It is empty before its first use."""

    def open(self, config: StoreConfig) -> Backend:
        """A new client. Override to make parts of large files small: a few hundred KiB should need several."""
        return open_backend(config, self.environ)

    def fill(self, backend: Backend, keys: Iterable[str]) -> None:
        """Make objects of one byte at `keys`. Override to put them straight into the server: it is much faster."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: backend.create(key, b"x"), keys))

    def without_bucket(self) -> StoreConfig | None:
        """A store in a bucket or container that does not exist; None where there is no such thing."""
        return None

    def unreachable(self) -> StoreConfig | None:
        """A store at a port on which nobody listens; None where there is no such thing."""
        return None


Serve = Callable[[Path], AbstractContextManager[Server]]


class Target:
    """What a test gets: an empty store of its own on a server."""

    def __init__(self, server: Server, prefix: str, folder: Path) -> None:
        self.server = server
        self.prefix = prefix
        self.config = server.config(prefix)
        self._folder = folder
        self._opened: list[Backend] = []
        self.backend = self.open()

    def open(self, config: StoreConfig | None = None) -> Backend:
        """A further client of this store, or a client of another one."""
        backend = self.server.open(config or self.config)
        self._opened.append(backend)
        return backend

    def close(self) -> None:
        for backend in self._opened:
            backend.close()

    def file(self, data: bytes, name: str = "file") -> tuple[str, FileEntry]:
        """A local file with these bytes, and its entry."""
        path = self._folder / name
        path.write_bytes(data)
        return str(path), entry_of(data)


def need(faults: Faults, *wanted: Fault) -> None:
    """Skip the test where the server can't inject one of these."""
    for fault in wanted:
        if fault not in faults.possible:
            pytest.skip(f"this store's test server can't inject {fault.name}")


def entry_of(data: bytes) -> FileEntry:
    return FileEntry("", len(data), hashlib.sha256(data).hexdigest())


def some_bytes(size: int, seed: int = 0) -> bytes:
    """`size` bytes that do not repeat at any part's or chunk's length, the same for each `seed`."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


def content(backend: Backend, key: str) -> bytes:
    """The whole object."""
    return b"".join(backend.read_range(key, 0, backend.stat(key).size))


# Composed Unicode only: trees with names in other forms are refused before they come here.
ODD_KEYS = (
    "odd/plain",
    "odd/with space",
    "odd/ leading and trailing ",
    "odd/100%",
    "odd/a%20b",
    "odd/a+b",
    "odd/a#b",
    "odd/a?b=c&d=e",
    "odd/it's",
    'odd/"quoted"',
    "odd/<tag>&amp;",
    "odd/..x",
    "odd/x..",
    "odd/.hidden/.file",
    "odd/~tilde",
    "odd/a,b;c:d=e@f!g$h",
    "odd/(round)[square]{curly}",
    "odd/*|^`",
    "odd/\u00fcml\u00e4ut \u00e9",
    "odd/\u65e5\u672c\u8a9e/\u0444\u0430\u0439\u043b",
    "odd/\U0001f40d",
    "odd/" + "long" * 40,
)
