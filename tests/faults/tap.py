"""A look at each request of a client before the test server answers it, for all servers alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from tests.contract.harness import Fault
from tests.contract.target_s3 import _WHAT as S3_WHAT
from tests.e2e.remotes import Remote
from tests.servers.azurite import Azurite
from tests.servers.gcs import GCSServer
from tests.servers.s3 import S3Server


class Seen(NamedTuple):
    """What can be said of a request to any server."""

    method: str
    writes: bool
    size: int


# Returns what goes wrong with the request. Called in the server's threads, many at once.
Look = Callable[[Seen], Fault | None]


@contextmanager
def tapped(remote: Remote, look: Look) -> Iterator[None]:
    """While the block lasts, `look` decides about each request to the server of `remote`."""
    server = remote.server
    with pytest.MonkeyPatch.context() as patch:
        if isinstance(server, S3Server):

            def take(request: object, *, early: bool = False) -> object:
                fault = None if early else look(_seen(request))
                return S3_WHAT[fault] if fault else None

            patch.setattr(server, "take", take)
        elif isinstance(server, GCSServer | Azurite):
            patch.setattr(server.faults, "take", lambda request: look(_seen(request)))
        else:
            pytest.fail(f"nothing to tap in a store of kind {remote.kind}")
        yield


def _seen(request: object) -> Seen:
    method = str(vars(request)["method"] if hasattr(request, "__dict__") else request.method)  # type: ignore[attr-defined]
    return Seen(method, method not in ("GET", "HEAD"), len(request.body))  # type: ignore[attr-defined]
