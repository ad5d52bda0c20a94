"""Many move the aliases of one asset at once, on every store: no move is lost, and who is told of one finds it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from assetsync.model.marks import Act
from assetsync.model.versioning import MajorMinor
from assetsync.remote.documents import render_versions
from assetsync.remote.marks import change_marks, move_alias, read_marks
from assetsync.remote.store import Store
from assetsync.remote.yank import yank
from assetsync.state.cache import Cache
from tests.contract.harness import Target

MOVERS = 6
MOVES = 3

pytestmark = pytest.mark.usefixtures("hectic")


def test_no_move_of_an_alias_is_lost(target: Target) -> None:
    clients = [Store(backend, MajorMinor(), Cache(None)) for backend in (target.backend, target.open())]
    versions = [f"{mover}.{move}" for mover in range(MOVERS) for move in range(MOVES)]
    for version in versions:
        target.backend.create(f"x/{version}.meta", b"{}")
    start = Barrier(MOVERS)

    def run(mover: int) -> None:
        start.wait()
        for move in range(MOVES):
            move_alias(clients[mover % 2], "x", "production", f"{mover}.{move}", Act(f"mover {mover}", "now"))

    with ThreadPoolExecutor(MOVERS) as pool:
        list(pool.map(run, range(MOVERS)))
    marks = read_marks(clients[0], "x")
    kept = [move.version for move in marks.moves["production"]]
    assert sorted(kept, key=str) == versions
    assert marks.at("production") == kept[-1]
    for mover in range(MOVERS):
        assert [one for one in kept if one and one.startswith(f"{mover}.")] == versions[mover * MOVES :][:MOVES]


def test_an_alias_and_a_yank_of_one_version_at_once_never_both_succeed(target: Target) -> None:
    store = Store(target.backend, MajorMinor(), Cache(None))
    for number in range(4):
        name = f"x{number}"
        target.backend.create(f"{name}/1.0.meta", b"{}")
        start = Barrier(2)

        def alias(name: str = name, start: Barrier = start) -> None:
            start.wait()
            move_alias(store, name, "production", "1.0", Act("Ada", "now"))

        def mark(name: str = name, start: Barrier = start) -> None:
            start.wait()
            change_marks(store, name, lambda marks: marks.with_yank(name, "1.0", Act("Bob", "now")))

        with ThreadPoolExecutor(2) as pool:
            ended = [future.exception() for future in [pool.submit(alias), pool.submit(mark)]]
        assert sorted(type(error).__name__ for error in ended) == ["ConflictError", "NoneType"]


def test_yanks_beside_publishes_lose_nothing(target: Target) -> None:
    clients = [Store(backend, MajorMinor(), Cache(None)) for backend in (target.backend, target.open())]
    for number in range(10):
        target.backend.create(f"x/0.{number}.meta", b"{}")
    target.backend.replace("x.versions", render_versions(f"0.{number}" for number in reversed(range(6))), None)
    start = Barrier(MOVERS)

    def run(number: int) -> None:
        start.wait()
        store = clients[number % 2]
        if number < 3:
            yank(store, "x", f"0.{number}", Act("Ada", "now", message="bad"))
        else:
            store.indexes.add("x", f"0.{number + 4}")

    with ThreadPoolExecutor(MOVERS) as pool:
        list(pool.map(run, range(MOVERS)))
    index = clients[0].indexes.of("x")
    assert index is not None
    assert index.listed == ("0.9", "0.8", "0.7", "0.5", "0.4", "0.3")
    assert set(read_marks(clients[0], "x").yanked) == {"0.0", "0.1", "0.2"}
