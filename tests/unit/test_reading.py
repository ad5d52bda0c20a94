"""Files that somebody else put into a project: links to devices, FIFOs, too much of anything. Nothing hangs."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from assetsync.errors import InvalidError, NoFileError, StoreError
from assetsync.project.locate import find_manifest
from assetsync.project.project import Project
from assetsync.reading import read_existing, read_file


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(path: str, limit: int = 100) -> str:
    with pytest.raises(InvalidError) as caught:
        read_file(path, limit=limit)
    return caught.value.message


def test_a_file_is_read_up_to_its_limit_and_not_beyond() -> None:
    Path("a").write_bytes(b"x" * 100)
    assert read_file("a", limit=100) == b"x" * 100
    assert refusal("a", 99) == "`a` is larger than 99 bytes, and is not read"
    assert read_file("none") is None
    assert read_file("a/b") is None


def test_what_is_no_file_is_named_and_nobody_waits_for_it() -> None:
    Path("folder").mkdir()
    os.mkfifo("fifo")
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket")
    server.close()
    for path, kind in (
        ("folder", "a directory"),
        ("fifo", "a FIFO"),
        ("socket", "a socket"),
        ("/dev/zero", "a device"),
    ):
        assert refusal(path).endswith(f": it is {kind}")


@pytest.mark.parametrize(
    "target", ["/dev/zero", "/proc/kmsg", "/proc/self/environ", "secret", "nowhere", "fifo", "link"]
)
def test_a_link_to_something_else_is_refused_and_nothing_of_it_is_quoted(target: str) -> None:
    Path("secret").write_text("hunter2")
    os.mkfifo("fifo")
    os.symlink(target, "link")
    message = refusal("link")
    assert "hunter2" not in message
    assert "`link`" in message


def test_a_link_to_a_file_of_the_same_name_is_followed() -> None:
    Path("shared").mkdir()
    Path("shared/assets.yaml").write_bytes(b"store: ./s\n")
    os.symlink("shared/assets.yaml", "assets.yaml")
    assert read_file("assets.yaml") == b"store: ./s\n"


def test_a_missing_file_is_no_error_of_a_store(tmp_path: Path) -> None:
    assert not issubclass(NoFileError, StoreError)
    for path in (tmp_path / "none", tmp_path / "none/below"):
        assert read_file(str(path)) is None
        with pytest.raises(NoFileError, match=r"none.* does not exist") as caught:
            read_existing(str(path), hint="make it")
        assert caught.value.hint == "make it"
    with pytest.raises(NoFileError, match="or above it"):
        Project.load(str(tmp_path), environ={})


def test_a_file_below_a_file_is_missing_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert read_file(str(tmp_path / "file")) == b"x"
    assert read_file(str(tmp_path / "file/below")) is None


def test_a_folder_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(NoFileError, match="nope` is not a directory"):
        find_manifest(str(tmp_path / "nope"))
