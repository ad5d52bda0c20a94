"""Faults at the boundary of the system: `shim.c`, compiled for this machine, and the plan that it goes by.

A `Plan` says which step of a command has which mishap. Its `environ` is for the command, which
`Warm(preload=library())` starts.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

SOURCE = Path(__file__).with_name("shim.c")

# `struct plan` of shim.c: steps, at, kinds, fault, error, jump, room, offset; below, fired.
_PLAN = struct.Struct("=8q1024s1024s")

OPEN, WRITE, RENAME, LINK, UNLINK, MKDIR, SYNC, TRUNCATE, SEND, CHMOD = (1 << bit for bit in range(10))
ALL = 2 * CHMOD - 1


class Mishap(Enum):
    """What happens at a step. The value: the kinds of steps that count, the number in shim.c, the error, and where a
    clock jumps."""

    NOTHING = (ALL, 0, 0, 0)
    KILL = (ALL, 1, 0, 0)  # the command and all that it has started die before the step
    TEAR = (WRITE | SEND, 2, 0, 0)  # half is written, or sent; then they die
    EIO = (ALL, 3, errno.EIO, 0)  # of a connection: it is reset
    ENOSPC = (ALL & ~(UNLINK | SEND | CHMOD), 3, errno.ENOSPC, 0)
    LATER = (ALL, 4, 0, 1)  # the clock jumps on
    EARLIER = (ALL, 4, 0, -1)  # it jumps back

    @property
    def kinds(self) -> int:
        """The kinds of steps that it may befall."""
        return self.value[0]


# Seconds by which a clock jumps.
DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class Told:
    """What a command has done: how many steps, and which one had the fault; empty when none had."""

    steps: int
    fired: str


class Plan:
    """The plan of one command, in the file `path`, which is made.

    `at` is the number of the step with the mishap, from 0. `jump` and `offset` are seconds: by how much the clock
    jumps, and how wrong it is from the beginning. `room`: so many bytes can be written before the disk is full. Steps,
    and the disk, are those of paths below the folder `below`; what is sent to servers counts as well.
    """

    def __init__(
        self,
        path: Path,
        mishap: Mishap = Mishap.NOTHING,
        at: int = -1,
        *,
        jump: int = DAY,
        offset: int = 0,
        room: int = -1,
        below: Path = Path("/"),
    ) -> None:
        self._path = path
        kinds, number, error, direction = mishap.value
        numbers = (0, at, kinds, number, error, direction * jump, room, offset)
        path.write_bytes(_PLAN.pack(*numbers, os.fsencode(os.path.realpath(below)), b""))

    @property
    def environ(self) -> Mapping[str, str]:
        """For the command, and for what it starts."""
        return {"LD_PRELOAD": library(), "SHIM_PLAN": str(self._path)}

    def told(self) -> Told:
        """What has been done so far."""
        steps, *_, fired = _PLAN.unpack(self._path.read_bytes())
        return Told(steps, fired.rstrip(b"\0").decode("utf-8", "replace"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink()


def missing() -> str | None:
    """Why there are no faults at the boundary here; None when there are."""
    if sys.platform != "linux":
        return "shim.c is for Linux"
    return None if _compiler() else "there is no C compiler: install one, or `pip install ziglang`"


def _compiler() -> list[str] | None:
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    return [sys.executable, "-m", "ziglang", "cc"] if find_spec("ziglang") else None


@cache
def library() -> str:
    """The path of the compiled shim, which later runs find again. RuntimeError when it can't be compiled."""
    compiler = _compiler()
    if compiler is None:
        raise RuntimeError(missing())
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    path = Path(tempfile.gettempdir(), f"assetsync-shim-{os.getuid()}-{digest}.so")
    if not path.exists():
        half = f"{path}.{os.getpid()}"
        command = [*compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", half, str(SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        os.replace(half, path)
    return str(path)
