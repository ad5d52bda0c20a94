"""Fixtures of the contract suite: each test runs once per target."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from assetsync.backends import MultipartBackend
from tests.contract.harness import Faults, Serve, Server, Target

_prefixes = count()


def _targets() -> dict[str, Serve]:
    found: dict[str, Serve] = {}
    for path in sorted(Path(__file__).parent.glob("target_*.py")):
        found.update(import_module(f"tests.contract.{path.stem}").TARGETS)
    return found


TARGETS = _targets()


@pytest.fixture(scope="session", params=TARGETS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of a target, one per session."""
    with TARGETS[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def target(server: Server, tmp_path: Path) -> Iterator[Target]:
    """A fresh, empty store."""
    target = Target(server, f"base/pre{next(_prefixes)}", tmp_path)
    yield target
    target.close()


@pytest.fixture
def parts(target: Target) -> MultipartBackend:
    """The store of `target`, where it takes files in parts."""
    if not isinstance(target.backend, MultipartBackend):
        pytest.skip("this store takes files of any size in one request")
    return target.backend


@pytest.fixture
def faults(server: Server) -> Iterator[Faults]:
    """The hooks of the server; tests that want a certain one call `need` first."""
    if server.faults is None:
        pytest.skip("this store has no server that could fail")
    server.faults.clear()
    yield server.faults
    server.faults.clear()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that retries would have waited, in order; nobody really waits."""
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def hectic() -> Iterator[None]:
    """Threads take turns so often that a check and the act it is for come apart."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)
