"""Pulling a version to a path, and fetching one into an assets directory."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from assetsync.errors import (
    AssetsyncError,
    ContentError,
    DamagedError,
    InvalidError,
    NotFoundError,
    TransientError,
    UsageError,
)
from assetsync.local import install as place_module
from assetsync.model.names import parse_spec
from assetsync.model.tree import Content, directory_tree
from assetsync.plan.snapshot import Present
from assetsync.pool import Transfers
from assetsync.progress import Silent
from assetsync.project.locate import boundary
from assetsync.remote.store import Store
from assetsync.state.folder import State
from assetsync.state.pull_markers import Markers
from assetsync.transfer import download as download_module
from assetsync.transfer import installation as installation_module
from assetsync.transfer.fetch import fetch, fetched
from assetsync.transfer.pull import Retrieval, pull
from tests.unit.publishing import files_below, new_store, put, scanned, watched

OLD = {"a.txt": b"aaa", "sub/b.bin": b"bbbb", "sub/deep/c": b"c", "gone/d": b"dd"}
NEW = {"a.txt": b"AAA!", "sub/b.bin": b"bbbb", "sub/deep/c": b"c", "new/e": b"eeeee"}


class Pulling(NamedTuple):
    """A store, and a repo whose asset `nlp/tok` is at `models/tok`."""

    store: Store
    root: Path
    markers: Markers
    transfers: Transfers

    @property
    def path(self) -> Path:
        return self.root / "models/tok"

    def write(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def pull(self, version: str, over: Present | None = None, content: Content | None = None) -> Content:
        what = Retrieval("nlp/tok", version, boundary(str(self.root), {}), "models/tok", over, content)
        return pull(self.store, what, transfers=self.transfers, markers=self.markers, progress=lambda count: None)

    def over(self, *exclude: str) -> Present | None:
        return scanned(self.root, "models/tok", *exclude)

    @property
    def left_aside(self) -> list[str]:
        """What lies in the staging folder of the asset."""
        folder = Path(self.markers.staging("nlp/tok"))
        return sorted(os.listdir(folder)) if folder.exists() else []


@pytest.fixture
def transfers() -> Iterator[Transfers]:
    with Transfers(4) as transfers:
        yield transfers


@pytest.fixture
def repo(tmp_path: Path, transfers: Transfers) -> Pulling:
    root = tmp_path / "repo"
    root.mkdir()
    return Pulling(new_store(), root, Markers(State(str(root)).pulls), transfers)


# ---------------------------------------------------------------------------------------------------------------------
# Pulling


@pytest.mark.parametrize("files", [OLD, {"x": b""}, b"a single file", b""])
def test_a_fresh_pull_makes_the_path_what_the_version_is(repo: Pulling, files: dict[str, bytes] | bytes) -> None:
    tree = put(repo.store, "nlp/tok", "1.0", files)
    assert repo.pull("1.0") == tree.content
    found = repo.over()
    assert found is not None
    assert found.tree == tree
    assert repo.markers.get("nlp/tok") is None
    assert os.listdir(repo.root / ".assetsync/pulls") == []


def test_only_changed_files_are_downloaded_and_those_that_the_version_lacks_go(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.1", NEW)
    repo.write(OLD)
    unchanged = (repo.path / "sub/b.bin").stat()
    repo.pull("1.1", repo.over())
    assert files_below(repo.path) == NEW
    assert sorted(watched(repo.store).ranges) == ["nlp/tok/1.1/a.txt", "nlp/tok/1.1/new/e"]
    assert (repo.path / "sub/b.bin").stat() == unchanged


def test_a_pull_of_what_is_there_downloads_and_changes_nothing(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.0", OLD)
    repo.write(OLD)
    before = (repo.path / "a.txt").stat()
    repo.pull("1.0", repo.over())
    assert (repo.path / "a.txt").stat() == before
    assert watched(repo.store).requests == ["read nlp/tok/1.0.meta"]


def test_a_file_that_is_here_under_another_path_is_copied_from_there(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.0", {"x": b"first", "y": b"second", "copy/x": b"first"})
    repo.write({"x": b"second", "y": b"first"})
    repo.pull("1.0", repo.over())
    assert files_below(repo.path) == {"x": b"first", "y": b"second", "copy/x": b"first"}
    assert watched(repo.store).ranges == []


def test_a_source_of_a_copy_that_changed_meanwhile_is_not_trusted(
    repo: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(repo.store, "nlp/tok", "1.0", {"keep": b"same", "moved": b"content"})
    repo.write({"keep": b"same", "old-name": b"content"})
    over = repo.over()
    real = download_module.download

    def edit_first(*args: Any, **kwargs: Any) -> Any:
        (repo.path / "old-name").write_bytes(b"CONTENT")
        return real(*args, **kwargs)

    monkeypatch.setattr(installation_module, "download", edit_first)
    with pytest.raises(ContentError, match="old-name` changed since it was looked at"):
        repo.pull("1.0", over)
    assert watched(repo.store).ranges == ["nlp/tok/1.0/moved"]
    assert files_below(repo.path) == {"keep": b"same", "old-name": b"CONTENT"}


def test_the_same_content_twice_is_downloaded_once(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.0", {"x": b"same", "y": b"same", "z": b"same"})
    repo.pull("1.0")
    assert files_below(repo.path) == {"x": b"same", "y": b"same", "z": b"same"}
    assert len(watched(repo.store).ranges) == 1


def test_excluded_files_stay_with_their_folders(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.1", {"a.txt": b"AAA!"})
    repo.write({**OLD, "gone/run.log": b"precious", "sub/deep/x.log": b"too"})
    repo.pull("1.1", repo.over("*.log"))
    assert files_below(repo.path) == {"a.txt": b"AAA!", "gone/run.log": b"precious", "sub/deep/x.log": b"too"}


@pytest.mark.parametrize(
    ("here", "wanted"),
    [
        ({"a": b"file"}, {"a/b": b"in a folder", "a/c": b"too"}),
        ({"a/b/c": b"deep", "a/d": b"x"}, {"a": b"a file now"}),
        ({"a": b"1", "b/c": b"2"}, {"a/x": b"2", "b": b"1"}),
    ],
)
def test_files_and_folders_change_places(repo: Pulling, here: dict[str, bytes], wanted: dict[str, bytes]) -> None:
    put(repo.store, "nlp/tok", "1.0", wanted)
    repo.write(here)
    (repo.path / "a/empty/folder").mkdir(parents=True) if "a" not in here else None
    repo.pull("1.0", repo.over())
    assert files_below(repo.path) == wanted


def test_a_directory_asset_becomes_a_file_and_back(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.0", OLD)
    put(repo.store, "nlp/tok", "2.0", b"one file")
    repo.pull("1.0")
    repo.pull("2.0", repo.over())
    assert repo.path.read_bytes() == b"one file"
    repo.pull("1.0", repo.over())
    assert files_below(repo.path) == OLD


def test_an_empty_folder_in_the_way_of_a_file_goes(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.0", b"one file")
    (repo.path / "empty").mkdir(parents=True)
    repo.pull("1.0")
    assert repo.path.read_bytes() == b"one file"


def test_permissions_of_a_replaced_file_stay_and_new_ones_follow_the_umask(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.0", {"tool": b"new", "fresh": b"x"})
    repo.write({"tool": b"old"})
    (repo.path / "tool").chmod(0o750)
    before = os.umask(0o027)
    try:
        repo.pull("1.0", repo.over())
    finally:
        os.umask(before)
    assert stat.S_IMODE((repo.path / "tool").stat().st_mode) == 0o750
    assert stat.S_IMODE((repo.path / "fresh").stat().st_mode) == 0o640


@pytest.mark.parametrize("victim", ["a.txt", "gone/d"])
def test_a_file_edited_since_the_plan_is_not_lost(repo: Pulling, victim: str) -> None:
    put(repo.store, "nlp/tok", "1.1", NEW)
    repo.write(OLD)
    over = repo.over()
    (repo.path / victim).write_bytes(b"edited, and longer")
    with pytest.raises(ContentError, match=f"{victim}` changed since it was looked at"):
        repo.pull("1.1", over)
    assert files_below(repo.path) == {**OLD, victim: b"edited, and longer"}
    assert repo.markers.get("nlp/tok") is None
    assert watched(repo.store).ranges == []


@pytest.mark.parametrize("victim", ["a.txt", "gone/d"])
def test_a_file_edited_during_the_download_is_not_lost(repo: Pulling, victim: str) -> None:
    put(repo.store, "nlp/tok", "1.1", NEW)
    repo.write(OLD)

    def edit(key: str, start: int) -> None:
        (repo.path / victim).write_bytes(b"edited, and longer")

    watched(repo.store).before_chunk = edit
    with pytest.raises(ContentError, match="changed since"):
        repo.pull("1.1", repo.over())
    assert files_below(repo.path) == {**OLD, victim: b"edited, and longer"}
    assert repo.markers.get("nlp/tok") is not None


@pytest.mark.parametrize("stranger", ["new/e", "new", "new/e/x"])
def test_what_the_scan_did_not_see_is_never_replaced(repo: Pulling, stranger: str) -> None:
    put(repo.store, "nlp/tok", "1.1", NEW)
    repo.write(OLD)
    over = repo.over()
    repo.write({stranger: b"a stranger"})
    with pytest.raises(ContentError, match=f"{stranger}` is in the way"):
        repo.pull("1.1", over)
    assert files_below(repo.path) == {**OLD, stranger: b"a stranger"}


def test_an_excluded_file_that_is_what_the_version_has_is_in_nobodys_way(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.1", {"a.txt": b"AAA!", "run.log": b"the same"})
    repo.write({"a.txt": b"aaa", "run.log": b"the same"})
    repo.pull("1.1", repo.over("*.log"))
    assert files_below(repo.path) == {"a.txt": b"AAA!", "run.log": b"the same"}


def test_content_that_is_not_what_was_planned_is_refused(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.0", OLD)
    other = directory_tree([]).content
    with pytest.raises(DamagedError, match=r"`nlp/tok:1.0` is locked as sha256:.* but the store has"):
        repo.pull("1.0", content=other)
    assert not repo.path.exists()


def test_a_version_that_is_not_there_names_those_that_are(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.0", OLD)
    with pytest.raises(NotFoundError, match=r"has no `nlp/tok:1.7`") as caught:
        repo.pull("1.7")
    assert caught.value.hint == "its only version is `1.0`"


# ---------------------------------------------------------------------------------------------------------------------
# Links


def test_the_path_of_the_asset_may_be_a_link_to_anywhere(repo: Pulling, tmp_path: Path) -> None:
    outside = tmp_path / "big-disk"
    outside.mkdir()
    (repo.root / "models").mkdir()
    repo.path.symlink_to(outside)
    put(repo.store, "nlp/tok", "1.0", OLD)
    put(repo.store, "nlp/tok", "1.1", NEW)
    repo.pull("1.0")
    repo.pull("1.1", repo.over())
    assert files_below(outside) == NEW
    assert repo.path.is_symlink()


def test_a_single_file_behind_a_link_is_replaced_there(repo: Pulling, tmp_path: Path) -> None:
    target = tmp_path / "weights.bin"
    target.write_bytes(b"old")
    (repo.root / "models").mkdir()
    repo.path.symlink_to(target)
    put(repo.store, "nlp/tok", "1.0", b"new")
    repo.pull("1.0", repo.over())
    assert target.read_bytes() == b"new"
    assert repo.path.is_symlink()


def test_a_parent_folder_may_be_a_link_to_outside(repo: Pulling, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (repo.root / "models").symlink_to(outside)
    put(repo.store, "nlp/tok", "1.0", OLD)
    repo.pull("1.0")
    assert files_below(outside / "tok") == OLD


def test_a_parent_folder_may_be_a_link_inside_the_project(repo: Pulling) -> None:
    (repo.root / "data").mkdir()
    (repo.root / "models").symlink_to("data")
    put(repo.store, "nlp/tok", "1.0", OLD)
    repo.pull("1.0")
    assert files_below(repo.root / "data/tok") == OLD


@pytest.mark.parametrize("link", ["a.txt", "sub", "sub/deep", "gone", "gone/d"])
@pytest.mark.parametrize("seen", [True, False])
def test_a_link_below_the_path_is_neither_followed_nor_replaced(
    repo: Pulling, tmp_path: Path, link: str, seen: bool
) -> None:
    wanted = {"a.txt": b"AAA!", "sub/b.bin": b"changed", "sub/deep/c": b"changed"}
    put(repo.store, "nlp/tok", "1.1", wanted)
    repo.write(OLD)
    over = repo.over()
    outside = tmp_path / "outside"
    (repo.path / link).rename(outside)
    (repo.path / link).symlink_to(outside)
    if seen:
        over = repo.over()
    before = (files_below(repo.path), files_below(tmp_path))
    with pytest.raises(ContentError, match=f"{link}` is a symlink; below an asset's path, none is followed"):
        repo.pull("1.1", over)
    assert (files_below(repo.path), files_below(tmp_path)) == before


@pytest.mark.parametrize("swapped", ["sub", "sub/deep", "gone"])
def test_a_folder_swapped_for_a_link_after_all_checks_is_not_followed(
    repo: Pulling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swapped: str
) -> None:
    put(repo.store, "nlp/tok", "1.1", {"sub/deep/c": b"changed", "sub/b.bin": b"changed"})
    repo.write(OLD)
    outside = tmp_path / "outside"
    shutil.copytree(repo.path / swapped, outside)
    before = files_below(outside)
    check = place_module.Change.check

    def check_then_swap(change: place_module.Change) -> None:
        check(change)
        if change.placed and all(change.placed.values()):  # the last check, before files are put into place
            (repo.path / swapped).rename(tmp_path / "aside")
            (repo.path / swapped).symlink_to(outside)

    monkeypatch.setattr(place_module.Change, "check", check_then_swap)
    with pytest.raises(ContentError, match=f"{swapped}` is a symlink"):
        repo.pull("1.1", repo.over())
    assert files_below(outside) == before


@pytest.mark.parametrize("when", ["download", "last check"])
@pytest.mark.parametrize("swapped", ["models/tok", "models"])
def test_the_path_of_the_asset_swapped_for_a_link_is_not_followed(
    repo: Pulling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swapped: str, when: str
) -> None:
    put(repo.store, "nlp/tok", "1.1", NEW)
    repo.write(OLD)
    over = repo.over()
    outside = tmp_path / "outside"
    shutil.copytree(repo.root / swapped, outside)
    before = files_below(outside)
    one = threading.Lock()

    def swap() -> None:
        with one:  # downloads are in several threads
            if not (repo.root / swapped).is_symlink():
                (repo.root / swapped).rename(tmp_path / "aside")
                (repo.root / swapped).symlink_to(outside)

    check = place_module.Change.check

    def check_then_swap(change: place_module.Change) -> None:
        check(change)
        if all(change.placed.values()):  # the last check, before files are put into place
            swap()

    if when == "download":
        watched(repo.store).before_chunk = lambda key, start: swap()
    else:
        monkeypatch.setattr(place_module.Change, "check", check_then_swap)
    with pytest.raises(ContentError, match=f"{swapped}` is a symlink"):
        repo.pull("1.1", over)
    assert files_below(outside) == before


def test_a_pulled_file_keeps_permissions_but_not_those_of_somebody_else(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.1", NEW)
    repo.write(OLD)
    (repo.path / "a.txt").chmod(0o6750)
    before = os.umask(0o027)
    try:
        repo.pull("1.1", repo.over())
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((repo.path / name).stat().st_mode) for name in ("a.txt", "new", "new/e")}
    assert modes == {"a.txt": 0o750, "new": 0o750, "new/e": 0o640}


def test_staging_that_is_a_link_is_refused(repo: Pulling, tmp_path: Path) -> None:
    put(repo.store, "nlp/tok", "1.0", OLD)
    staging = Path(repo.markers.staging("nlp/tok"))
    staging.parent.mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    staging.symlink_to(tmp_path / "outside")
    with pytest.raises(ContentError, match="is a symlink, where temporary files are to be put"):
        repo.pull("1.0")
    assert files_below(tmp_path / "outside") == {}


@pytest.mark.parametrize("mounted", ["models/tok", "models"])
def test_another_disk_gets_its_temporary_files_on_itself(
    repo: Pulling, monkeypatch: pytest.MonkeyPatch, mounted: str
) -> None:
    repo.write({"a.txt": b"old"})
    put(repo.store, "nlp/tok", "1.0", OLD)
    here = str(repo.root / mounted)
    monkeypatch.setattr(installation_module, "_disk", lambda path: int(f"{path}/".startswith(f"{here}/")))
    folders = []
    real = download_module.download

    def download(store: Store, items: Any, folder: str, **kwargs: Any) -> Any:
        folders.append(folder)
        return real(store, items, folder, **kwargs)

    monkeypatch.setattr(installation_module, "download", download)
    repo.pull("1.0", repo.over())
    assert files_below(repo.path) == OLD
    assert folders[0].startswith(here + "/")
    assert files_below(repo.root) == {f"models/tok/{path}": data for path, data in OLD.items()}


# ---------------------------------------------------------------------------------------------------------------------
# Large files, and going on after an interruption


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> int:
    """Files above twice this size are got in ranges of it."""
    size = 64 * 1024
    monkeypatch.setattr(download_module, "RANGE", size)
    monkeypatch.setattr(download_module, "LARGE", 2 * size)
    return size


@pytest.mark.parametrize("extra", [1, 0, -1])
def test_a_large_file_is_got_in_ranges(repo: Pulling, small_ranges: int, extra: int) -> None:
    data = os.urandom(small_ranges * 5 + extra)
    put(repo.store, "nlp/tok", "1.0", data)
    repo.pull("1.0")
    assert repo.path.read_bytes() == data
    assert len(watched(repo.store).ranges) == (6 if extra > 0 else 5)


def test_a_large_file_goes_on_where_it_stopped(repo: Pulling, small_ranges: int) -> None:
    data = os.urandom(small_ranges * 20)
    put(repo.store, "nlp/tok", "1.0", {"big": data})

    def fail(key: str, start: int) -> None:
        if start >= small_ranges * 12:
            raise TransientError("the network went away")

    watched(repo.store).before_chunk = fail
    with pytest.raises(TransientError):
        repo.pull("1.0")
    assert not repo.path.exists()
    assert repo.markers.get("nlp/tok") is not None
    watched(repo.store).forget()
    watched(repo.store).before_chunk = lambda key, start: None
    repo.pull("1.0")
    assert files_below(repo.path) == {"big": data}
    assert watched(repo.store).bytes_read <= small_ranges * 10


def test_ranges_get_shorter_towards_the_end(repo: Pulling, small_ranges: int) -> None:
    data = os.urandom(small_ranges * 50 + 1)
    put(repo.store, "nlp/tok", "1.0", data)
    repo.pull("1.0")
    assert repo.path.read_bytes() == data
    ends = download_module._ends(len(data))
    assert len(watched(repo.store).ranges) == len(ends)
    lengths = [(end - start) / small_ranges for start, end in pairwise([0, *ends])]
    assert lengths[0] == 4
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-10:-1] == [1] * 9
    assert ends[-1] == len(data)


@pytest.mark.parametrize("spoil", ["flip", "cut", "longer", "empty", "zeros"])
def test_leftovers_of_a_large_file_that_are_no_good_are_thrown_away(
    repo: Pulling, small_ranges: int, spoil: str
) -> None:
    data = os.urandom(small_ranges * 9 + 17)
    put(repo.store, "nlp/tok", "1.0", data)
    watched(repo.store).lies["nlp/tok/1.0"] = data[:-1] + b"?"
    with pytest.raises(AssetsyncError):
        repo.pull("1.0")
    watched(repo.store).lies.clear()
    spoilt = {
        "flip": data[:100] + b"?" + data[101:],
        "cut": data[: small_ranges * 4 + 5],
        "longer": data + b"more",
        "empty": b"",
        "zeros": bytes(len(data)),
    }[spoil]
    tree = put(repo.store, "nlp/tok", "1.1", data)
    item = download_module.Item("nlp/tok/1.1", len(data), tree.files[0].sha256)
    staging = repo.markers.staging("nlp/tok")
    os.makedirs(staging, exist_ok=True)
    Path(download_module.staged_path(staging, item)).write_bytes(spoilt)
    repo.pull("1.1")
    assert repo.path.read_bytes() == data


def test_small_files_that_were_got_are_not_downloaded_again(repo: Pulling) -> None:
    files = {f"f{number}": f"content {number}".encode() for number in range(20)}
    put(repo.store, "nlp/tok", "1.0", files)
    watched(repo.store).lies["nlp/tok/1.0/f7"] = b"wrong"
    with pytest.raises(AssetsyncError):
        repo.pull("1.0")
    staging = Path(repo.markers.staging("nlp/tok"))
    got = {path.read_bytes() for path in staging.iterdir()} & set(files.values())
    assert got
    assert not repo.path.exists()
    watched(repo.store).lies.clear()
    watched(repo.store).forget()
    repo.pull("1.0")
    assert files_below(repo.path) == files
    assert len(watched(repo.store).ranges) == 20 - len(got)
    assert repo.left_aside == []


def test_what_was_got_for_another_version_takes_no_room(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.0", {"a": b"never wanted again", "b": b"right", "c": b"same"})
    put(repo.store, "nlp/tok", "1.1", {"b": b"right too", "c": b"same"})
    watched(repo.store).lies["nlp/tok/1.0/b"] = b"wrong"
    with pytest.raises(AssetsyncError):
        repo.pull("1.0")
    folders: list[list[str]] = []
    watched(repo.store).before_chunk = lambda key, start: folders.append(repo.left_aside)
    repo.pull("1.1")
    assert files_below(repo.path) == {"b": b"right too", "c": b"same"}
    assert all(len(names) <= 2 for names in folders)


def test_an_interrupt_leaves_old_files_and_a_marker(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.1", NEW)
    repo.write(OLD)

    def interrupt(key: str, start: int) -> None:
        raise KeyboardInterrupt

    watched(repo.store).before_chunk = interrupt
    with pytest.raises(KeyboardInterrupt):
        repo.pull("1.1", repo.over())
    assert files_below(repo.path) == OLD
    marker = repo.markers.get("nlp/tok")
    assert marker is not None
    assert marker.version == "1.1"


def test_a_pull_that_died_while_files_were_put_into_place_is_finished(
    repo: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(repo.store, "nlp/tok", "1.1", NEW)
    repo.write(OLD)
    real = os.rename
    renames: list[object] = []

    def rename_once(*args: Any, **kwargs: Any) -> None:
        if renames:
            raise KeyboardInterrupt
        renames.append(args)
        real(*args, **kwargs)

    monkeypatch.setattr(os, "rename", rename_once)
    with pytest.raises(KeyboardInterrupt):
        repo.pull("1.1", repo.over())
    monkeypatch.undo()
    assert repo.markers.get("nlp/tok") is not None
    watched(repo.store).forget()
    repo.pull("1.1", repo.over())
    assert files_below(repo.path) == NEW
    assert watched(repo.store).ranges == []


def test_a_full_disk_is_said_and_costs_nothing(repo: Pulling, monkeypatch: pytest.MonkeyPatch) -> None:
    put(repo.store, "nlp/tok", "1.1", NEW)
    repo.write(OLD)

    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(AssetsyncError, match="no room is left on the disk of") as caught:
        repo.pull("1.1", repo.over())
    assert caught.value.hint == "make room, and run the same command again"
    assert files_below(repo.path) == OLD
    assert repo.left_aside == []
    assert repo.markers.get("nlp/tok") is not None
    monkeypatch.undo()
    repo.pull("1.1", repo.over())
    assert files_below(repo.path) == NEW


def test_too_little_room_is_said_before_the_download(repo: Pulling, monkeypatch: pytest.MonkeyPatch) -> None:
    put(repo.store, "nlp/tok", "1.0", {"big": bytes(4000)})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9000, 6000, 3000))
    with pytest.raises(AssetsyncError, match=r"not enough room: 4.0 kB are to be downloaded, .* has 3.0 kB free"):
        repo.pull("1.0")
    assert watched(repo.store).ranges == []


# ---------------------------------------------------------------------------------------------------------------------
# Versions that modelkit made


@pytest.mark.parametrize("files", [NEW, b"a single file"])
def test_a_version_of_modelkit_is_pulled_and_its_digest_learnt(repo: Pulling, files: dict[str, bytes] | bytes) -> None:
    tree = put(repo.store, "nlp/tok", "1.1", files, modelkit=True)
    repo.write(OLD)
    assert repo.pull("1.1", repo.over()) == tree.content
    found = repo.over()
    assert found is not None
    assert found.tree == tree
    learnt = repo.store.confirm("nlp/tok", "1.1")
    assert learnt is not None
    assert learnt.content == tree.content


def test_unchanged_files_of_a_version_of_modelkit_are_left_alone(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.1", NEW, modelkit=True)
    repo.write(OLD)
    before = (repo.path / "sub/b.bin").stat()
    repo.pull("1.1", repo.over())
    assert (repo.path / "sub/b.bin").stat() == before


def test_a_version_of_modelkit_that_is_not_what_was_locked_is_refused(repo: Pulling) -> None:
    put(repo.store, "nlp/tok", "1.1", NEW, modelkit=True)
    repo.write(OLD)
    over = repo.over()
    assert over is not None
    with pytest.raises(DamagedError, match=r"`nlp/tok:1.1` is locked as sha256:.* but the store has"):
        repo.pull("1.1", over, content=over.tree.content)
    assert files_below(repo.path) == OLD
    unknown = repo.store.confirm("nlp/tok", "1.1")
    assert unknown is not None
    assert unknown.content is None


# ---------------------------------------------------------------------------------------------------------------------
# Fetching


class Fetching(NamedTuple):
    store: Store
    folder: Path
    transfers: Transfers

    def fetch(self, spec: str, *, force: bool = False) -> Path:
        found = fetch(
            self.store,
            parse_spec(spec),
            str(self.folder),
            transfers=self.transfers,
            reporter=Silent(),
            force=force,
        )
        assert os.path.isabs(found)
        return Path(found)

    @property
    def requests(self) -> list[str]:
        return watched(self.store).requests


@pytest.fixture
def assets(tmp_path: Path, transfers: Transfers) -> Fetching:
    return Fetching(new_store(), tmp_path / "assets", transfers)


@pytest.mark.parametrize(
    ("spec", "version"), [("nlp/tok", "10.0"), ("nlp/tok:1", "1.10"), ("nlp/tok:1.9", "1.9"), ("nlp/tok:0", "0.0")]
)
def test_a_spec_stands_for_the_newest_of_its_line(assets: Fetching, spec: str, version: str) -> None:
    for one in ("0.0", "1.9", "1.10", "10.0"):
        put(assets.store, "nlp/tok", one, one.encode())
    path = assets.fetch(spec)
    assert path == assets.folder / "nlp/tok" / version
    assert path.read_bytes() == version.encode()


def test_what_is_complete_is_marked_as_modelkit_does_and_needs_no_request(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    put(assets.store, "nlp/bin", "1.0", b"file")
    for spec in ("nlp/tok:1.0", "nlp/bin:1.0"):
        first = assets.fetch(spec)
        watched(assets.store).forget()
        assert assets.fetch(spec) == first
        assert fetched(parse_spec(spec), assets.store.versioning, str(assets.folder)) == str(first)
        assert assets.requests == []
    assert files_below(assets.folder) == {
        **{f"nlp/tok/1.0/{path}": data for path, data in NEW.items()},
        "nlp/tok/1.0/.SUCCESS": b"",
        "nlp/bin/1.0": b"file",
        "nlp/bin/.1.0.SUCCESS": b"",
    }


def test_a_line_asks_only_which_version_is_the_newest(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    assets.fetch("nlp/tok:1")
    watched(assets.store).forget()
    assets.fetch("nlp/tok:1")
    assert assets.requests == ["read nlp/tok.versions"]


@pytest.mark.parametrize(
    ("part", "downloaded"),
    [("sub/b.bin", ["sub/b.bin"]), ("sub", ["sub/b.bin", "sub/deep/c"]), ("sub/deep", ["sub/deep/c"])],
)
def test_only_the_part_is_downloaded_and_no_whole_is_claimed(
    assets: Fetching, part: str, downloaded: list[str]
) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    path = assets.fetch(f"nlp/tok:1.0[{part}]")
    version = assets.folder / ".parts/nlp/tok/1.0"
    assert path == version / part
    there = files_below(version)
    assert {name for name in there if not name.endswith(".SUCCESS")} == set(downloaded)
    assert all(there[name] == NEW[name] for name in downloaded)
    assert not (version / ".SUCCESS").exists()
    assert not (assets.folder / "nlp").exists()
    watched(assets.store).forget()
    assert assets.fetch(f"nlp/tok:1.0[{part}]") == path
    assert assets.requests == []


def test_a_part_of_a_part_or_of_a_whole_that_is_there_needs_no_request(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    assets.fetch("nlp/tok:1.0[sub]")
    watched(assets.store).forget()
    assert assets.fetch("nlp/tok:1.0[sub/deep/c]").read_bytes() == b"c"
    assert assets.requests == []
    assets.fetch("nlp/tok:1.0")
    watched(assets.store).forget()
    assert assets.fetch("nlp/tok:1.0[new]") == assets.folder / "nlp/tok/1.0/new"
    assert assets.requests == []


def test_the_whole_after_a_part_stands_beside_it(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    part = assets.fetch("nlp/tok:1.0[sub/b.bin]")
    assert files_below(assets.fetch("nlp/tok:1.0")) == {**NEW, ".SUCCESS": b""}
    assert assets.fetch("nlp/tok:1.0[sub/b.bin]") == assets.folder / "nlp/tok/1.0/sub/b.bin"
    assert part.read_bytes() == NEW["sub/b.bin"]


def test_a_larger_part_after_a_smaller_one_completes_it(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    assets.fetch("nlp/tok:1.0[sub/deep]")
    assets.fetch("nlp/tok:1.0[sub/b.bin]")
    watched(assets.store).forget()
    path = assets.fetch("nlp/tok:1.0[sub]")
    assert files_below(path) == {"b.bin": NEW["sub/b.bin"], "deep/c": NEW["sub/deep/c"], ".SUCCESS": b""}
    assert watched(assets.store).ranges == []


def test_nothing_of_ours_stays_in_the_assets_directory(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    assets.fetch("nlp/tok:1.0")
    assert os.listdir(assets.folder) == ["nlp"]


@pytest.mark.parametrize("spec", ["nlp/tok:1.0[nope]", "nlp/tok:1.0[su]", "nlp/tok:1.0[a.txt/x]", "nlp/bin:1.0[x]"])
def test_a_part_that_is_none_is_an_error(assets: Fetching, spec: str) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    put(assets.store, "nlp/bin", "1.0", b"file")
    with pytest.raises(InvalidError, match="has no part"):
        assets.fetch(spec)
    assert files_below(assets.folder) == {}


def test_force_compares_with_the_store_and_gets_what_differs(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    path = assets.fetch("nlp/tok:1.0")
    (path / "a.txt").write_bytes(b"bad!")
    (path / "extra").write_bytes(b"not of this version")
    assert assets.fetch("nlp/tok:1.0") == path
    watched(assets.store).forget()
    assets.fetch("nlp/tok:1.0", force=True)
    assert files_below(path) == {**NEW, ".SUCCESS": b""}
    assert watched(assets.store).ranges == ["nlp/tok/1.0/a.txt"]


def test_what_modelkit_left_half_done_is_completed(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    put(assets.store, "nlp/bin", "1.0", b"file")
    version = assets.folder / "nlp/tok/1.0"
    version.mkdir(parents=True)
    (version / "a.txt").write_bytes(b"AA")
    (assets.folder / "nlp/bin").mkdir()
    (assets.folder / "nlp/bin/1.0").write_bytes(b"fi")
    assert files_below(assets.fetch("nlp/tok:1.0")) == {**NEW, ".SUCCESS": b""}
    assert assets.fetch("nlp/bin:1.0").read_bytes() == b"file"


def test_a_version_that_fails_to_arrive_is_not_there_at_all(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    watched(assets.store).lies["nlp/tok/1.0/a.txt"] = b"bad!"
    with pytest.raises(AssetsyncError, match="damaged"):
        assets.fetch("nlp/tok:1.0")
    assert files_below(assets.folder) == {}
    watched(assets.store).lies.clear()
    assert files_below(assets.fetch("nlp/tok:1.0")) == {**NEW, ".SUCCESS": b""}


def test_a_version_of_modelkit_is_fetched(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW, modelkit=True)
    put(assets.store, "nlp/bin", "1.0", b"file", modelkit=True)
    assert assets.fetch("nlp/tok:1.0[sub]") == assets.folder / ".parts/nlp/tok/1.0/sub"
    assert files_below(assets.fetch("nlp/tok")) == {**NEW, ".SUCCESS": b""}
    assert assets.fetch("nlp/bin").read_bytes() == b"file"


@pytest.mark.parametrize(
    ("spec", "error", "message", "hint"),
    [
        ("nope", NotFoundError, "`memory://watched` has no asset `nope`", "`assetsync list` shows what it has"),
        ("nope:1.0", NotFoundError, "`memory://watched` has no asset `nope`", "`assetsync list` shows what it has"),
        ("nlp/tok:3", NotFoundError, "`memory://watched` has no `nlp/tok:3`", "its lines are `10`, `1`, `0`"),
        (
            "nlp/tok:1.7[x]",
            NotFoundError,
            "`memory://watched` has no `nlp/tok:1.7`",
            "its versions are `10.0`, `1.9`, `0.0`",
        ),
        (
            "nlp/tok:01.2",
            InvalidError,
            "`01.2` is neither a version nor a version line",
            "write `nlp/tok:1` for the newest of line 1, or `nlp/tok:1.2` for one version",
        ),
    ],
)
def test_unknown_versions_name_what_there_is(
    assets: Fetching, spec: str, error: type[AssetsyncError], message: str, hint: str
) -> None:
    for version in ("0.0", "1.9", "10.0"):
        put(assets.store, "nlp/tok", version, b"x")
    with pytest.raises(error) as caught:
        assets.fetch(spec)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert files_below(assets.folder) == {}


def test_two_fetches_of_one_version_download_it_once(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    started = threading.Barrier(2)
    paths = []

    def run() -> None:
        started.wait(100)
        paths.append(assets.fetch("nlp/tok:1.0"))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert paths == [assets.folder / "nlp/tok/1.0"] * 2
    assert sorted(watched(assets.store).ranges) == sorted(f"nlp/tok/1.0/{name}" for name in NEW)


def test_different_versions_do_not_wait_for_each_other(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", b"slow")
    put(assets.store, "nlp/tok", "1.1", b"quick")
    under_way, go_on = threading.Event(), threading.Event()

    def stop(key: str, start: int) -> None:
        if key == "nlp/tok/1.0":
            under_way.set()
            assert go_on.wait(100)

    watched(assets.store).before_chunk = stop
    slow = threading.Thread(target=lambda: assets.fetch("nlp/tok:1.0"))
    slow.start()
    try:
        assert under_way.wait(100)
        assert assets.fetch("nlp/tok:1.1").read_bytes() == b"quick"
        assert not (assets.folder / "nlp/tok/1.0").exists()
    finally:
        go_on.set()
        slow.join(100)
    assert (assets.folder / "nlp/tok/1.0").read_bytes() == b"slow"


def test_links_in_an_assets_directory_are_refused(assets: Fetching, tmp_path: Path) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    outside = tmp_path / "outside"
    outside.mkdir()
    assets.folder.mkdir()
    (assets.folder / "nlp").symlink_to(outside)
    with pytest.raises(ContentError, match="is a symlink to outside"):
        assets.fetch("nlp/tok:1.0")
    (assets.folder / "nlp").unlink()
    (assets.folder / "nlp/tok").mkdir(parents=True)
    (assets.folder / "nlp/tok/1.0").symlink_to(outside)
    with pytest.raises(ContentError, match="is a symlink; none is followed"):
        assets.fetch("nlp/tok:1.0")
    assert files_below(outside) == {}


def test_a_file_where_a_folder_must_be_is_found_before_the_download(assets: Fetching) -> None:
    put(assets.store, "nlp/tok", "1.0", NEW)
    assets.folder.mkdir()
    (assets.folder / "nlp").write_bytes(b"a file")
    with pytest.raises(ContentError, match="nlp` is in the way"):
        assets.fetch("nlp/tok:1.0")
    assert watched(assets.store).ranges == []


def test_a_store_is_no_assets_directory(tmp_path: Path, transfers: Transfers, monkeypatch: pytest.MonkeyPatch) -> None:
    store = new_store()
    put(store, "nlp/tok", "1.0", NEW)
    monkeypatch.setattr(type(store.backend), "url", f"file://{tmp_path}/store")
    (tmp_path / "store").mkdir()
    (tmp_path / "link").symlink_to("store")
    for folder in ("store", "store/inside", "link"):
        with pytest.raises(UsageError, match="lies in the store"):
            Fetching(store, tmp_path / folder, transfers).fetch("nlp/tok:1.0")
    assert files_below(tmp_path / "store") == {}
    Fetching(store, tmp_path / "store-assets", transfers).fetch("nlp/tok:1.0")
