from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from assetsync.local import hashing
from assetsync.local.exclude import Excludes
from assetsync.local.scan import scan, scan_all, stamp_changed
from assetsync.model.manifest import Entry
from assetsync.plan.snapshot import Absent, Present, Unusable
from assetsync.state.cache import Cache, Hashes
from tests.permissions import reachable_folder, unprivileged

LARGE = hashing.SMALL + 1


def later() -> int:
    """The clock of a scan to which no file is young."""
    return time.time_ns() + 3600 * 10**9


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(str(tmp_path / "cache" / "cache.sqlite")) as made:
        yield made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def make(root: Path, *files: str) -> None:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)


def present(result: Present | Absent | Unusable) -> Present:
    assert isinstance(result, Present), result
    return result


def remembered(cache: Cache, folder: str) -> list[str]:
    """The files whose hashes the cache knows."""
    return sorted(path for path, _, _ in cache.hashes(folder).files())


def unusable(result: Present | Absent | Unusable) -> Unusable:
    assert isinstance(result, Unusable), result
    assert result.hint
    assert result.message.isprintable()
    return result


def paths(result: Present | Absent | Unusable) -> list[str]:
    return [file.path for file in present(result).tree.files]


def by_standard_tools(folder: Path) -> str:
    """The digest of a directory as users can check it. `--` is for names that begin with a dash."""
    pipeline = "find -L . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum -- | sha256sum"
    output = subprocess.run(["bash", "-c", pipeline], cwd=folder, check=True, capture_output=True, text=True).stdout
    return "sha256:" + output.split()[0]


# What a tree is


def test_the_digest_of_a_directory_is_what_find_and_sha256sum_say(root: Path, cache: Cache) -> None:
    make(root, "m/b", "m/a/z", "m/a.txt", "m/a-b", "m/.hidden/.dot", "m/with space/ x ", "m/quo'te", 'm/dou"ble')
    make(root, "m/größe/日本.bin", "m/😀", "m/\ufb01", "m/$HOME", "m/-rf", "m/%41+#?")
    (root / "m/empty").touch()
    (root / "m/large").write_bytes(os.urandom(3 * hashing.BUFFER + 17))
    (root / "m/edge").write_bytes(os.urandom(hashing.SMALL))
    found = present(scan(str(root), "m", cache=cache))
    assert found.tree.digest == by_standard_tools(root / "m")
    assert found.tree.is_directory
    assert found.excluded == 0
    assert found.tree.content.size == sum(path.stat().st_size for path in root.rglob("m/**/*") if path.is_file())


def test_the_digest_of_a_file_is_its_sha256(root: Path, cache: Cache) -> None:
    (root / "model.bin").write_bytes(b"weights")
    tree = present(scan(str(root), "model.bin", cache=cache)).tree
    assert tree.digest == "sha256:" + hashlib.sha256(b"weights").hexdigest()
    assert (tree.is_directory, tree.files[0].path, tree.files[0].size) == (False, "", 7)


def test_an_empty_file_is_content(root: Path, cache: Cache) -> None:
    (root / "empty").touch()
    assert present(scan(str(root), "empty", cache=cache)).tree.digest == "sha256:" + hashlib.sha256().hexdigest()


def is_content(name: str) -> bool:
    return name not in (".", "..", "folder") and not Excludes(()).leaves_out(name, False)


CHARACTERS = st.characters(exclude_categories=("C", "Z"), exclude_characters="/\\:")
TREES = st.dictionaries(
    st.text(CHARACTERS, min_size=1, max_size=6).filter(is_content), st.binary(max_size=20), max_size=8
)


@settings(max_examples=40, deadline=None)
@given(top=TREES, below=TREES)
def test_any_tree_has_the_digest_of_its_listing(top: dict[str, bytes], below: dict[str, bytes]) -> None:
    files = {**top, **{f"folder/{name}": data for name, data in below.items()}}
    with tempfile.TemporaryDirectory() as folder, Cache(None) as cache:
        for path, data in files.items():
            os.makedirs(os.path.dirname(f"{folder}/m/{path}"), exist_ok=True)
            Path(f"{folder}/m/{path}").write_bytes(data)
        result = scan(folder, "m", cache=cache)
    if not files:
        assert result == Absent()
        return
    if isinstance(result, Unusable):
        assert "collide" in result.message
        return
    listing = b"".join(
        hashlib.sha256(data).hexdigest().encode() + b"  " + path + b"\n"
        for path, data in sorted((path.encode(), data) for path, data in files.items())
    )
    assert present(result).tree.digest == "sha256:" + hashlib.sha256(listing).hexdigest()


