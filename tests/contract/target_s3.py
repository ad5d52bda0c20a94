"""S3: moto behind the strict layer of `tests.servers.s3`, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assetsync.backends.contract import Backend
from assetsync.backends.s3.store import open_store
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import Fault, Server
from tests.servers.s3 import Break, S3Server
from tests.servers.s3 import Fault as S3Fault
from tests.servers.s3_checks import Incoming

BUCKET = "contract"
# Small enough that a few hundred KiB need several parts.
THRESHOLD = 100_000
PART = 40_000

_WHAT: dict[Fault, str | Break] = {
    Fault.SLOW_DOWN: "SlowDown",
    Fault.SERVER_ERROR: "InternalError",
    Fault.DENIED: "AccessDenied",
    Fault.CUT: Break.CUT,
    Fault.CUT_BODY: Break.CUT_BODY,
    Fault.LOST_REPLY: Break.LOST_REPLY,
    Fault.CORRUPT: Break.CORRUPT,
}
_APPLIES: dict[Fault, Callable[[Incoming], bool]] = {
    Fault.CUT_BODY: lambda request: request.kind == "GetObject",
    Fault.LOST_REPLY: lambda request: request.method not in ("GET", "HEAD"),
    Fault.CORRUPT: lambda request: bool(request.body),
}


class _Faults:
    possible = frozenset(Fault)

    def __init__(self, server: S3Server) -> None:
        self._server = server

    def inject(self, fault: Fault, times: int = 1) -> None:
        applies = _APPLIES.get(fault, lambda _: True)
        self._server.faults.append(S3Fault(_WHAT[fault], times, applies))

    def clear(self) -> None:
        self._server.faults.clear()

    @property
    def requests(self) -> int:
        return self._server.total


class _S3(Server):
    def __init__(self, server: S3Server) -> None:
        self._server = server
        self.environ = server.environ
        self.faults = _Faults(server)

    def config(self, prefix: str) -> StoreConfig:
        return StoreConfig(f"s3://{BUCKET}/{prefix}")

    def open(self, config: StoreConfig) -> Backend:
        backend = open_store(config, self.environ)
        backend.multipart_threshold = THRESHOLD
        backend.min_part_size = PART
        return backend

    def fill(self, backend: Backend, keys: Iterable[str]) -> None:
        prefix = backend.url.removeprefix(f"s3://{BUCKET}/")
        for key in keys:
            self._server.put(BUCKET, f"{prefix}/{key}", b"x")

    def without_bucket(self) -> StoreConfig:
        return StoreConfig("s3://no-such-bucket/base")

    def unreachable(self) -> StoreConfig:
        return StoreConfig(f"s3://{BUCKET}/base", endpoint="http://127.0.0.1:1")


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    with S3Server() as server:
        server.make_bucket(BUCKET)
        yield _S3(server)


TARGETS = {"s3": serve}
