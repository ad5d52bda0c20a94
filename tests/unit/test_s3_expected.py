from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from assetsync.backends.s3 import expected
from assetsync.backends.s3.expected import Expected


class _Store:
    """A store that counts what it is asked."""

    def __init__(self, *keys: str) -> None:
        self.keys = set(keys)
        self.asked: list[str] = []

    def is_there(self, key: str) -> bool:
        self.asked.append(key)
        return key in self.keys

    def listed(self, folder: str) -> list[str]:
        self.asked.append(folder)
        return [key for key in self.keys if key.startswith(folder)]


def test_what_is_not_expected_is_asked_for_by_itself() -> None:
    store = _Store("a/1.0")
    tells = Expected(store.is_there, store.listed)
    tells.expect("b/1.0/")
    assert tells.has("a/1.0")
    assert not tells.has("b/1.0")
    assert store.asked == ["a/1.0", "b/1.0"]


def test_one_listing_tells_of_all_that_is_expected() -> None:
    store = _Store("v/2", "v/sub/7")
    tells = Expected(store.is_there, store.listed)
    tells.expect("v/")
    assert [tells.has(f"v/{number}") for number in range(5)] == [False, False, True, False, False]
    assert tells.has("v/sub/7")
    assert store.asked == ["v/"]


def test_what_was_asked_for_before_is_asked_for_anew() -> None:
    store = _Store()
    tells = Expected(store.is_there, store.listed)
    tells.expect("v/")
    assert not tells.has("v/2")
    store.keys.add("v/2")
    assert tells.has("v/2")
    assert tells.has("v/2")


def test_a_listing_is_believed_for_a_while_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "LIFE", 0.0)
    store = _Store()
    tells = Expected(store.is_there, store.listed)
    tells.expect("v/")
    store.keys.add("v/3")
    assert tells.has("v/3")
    assert store.asked == ["v/3"]


def test_who_expects_the_same_again_lists_again() -> None:
    store = _Store()
    tells = Expected(store.is_there, store.listed)
    tells.expect("v/")
    assert not tells.has("v/1")
    store.keys.add("v/3")
    tells.expect("v/")
    assert tells.has("v/3")
    assert store.asked == ["v/", "v/"]


def test_many_threads_wait_for_one_listing() -> None:
    store = _Store("v/30")
    tells = Expected(store.is_there, store.listed)
    tells.expect("v/")
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(tells.has, (f"v/{number}" for number in range(64))))
    assert found == [number == 30 for number in range(64)]
    assert store.asked == ["v/"]


def test_what_many_threads_expect_is_listed_while_they_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "LIFE", 1000.0)
    folders = [f"v{number}/" for number in range(300)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            store = _Store()
            tells = Expected(store.is_there, store.listed)

            def ask(folder: str, tells: Expected = tells) -> bool:
                tells.expect(folder)
                return tells.has(f"{folder}a")

            with ThreadPoolExecutor(16) as pool:
                assert not any(pool.map(ask, folders))
            assert sorted(store.asked) == sorted(folders)
    finally:
        sys.setswitchinterval(before)