def test_nothing_at_the_path_is_absent(root: Path, cache: Cache) -> None:
    assert scan(str(root), "nothing", cache=cache) == Absent()
    assert scan(str(root), "no/such/folder", cache=cache) == Absent()


def test_an_empty_directory_is_absent(root: Path, cache: Cache) -> None:
    (root / "m/empty/folders").mkdir(parents=True)
    assert scan(str(root), "m", cache=cache) == Absent(empty_folder=True)


def test_a_directory_of_nothing_but_excluded_files_is_absent(root: Path, cache: Cache) -> None:
    make(root, "m/a.tmp", "m/.DS_Store")
    assert scan(str(root), "m", exclude=["*.tmp"], cache=cache) == Absent(empty_folder=True)


def test_empty_folders_are_no_content(root: Path, cache: Cache) -> None:
    make(root, "m/a")
    before = present(scan(str(root), "m", cache=cache)).tree
    (root / "m/empty").mkdir()
    assert present(scan(str(root), "m", cache=cache)).tree == before


# Links


def test_links_are_followed_also_out_of_the_project(root: Path, tmp_path: Path, cache: Cache) -> None:
    make(tmp_path, "elsewhere/weights", "elsewhere/data/x")
    make(root, "m/a")
    (root / "m/file").symlink_to(tmp_path / "elsewhere/weights")
    (root / "m/folder").symlink_to("../../elsewhere/data")
    (root / "m/again").symlink_to("folder")
    (root / "link").symlink_to("m")
    found = scan(str(root), "link", cache=cache)
    assert paths(found) == ["a", "again/x", "file", "folder/x"]
    assert present(found).tree.files[2].sha256 == hashlib.sha256(b"elsewhere/weights").hexdigest()
    (root / "single").symlink_to("m/file")
    assert present(scan(str(root), "single", cache=cache)).tree.content.size == len("elsewhere/weights")


@pytest.mark.parametrize("target", [".", "..", "../..", "../../m", "../sub"])
def test_a_link_to_a_folder_that_it_lies_in_is_unusable(root: Path, cache: Cache, target: str) -> None:
    make(root, "m/sub/a")
    (root / "m/sub/loop").symlink_to(target, target_is_directory=True)
    assert "is a link to a folder that it lies in" in unusable(scan(str(root), "m", cache=cache)).message


def test_a_link_to_itself_is_unusable(root: Path, cache: Cache) -> None:
    make(root, "m/a")
    (root / "m/b").symlink_to("b")
    assert unusable(scan(str(root), "m", cache=cache)).message == "`m/b` is a link that leads back to itself"
    assert unusable(scan(str(root), "m/b", cache=cache)).message == "`m/b` is a link that leads back to itself"


def test_a_broken_link_is_unusable_and_its_target_named(root: Path, cache: Cache) -> None:
    make(root, "m/a")
    (root / "m/b").symlink_to("gone/away")
    expected = "`m/b` is a broken link: `gone/away` does not exist"
    assert unusable(scan(str(root), "m", cache=cache)).message == expected
    assert unusable(scan(str(root), "m/b", cache=cache)).message == expected


# What can't be an asset


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/null")


def broken_link(path: Path) -> None:
    path.symlink_to("gone")


SPECIAL = [(fifo, "is a FIFO"), (unix_socket, "is a socket"), (device, "is a device"), (broken_link, "broken link")]


@pytest.mark.parametrize(("create", "what"), SPECIAL)
def test_a_special_file_is_unusable(
    root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch, create: Callable[[Path], None], what: str
) -> None:
    monkeypatch.chdir(root)  # a socket's path must be short
    make(root, "m/a", "m/sub/b")
    create(Path("m/sub/odd"))
    found = unusable(scan(str(root), "m", cache=cache))
    assert "`m/sub/odd`" in found.message
    assert what in found.message
    assert "`/sub/odd`" in str(found.hint)
    alone = unusable(scan(str(root), "m/sub/odd", cache=cache))
    assert what in alone.message
    assert "exclude" not in str(alone.hint)


