from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from assetsync.state.cache import Cache, Hashes
from tests.permissions import reachable_folder, unprivileged

HASHES = Hashes.of(["a", "sub/b"], [b"s" * 32, b"t" * 32], ["aa" * 32, "bb" * 32])


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / ".assetsync" / "cache.sqlite")


def remembered(path: str, key: str = "key") -> str | None:
    with Cache(path) as cache:
        return cache.fact(key)


def test_facts_outlive_the_process(path: str) -> None:
    with Cache(path) as cache:
        assert cache.fact("key") is None
        cache.remember("key", "first")
        cache.remember("key", "second")
        assert cache.fact("key") == "second"
    assert remembered(path) == "second"


def test_facts_of_a_block_are_known_in_it_and_written_at_its_end(path: str) -> None:
    with Cache(path) as cache:
        with cache.at_once(), cache.at_once():
            cache.remember("key", "first")
            cache.remember("key", "second")
            assert cache.fact("key") == "second"
            assert remembered(path) is None
        assert remembered(path) == "second"


def test_facts_of_a_block_that_fails_are_written_too(path: str) -> None:
    with Cache(path) as cache:
        with suppress(KeyboardInterrupt), cache.at_once():
            cache.remember("key", "learnt")
            raise KeyboardInterrupt
        assert remembered(path) == "learnt"


def test_versions_are_known_by_their_tag(path: str) -> None:
    with Cache(path) as cache:
        cache.remember_versions("index", ["0.1", "0.0"], "tag")
        assert cache.versions("index", "tag") == ("0.1", "0.0")
        assert cache.versions("index", "another") is None
        assert cache.versions("unknown", "tag") is None


@pytest.mark.parametrize(
    "value", ["", "[]", '["tag", [1]]', '["tag", "0.1"]', '[1, ["0.1"]]', '{"tag": []}', "[" * 9999]
)
def test_versions_that_we_would_not_have_written_are_not_believed(path: str, value: str) -> None:
    with Cache(path) as cache:
        cache.remember("index", value)
        assert cache.versions("index", "tag") is None


def test_hashes_outlive_the_process(path: str, tmp_path: Path) -> None:
    with Cache(path) as cache:
        assert cache.hashes(str(tmp_path)) == Hashes()
        cache.remember_hashes({str(tmp_path): HASHES})
    with Cache(path) as cache:
        assert cache.hashes(str(tmp_path)) == HASHES


def test_new_hashes_take_the_place_of_the_old(path: str, tmp_path: Path) -> None:
    with Cache(path) as cache:
        cache.remember_hashes({str(tmp_path): HASHES})
        newer = Hashes.of(["c"], [b"u" * 32], ["cc" * 32])
        cache.remember_hashes({str(tmp_path): newer})
        assert cache.hashes(str(tmp_path)) == newer


def test_the_hash_of_a_single_file_has_the_empty_path(path: str, tmp_path: Path) -> None:
    single = Hashes.of([""], [b"s" * 32], ["aa" * 32])
    with Cache(path) as cache:
        cache.remember_hashes({str(tmp_path): single})
        assert cache.hashes(str(tmp_path)) == single


@pytest.mark.parametrize(
    "hashes",
    [
        Hashes("a", b"", b"s" * 32),
        Hashes("a\0b", b"odd", b"s" * 64),
        Hashes("a\0b", b"s" * 64, b"s" * 32),
        Hashes("a", b"s" * 32, b"s" * 32, "sha256:nothing"),
    ],
    ids=["no stamp", "stamps of two lengths", "a hash missing", "no digest"],
)
def test_hashes_of_another_form_than_ours_are_not_believed(path: str, tmp_path: Path, hashes: Hashes) -> None:
    with Cache(path) as cache:
        cache.remember_hashes({str(tmp_path): hashes})
    with Cache(path) as cache:
        assert cache.hashes(str(tmp_path)) == Hashes()


