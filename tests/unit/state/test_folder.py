"""What lies in `.assetsync` is opened step by step, is ours, and is cleared of what killed processes leave."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assetsync.atomic import TEMPORARY_PREFIX
from assetsync.errors import InvalidError
from assetsync.state.folder import Folder, State
from tests.permissions import reachable_folder, unprivileged


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return State(str(tmp_path)).journal


def test_what_is_written_is_read_until_it_is_removed(folder: Folder) -> None:
    assert folder.names() == []
    folder.write("x", b"data")
    assert folder.names() == ["x"]
    assert folder.read("x", 4) == b"data"
    folder.remove("x")
    with pytest.raises(FileNotFoundError):
        folder.read("x", 4)


def test_a_file_that_is_longer_than_any_of_ours_is_not_read(folder: Folder) -> None:
    folder.write("x", b"data")
    with pytest.raises(OSError, match="too large"):
        folder.read("x", 3)


@pytest.mark.parametrize("step", [".assetsync", ".assetsync/journal", ".assetsync/journal/x"])
def test_no_step_may_be_a_link(tmp_path: Path, folder: Folder, step: str) -> None:
    folder.write("x", b"data")
    os.rename(tmp_path / step, tmp_path / "elsewhere")
    (tmp_path / step).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidError, match=f"{step}` is a link"):
        folder.read("x", 4)
    with pytest.raises(InvalidError, match=f"{step}` is a link"):
        folder.check_file("x")


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_written_through(tmp_path: Path, folder: Folder) -> None:
    folder.write("x", b"data")
    os.unlink(tmp_path / ".assetsync/journal/x")
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".assetsync/journal/x").symlink_to(tmp_path / "precious")
    folder.write("x", b"new")
    assert (tmp_path / "precious").read_text() == "precious"
    assert folder.read("x", 4) == b"new"


def test_a_fifo_does_not_hang(tmp_path: Path) -> None:
    state = State(str(tmp_path))
    state.journal.write("y", b"")
    os.mkfifo(tmp_path / ".assetsync/journal/x")
    with pytest.raises(InvalidError, match="is neither a file nor a folder"):
        state.journal.read("x", 4)
    os.mkfifo(tmp_path / ".assetsync/lock")
    with pytest.raises(InvalidError, match="is neither a file nor a folder"):
        state.ensure()


def test_the_link_of_a_user_to_the_project_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert State(str(tmp_path / "link")).ensure()
    assert (tmp_path / "real/.assetsync/.gitignore").exists()
    assert State.at(str(tmp_path / "link")).ensure()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("entry", ["", "cache.db", "journal"])
def test_what_belongs_to_another_user_is_refused(entry: str) -> None:
    with reachable_folder() as root:
        state = State(str(root))
        state.journal.write("x", b"")
        (root / ".assetsync/cache.db").write_bytes(b"")
        os.chmod(root / ".assetsync", 0o777)
        os.chown(root / ".assetsync" / entry, 4321, -1)
        with pytest.raises(InvalidError, match="belongs to another user"):
            state.ensure()
        with unprivileged(), pytest.raises(InvalidError, match="belongs to another user"):
            state.ensure()


def test_the_next_run_clears_away_what_killed_ones_have_left(tmp_path: Path) -> None:
    state = State(str(tmp_path))
    for folder in (state.top, state.journal, state.pulls):
        folder.write("kept", b"")
        with open(os.path.join(folder.path, f"{TEMPORARY_PREFIX}left"), "w"):
            pass
    assert state.ensure()
    assert state.journal.names() == state.pulls.names() == ["kept"]
    assert sorted(state.top.names()) == [".gitignore", "journal", "kept", "pulls"]