@pytest.mark.parametrize(("create", "what"), SPECIAL)
def test_a_special_file_that_is_excluded_is_no_problem(
    root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch, create: Callable[[Path], None], what: str
) -> None:
    monkeypatch.chdir(root)
    make(root, "m/a", "m/sub/b")
    create(Path("m/sub/odd"))
    found = present(scan(str(root), "m", exclude=["/sub/odd"], cache=cache))
    assert paths(found) == ["a", "sub/b"]
    assert found.excluded == 1
    assert what


def test_the_hint_is_a_pattern_that_helps(root: Path, cache: Cache) -> None:
    make(root, "m/a", "m/odd1")
    fifo(root / "m/odd*[1]?")
    hint = str(unusable(scan(str(root), "m", cache=cache)).hint)
    pattern = hint.split("`")[1]
    assert paths(scan(str(root), "m", exclude=[pattern], cache=cache)) == ["a", "odd1"]


def test_no_pattern_is_proposed_for_a_name_that_cannot_be_shown(root: Path, cache: Cache) -> None:
    make(root, "m/a")
    fifo(root / "m/new\nline")
    found = unusable(scan(str(root), "m", cache=cache))
    assert found.message == r"`m/new\nline` is a FIFO"
    assert found.hint == "rename or remove it, or leave it out by the asset's `exclude` in assets.yaml"


def test_the_first_problem_is_named_and_the_others_counted(root: Path, cache: Cache) -> None:
    make(root, "m/a")
    for name in ("z", "sub", "b"):
        fifo(root / "m" / name)
    assert unusable(scan(str(root), "m", cache=cache)).message == "`m/b` is a FIFO, and 2 more in `m`"


@pytest.mark.parametrize("where", ["m/secret", "m/sub", "m/sub/secret"])
def test_what_cannot_be_read_is_unusable(cache: Cache, where: str) -> None:
    with reachable_folder() as root:
        make(root, "m/a", "m/secret", "m/sub/secret")
        (root / where).chmod(0)
        with unprivileged():
            found = unusable(scan(str(root), "m", cache=cache))
            alone = unusable(scan(str(root), where, cache=cache))
            excluded = present(scan(str(root), "m", exclude=[where.removeprefix("m")], cache=cache))
    assert found.message == alone.message == f"cannot read `{where}`: Permission denied"
    assert excluded.excluded == 1


def test_a_folder_whose_files_cannot_be_reached_is_unusable(cache: Cache) -> None:
    with reachable_folder() as root:
        make(root, "m/a", "m/sub/b", "m/sub/deep/c")
        (root / "m/sub").chmod(0o444)
        with unprivileged():
            found = unusable(scan(str(root), "m", exclude=["deep/"], cache=cache))
            excluded = scan(str(root), "m", exclude=["deep/", "b"], cache=cache)
    assert found.message == "cannot read `m/sub/b`: Permission denied"
    assert paths(excluded) == ["a"]


def test_a_path_below_a_file_is_unusable(root: Path, cache: Cache) -> None:
    make(root, "file")
    assert unusable(scan(str(root), "file/m", cache=cache)).message == "cannot read `file/m`: Not a directory"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"new\nline", r"new\nline"),
        (b"\x1b[31mred", r"\x1b[31mred"),
        (b"caf\xe9", r"caf\udce9"),
        (b"bell\x07", r"bell\x07"),
        (b"back\\slash", "back\\slash"),
        ("line\u2028separator".encode(), r"line\u2028separator"),
    ],
)
@pytest.mark.parametrize("inside", [b"", b"/file"])
def test_a_bad_name_is_unusable_unless_excluded(
    root: Path, cache: Cache, name: bytes, shown: str, inside: bytes
) -> None:
    make(root, "m/a")
    path = os.fsencode(root) + b"/m/" + name + inside
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    assert f"`{shown}" in unusable(scan(str(root), "m", cache=cache)).message
    assert paths(scan(str(root), "m", exclude=["*", "!a"], cache=cache)) == ["a"]


