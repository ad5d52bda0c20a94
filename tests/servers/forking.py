"""Python programs without their start: a process that has imported much forks one copy of itself for each run.

Starting Python and importing what a program needs takes up to a second, and the tests run hundreds of programs.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence

PROGRAM = os.path.join(os.path.dirname(__file__), "forked.py")


class Forking:
    """A process of the Python at `python` that has imported `modules`, started in the environment `environ`.

    `command` is what to run in place of `python`: it takes `-c CODE` or `-m MODULE`, and arguments. The copy has the
    folder, the environment and the standard streams of who runs it, and dies with it. The process ends with this one.
    """

    def __init__(self, python: str, modules: Sequence[str], environ: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="forking-")
        path = os.path.join(self._folder.name, "socket")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [python, PROGRAM, "serve", path, *modules], stdin=pipe, stdout=pipe, env=environ, cwd=self._folder.name
        )
        assert self._process.stdout
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"`{python}` can't import {', '.join(modules)}")
        # Isolated and without `site`: a Python that needs neither starts in half the time.
        self.command = [python, "-I", "-S", PROGRAM, "run", path]
        atexit.register(self._close)

    def _close(self) -> None:
        self._process.communicate()
        self._folder.cleanup()
