"""Single objects: create-only, compare-and-swap, ranges, copies, and what is there afterwards."""

from __future__ import annotations

import pytest

from assetsync.backends.contract import ConditionalBackend
from assetsync.errors import ChangedError, ChecksumError, DamagedError, ExistsError, NotFoundError, StoreError
from assetsync.model.tree import FileEntry
from tests.contract.harness import ODD_KEYS, Target, content, entry_of, some_bytes

MIB = 1024 * 1024


def test_what_was_created_is_read_back(target: Target) -> None:
    target.backend.create("a/b.meta", b'{"a": 1}')
    assert target.open().read("a/b.meta").data == b'{"a": 1}'
    assert target.backend.stat("a/b.meta").size == 8


def test_create_never_overwrites(target: Target) -> None:
    target.backend.create("a/1.0.meta", b"first")
    for again in (b"second", b"first"):
        with pytest.raises(ExistsError):
            target.open().create("a/1.0.meta", again)
    assert target.backend.read("a/1.0.meta").data == b"first"


def test_upload_never_overwrites(target: Target) -> None:
    target.backend.create("a/1.0", b"first")
    path, entry = target.file(b"second")
    with pytest.raises(ExistsError):
        target.backend.upload("a/1.0", path, entry)
    assert content(target.backend, "a/1.0") == b"first"


@pytest.mark.parametrize("size", [0, 1, 1000, 100_000])
def test_what_was_uploaded_is_read_back(target: Target, size: int) -> None:
    data = some_bytes(size)
    path, entry = target.file(data)
    target.backend.upload("a/1.0/part", path, entry)
    assert content(target.open(), "a/1.0/part") == data


def test_the_sha256_of_an_upload_is_kept_or_unknown(target: Target) -> None:
    path, entry = target.file(b"some bytes")
    target.backend.upload("a/1.0", path, entry)
    info = target.open().stat("a/1.0")
    assert info.key == "a/1.0"
    assert info.size == entry.size
    assert info.sha256 in (None, entry.sha256)


def test_progress_sums_up_to_the_size(target: Target) -> None:
    path, entry = target.file(some_bytes(70_000))
    counts: list[int] = []
    target.backend.upload("a/1.0", path, entry, counts.append)
    assert sum(counts) == entry.size


@pytest.mark.parametrize("on_disk", [b"bytes that changEd", b"shorter", b"bytes that changed and grew", b""])
def test_bytes_that_are_not_those_of_the_entry_are_not_stored(target: Target, on_disk: bytes) -> None:
    path, _ = target.file(on_disk)
    with pytest.raises(ChecksumError):
        target.backend.upload("a/1.0", path, entry_of(b"bytes that changed"))
    assert target.open().list() == ([], [])
    target.file(b"bytes that changed")
    target.backend.upload("a/1.0", path, entry_of(b"bytes that changed"))
    assert content(target.backend, "a/1.0") == b"bytes that changed"


def test_uploading_a_file_that_is_gone_is_the_callers_error(target: Target) -> None:
    with pytest.raises(FileNotFoundError):
        target.backend.upload("a/1.0", "/nonexistent/file", FileEntry("", 1, entry_of(b"x").sha256))
    assert target.backend.list() == ([], [])


def test_what_is_not_there_is_not_found(target: Target) -> None:
    with pytest.raises(NotFoundError, match="nothing/here"):
        target.backend.read("nothing/here")
    with pytest.raises(NotFoundError, match="nothing/here"):
        target.backend.stat("nothing/here")
    with pytest.raises(NotFoundError, match="nothing/here"):
        list(target.backend.read_range("nothing/here", 0, 10))


def test_a_folder_is_not_an_object(target: Target) -> None:
    target.backend.create("a/1.0/part", b"x")
    with pytest.raises(NotFoundError):
        target.backend.read("a/1.0")
    with pytest.raises(NotFoundError):
        target.backend.stat("a/1.0")
    with pytest.raises(NotFoundError):
        list(target.backend.read_range("a", 0, 1))