@pytest.mark.parametrize(
    ("one", "other"), [("File", "file"), ("Sub/a", "sub/b"), ("caf\u00e9", "cafe\u0301"), ("stra\u00dfe", "STRASSE")]
)
def test_names_that_collide_elsewhere_are_unusable(root: Path, cache: Cache, one: str, other: str) -> None:
    make(root, f"m/{one}", f"m/{other}")
    if len(list(root.glob("m/**/*"))) < 2:
        pytest.skip("this file system folds them itself")
    found = unusable(scan(str(root), "m", cache=cache))
    assert "collide" in found.message
    assert "in `m`" in found.message


def test_a_bad_pattern_is_unusable(root: Path, cache: Cache) -> None:
    make(root, "m/a")
    assert "`!`" in unusable(scan(str(root), "m", exclude=["!"], cache=cache)).message


# What is left out


def test_excluded_files_are_counted_and_excluded_folders_count_once(root: Path, cache: Cache) -> None:
    make(root, "m/a", "m/a.tmp", "m/sub/b.tmp", "m/checkpoints/1", "m/checkpoints/2")
    found = scan(str(root), "m", exclude=["*.tmp", "checkpoints/"], cache=cache)
    assert paths(found) == ["a"]
    assert present(found).excluded == 3


def test_an_excluded_folder_is_not_looked_into(cache: Cache) -> None:
    with reachable_folder() as root:
        make(root, "m/a", "m/private/b")
        (root / "m/private").chmod(0)
        with unprivileged():
            found = scan(str(root), "m", exclude=["private/", "!private/b"], cache=cache)
    assert paths(found) == ["a"]


def test_negated_patterns_re_include(root: Path, cache: Cache) -> None:
    make(root, "m/a.bin", "m/keep.bin", "m/logs/x", "m/logs/keep/y", "m/logs/keep/z.bin")
    patterns = ["*.bin", "!keep.bin", "/logs/*", "!/logs/keep/"]
    assert paths(scan(str(root), "m", exclude=patterns, cache=cache)) == ["keep.bin", "logs/keep/y"]


def test_junk_is_left_out_and_counted(root: Path, cache: Cache) -> None:
    make(root, "m/a", "m/.DS_Store", "m/sub/Thumbs.db", "m/sub/desktop.ini", "m/.SUCCESS", "m/.1.0.SUCCESS")
    make(root, "m/.git/config", "m/.git/objects/ab/cd", "m/.gitignore", "m/.env", "m/_SUCCESS")
    found = scan(str(root), "m", cache=cache)
    assert paths(found) == [".env", ".gitignore", "_SUCCESS", "a"]
    assert present(found).excluded == 6


def test_our_own_temporary_files_are_left_out_and_not_counted(root: Path, cache: Cache) -> None:
    make(root, "m/a", "m/.assetsync-tmp-x8d", "m/sub/.assetsync-tmp-k2")
    found = scan(str(root), "m", cache=cache)
    assert paths(found) == ["a"]
    assert present(found).excluded == 0


def test_patterns_do_not_apply_to_a_single_file(root: Path, cache: Cache) -> None:
    make(root, "model.tmp")
    assert present(scan(str(root), "model.tmp", exclude=["*.tmp"], cache=cache)).excluded == 0


# The stat cache


def poison(cache: Cache, folder: Path) -> None:
    """Have the cache say that all files it knows are something else; what is read again tells the truth."""
    known = cache.hashes(str(folder))
    assert known.count
    cache.remember_hashes({str(folder): replace(known, sha256=bytes(len(known.sha256)))})


def hashed_again(cache: Cache, root: Path, path: str = "m") -> list[str]:
    """Scan after `poison`: the files that were read."""
    files = present(scan(str(root), path, cache=cache, clock=later)).tree.files
    return [file.path for file in files if file.sha256 != "00" * 32]


@pytest.fixture
def scanned(root: Path, cache: Cache) -> Path:
    """A project whose asset `m` was scanned when it was old; the cache has wrong hashes for all its files."""
    make(root, "m/a", "m/b", "m/sub/c")
    (root / "m/large").write_bytes(b"x" * LARGE)
    scan(str(root), "m", cache=cache, clock=later)
    poison(cache, root / "m")
    return root


def test_unchanged_files_are_not_read(scanned: Path, cache: Cache) -> None:
    read: list[int] = []
    scan(str(scanned), "m", cache=cache, progress=read.append, clock=later)
    assert read == []
    assert hashed_again(cache, scanned) == []