def test_files_come_back_in_the_order_in_which_they_were_found() -> None:
    found = Hashes.of(["b", "a"], [b"s" * 32, b"t" * 32], ["aa" * 32, "bb" * 32])
    assert list(found.files()) == [("b", b"s" * 32, "aa" * 32), ("a", b"t" * 32, "bb" * 32)]
    assert list(Hashes().files()) == []


def test_roots_that_are_gone_are_forgotten(path: str, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    with Cache(path) as cache:
        cache.remember_hashes({gone: HASHES})
        cache.remember_hashes({str(tmp_path): HASHES})
        assert cache.hashes(gone) == Hashes()


def test_nothing_is_made_before_there_is_something_to_keep(path: str) -> None:
    with Cache(path) as cache:
        cache.fact("key")
        cache.hashes("/root")
        cache.remember_hashes({})
        cache.remember_hashes({"/root": Hashes()})
    assert not os.path.exists(os.path.dirname(path))


def test_a_known_fact_is_not_written_again(path: str) -> None:
    with Cache(path) as cache:
        cache.remember("key", "value")
    before = os.stat(path).st_mtime_ns
    os.utime(path, ns=(before - 10**9, before - 10**9))
    with Cache(path) as cache:
        cache.remember("key", "value")
    assert os.stat(path).st_mtime_ns == before - 10**9


def test_without_a_path_it_remembers_in_memory() -> None:
    with Cache(None) as cache:
        cache.remember("key", "value")
        cache.remember_hashes({"/root": HASHES})
        assert cache.fact("key") == "value"
        assert cache.hashes("/root") == HASHES


def test_a_python_without_sqlite_remembers_in_memory(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlite3", None)
    with Cache(path) as cache:
        cache.remember("key", "value")
        assert cache.fact("key") == "value"


def garbage(path: Path) -> None:
    path.write_bytes(b"no database, but longer than the header of one" * 100)


def truncated(path: Path) -> None:
    os.truncate(path, 5000)


def overwritten_pages(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


def other_format(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("ALTER TABLE facts RENAME COLUMN value TO other")
    connection.close()


def missing_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE facts")
    connection.close()


def stray_journal(path: Path) -> None:
    garbage(path)
    Path(f"{path}-journal").write_bytes(bytes.fromhex("d9d505f920a163d7") + b"\x00" * 504 + b"\xff" * 4000)


@pytest.mark.parametrize("damage", [garbage, truncated, overwritten_pages, other_format, missing_table, stray_journal])
def test_a_damaged_file_is_made_anew(path: str, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    with Cache(path) as cache:
        cache.remember("key", "value")
        cache.remember_hashes({str(tmp_path): HASHES})
    damage(Path(path))
    with Cache(path) as cache:
        assert cache.fact("key") is None
        cache.remember("key", "again")
        cache.remember_hashes({str(tmp_path): HASHES})
    assert remembered(path) == "again"
    with Cache(path) as cache:
        assert cache.hashes(str(tmp_path)) == HASHES


def test_hashes_that_were_tampered_with_are_not_believed(path: str, tmp_path: Path) -> None:
    with Cache(path) as cache:
        cache.remember_hashes({str(tmp_path): HASHES})
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE hashes SET sha256 = ?", (b"\xcc" * 64,))
    connection.close()
    with Cache(path) as cache:
        assert cache.hashes(str(tmp_path)) == Hashes()


def test_a_file_that_is_deleted_meanwhile_loses_nothing_but_memory(path: str) -> None:
    with Cache(path) as cache:
        cache.remember("key", "value")
        os.remove(path)
        cache.remember("other", "value")
        assert cache.fact("other") == "value"


@pytest.mark.parametrize("blocked", ["file", "parent"])
def test_a_path_that_cannot_be_a_file_works_in_memory(tmp_path: Path, blocked: str) -> None:
    if blocked == "file":
        path = tmp_path / "cache.sqlite"
        path.mkdir()
    else:
        (tmp_path / "plain").write_text("")
        path = tmp_path / "plain" / "cache.sqlite"
    with Cache(str(path)) as cache:
        cache.remember("key", "value")
        cache.remember_hashes({"/root": HASHES})
        assert cache.fact("key") == "value"
        assert cache.hashes("/root") == HASHES


def test_a_full_disk_is_no_error(path: str) -> None:
    with Cache(path) as cache:
        cache.remember("key", "value")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, limits[1]))
        try:
            cache.remember("large", "x" * 1_000_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert cache.fact("large") == "x" * 1_000_000
        assert cache.fact("key") == "value"
    assert remembered(path, "large") is None
    assert remembered(path) == "value"


def test_a_file_that_another_process_holds_is_no_error(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assetsync.state.cache.BUSY_TIMEOUT", 0.01)
    with Cache(path) as cache:
        cache.remember("key", "value")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with Cache(path) as cache:
        assert cache.fact("key") is None
        cache.remember("key", "mine")
        assert cache.fact("key") == "mine"
    holder.close()
    assert remembered(path) == "value"


def test_text_that_is_no_unicode_is_no_error(path: str, tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    os.mkdir(folder)
    with Cache(path) as cache:
        cache.remember_hashes({folder: HASHES})
        assert cache.hashes(folder) == HASHES
        cache.remember(folder, "value")
        assert cache.fact(folder) == "value"


def test_many_threads_may_remember_at_once(path: str) -> None:
    def work(number: int) -> None:
        cache.remember(f"key {number}", str(number))
        assert cache.fact(f"key {number}") == str(number)

    with Cache(path) as cache, ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    with Cache(path) as cache:
        assert [cache.fact(f"key {number}") for number in range(200)] == [str(number) for number in range(200)]


PROCESS = """
import sys
import assetsync.state.cache
from assetsync.state.cache import Cache, Hashes
from tests.permissions import reachable_folder, unprivileged

assetsync.state.cache.BUSY_TIMEOUT = 60.0
path, root, name = sys.argv[1:]
with Cache(path) as cache:
    for number in range(50):
        cache.remember(f"{name} {number}", name)
        cache.remember_hashes({root: Hashes.of(["a"], [name.encode() * 8], ["ab" * 32])})
"""


def test_many_processes_may_use_one_file(path: str, tmp_path: Path) -> None:
    names = ["proc", "prok", "prox"]
    command = [sys.executable, "-c", PROCESS, path, str(tmp_path)]
    processes = [subprocess.Popen([*command, name]) for name in names]
    assert [process.wait() for process in processes] == [0, 0, 0]
    with Cache(path) as cache:
        assert all(cache.fact(f"{name} {number}") == name for name in names for number in range(50))
        assert cache.hashes(str(tmp_path)).stamps[:4].decode() in names


def test_a_read_only_folder_is_read_and_not_written() -> None:
    with reachable_folder() as folder:
        path = folder / "cache.sqlite"
        with Cache(str(path)) as cache:
            cache.remember("key", "value")
            cache.remember_hashes({str(folder): HASHES})
        path.chmod(0o444)
        folder.chmod(0o555)
        with unprivileged(), Cache(str(path)) as cache:
            assert cache.fact("key") == "value"
            cache.remember("other", "value")
            assert cache.fact("other") == "value"
            assert cache.fact("key") == "value"
            assert cache.hashes(str(folder)) == HASHES
        assert remembered(str(path), "other") is None


def test_an_unreadable_file_is_no_error() -> None:
    with reachable_folder() as folder:
        path = folder / "cache.sqlite"
        with Cache(str(path)) as cache:
            cache.remember("key", "value")
        path.chmod(0)
        with unprivileged(), Cache(str(path)) as cache:
            assert cache.fact("key") is None
            cache.remember("key", "mine")
            assert cache.fact("key") == "mine"