def test_nothing_lies_below_an_object(target: Target) -> None:
    target.backend.create("a/1.0", b"x")
    with pytest.raises(NotFoundError):
        target.backend.read("a/1.0/part")
    with pytest.raises(NotFoundError):
        target.backend.stat("a/1.0/part")
    target.backend.delete("a/1.0/part")
    assert content(target.backend, "a/1.0") == b"x"


def test_a_limit_of_reading_refuses_larger_objects(target: Target) -> None:
    target.backend.create("a.versions", b"0123456789")
    assert target.backend.read("a.versions", limit=10).data == b"0123456789"
    with pytest.raises(DamagedError, match=r"a\.versions"):
        target.backend.read("a.versions", limit=9)


def test_a_store_that_can_tell_sends_only_what_changed(target: Target) -> None:
    backend = target.backend
    if not isinstance(backend, ConditionalBackend):
        pytest.skip("this store can't tell without sending it")
    backend.replace("a.meta", b"one", None)
    first = backend.read("a.meta")
    assert backend.read_changed("a.meta", first.tag) is None
    backend.replace("a.meta", b"two", first.tag)
    changed = backend.read_changed("a.meta", first.tag)
    assert changed is not None
    assert (changed.data, changed.tag) == (b"two", backend.read("a.meta").tag)
    backend.delete("a.meta")
    with pytest.raises(NotFoundError):
        backend.read_changed("a.meta", first.tag)


def test_an_empty_object_reads_as_empty(target: Target) -> None:
    target.backend.create("a/empty", b"")
    assert target.backend.read("a/empty").data == b""
    assert target.backend.stat("a/empty").size == 0
    assert list(target.backend.read_range("a/empty", 0, 0)) == []
    target.backend.copy("a/empty", "b/empty", entry_of(b""))
    assert target.backend.read("b/empty").data == b""


def test_the_age_is_that_of_the_object(target: Target) -> None:
    target.backend.create("a/1.0.claim", b"mine")
    assert 0 <= target.open().read_dated("a/1.0.claim").age < 100


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, 1), (0, 1000), (1, 998), (499, 3), (999, 1), (990, 10), (0, 0), (500, 0)],
)
def test_a_range_is_just_these_bytes(target: Target, start: int, length: int) -> None:
    data = some_bytes(1000)
    target.backend.create("a/1.0", data)
    assert b"".join(target.backend.read_range("a/1.0", start, length)) == data[start : start + length]


@pytest.mark.parametrize(("start", "length"), [(0, 1001), (990, 100), (1000, 1), (5000, 10)])
def test_a_range_ends_where_the_object_ends(target: Target, start: int, length: int) -> None:
    data = some_bytes(1000)
    target.backend.create("a/1.0", data)
    assert b"".join(target.backend.read_range("a/1.0", start, length)) == data[start : start + length]


def test_large_ranges_come_in_chunks(target: Target) -> None:
    data = some_bytes(9 * MIB)
    path, entry = target.file(data)
    _upload(target, "a/1.0", path, entry)
    chunks = list(target.backend.read_range("a/1.0", 5, 9 * MIB - 10))
    assert max(map(len, chunks)) <= 8 * MIB
    assert b"".join(chunks) == data[5:-5]


def _upload(target: Target, key: str, path: str, entry: FileEntry) -> None:
    """As one request, though it is larger than the (small) threshold of the test: stores take that too."""
    target.backend.upload(key, path, entry)


def test_a_range_given_up_half_way_leaves_the_store_usable(target: Target) -> None:
    target.backend.create("a/1.0", some_bytes(MIB))
    for _ in range(12):
        chunks = target.backend.read_range("a/1.0", 0, MIB)
        next(chunks)
        del chunks
    assert target.backend.stat("a/1.0").size == MIB


def test_replace_makes_and_changes_an_object(target: Target) -> None:
    target.backend.replace("a.versions", b"one", None)
    tag = target.open().read("a.versions").tag
    target.backend.replace("a.versions", b"two", tag)
    assert target.open().read("a.versions").data == b"two"


