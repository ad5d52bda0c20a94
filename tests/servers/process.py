"""Servers that are programs of their own: found beside this Python, given free ports, waited for, and killed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO

# Each waits a twentieth of a second. A busy machine takes its time.
PATIENCE = 1200
STARTS = 3


class NotReadyError(Exception):
    """The server does not answer yet."""


def program(name: str) -> str | None:
    """The path of a program that was installed with this Python, or is on the path of commands."""
    here = os.path.dirname(sys.executable)
    return shutil.which(name, path=os.pathsep.join([here, os.environ.get("PATH", "")]))


@contextmanager
def ports_of_our_own(count: int) -> Iterator[list[int]]:
    """As many ports of the loopback that nobody listens on. On Linux, nobody but those who know them gets them.

    They stay bound to sockets that do not listen: the system gives them to no other program, and a server that reuses
    addresses, as all do, may listen on them all the same; also a second time.
    """
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", 0))
        if sys.platform != "linux":
            held.close()
        yield [one.getsockname()[1] for one in sockets]


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
    One that does not start is started anew: where ports can't be held, somebody else may have taken one.
    RuntimeError with what it said when it never starts.
    """
    said = b""
    for _ in range(STARTS):
        with ports_of_our_own(ports) as numbers, tempfile.TemporaryFile() as told:
            with _started(command(numbers), environ, told) as process:
                if _wait(process, lambda numbers=numbers: ready(numbers)):  # type: ignore[misc]
                    yield numbers
                    return
            told.seek(0)
            said = told.read()
    raise RuntimeError(f"`{command([0] * ports)[0]}` did not start: {said[-2000:].decode(errors='replace')}")


@contextmanager
def _started(
    command: Sequence[str], environ: Mapping[str, str] | None, told: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, **(environ or {})}
    nothing = subprocess.DEVNULL
    with subprocess.Popen(bound_to_us(command), stdin=nothing, stdout=nothing, stderr=told, env=env) as process:
        try:
            yield process
        finally:
            process.kill()


def bound_to_us(command: Sequence[str]) -> list[str]:
    """The command so that it dies with this process, however that ends, where the system has a program for that."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [*([setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []), *command]


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], None]) -> bool:
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
