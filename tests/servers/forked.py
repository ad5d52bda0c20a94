"""The two programs of `tests.servers.forking`: one serves copies of itself, the other has one run in its own place.

They may be run by another Python than that of the tests, and the second must start fast: so little is imported here.
"""

from __future__ import annotations

import array
import json
import os
import socket
import sys
from collections.abc import Callable

STREAMS = (0, 1, 2)


def run(path: str, args: list[str]) -> int:
    """Have a copy run the program in `args`, with all that is this process's. Returns its exit code."""
    job = {"args": args, "environ": dict(os.environ), "cwd": os.getcwd()}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        connection.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", STREAMS))])
        connection.sendall(json.dumps(job).encode() + b"\n")
        with connection.makefile("rb") as lines:
            return int(lines.readline() or b"255")


def serve(path: str, modules: list[str]) -> None:
    """Serve jobs by copies of this process that has imported `modules`."""
    import runpy  # noqa: F401 - for the copies
    from importlib import import_module

    sys.path[0] = ""  # this file's folder has modules of any name
    for name in modules:
        import_module(name)
    serve_by_copies(path, _keep)


def serve_by_copies(path: str, keep: Callable[[socket.socket], object]) -> None:
    """Have a copy of this process `keep` each connection to the socket at `path`, and not come back from that.

    It ends when the standard input does, which is when the process at its other end does.
    """
    import gc
    import select
    import signal

    gc.collect()
    gc.freeze()  # copies share the memory of what is never looked at again
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how the keepers ended
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(path)
        listening.listen(64)
        os.write(1, b"ready\n")
        watched: list[socket.socket | int] = [listening, 0]
        while 0 not in select.select(watched, [], [])[0]:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                keep(connection)
            connection.close()


def _keep(connection: socket.socket) -> None:
    """Run a job in a child and tell its exit code, or kill it when nobody waits for that any more."""
    import select
    import signal

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, [(_, _, sent)], _, _ = connection.recvmsg(1, socket.CMSG_SPACE(4 * len(STREAMS)))
    streams = array.array("i", sent)
    with connection.makefile("rb") as lines:
        job = json.loads(lines.readline())
    child = os.fork()
    if child == 0:
        connection.close()
        _become(job["args"], job["environ"], job["cwd"], list(streams))
    for stream in (*STREAMS, *streams):  # their readers wait for the child alone
        os.close(stream)
    ended = os.pidfd_open(child)
    watched: list[socket.socket | int] = [ended, connection]
    if ended not in select.select(watched, [], [])[0]:
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        connection.sendall(b"%d\n" % (code if code >= 0 else 128 - code))
    finally:
        os._exit(0)


def _become(args: list[str], environ: dict[str, str], cwd: str, streams: list[int]) -> None:
    """Run the program, and end."""
    import random
    import time

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    for text in (sys.stdout, sys.stderr):
        text.reconfigure(line_buffering=text is sys.stderr or text.isatty())  # type: ignore[union-attr]
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    random.seed()  # else all copies draw the same numbers
    sys.path[:1] = environ.get("PYTHONPATH", "").split(os.pathsep)
    code = _execute(args)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # Tearing down an interpreter with several SDKs in it takes longer than many a run.
        os._exit(code)


def _execute(args: list[str]) -> int:
    import runpy

    how, what, *rest = args
    sys.argv = [what, *rest]
    try:
        if how == "-c":
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
        else:
            runpy.run_module(what, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1
        return int(ended.code or 0)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(run(sys.argv[2], sys.argv[3:]))
