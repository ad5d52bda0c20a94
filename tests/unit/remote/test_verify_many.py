"""Many versions are verified at once: in order, by no more requests than are allowed, a few of them of large files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from assetsync.backends.contract import Blob
from assetsync.backends.memory.store import MemoryBackend
from assetsync.model.marks import Act
from assetsync.pool import STREAM_WIDTH, Transfers
from assetsync.progress import Silent
from assetsync.remote.marks import change_marks
from assetsync.remote.verify import Verdict, verify_all
from assetsync.traffic import Traffic
from tests.unit.publishing import new_store, put

# Seconds. Only a test that fails waits so long.
PATIENCE = 30


class _Counting(MemoryBackend):
    """Counts the reads that are under way. `during` is called while one is, with its key."""

    def __init__(self) -> None:
        super().__init__("memory://counting")
        self.during: Callable[[str], None] = lambda key: None
        self.most = 0
        self.most_data = 0
        self._now: list[str] = []
        self._changing = threading.Lock()

    @contextmanager
    def _counted(self, key: str) -> Iterator[None]:
        with self._changing:
            self._now.append(key)
            self.most = max(self.most, len(self._now))
            self.most_data = max(self.most_data, sum(_is_data(one) for one in self._now))
        try:
            self.during(key)
            yield
        finally:
            with self._changing:
                self._now.remove(key)

    def read(self, key: str, *, limit: int = 64 * 1024 * 1024) -> Blob:
        with self._counted(key):
            return super().read(key, limit=limit)

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        with self._counted(key):
            yield from super().read_range(key, start, length)


def _is_data(key: str) -> bool:
    return not key.endswith((".meta", ".marks", ".versions"))


def _backend(count: int, files: dict[str, bytes]) -> tuple[_Counting, list[tuple[str, str]]]:
    """A store with so many assets of one version, which has these files; and those versions."""
    backend = _Counting()
    versions = [(f"a{number}", "1.0") for number in range(count)]
    for name, version in versions:
        put(new_store(backend), name, version, files)
    backend.most = backend.most_data = 0
    return backend, versions


def _verified(
    backend: MemoryBackend, versions: list[tuple[str, str]], *, deep: bool = False, jobs: int | None = None
) -> list[Verdict]:
    with Transfers(traffic=Traffic(jobs)) as transfers:
        return verify_all(new_store(backend), versions, deep=deep, transfers=transfers, reporter=Silent())


def test_several_are_looked_at_at_once() -> None:
    backend, versions = _backend(4, {"x": b"x"})
    met = threading.Barrier(len(versions))

    def during(key: str) -> None:
        if key.endswith(".meta"):
            met.wait(PATIENCE)

    backend.during = during
    assert all(not one.flaws for one in _verified(backend, versions))


def test_the_verdicts_are_in_order_whichever_ends_first() -> None:
    backend = _Counting()
    store = new_store(backend)
    put(store, "a", "1.0", b"first")
    put(store, "b", "1.0", {"x": b"second"})
    put(store, "b", "1.1", {"x": b"third"})
    change_marks(store, "b", lambda marks: marks.with_yank("b", "1.1", Act("Ada", "now", message="bad")))
    last_is_read = threading.Event()

    def during(key: str) -> None:
        if key == "b/1.1/x":
            last_is_read.set()
        elif key == "a/1.0.meta":
            assert last_is_read.wait(PATIENCE)

    backend.during = during
    asked = [("a", "1.0"), ("b", "1.0"), ("b", "1.1"), ("b", "1.2")]
    found = _verified(backend, asked, deep=True)
    assert [(one.asset, one.version) for one in found] == asked
    assert [one.yanked for one in found] == [None, None, "bad", None]
    assert [[flaw.code for flaw in one.flaws] for one in found] == [[], [], [], ["missing"]]


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("deep", [False, True])
def test_no_more_requests_are_under_way_than_are_allowed(jobs: int, deep: bool) -> None:
    backend, versions = _backend(8, {str(number): b"x" for number in range(5)})
    assert [(one.asset, one.version) for one in _verified(backend, versions, deep=deep, jobs=jobs)] == versions
    assert 1 <= backend.most <= jobs


def test_of_large_files_a_few_are_read_at_once() -> None:
    large = bytes(1024 * 1024 + 1)
    backend, versions = _backend(2, {str(number): large for number in range(STREAM_WIDTH)})
    met = threading.Barrier(STREAM_WIDTH)

    def during(key: str) -> None:
        if _is_data(key):
            met.wait(PATIENCE)

    backend.during = during
    assert [one.checked for one in _verified(backend, versions, deep=True)] == ["bytes", "bytes"]
    assert backend.most_data == STREAM_WIDTH


def test_a_flaw_is_found_among_many_files_and_all_are_told_in_order() -> None:
    backend, versions = _backend(3, {f"{number:02}": b"x" for number in range(20)})
    for path in ("03", "11"):
        backend.delete(f"a1/1.0/{path}")
        backend.create(f"a1/1.0/{path}", b"y")
    found = _verified(backend, versions, deep=True)
    assert [[flaw.path for flaw in one.flaws] for one in found] == [[], ["03", "11"], []]
