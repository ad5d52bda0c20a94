"""Fixtures of the contract suite: each test runs once per target."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from assetsync.backends.contract import MultipartBackend
from tests.contract.harness import Faults, Serve, Server, Target

_prefixes = count()


_FILES = [import_module(f"tests.contract.{path.stem}") for path in sorted(Path(__file__).parent.glob("target_*.py"))]
TARGETS: dict[str, Serve] = {name: serve for file in _FILES for name, serve in file.TARGETS.items()}
WITHOUT: dict[str, set[str]] = {name: getattr(file, "WITHOUT", set()) for file in _FILES for name in file.TARGETS}

LENIENT: dict[str, dict[str, str]] = {name: getattr(file, "LENIENT", {}) for file in _FILES for name in file.TARGETS}
AT_TIMES: dict[str, dict[str, str]] = {name: getattr(file, "AT_TIMES", {}) for file in _FILES for name in file.TARGETS}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on every target that it is for."""
    if "server" in metafunc.fixturenames:
        names = [name for name in TARGETS if WITHOUT[name].isdisjoint(metafunc.fixturenames)]
        servers = [pytest.param(name, marks=_lenience(name, metafunc.function.__name__)) for name in names]
        metafunc.parametrize("server", servers, indirect=True, scope="session")


def _lenience(name: str, test: str) -> list[pytest.MarkDecorator]:
    """What is known of a test that the server of a target does not pass, because it is less strict than the cloud."""
    if test in LENIENT[name]:
        return [pytest.mark.xfail(reason=LENIENT[name][test], strict=True)]
    if test in AT_TIMES[name]:
        return [pytest.mark.xfail(reason=AT_TIMES[name][test], run=False)]
    return []


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of a target, one per session."""
    with TARGETS[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def target(server: Server, tmp_path: Path) -> Iterator[Target]:
    """A fresh, empty store."""
    target = Target(server, f"base/{next(_prefixes)}/pre", tmp_path)
    yield target
    target.close()


@pytest.fixture
def parts(target: Target) -> MultipartBackend:
    """The store of `target`, where it takes files in parts."""
    assert isinstance(target.backend, MultipartBackend)
    return target.backend


@pytest.fixture
def faults(server: Server) -> Iterator[Faults]:
    """The hooks of the server; tests that want a certain one call `need` first."""
    assert server.faults is not None, "a target without faults says so in `WITHOUT`"
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
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies that do not end are given up soon. Not for tests of replies that do: a busy machine may take as long."""
    for module in ("limits", "s3.objects"):
        monkeypatch.setattr(f"assetsync.backends.{module}.TOTAL_TIMEOUT", 0.5)


@pytest.fixture
def hectic() -> Iterator[None]:
    """Threads take turns so often that a check and the act it is for come apart."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)