def test_replace_refuses_when_the_object_is_another(target: Target) -> None:
    target.backend.create("a.versions", b"one")
    old = target.backend.read("a.versions").tag
    target.open().replace("a.versions", b"two", old)
    for tag in (old, None):
        with pytest.raises((ChangedError, ExistsError)):
            target.backend.replace("a.versions", b"three", tag)
    assert target.backend.read("a.versions").data == b"two"


def test_replace_refuses_when_the_object_is_gone(target: Target) -> None:
    target.backend.create("a.versions", b"one")
    tag = target.backend.read("a.versions").tag
    target.backend.delete("a.versions")
    with pytest.raises(ChangedError):
        target.backend.replace("a.versions", b"two", tag)
    assert target.backend.list() == ([], [])


def test_a_copy_is_the_same_bytes(target: Target) -> None:
    data = some_bytes(50_000)
    path, entry = target.file(data)
    target.backend.upload("a/1.0/part", path, entry)
    target.backend.copy("a/1.0/part", "a/1.1/part", entry)
    assert content(target.open(), "a/1.1/part") == data
    target.backend.delete("a/1.0/part")
    assert content(target.open(), "a/1.1/part") == data
    assert target.backend.stat("a/1.1/part").sha256 in (None, entry.sha256)


def test_copying_what_is_not_there_is_not_found(target: Target) -> None:
    with pytest.raises(NotFoundError):
        target.backend.copy("a/1.0", "a/1.1", entry_of(b"x"))
    assert target.backend.list() == ([], [])


def test_copy_never_overwrites(target: Target) -> None:
    target.backend.create("a/1.0", b"source")
    target.backend.create("a/1.1", b"target")
    with pytest.raises(ExistsError):
        target.backend.copy("a/1.0", "a/1.1", entry_of(b"source"))
    assert content(target.backend, "a/1.1") == b"target"


def test_delete_removes_and_may_be_repeated(target: Target) -> None:
    target.backend.create("a/1.0.claim", b"mine")
    target.backend.delete("a/1.0.claim")
    target.open().delete("a/1.0.claim")
    with pytest.raises(NotFoundError):
        target.backend.read("a/1.0.claim")
    target.backend.create("a/1.0.claim", b"yours")
    assert target.backend.read("a/1.0.claim").data == b"yours"


def test_odd_keys_are_kept_as_they_are(target: Target) -> None:
    usable = [key for key in ODD_KEYS if key not in target.server.refused_keys]
    for key in usable:
        target.backend.create(key, key.encode())
    other = target.open()
    assert [info.key for info in other.list().objects] == sorted(usable)
    for key in usable:
        assert other.read(key).data == key.encode()
        assert other.stat(key)[:2] == (key, len(key.encode()))
        assert content(other, key) == key.encode()


def test_odd_keys_are_uploaded_copied_and_deleted(target: Target) -> None:
    path, entry = target.file(b"odd")
    usable = [key for key in ODD_KEYS if key not in target.server.refused_keys]
    for key in usable:
        target.backend.upload(f"up/{key}", path, entry)
        target.backend.copy(f"up/{key}", f"copy/{key}", entry)
        target.backend.delete(f"up/{key}")
    assert [info.key for info in target.backend.list().objects] == sorted(f"copy/{key}" for key in usable)


def test_keys_that_a_store_cannot_hold_are_refused(target: Target) -> None:
    for key in target.server.refused_keys:
        with pytest.raises(StoreError):
            target.backend.create(key, b"x")
    assert target.backend.list() == ([], [])


def test_objects_of_a_sibling_prefix_are_none_of_ours(target: Target) -> None:
    sibling = target.open(target.server.config(target.prefix + "2"))
    sibling.create("a/1.0", b"theirs")
    with pytest.raises(NotFoundError):
        target.backend.read("a/1.0")
    target.backend.create("a/1.0", b"ours")
    assert sibling.read("a/1.0").data == b"theirs"


def test_a_client_may_be_closed_twice_and_others_go_on(target: Target) -> None:
    other = target.open()
    other.create("a/1.0", b"x")
    other.close()
    other.close()
    assert target.backend.read("a/1.0").data == b"x"


def test_the_url_has_no_slash_at_its_end(target: Target) -> None:
    assert target.backend.url == target.config.url.rstrip("/")
