"""One process of a race: create the same keys as the others, then count in the same counter.

Run as ``python -m tests.contract.racer JOB``. Says ``ready``, waits for a line, and prints the keys that it created.
"""

from __future__ import annotations

import json
import random
import sys
import time

from assetsync.backends.contract import Backend
from assetsync.backends.opening import open_backend
from assetsync.errors import ChangedError, ExistsError, NotFoundError
from assetsync.model.manifest import StoreConfig

KEYS = 20
INCREMENTS = 5


def add_one(backend: Backend, key: str) -> None:
    """Count up, as often as it takes. Who lost waits for a moment, so that a crowd thins out."""
    while True:
        try:
            found = backend.read(key)
            value, tag = int(found.data), found.tag
        except NotFoundError:
            value, tag = 0, None
        try:
            backend.replace(key, b"%d" % (value + 1), tag)
        except (ChangedError, ExistsError):
            time.sleep(random.uniform(0, 0.02))
            continue
        return


def create_all(backend: Backend) -> list[str]:
    """The keys of which this process is the creator."""
    won = []
    for number in range(KEYS):
        key = f"race/{number:02}"
        try:
            backend.create(key, key.encode())
        except ExistsError:
            continue
        won.append(key)
    return won


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    sys.setswitchinterval(1e-6)
    job = json.loads(sys.argv[1])
    backend = open_backend(StoreConfig(**job["config"]), job["environ"])
    backend.list()
    say("ready")
    sys.stdin.readline()
    won = create_all(backend)
    for _ in range(INCREMENTS):
        add_one(backend, "counter.versions")
    say(json.dumps(won))


if __name__ == "__main__":
    main()
