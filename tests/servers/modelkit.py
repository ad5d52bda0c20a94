"""The real modelkit, in an environment of its own: a peer to be compatible with, never a dependency."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

# Made by `.ci/run`; beside the tests, because installing modelkit takes longer than all of them.
PYTHON = Path(__file__).parents[2] / ".cache/modelkit/bin/python"

needs_modelkit = [pytest.mark.modelkit, pytest.mark.skipif(not PYTHON.exists(), reason="modelkit is not installed")]


def run_modelkit(script: str, environ: Mapping[str, str]) -> Any:
    """Run a Python script where modelkit can be imported; returns what it prints as JSON in its last line."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MODELKIT_", "PYTHON"))}
    done = subprocess.run(
        [str(PYTHON), "-c", script], env={**inherited, **environ}, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