def test_an_unchanged_tree_is_the_one_that_was_hashed(root: Path, cache: Cache) -> None:
    make(root, "m/b", "m/a.b", "m/a/c", "m/C")
    hashed = present(scan(str(root), "m", cache=cache, clock=later))
    unchanged = present(scan(str(root), "m", cache=cache, clock=later))
    assert unchanged == hashed
    assert hash(unchanged) == hash(hashed)
    assert [file.path for file in unchanged.tree.files] == ["C", "a.b", "a/c", "b"]
    assert unchanged.stamps[-1] == hashing.stamp_of((root / "m/b").stat())


def test_names_that_were_right_are_looked_at_again_once_there_are_others(root: Path, cache: Cache) -> None:
    make(root, "m/a", "m/b")
    assert isinstance(scan(str(root), "m", cache=cache, clock=later), Present)
    make(root, "m/wrong\\name")
    assert isinstance(scan(str(root), "m", cache=cache, clock=later), Unusable)
    assert isinstance(scan(str(root), "m", cache=cache, clock=later), Unusable)
    (root / "m/wrong\\name").unlink()
    assert paths(scan(str(root), "m", cache=cache, clock=later)) == ["a", "b"]


def test_a_tree_of_which_a_file_was_too_young_has_no_digest_to_remember(root: Path, cache: Cache) -> None:
    make(root, "m/old", "m/young")
    young = (root / "m/young").stat().st_ctime_ns
    os.utime(root / "m/young", ns=(young, young + 10**12))
    scan(str(root), "m", cache=cache, clock=lambda: young + 3 * 10**9)
    assert remembered(cache, str(root / "m")) == ["old"]
    assert cache.hashes(str(root / "m")).digest == ""
    (root / "m/young").unlink()
    shutil.copytree(root / "m", root / "other")
    alone = present(scan(str(root), "m", cache=cache, clock=later)).tree
    assert alone == present(scan(str(root), "other", cache=cache, clock=later)).tree


def test_an_unchanged_single_file_is_not_read(root: Path, cache: Cache) -> None:
    make(root, "model.bin")
    scan(str(root), "model.bin", cache=cache, clock=later)
    poison(cache, root / "model.bin")
    assert hashed_again(cache, root, "model.bin") == []
    make(root, "model.bin")
    assert hashed_again(cache, root, "model.bin") == [""]


def test_only_what_changed_is_read(scanned: Path, cache: Cache) -> None:
    (scanned / "m/b").write_text("changed")
    make(scanned, "m/new")
    (scanned / "m/a").unlink()
    assert hashed_again(cache, scanned) == ["b", "new"]
    assert remembered(cache, str(scanned / "m")) == ["b", "large", "new", "sub/c"]


def test_a_removed_file_is_forgotten(scanned: Path, cache: Cache) -> None:
    (scanned / "m/a").unlink()
    assert hashed_again(cache, scanned) == []
    assert "a" not in remembered(cache, str(scanned / "m"))


def test_a_change_of_the_same_size_with_the_mtime_set_back_is_seen(scanned: Path, cache: Cache) -> None:
    file = scanned / "m/a"
    before = file.stat()
    while file.stat().st_ctime_ns == before.st_ctime_ns:  # the kernel's clock has ticked
        file.write_text("M/A")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    assert hashed_again(cache, scanned) == ["a"]


def test_a_file_that_another_one_took_the_place_of_is_read(scanned: Path, cache: Cache) -> None:
    before = (scanned / "m/a").stat()
    make(scanned, "other")
    os.utime(scanned / "other", ns=(before.st_atime_ns, before.st_mtime_ns))
    os.rename(scanned / "other", scanned / "m/a")
    assert hashed_again(cache, scanned) == ["a"]


def test_a_file_that_was_young_when_it_was_read_is_read_again(root: Path, cache: Cache) -> None:
    make(root, "m/a", "m/old")
    (root / "m/large").write_bytes(b"x" * LARGE)

    def as_the_file_was_written() -> int:
        return (root / "m/a").stat().st_ctime_ns

    read: list[int] = []
    for _ in range(2):
        scan(str(root), "m", cache=cache, progress=read.append, clock=as_the_file_was_written)
    assert sum(read) == 2 * (LARGE + len("m/a" + "m/old"))
    assert cache.hashes(str(root / "m")) == Hashes()


