"""The real modelkit, in an environment of its own: a peer to be compatible with, never a dependency."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.servers.forking import Forking

# Made by `.ci/run`; beside the tests, because installing modelkit takes longer than all of them.
PYTHON = Path(__file__).parents[2] / ".cache/modelkit/bin/python"

needs_modelkit = [pytest.mark.modelkit, pytest.mark.skipif(not PYTHON.exists(), reason="modelkit is not installed")]


@cache
def _python() -> Forking:
    """A Python that has imported modelkit, which takes a second; until this process ends."""
    modules = ["modelkit.assets.manager", "modelkit.assets.remote", "modelkit.assets.drivers.s3"]
    return Forking(str(PYTHON), modules, _inherited())


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("MODELKIT_", "PYTHON"))}


def run_modelkit(script: str, environ: Mapping[str, str], *, imported: bool = True) -> Any:
    """Run a Python script where modelkit can be, or has been, imported; returns what its last line has in JSON."""
    command = [*(_python().command if imported else [str(PYTHON)]), "-c", script]
    done = subprocess.run(command, env={**_inherited(), **environ}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


_PAUSED = """
import json, os, sys
from modelkit.assets.remote import StorageProvider
provider = StorageProvider()
upload = provider.driver.upload_object
def paused(path, key):
    sys.stderr.write("\\n@@" + json.dumps(key) + "\\n")
    sys.stderr.flush()
    sys.stdin.readline()
    return upload(path, key)
provider.driver.upload_object = paused
getattr(provider, os.environ["HOW"])(os.environ["WHAT"], os.environ["NAME"], os.environ["VERSION"])
"""


class PausedPush:
    """A push of modelkit, which waits before each of its writes. A context manager that ends what is left of it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [*_python().command, "-c", _PAUSED],
            env={**_inherited(), **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> PausedPush:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def wait(self) -> str | None:
        """Until it is about to write; the key of the object. None when it has ended well."""
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            if line.startswith("@@"):
                return str(json.loads(line[2:]))
            said.append(line)
        assert self._process.wait() == 0, "".join(said)
        return None

    def go_on(self) -> None:
        """Let it write."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def finish(self) -> None:
        """Let it do all that it has left."""
        self.go_on()
        while self.wait() is not None:
            self.go_on()
