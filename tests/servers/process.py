"""Servers that are programs of their own: found beside this Python, given free ports, waited for, and killed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

# Each waits a twentieth of a second.
PATIENCE = 600
STARTS = 3


class NotReadyError(Exception):
    """The server does not answer yet."""


def program(name: str) -> str | None:
    """The path of a program that was installed with this Python, or is on the path of commands."""
    here = os.path.dirname(sys.executable)
    return shutil.which(name, path=os.pathsep.join([here, os.environ.get("PATH", "")]))


def free_ports(count: int) -> list[int]:
    """As many ports of the loopback that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def accepts(port: int) -> None:
    """NotReadyError unless somebody listens on `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError as error:
        raise NotReadyError from error


@contextmanager
def running(
    command: Callable[[list[int]], Sequence[str]],
    ready: Callable[[list[int]], None],
    *,
    ports: int = 1,
    environ: Mapping[str, str] | None = None,
) -> Iterator[list[int]]:
    """Run a server on free ports, which are yielded, until the block ends.

    It is killed, not asked to stop: its data is worth nothing afterwards, and some take many seconds to say good-bye.
    Between our finding a port free and the server's taking it, somebody else may: then it is started anew.
    RuntimeError with what it said when it does not start.
    """
    said = ""
    for _ in range(STARTS):
        numbers = free_ports(ports)
        with _started(command(numbers), environ) as process:
            if _wait(process, lambda numbers=numbers: ready(numbers)):  # type: ignore[misc]
                yield numbers
                return
            process.kill()
            said = process.stderr.read() if process.stderr else ""
    raise RuntimeError(f"`{command([0] * ports)[0]}` did not start: {said[-2000:]}")


@contextmanager
def _started(command: Sequence[str], environ: Mapping[str, str] | None) -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, **(environ or {})}
    nothing = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, text=True, env=env) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait(process: subprocess.Popen[str], ready: Callable[[], None]) -> bool:
    """Whether the server got ready; False when it ended or took too long."""
    for _ in range(PATIENCE):
        try:
            ready()
        except NotReadyError:
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            return False
        return True
    return False
