"""A place for a store of each kind, for the real command: a directory, and servers.

S3 is SeaweedFS, a process of its own; "strict s3" is moto's behind our own layer, in this process, which can be made to
fail and tells what it was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.servers import azurite, seaweed
from tests.servers.gcs import GCSServer
from tests.servers.s3 import S3Server

BUCKET = "e2e"
_numbers = count()


@dataclass(frozen=True, slots=True)
class Remote:
    """A store URL that nobody else uses, and what its clients need.

    Of servers in this process also how many requests they have had, and the server.
    """

    kind: str
    url: str
    environ: Mapping[str, str] = field(default_factory=dict)
    requests: Callable[[], int] = lambda: 0
    server: S3Server | GCSServer | azurite.Azurite | None = None


Serving = Iterator[Callable[[Path], Remote]]


@contextmanager
def _directory() -> Serving:
    yield lambda folder: Remote("directory", str(folder / "store"))


@contextmanager
def _s3() -> Serving:
    reason = seaweed.missing()
    if reason:
        pytest.skip(reason)
    server, bucket = seaweed.shared_seaweed(), seaweed.shared_bucket()
    yield lambda _: Remote("s3", f"s3://{bucket}/prefix-{next(_numbers)}", server.environ)


@contextmanager
def _strict_s3() -> Serving:
    with S3Server() as server:
        server.make_bucket(BUCKET)
        yield lambda _: Remote(
            "strict s3",
            f"s3://{BUCKET}/prefix-{next(_numbers)}",
            server.environ,
            lambda: sum(server.requests.values()),
            server,
        )


@contextmanager
def _gcs() -> Serving:
    with GCSServer(BUCKET) as server:
        yield lambda _: Remote(
            "gcs", f"gs://{BUCKET}/prefix-{next(_numbers)}", server.environ, lambda: len(server.requests), server
        )


@contextmanager
def _azure() -> Serving:
    reason = azurite.missing()
    if reason:
        pytest.skip(reason)
    with azurite.Azurite() as server:
        server.create_container(BUCKET)
        yield lambda _: Remote(
            "azure", f"az://{BUCKET}/prefix-{next(_numbers)}", server.environ, lambda: server.requests, server
        )


# What the main job runs on, and what else a test may ask for.
STORES = {"directory": _directory, "s3": _s3, "gcs": _gcs, "azure": _azure}
SERVERS = {**STORES, "strict s3": _strict_s3}
