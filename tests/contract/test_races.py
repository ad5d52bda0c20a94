"""Many at once: exactly one creator wins, and no increment of a counter is lost. Threads first, then processes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from msgspec.structs import asdict

from assetsync.backends.contract import Backend, MultipartBackend
from assetsync.errors import ChangedError, ExistsError
from tests.contract.harness import Target, content, entry_of, some_bytes
from tests.contract.racer import INCREMENTS, add_one
from tests.e2e.harness import warm_python

ROOT = str(Path(__file__).parents[2])
CREATORS = 20
PROCESSES = 3

pytestmark = pytest.mark.usefixtures("hectic")


def _race(target: Target, attempt: Callable[[Backend, int], object]) -> list[int]:
    """Who won, out of CREATORS threads that share two clients and start together."""
    clients = [target.backend, target.open()]
    start = Barrier(CREATORS)

    def run(number: int) -> bool:
        start.wait()
        try:
            attempt(clients[number % 2], number)
        except ExistsError:
            return False
        return True

    with ThreadPoolExecutor(CREATORS) as pool:
        return [number for number, won in enumerate(pool.map(run, range(CREATORS))) if won]


def test_one_of_many_creators_wins(target: Target) -> None:
    winners = _race(target, lambda client, number: client.create("a/1.0.claim", b"by %d" % number))
    assert len(winners) == 1
    assert target.backend.read("a/1.0.claim").data == b"by %d" % winners[0]


def test_one_of_many_uploads_wins(target: Target) -> None:
    files = [target.file(some_bytes(20_000, number), f"file{number}") for number in range(CREATORS)]
    winners = _race(target, lambda client, number: client.upload("a/1.0", *files[number]))
    assert len(winners) == 1
    assert content(target.backend, "a/1.0") == some_bytes(20_000, winners[0])


def test_one_of_many_copies_wins(target: Target) -> None:
    for number in range(CREATORS):
        target.backend.create(f"from/{number}", b"copy of %d" % number)
    winners = _race(
        target, lambda client, number: client.copy(f"from/{number}", "to", entry_of(b"copy of %d" % number))
    )
    assert len(winners) == 1
    assert content(target.backend, "to") == b"copy of %d" % winners[0]


def test_one_of_many_first_indexes_wins(target: Target) -> None:
    def attempt(client: Backend, number: int) -> None:
        try:
            client.replace("a.versions", b"by %d" % number, None)
        except ChangedError:
            raise ExistsError("lost") from None

    winners = _race(target, attempt)
    assert len(winners) == 1
    assert target.backend.read("a.versions").data == b"by %d" % winners[0]


def test_one_of_many_uploads_in_parts_wins(target: Target, parts: MultipartBackend) -> None:
    size = parts.multipart_threshold + 1
    step = parts.part_size(size)

    def attempt(client: Backend, number: int) -> None:
        assert isinstance(client, MultipartBackend)
        data = memoryview(some_bytes(size, number))
        upload_id = client.begin_upload("a/1.0", entry_of(bytes(data)))
        sent = [
            client.upload_part("a/1.0", upload_id, index + 1, data[start : start + step], size)
            for index, start in enumerate(range(0, size, step))
        ]
        client.complete_upload("a/1.0", upload_id, sent, entry_of(bytes(data)))

    winners = _race(target, attempt)
    assert len(winners) == 1
    assert content(target.backend, "a/1.0") == some_bytes(size, winners[0])


def test_no_increment_is_lost(target: Target) -> None:
    clients = [target.backend, target.open()]

    def run(number: int) -> None:
        for _ in range(2):
            add_one(clients[number % 2], "counter.versions")

    with ThreadPoolExecutor(CREATORS) as pool:
        list(pool.map(run, range(CREATORS)))
    assert target.backend.read("counter.versions").data == b"%d" % (CREATORS * 2)


def test_processes_race_like_threads(target: Target) -> None:
    if target.server.within_process:
        pytest.skip(target.server.within_process)
    job = json.dumps({"config": asdict(target.config), "environ": dict(target.server.environ)})
    racers = [
        subprocess.Popen(
            [*warm_python().command, "-m", "tests.contract.racer", job],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": ROOT},
        )
        for _ in range(PROCESSES)
    ]
    for racer in racers:
        assert racer.stdout
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [json.loads(racer.communicate()[0]) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * PROCESSES
    created = [key for keys in won for key in keys]
    assert sorted(created) == sorted(set(created))
    assert {info.key for info in target.backend.list("race/").objects} == set(created)
    assert target.backend.read("counter.versions").data == b"%d" % (PROCESSES * INCREMENTS)
