"""A file holds the old bytes or the new ones, and nothing is left beside it."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from assetsync.atomic import TEMPORARY_PREFIX, clear_temporary, held, open_temporary, sync_folder, write_atomically


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for data in (b"old", b"", b"new" * 100_000):
        write_atomically(str(path), data)
        assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("step", ["open", "write", "fsync", "fchmod", "replace"])
def test_an_error_names_the_file_that_was_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Not the temporary file; and writing to a descriptor names none at all."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    opened, fault = os.open, OSError(errno.ENOSPC, "No space left on device")

    def fail(target: object, flags: int = 0, *rest: Any, **more: Any) -> int:
        if step == "open" and not flags & os.O_CREAT:
            return opened(target, flags, *rest, **more)  # type: ignore[arg-type]
        raise fault

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left on device") as raised:
        write_atomically(str(path), b"new")
    assert str(raised.value) == f"[Errno {errno.ENOSPC}] No space left on device: '{path}'"


def test_a_name_without_a_folder_is_in_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_atomically("file", b"x")
    assert (tmp_path / "file").read_bytes() == b"x"


@pytest.mark.parametrize("step", ["fsync", "fchmod", "replace"])
def test_a_failure_leaves_the_old_bytes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_bytes_are_synced_before_the_rename_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        steps.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        fsync(descriptor)

    def note_replace(source: str, target: str, **folders: int) -> None:
        steps.append("rename")
        replace(source, target, **folders)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    write_atomically(str(tmp_path / "file"), b"x")
    assert steps == ["file", "rename", "folder"]


def test_permissions_are_kept_or_those_of_the_umask(tmp_path: Path) -> None:
    kept, new = tmp_path / "kept", tmp_path / "new"
    kept.write_bytes(b"old")
    kept.chmod(0o604)
    before = os.umask(0o027)
    try:
        write_atomically(str(kept), b"new")
        write_atomically(str(new), b"new")
    finally:
        os.umask(before)
    assert kept.stat().st_mode & 0o777 == 0o604
    assert new.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_is_not_there_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(str(tmp_path / "none" / "file"), b"x")


def test_many_writers_of_one_file_leave_one_of_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "file"
    texts = [b"%d" % number * 10_000 for number in range(10)]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda text: write_atomically(str(path), text), texts))
    assert path.read_bytes() in texts
    assert os.listdir(tmp_path) == ["file"]


def test_temporary_files_are_new_and_known_by_their_names(tmp_path: Path) -> None:
    opened = [open_temporary(str(tmp_path)) for _ in range(2)]
    for descriptor, path in opened:
        os.write(descriptor, b"x")
        os.close(descriptor)
        assert os.path.basename(path).startswith(TEMPORARY_PREFIX)
    assert len({path for _, path in opened}) == 2


def test_a_folder_that_cannot_be_synced_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError("not on this file system")

    sync_folder(str(tmp_path / "none"))
    monkeypatch.setattr(os, "fsync", refuse)
    sync_folder(str(tmp_path))


def test_the_temporary_file_is_aside_where_that_is_on_the_same_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    seen: list[list[str]] = []
    replace = os.replace

    def look(source: str, target: str, **folders: int) -> None:
        seen.append([name for name in os.listdir(tmp_path) if name.startswith(TEMPORARY_PREFIX)])
        replace(source, target, **folders)

    monkeypatch.setattr(os, "replace", look)
    write_atomically(str(tmp_path / "file"), b"x", aside=str(aside))
    monkeypatch.setattr(os, "fstat", lambda descriptor: os.stat_result((0, 0, descriptor, 1, *(0,) * 6)))
    write_atomically(str(tmp_path / "file"), b"y", aside=str(aside))
    assert [len(names) for names in seen] == [0, 1]
    assert (tmp_path / "file").read_bytes() == b"y"
    assert os.listdir(aside) == []


@pytest.fixture
def cleared(tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """Clears `tmp_path`, and says what is left there."""
    descriptor = os.open(tmp_path, os.O_RDONLY)

    def clear() -> list[str]:
        clear_temporary(descriptor)
        return sorted(os.listdir(tmp_path))

    yield clear
    os.close(descriptor)


KILLED = """
import os, sys
import assetsync.atomic

def stop(*_, **__):
    print("written", flush=True)
    sys.stdin.read()

os.replace = stop
assetsync.atomic.write_atomically(sys.argv[1], b"x")
"""


def test_what_a_killed_process_left_is_cleared_and_what_a_living_one_writes_is_not(
    tmp_path: Path, cleared: Callable[[], list[str]]
) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "file")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        (temporary,) = cleared()
        assert temporary.startswith(TEMPORARY_PREFIX)
        writer.kill()
    assert cleared() == []


def test_only_temporary_files_are_cleared(tmp_path: Path, cleared: Callable[[], list[str]]) -> None:
    (tmp_path / "kept").write_text("")
    (tmp_path / f"{TEMPORARY_PREFIX}folder").mkdir()
    (tmp_path / f"{TEMPORARY_PREFIX}link").symlink_to(tmp_path / "kept")
    (tmp_path / f"{TEMPORARY_PREFIX}left").write_text("")
    assert cleared() == [f"{TEMPORARY_PREFIX}folder", f"{TEMPORARY_PREFIX}link", "kept"]


def test_many_writers_and_somebody_who_clears_up_do_no_harm(tmp_path: Path, cleared: Callable[[], list[str]]) -> None:
    with ThreadPoolExecutor(9) as pool:
        writers = [pool.submit(write_atomically, str(tmp_path / str(number)), b"x") for number in range(40)]
        while not all(writer.done() for writer in writers):
            cleared()
        for writer in writers:
            writer.result()
    assert len(cleared()) == 40


def test_a_file_that_somebody_clears_up_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_file, replace, cleared = os.open, os.replace, threading.Event()

    def clear(name: str, folder: int, lock: int) -> None:
        os.unlink(name, dir_fd=folder)
        os.close(lock)
        os.close(folder)
        cleared.set()

    def open_and_be_late(name: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        descriptor = open_file(name, flags, mode, dir_fd=dir_fd)
        if flags & os.O_EXCL and not timers:
            assert dir_fd is not None
            lock = open_file(name, os.O_RDONLY, dir_fd=dir_fd)
            fcntl.flock(lock, fcntl.LOCK_EX)
            timers.append(threading.Timer(0.1, clear, (name, os.dup(dir_fd), lock)))
            timers[0].start()
        return descriptor

    def replace_late(*args: Any, **options: Any) -> None:
        assert cleared.wait(100)
        replace(*args, **options)

    timers: list[threading.Timer] = []
    monkeypatch.setattr(os, "open", open_and_be_late)
    monkeypatch.setattr(os, "replace", replace_late)
    write_atomically(str(tmp_path / "file"), b"x")
    assert len(timers) == 1
    assert os.listdir(tmp_path) == ["file"]


def test_the_permissions_that_are_kept_let_nothing_run_as_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o6755)
    write_atomically(str(path), b"new")
    assert path.stat().st_mode & 0o7777 == 0o755


def test_one_holds_a_lock_at_a_time_and_its_file_goes(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with held(str(path)):
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(400)))
    assert set(most) == {1}
    assert os.listdir(tmp_path) == []


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), held(str(tmp_path / "lock")):
        pass
    assert not (tmp_path / "elsewhere").exists()
