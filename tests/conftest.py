from __future__ import annotations

import compileall
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes, or to think of one, says nothing on a busy machine. A run of the tests says something about
# the program, not about luck: `--hypothesis-profile=random` looks for other examples than those of every run.
settings.register_profile("random", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("assetsync", settings.get_profile("random"), derandomize=True, database=None)
settings.load_profile("assetsync")

# A shell that starts the tests in the background has them ignore ctrl-C, and the programs that they interrupt too.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = os.path.dirname(os.path.dirname(__file__))


def pytest_xdist_auto_num_workers() -> int:
    """Twice as many as cores: a third of the time, a test waits for a server, a git, or another Python to start."""
    return 2 * (os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    """Compile the program once, where bytecode is not written by itself: else each of hundreds of commands does it."""
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(os.path.join(ROOT, "assetsync"), quiet=2)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep what pytest makes of the tests' modules, even where bytecode is not written: that takes ten seconds."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        return (yield)
    finally:
        sys.dont_write_bytecode = before
