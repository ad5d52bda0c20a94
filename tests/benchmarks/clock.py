"""Runs a command and writes what it took: ``python clock.py OUT COMMAND...``.

A small process of its own, because the system counts the memory of whoever starts a program as that program's, and
pytest is large. CPU is that of the command and of all processes it waited for; memory that of the largest of them.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main(out: str, command: list[str]) -> None:
    begin = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    unit = 1 if sys.platform == "darwin" else 1024
    taken = {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss * unit}
    with open(out, "w") as file:
        json.dump({"code": os.waitstatus_to_exitcode(status), **taken}, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