def test_a_file_from_the_future_is_read_again(root: Path, cache: Cache) -> None:
    make(root, "m/a", "m/b")
    os.utime(root / "m/b", (2**33, 2**33))
    scan(str(root), "m", cache=cache, clock=later)
    assert remembered(cache, str(root / "m")) == ["a"]


@pytest.mark.parametrize("moment", [0, -(10**9), 2**33, 10**10])
def test_any_mtime_will_do(root: Path, cache: Cache, moment: int) -> None:
    make(root, "m/a")
    os.utime(root / "m/a", (moment, moment))
    found = present(scan(str(root), "m", cache=cache))
    assert not stamp_changed(str(root / "m/a"), found.stamps[0])


def test_a_scan_without_a_usable_cache_works(root: Path, tmp_path: Path) -> None:
    make(root, "m/a", "plain")
    with Cache(str(root / "plain" / "cache.sqlite")) as cache:
        assert paths(scan(str(root), "m", cache=cache, clock=later)) == ["a"]


def test_the_stamps_tell_a_change(root: Path, cache: Cache) -> None:
    make(root, "m/b", "m/a")
    found = present(scan(str(root), "m", cache=cache))
    assert len(found.stamps) == 2
    assert not stamp_changed(str(root / "m/a"), found.stamps[0])
    assert not stamp_changed(str(root / "m/b"), found.stamps[1])
    assert stamp_changed(str(root / "m/a"), found.stamps[1])
    (root / "m/a").write_text("changed")
    assert stamp_changed(str(root / "m/a"), found.stamps[0])
    (root / "m/b").unlink()
    assert stamp_changed(str(root / "m/b"), found.stamps[1])


@pytest.mark.parametrize("field", ["st_size", "st_mtime_ns", "st_ctime_ns", "st_ino"])
def test_a_stamp_tells_size_times_and_inode(field: str) -> None:
    same = {"st_size": 1, "st_mtime_ns": 2, "st_ctime_ns": 3, "st_ino": 4}
    one = hashing.stamp_of(cast("os.stat_result", SimpleNamespace(**same)))
    other = hashing.stamp_of(cast("os.stat_result", SimpleNamespace(**{**same, field: 5})))
    assert one != other


# Files that change while they are read


@pytest.mark.parametrize("size", [1, hashing.SMALL, LARGE, 3 * hashing.BUFFER])
def test_a_file_that_never_holds_still_is_unusable(root: Path, cache: Cache, size: int) -> None:
    (root / "m").mkdir()
    (root / "m/log").write_bytes(b"x" * size)

    def writes() -> int:
        with (root / "m/log").open("ab") as file:
            file.write(b"y")
        return later()

    found = unusable(scan(str(root), "m", cache=cache, clock=writes))
    assert found.message == "`m/log` changed while it was read"
    assert found.hint == "run the command again when nothing writes to it"


@pytest.mark.parametrize("size", [1, LARGE])
def test_a_file_that_changes_once_is_read_again(root: Path, cache: Cache, size: int) -> None:
    (root / "m").mkdir()
    (root / "m/log").write_bytes(b"x" * size)
    calls = 0

    def writes_once() -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            with (root / "m/log").open("ab") as file:
                file.write(b"y")
        return later()

    found = present(scan(str(root), "m", cache=cache, clock=writes_once))
    assert found.tree.files[0].sha256 == hashlib.sha256(b"x" * size + b"y").hexdigest()
    assert found.tree.files[0].size == size + 1
    assert not stamp_changed(str(root / "m/log"), found.stamps[0])


@pytest.mark.parametrize("size", [1, LARGE])
def test_a_file_that_vanishes_is_unusable(root: Path, cache: Cache, size: int) -> None:
    make(root, "m/a")
    (root / "m/log").write_bytes(b"x" * size)

    def removes() -> int:
        (root / "m/log").unlink(missing_ok=True)
        return later()

    found = unusable(scan(str(root), "m", cache=cache, clock=removes))
    assert found.message == "`m/log` vanished while it was read"
    assert remembered(cache, str(root / "m")) == ["a"]


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
def test_a_file_that_is_longer_than_it_says_is_unusable(cache: Cache) -> None:
    assert "changed while it was read" in unusable(scan("/proc/self", "status", cache=cache)).message


# Many assets, interruption, memory


