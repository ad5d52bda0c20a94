from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import remote, repo, s3, s3_serving, serving
from tests.e2e.remotes import SERVERS, Remote
from tests.faults.warm import Warm

__all__ = ["over_http", "remote", "repo", "s3", "s3_serving", "serving"]


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """The real command, ready to start."""
    with Warm() as warm:
        yield warm


@pytest.fixture(scope="session", params=["strict s3", "gcs", pytest.param("azure", marks=pytest.mark.slow)])
def over_http(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], Remote]]:
    """Places for stores on a server that can be made to fail, of each kind in turn."""
    with SERVERS[request.param]() as place:
        yield place
