"""The real command without its start: a process that has imported all of it forks one copy of itself for each run.

Starting Python and importing an SDK takes half a second; killing a publish at each of its steps takes hundreds of runs.
A run is a process of its own, with its own arguments, environment, folder, terminal and limits. It may also be told to
die, or to be interrupted, at a step: see `Step`.

``python -m tests.faults.warm SOCKET`` serves; `Warm` starts that and asks it for runs, many at once if need be.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from assetsync.backends.contract import Backend
from assetsync.model.manifest import StoreConfig
from tests.e2e.harness import Repo, Run
from tests.servers.forked import serve_by_copies

_OUT, _ERR = "out", "err"
# Bytes; GCS wants multiples of 256 KiB.
SMALL_PART = 256 * 1024


@dataclass(frozen=True, slots=True)
class Step:
    """Before the `number`-th change (counted from 0) to files below the folder `below`, the process gets `signal`.

    With `reads`, the opening of files counts and nothing else does.
    """

    number: int
    below: str
    signal: int = signal.SIGKILL
    reads: bool = False


class Child:
    """A run that has begun."""

    def __init__(self, connection: socket.socket, folder: str) -> None:
        self._folder = folder
        self._lines = connection.makefile("rb")
        connection.close()
        self.pid = int(self._lines.readline())

    def wait(self) -> Run:
        """Until it ends. The code of a run that was killed is the signal's number, negative."""
        with self._lines:
            code = os.waitstatus_to_exitcode(int(self._lines.readline()))
        return Run(code, *(Path(self._folder, name).read_text("utf-8", "replace") for name in (_OUT, _ERR)))


