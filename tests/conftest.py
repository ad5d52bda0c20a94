from __future__ import annotations

import os

from hypothesis import settings

# How long an example takes says nothing on a busy machine.
settings.register_profile("assetsync", deadline=None)
settings.load_profile("assetsync")


def pytest_xdist_auto_num_workers() -> int:
    """Twice as many as cores: a third of the time, a test waits for a server, a git, or another Python to start."""
    return 2 * (os.cpu_count() or 1)
