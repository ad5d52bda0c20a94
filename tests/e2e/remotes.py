"""A place for a store of each kind, for the real command: a directory, and servers in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.servers.azurite import Azurite, missing
from tests.servers.gcs import GCSServer
from tests.servers.s3 import S3Server

BUCKET = "e2e"
_numbers = count()


@dataclass(frozen=True, slots=True)
class Remote:
    """A store URL that nobody else uses, what its clients need, how many requests its server has had, and the server."""

    kind: str
    url: str
    environ: Mapping[str, str] = field(default_factory=dict)
    requests: Callable[[], int] = lambda: 0
    server: S3Server | GCSServer | Azurite | None = None


Serving = Iterator[Callable[[Path], Remote]]


@contextmanager
def _directory() -> Serving:
    yield lambda folder: Remote("directory", str(folder / "store"))


@contextmanager
def _s3() -> Serving:
    with S3Server() as server:
        server.make_bucket(BUCKET)
        yield lambda _: Remote(
            "s3", f"s3://{BUCKET}/prefix-{next(_numbers)}", server.environ, lambda: sum(server.requests.values()), server
        )


@contextmanager
def _gcs() -> Serving:
    with GCSServer(BUCKET) as server:
        yield lambda _: Remote(
            "gcs", f"gs://{BUCKET}/prefix-{next(_numbers)}", server.environ, lambda: len(server.requests), server
        )


@contextmanager
def _azure() -> Serving:
    reason = missing()
    if reason:
        pytest.skip(reason)
    with Azurite() as server:
        server.create_container(BUCKET)
        yield lambda _: Remote(
            "azure", f"az://{BUCKET}/prefix-{next(_numbers)}", server.environ, lambda: server.requests, server
        )


SERVERS = {"directory": _directory, "s3": _s3, "gcs": _gcs, "azure": _azure}