class Recorder:
    def __init__(self) -> None:
        self.begun: dict[str, tuple[str, int]] = {}
        self.bytes: dict[str, int] = {}
        self.ended: dict[str, str] = {}

    def begin(self, asset: str, verb: str, total: int) -> None:
        self.begun[asset] = (verb, total)

    def advance(self, asset: str, count: int) -> None:
        self.bytes[asset] = self.bytes.get(asset, 0) + count

    def end(self, asset: str, outcome: str) -> None:
        self.ended[asset] = outcome


def test_all_entries_of_a_manifest_are_scanned_together(scanned: Path, cache: Cache) -> None:
    make(scanned, "one", "two", "dir/x", "dir/y.tmp")
    fifo(scanned / "pipe")
    (scanned / "big").write_bytes(b"x" * LARGE)
    entries = [Entry(name, path) for name, path in {"m": "m", "1": "one", "2": "two", "big": "big"}.items()]
    entries += [Entry("dir", "dir", exclude=("*.tmp",)), Entry("odd", "pipe"), Entry("none", "none")]
    recorder = Recorder()
    found = scan_all(str(scanned), entries, cache=cache, reporter=recorder, clock=later)
    alone = {
        entry.name: scan(str(scanned), entry.path, exclude=entry.exclude, cache=cache, clock=later) for entry in entries
    }
    assert found == alone
    assert {type(result) for result in found.values()} == {Present, Absent, Unusable}
    sizes = {"1": 3, "2": 3, "big": LARGE, "dir": 5}
    assert recorder.begun == {name: ("hash", size) for name, size in sizes.items()}
    assert recorder.bytes == sizes
    assert recorder.ended.keys() == sizes.keys()


def test_large_files_are_read_largest_first(root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "WIDTH", 1)
    (root / "m").mkdir()
    for size in (2, 3, 1):
        (root / f"m/{size}").write_bytes(b"x" * size * LARGE)
    read: list[int] = []
    scan(str(root), "m", cache=cache, progress=read.append)
    assert read == [3 * LARGE, 2 * LARGE, LARGE]


def test_what_was_hashed_before_an_interruption_is_remembered(root: Path, cache: Cache) -> None:
    make(root, "m/a", "m/b")
    (root / "m/large").write_bytes(b"x" * 3 * hashing.BUFFER)

    def interrupt(count: int) -> None:
        if count < hashing.BUFFER:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(str(root), "m", cache=cache, progress=interrupt, clock=later)
    assert {"a", "b"} <= set(remembered(cache, str(root / "m")))


def test_an_error_of_the_callback_stops_all_threads(root: Path, cache: Cache) -> None:
    (root / "m").mkdir()
    for number in range(4):
        with (root / f"m/{number}").open("wb") as file:
            os.truncate(file.fileno(), 2**40)  # a hole, which would take minutes to hash

    def fail(count: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        scan(str(root), "m", cache=cache, progress=fail)


PROCESS = """
import signal
import sys
from assetsync.state.cache import Cache
from assetsync.local.scan import scan

# A shell that starts tests in the background has them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
told = False

def tell(count):
    global told
    if not told:
        told = True
        print("reading", flush=True)

scan(sys.argv[1], "m", cache=Cache(None), progress=tell)
"""


def test_ctrl_c_stops_the_threads(root: Path) -> None:
    (root / "m").mkdir()
    for number in range(3):
        with (root / f"m/{number}").open("wb") as file:
            os.truncate(file.fileno(), 2**40)
    command = [sys.executable, "-c", PROCESS, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert process.returncode == -signal.SIGINT
    assert stderr.rstrip().endswith("KeyboardInterrupt")


def test_memory_does_not_grow_with_the_size_of_a_file(root: Path, cache: Cache) -> None:
    with (root / "huge").open("wb") as file:
        os.truncate(file.fileno(), 300 * 2**20)
    tracemalloc.start()
    try:
        assert present(scan(str(root), "huge", cache=cache)).tree.content.size == 300 * 2**20
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


def test_a_copy_of_a_tree_is_the_same_tree(scanned: Path, cache: Cache) -> None:
    make(scanned, "n/a")
    shutil.copytree(scanned / "n", scanned / "copy")
    one = present(scan(str(scanned), "n", cache=cache)).tree
    assert one == present(scan(str(scanned), "copy", cache=cache)).tree