class Warm:
    """The serving process, as a context manager. `preload`: a library that it, and all its runs, are started with.

    The runs go by the plan in their environment: see `tests.faults.shim`.
    """

    def __init__(self, preload: str | None = None) -> None:
        self._preload = {"LD_PRELOAD": preload} if preload else {}

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        self._path = os.path.join(self._folder.name, "socket")
        self._runs = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.warm", self._path],
            env={**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONDONTWRITEBYTECODE": "1", **self._preload},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.__exit__(kind, error, at)
        self._folder.cleanup()

    def start(
        self,
        repo: Repo,
        *args: str,
        env: Mapping[str, str] | None = None,
        step: Step | None = None,
        largest: int | None = None,
        terminal: str | None = None,
        user: int | None = None,
        small_parts: bool = False,
        impatient: bool = False,
    ) -> Child:
        """Begin `assetsync ARGS` in `repo`.

        `largest` is how many bytes a file may have that it writes; `terminal` the device that it runs on; `user` the id
        that a run of root takes on; `small_parts` makes files of a few hundred KiB large ones, which go in parts;
        who is `impatient` waits for a silent server a thirtieth of the time.
        """
        self._runs += 1
        folder = os.path.join(self._folder.name, str(self._runs))
        os.mkdir(folder)
        for name in (_OUT, _ERR):  # with a terminal, they stay empty
            Path(folder, name).touch()
        job = {
            "args": args,
            "cwd": str(repo.root),
            "environ": {**repo.environ, **repo.extra, **(env or {})},
            "out": os.path.join(folder, _OUT),
            "err": os.path.join(folder, _ERR),
            "step": asdict(step) if step else None,
            "largest": largest,
            "terminal": terminal,
            "user": user,
            "small_parts": small_parts,
            "impatient": impatient,
        }
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(self._path)
        connection.sendall(json.dumps(job).encode() + b"\n")
        return Child(connection, folder)

    def run(self, repo: Repo, *args: str, code: int | None = 0, **more: Any) -> Run:
        """Run `assetsync ARGS` in `repo`; its exit code must be `code`, unless that is None."""
        run = self.start(repo, *args, **more).wait()
        assert code is None or run.code == code, f"{args}: exit {run.code}, expected {code}\n{run.out}\n{run.err}"
        return run


def main(path: str) -> None:
    _import_everything()
    serve_by_copies(path, _keep)


def _import_everything() -> None:
    from importlib import import_module

    for name in ("cli.commands.sync", "cli.commands.browse", "cli.progress", "cli.failure", "backends.directory.store"):
        import_module(f"assetsync.{name}")
    for name in ("s3.store", "gcs.store", "azure.store", "azure.access"):
        with suppress(ModuleNotFoundError):
            import_module(f"assetsync.backends.{name}")
    modules = (
        "tests.servers.boto",
        "obstore",
        "gcsfs",
        "aiohttp",
        "azure.storage.blob",
        "git",
        "sqlite3",
        "ruamel.yaml",
    )
    # Some jobs run as a user who may not read where these are installed.
    for name in (*modules, "detect_secrets.__version__", "ahocorasick_rs", "assetsync.local.secrets"):
        with suppress(ModuleNotFoundError):
            import_module(name)


def _keep(connection: socket.socket) -> None:
    """Run one job in a child, and tell its process id and how it ended."""
    with connection.makefile("rb") as lines:
        job = json.loads(lines.readline())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        connection.close()
        _become(job)
    connection.sendall(b"%d\n" % child)
    _, status = os.waitpid(child, 0)
    connection.sendall(b"%d\n" % status)
    os._exit(0)


def _become(job: dict[str, Any]) -> None:
    """Be the command. Ends by SystemExit, as the program does."""
    os.setsid()  # and so the first terminal that is opened is the one that ctrl-C comes from
    streams = [job["terminal"]] * 3 if job["terminal"] else [os.devnull, job["out"], job["err"]]
    for number, stream in enumerate(streams):
        descriptor = os.open(stream, os.O_RDWR | os.O_CREAT, 0o666)
        os.dup2(descriptor, number)
        os.close(descriptor)
    if job["user"] is not None:
        os.setgroups([])
        os.setgid(job["user"])
        os.setuid(job["user"])
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environ"])
    random.seed()  # else all copies wait for the same random times
    if job["largest"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest"], job["largest"]))
    if job["small_parts"]:
        _make_parts_small()
    if job["impatient"]:
        _make_impatient()
    if "SHIM_PLAN" in os.environ:
        import ctypes

        ctypes.CDLL(None).shim_begin(os.fsencode(os.environ["SHIM_PLAN"]))
    if job["step"] is not None:
        _watch(Step(**job["step"]))

    from assetsync.cli.app import main as program

    try:
        program(job["args"])
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        # Tearing down an interpreter with four SDKs in it takes longer than many a run.
        os._exit(ended.code if isinstance(ended.code, int) else 1)


def _make_parts_small() -> None:
    from assetsync.remote import store

    opened: Callable[[StoreConfig, Mapping[str, str]], Backend] = vars(store)["open_backend"]

    def open_backend(config: StoreConfig, environ: Mapping[str, str]) -> Backend:
        backend = opened(config, environ)
        for name in ("multipart_threshold", "min_part_size", "bytes_per_part"):
            if hasattr(backend, name):
                setattr(backend, name, SMALL_PART)
        return backend

    vars(store)["open_backend"] = open_backend


def _make_impatient() -> None:
    from assetsync.backends import retry
    from assetsync.backends.s3 import objects, sending

    for module in (retry, objects, sending):
        for name in ("PATIENCE", "LONGEST", "CONNECT_TIMEOUT", "READ_TIMEOUT", "REPLY_TIMEOUT", "TOTAL_TIMEOUT"):
            if name in vars(module):
                setattr(module, name, vars(module)[name] / 30)


_CHANGES = frozenset({"os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _watch(step: Step) -> None:
    below = os.path.realpath(step.below)
    left = step.number

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal left
        if event == "open":
            if step.reads is bool((args[2] or 0) & _WRITES):
                return
        elif step.reads or event not in _CHANGES:
            return
        if not isinstance(args[0], str) or not os.path.abspath(args[0]).startswith(below):
            return
        if left == 0:
            os.kill(os.getpid(), step.signal)
        left -= 1

    sys.addaudithook(hook)


if __name__ == "__main__":
    main(sys.argv[1])
