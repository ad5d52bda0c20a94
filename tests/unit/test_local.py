"""What is particular to a store in a directory; what it has in common with others is in the contract suite."""

from __future__ import annotations

import errno
import glob
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock

from assetsync.atomic import TEMPORARY_PREFIX
from assetsync.backends.directory import store as local
from assetsync.backends.directory.store import LOCK_PREFIX, DirectoryBackend
from assetsync.backends.directory.translate import TABLE, translated
from assetsync.backends.opening import open_backend
from assetsync.errors import (
    ChangedError,
    ChecksumError,
    DeniedError,
    ExistsError,
    NoStoreError,
    NotFoundError,
    StoreError,
    TransientError,
    UnreachableError,
    UsageError,
)
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from tests.contract.harness import entry_of, some_bytes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> DirectoryBackend:
    return _open(root)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waited.append))
    return waited


def _open(root: Path | str) -> DirectoryBackend:
    backend = open_backend(StoreConfig(str(root)), {})
    assert isinstance(backend, DirectoryBackend)
    return backend


def _file(folder: Path, data: bytes) -> tuple[str, FileEntry]:
    path = folder / "source"
    path.write_bytes(data)
    return str(path), entry_of(data)


def _failing(code: int, times: int = 1_000, then: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """A system call that fails some times, and then does what it should."""
    left = [times]

    def call(*args: Any, **kwargs: Any) -> Any:
        if left[0] > 0 or then is None:
            left[0] -= 1
            raise OSError(code, os.strerror(code))
        return then(*args, **kwargs)

    return call


def _hidden(root: Path) -> list[str]:
    return [path.name for path in root.rglob(".assetsync-*")]


# Opening


@pytest.mark.parametrize("url", ["relative/dir", "./dir", "~/dir", "file://dir/sub", "file://server/share"])
def test_a_store_needs_an_absolute_path(url: str) -> None:
    with pytest.raises(UsageError):
        open_backend(StoreConfig(url), {})


def test_a_file_is_not_a_store(tmp_path: Path) -> None:
    path, _ = _file(tmp_path, b"x")
    with pytest.raises(UsageError, match="is not a directory"):
        _open(path)


@pytest.mark.parametrize("name", ["plain", "with space", "100%", "a#b?c", "\u00fc"])
def test_paths_and_urls_lead_to_the_same_directory(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    _open(folder).create("a", b"x")
    assert (folder / "a").read_bytes() == b"x"
    for url in (folder.as_uri(), folder.as_uri() + "/", folder.as_uri().replace("file://", "file://localhost")):
        assert _open(url).read("a").data == b"x"


def test_a_path_in_plain_is_not_decoded(tmp_path: Path) -> None:
    _open(tmp_path / "a%20b").create("a", b"x")
    assert (tmp_path / "a%20b" / "a").exists()


def test_the_url_stays_as_configured(root: Path) -> None:
    assert _open(f"{root}/").url == str(root)
    assert _open(f"{root.as_uri()}//").url == root.as_uri()


def test_looking_at_a_directory_that_is_not_there_does_not_make_it(root: Path, store: DirectoryBackend) -> None:
    assert not store.is_there()
    for look in (store.list, lambda: store.list("a/"), lambda: store.read("a.versions"), lambda: store.stat("a/1.0")):
        with pytest.raises(NoStoreError, match="does not exist: there is no such directory"):
            look()
    with pytest.raises(ChangedError):
        store.replace("a/b.versions", b"x", "some tag")
    store.delete("a/1.0.claim")
    assert not root.exists()
    store.create("a/1.0.claim", b"")
    assert store.is_there()
    store.delete("a/1.0.claim")
    assert store.list() == ([], [])


# Keys and what lies at them


@pytest.mark.parametrize(
    "key", ["", "/etc/x", "../x", "a/../../x", "a//b", "a/./b", "a/", "a\0b", ".assetsync-tmp-1/x"]
)
def test_keys_that_would_leave_the_store_or_are_ours_are_refused(
    tmp_path: Path, store: DirectoryBackend, key: str
) -> None:
    path, entry = _file(tmp_path, b"x")
    before = sorted(tmp_path.rglob("*"))
    for call in (
        lambda: store.create(key, b"x"),
        lambda: store.replace(key, b"x", None),
        lambda: store.upload(key, path, entry),
        lambda: store.copy(key, "b", entry),
        lambda: store.read(key),
        lambda: store.stat(key),
        lambda: store.delete(key),
    ):
        with pytest.raises(StoreError):
            call()
    assert sorted(tmp_path.rglob("*")) == before


def test_an_object_and_a_folder_of_one_name_are_a_clear_error(store: DirectoryBackend, tmp_path: Path) -> None:
    path, entry = _file(tmp_path, b"x")
    store.create("a/1.0", b"object")
    store.create("b/1.0/part", b"object")
    refused: list[Callable[[], object]] = [
        lambda: store.create("a/1.0/part", b"x"),
        lambda: store.create("a/1.0/deep/part", b"x"),
        lambda: store.upload("a/1.0/part", path, entry),
        lambda: store.copy("b/1.0/part", "a/1.0/part", entry_of(b"object")),
        lambda: store.create("b/1.0", b"x"),
        lambda: store.upload("b/1.0", path, entry),
    ]
    for call in refused:
        with pytest.raises(StoreError) as caught:
            call()
        assert type(caught.value) is StoreError
        assert caught.value.hint
    assert [info.key for info in store.list().objects] == ["a/1.0", "b/1.0/part"]


def test_what_is_neither_file_nor_folder_is_no_object(root: Path, store: DirectoryBackend) -> None:
    store.create("a/real", b"x")
    os.mkfifo(root / "a" / "fifo")
    (root / "a" / "broken").symlink_to("nowhere")
    assert [info.key for info in store.list().objects] == ["a/real"]
    assert [info.key for info in store.list("a/", delimiter=True).objects] == ["a/real"]
    for key in ("a/fifo", "a/broken"):
        with pytest.raises(NotFoundError):
            store.read(key)
        with pytest.raises(NotFoundError):
            store.stat(key)
        with pytest.raises(ExistsError):
            store.create(key, b"x")


def test_links_are_followed_but_not_in_circles(tmp_path: Path, root: Path, store: DirectoryBackend) -> None:
    other_disk = tmp_path / "other"
    other_disk.mkdir()
    store.create("a/real", b"x")
    (root / "moved").symlink_to(other_disk)
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "self").symlink_to(root / "a")
    store.create("moved/1.0", b"elsewhere")
    assert (other_disk / "1.0").read_bytes() == b"elsewhere"
    assert [info.key for info in store.list().objects] == ["a/real", "moved/1.0"]
    assert store.list(delimiter=True).folders == ["a/", "moved/"]


def test_folders_without_objects_are_not_listed(root: Path, store: DirectoryBackend) -> None:
    (root / "a" / "1.0" / "deep").mkdir(parents=True)
    (root / "a" / "1.0" / "deep" / (TEMPORARY_PREFIX + "1")).write_bytes(b"cut off")
    assert store.list(delimiter=True) == ([], [])
    store.create("a/1.0/deep/part", b"x")
    assert store.list(delimiter=True).folders == ["a/"]


def test_deleting_the_last_object_removes_the_folder_and_the_other_client_copes(
    root: Path, store: DirectoryBackend
) -> None:
    other = _open(root)
    store.create("a/b/c/1", b"x")
    other.create("a/b/c/2", b"x")
    store.delete("a/b/c/1")
    other.delete("a/b/c/2")
    assert list(root.iterdir()) == []
    store.create("a/b/c/1", b"again")
    other.create("a/b/c/2", b"again")
    assert store.read("a/b/c/2").data == b"again"


def test_a_folder_is_not_deleted(root: Path, store: DirectoryBackend) -> None:
    store.create("a/b", b"x")
    store.delete("a")
    assert store.read("a/b").data == b"x"


def test_a_folder_that_goes_meanwhile_is_no_object_either(
    root: Path, store: DirectoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`doctor` deletes `a`, and all of `a/`, side by side."""
    store.create("a/b", b"x")
    unlink = os.unlink

    def meanwhile(name: str, *, dir_fd: int) -> None:
        monkeypatch.setattr(os, "unlink", unlink)
        try:
            unlink(name, dir_fd=dir_fd)
        finally:
            store.delete("a/b")

    monkeypatch.setattr(os, "unlink", meanwhile)
    store.delete("a")
    assert not (root / "a").exists()


# Appearing in one step


def test_permissions_are_those_of_the_umask(root: Path, store: DirectoryBackend, tmp_path: Path) -> None:
    path, entry = _file(tmp_path, b"x")
    os.chmod(path, 0o700)
    before = os.umask(0o027)
    try:
        store.create("a/created", b"x")
        store.upload("a/uploaded", path, entry)
        store.replace("a/b.versions", b"one", None)
        store.replace("a/b.versions", b"two", store.read("a/b.versions").tag)
    finally:
        os.umask(before)
    files = [file for file in (root / "a").iterdir() if file.name != "b.versions"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o640}
    assert (root / "a").stat().st_mode & 0o777 == 0o750
    os.chmod(root / "a" / "b.versions", 0o664)
    store.replace("a/b.versions", b"three", store.read("a/b.versions").tag)
    assert (root / "a" / "b.versions").stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_hard_links_creating_is_as_exclusive(
    root: Path, store: DirectoryBackend, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "link", _failing(code))
    clients = [store, _open(root)]

    def create(number: int) -> bool:
        try:
            clients[number % 2].create("a/1.0.claim", b"by %d" % number)
        except ExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(create, range(8)))
    assert won.count(True) == 1
    assert store.read("a/1.0.claim").data == b"by %d" % won.index(True)
    assert [info.key for info in store.list().objects] == ["a/1.0.claim"]
    assert not [name for name in _hidden(root) if name.startswith(TEMPORARY_PREFIX)]


def test_a_link_whose_reply_got_lost_is_ours(
    root: Path, store: DirectoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def link_but_say_no(source: str, target: str) -> None:
        link(source, target)
        raise FileExistsError(errno.EEXIST, "exists")

    monkeypatch.setattr(os, "link", link_but_say_no)
    store.create("a/1.0", b"mine")
    assert store.read("a/1.0").data == b"mine"
    assert _hidden(root) == []


def test_an_object_that_was_in_the_way_and_went_is_exists(
    store: DirectoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", _failing(errno.EEXIST))
    with pytest.raises(ExistsError):
        store.create("a/1.0.claim", b"mine")


DYING = """
import os, sys
from assetsync.backends.opening import open_backend
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from assetsync.backends.directory import store as local
setattr(os, sys.argv[1], lambda *args: os._exit(9))
store = open_backend(StoreConfig(sys.argv[2]), {})
store.create("a/1.0.claim", b"mine")
"""


@pytest.mark.parametrize(("call", "there"), [("fsync", False), ("link", False), ("unlink", True)])
def test_a_process_that_dies_leaves_all_or_nothing(root: Path, store: DirectoryBackend, call: str, there: bool) -> None:
    root.mkdir()
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    dead = subprocess.run([sys.executable, "-P", "-c", DYING, call, str(root)], env=environ)
    assert dead.returncode == 9
    assert [(info.key, info.size) for info in store.list().objects] == ([("a/1.0.claim", 4)] if there else [])
    if not there:
        store.create("a/1.0.claim", b"next")
        assert store.read("a/1.0.claim").data == b"next"


def test_what_fails_half_way_leaves_nothing(root: Path, store: DirectoryBackend, tmp_path: Path) -> None:
    path, entry = _file(tmp_path, some_bytes(3_000_000))

    def interrupted(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.upload("a/1.0", path, entry, interrupted)
    assert store.list() == ([], [])
    assert _hidden(root) == []


def test_leftovers_of_the_dead_are_removed_a_day_later(root: Path, store: DirectoryBackend) -> None:
    folder = root / "a"
    folder.mkdir(parents=True)
    old, young = folder / (TEMPORARY_PREFIX + "old"), folder / (TEMPORARY_PREFIX + "young")
    for file in (old, young):
        file.write_bytes(b"cut off")
    two_days_ago = old.stat().st_mtime - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    store.create("a/1.0", b"x")
    assert not old.exists()
    assert young.exists()
    assert [info.key for info in store.list().objects] == ["a/1.0"]


def test_modelkit_sees_objects_alone(root: Path, store: DirectoryBackend) -> None:
    (root / "a").mkdir(parents=True)
    (root / "a" / (TEMPORARY_PREFIX + "1")).write_bytes(b"cut off")
    for number in range(40):
        key = f"a/n{number}.versions"
        store.create(key, b"one")
        store.replace(key, b"two", store.read(key).tag)
    # As modelkit's local driver lists.
    seen = [path for path in glob.glob(f"{root}/**/*", recursive=True) if os.path.isfile(path)]
    assert sorted(os.path.relpath(path, root) for path in seen) == [info.key for info in store.list().objects]
    assert 1 < len([name for name in _hidden(root) if name.startswith(LOCK_PREFIX)]) <= 16


# Copies


def test_a_copy_shares_no_inode(root: Path, store: DirectoryBackend) -> None:
    store.create("a/1.0", b"data")
    store.copy("a/1.0", "a/1.1", entry_of(b"data"))
    assert (root / "a/1.0").stat().st_ino != (root / "a/1.1").stat().st_ino


def test_a_damaged_source_is_not_copied(root: Path, store: DirectoryBackend) -> None:
    store.create("a/1.0", b"data")
    (root / "a/1.0").write_bytes(b"dAta")
    with pytest.raises(ChecksumError, match=r"a/1\.0"):
        store.copy("a/1.0", "a/1.1", entry_of(b"data"))
    assert [info.key for info in store.list().objects] == ["a/1.0"]


@pytest.mark.parametrize("honest", [True, False])
def test_blocks_are_shared_where_the_file_system_can_and_still_verified(
    store: DirectoryBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, honest: bool
) -> None:
    """Few machines have a file system that clones; this one clones by copying, or wrongly."""
    data = some_bytes(2_500_000)
    path, entry = _file(tmp_path, data)
    cloned: list[int] = []

    def ioctl(target: int, request: int, source: int) -> int:
        os.pwrite(target, data if honest else data[:-1] + b"?", 0)
        cloned.append(request)
        return 0

    monkeypatch.setattr("fcntl.ioctl", ioctl)
    counts: list[int] = []
    if honest:
        store.upload("a/1.0", path, entry, counts.append)
        assert store.stat("a/1.0").size == entry.size == sum(counts)
        assert b"".join(store.read_range("a/1.0", 0, entry.size)) == data
    else:
        with pytest.raises(ChecksumError):
            store.upload("a/1.0", path, entry)
        assert store.list() == ([], [])
    assert cloned == [0x40049409]


# The lock and the clock


def test_a_lock_that_is_held_for_too_long_is_said(
    root: Path, store: DirectoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "LOCK_PATIENCE", 0.0)
    store.create("a.versions", b"one")
    tag = store.read("a.versions").tag
    store.replace("a.versions", b"two", tag)
    (name,) = _hidden(root)
    with FileLock(root / name), pytest.raises(TransientError) as caught:
        store.replace("a.versions", b"three", store.read("a.versions").tag)
    assert name in (caught.value.hint or "")
    store.replace("a.versions", b"three", store.read("a.versions").tag)


def test_the_age_goes_by_the_clock_of_the_file_system(
    root: Path, store: DirectoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("a/old", b"x")
    written = (root / "a/old").stat().st_mtime
    os.utime(root / "a/old", (written - 5000, written - 5000))
    assert 4990 <= store.read_dated("a/old").age < 5100
    os.utime(root / "a/old", (written + 5000, written + 5000))
    assert store.read_dated("a/old").age == 0
    # Our clock is an hour slow. What we write shows what time it is over there.
    monkeypatch.setattr(local, "time", SimpleNamespace(time=lambda: written - 3600))
    store.create("a/new", b"x")
    os.utime(root / "a/old", (written - 5000, written - 5000))
    assert 4900 <= store.read_dated("a/old").age < 5100


# Errors


@pytest.mark.parametrize("name", TABLE)
def test_each_errno_has_its_error(name: str) -> None:
    row, code = TABLE[name], getattr(errno, name)
    error = translated(OSError(code, os.strerror(code)), "read", "a/1.0", "file:///store")
    assert type(error) is row.error
    assert "`a/1.0` in `file:///store`" in error.message
    assert "\n" not in error.message
    assert error.hint == row.hint
    assert error.hint or isinstance(error, NotFoundError | ExistsError)


def test_errors_that_nobody_thought_of_are_errors_of_the_store() -> None:
    for error in (OSError(errno.ENOTEMPTY, "Not empty"), OSError("no number")):
        assert type(translated(error, "list", "", "file:///store")) is StoreError
    assert translated(OSError(errno.EACCES, "Denied"), "list", "", "file:///s").message == (
        "cannot list `file:///s`: denied"
    )


def test_names_are_printable_in_messages() -> None:
    assert "\x1b" not in translated(OSError(errno.EACCES, "Denied"), "read", "a\x1b[2J", "file:///s").message


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.EACCES, DeniedError),
        (errno.EROFS, DeniedError),
        (errno.ENOSPC, StoreError),
        (errno.ENOTCONN, UnreachableError),
    ],
)
def test_failing_writes_store_nothing_and_are_told_apart(
    root: Path, store: DirectoryBackend, monkeypatch: pytest.MonkeyPatch, code: int, expected: type[StoreError]
) -> None:
    store.create("a/there", b"x")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", _failing(code))
        with pytest.raises(expected) as caught:
            store.create("a/1.0", b"x")
    assert type(caught.value) is expected
    assert [info.key for info in store.list().objects] == ["a/there"]
    assert _hidden(root) == []


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_denied_is_not_absent(store: DirectoryBackend, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    store.create("a/1.0", b"x")
    monkeypatch.setattr(os, "open", _failing(code))
    monkeypatch.setattr(os, "scandir", _failing(code))
    for call in (
        lambda: store.read("a/1.0"),
        lambda: list(store.read_range("a/1.0", 0, 1)),
        store.list,
        lambda: store.list("a/", delimiter=True),
        lambda: store.create("a/1.1", b"x"),
    ):
        with pytest.raises(DeniedError) as caught:
            call()
        assert caught.value.hint


def test_a_stale_handle_is_asked_for_again_when_reading(
    store: DirectoryBackend, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    store.create("a/1.0", b"x")
    monkeypatch.setattr(os, "open", _failing(errno.ESTALE, 2, os.open))
    assert store.read("a/1.0").data == b"x"
    assert len(waits) == 2
    monkeypatch.setattr(os, "open", _failing(errno.ESTALE))
    with pytest.raises(TransientError):
        store.read("a/1.0")
