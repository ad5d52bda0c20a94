"""What the contract does not say but S3 needs: conditions, checksums, requests, regions, and errors told apart."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from assetsync.backends.bodies import CHUNK
from assetsync.backends.contract import ProbedBackend
from assetsync.backends.s3 import access, objects
from assetsync.backends.s3.bodies import base64_of
from assetsync.backends.s3.store import S3Backend, open_store
from assetsync.errors import (
    ChangedError,
    ChecksumError,
    DamagedError,
    DeniedError,
    ExistsError,
    NoStoreError,
    NotFoundError,
    StoreError,
    TransientError,
    UnreachableError,
    UnsupportedError,
)
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from tests.contract.harness import content, entry_of, some_bytes
from tests.servers import s3_checks
from tests.servers.s3 import Break, S3Server
from tests.servers.s3_checks import Incoming
from tests.servers.tls import make_certificate, server_context

BUCKET = "special"
MIB = 1024 * 1024
_prefixes = count()


@pytest.fixture(scope="module")
def running() -> Iterator[S3Server]:
    with S3Server() as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture
def s3(running: S3Server) -> S3Server:
    """The server, with nothing counted and nothing broken yet."""
    running.faults.clear()
    running.requests.clear()
    running.seen.clear()
    running.honours_conditions = True
    return running


Open = Callable[..., S3Backend]


@pytest.fixture
def connect(s3: S3Server) -> Iterator[Open]:
    """Makes clients of one new prefix, which differ in their settings."""
    opened: list[S3Backend] = []
    prefix = f"test{next(_prefixes)}"

    def make(*, environ: dict[str, str] | None = None, bucket: str = BUCKET, **config: str | bool) -> S3Backend:
        backend = open_store(
            StoreConfig(f"s3://{bucket}/{prefix}", **config),  # type: ignore[arg-type]
            {**s3.environ, **(environ or {})},
        )
        opened.append(backend)
        return backend

    yield make
    for backend in opened:
        backend.close()


@pytest.fixture
def backend(connect: Open) -> S3Backend:
    return connect()


@pytest.fixture
def aws(connect: Open, monkeypatch: pytest.MonkeyPatch) -> S3Backend:
    """A client that takes the server for AWS itself."""
    monkeypatch.setattr(access, "_AWS_HOST", re.compile(r"127\.0\.0\.1"))
    return connect()


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], tuple[str, FileEntry]]:
    def make(data: bytes) -> tuple[str, FileEntry]:
        path = tmp_path / "file"
        path.write_bytes(data)
        return str(path), entry_of(data)

    return make


File = Callable[[bytes], tuple[str, FileEntry]]


def _last(s3: S3Server, kind: str) -> Incoming:
    return [request for request in s3.seen if request.kind == kind][-1]


# Requests


def test_no_request_is_sent_that_another_answers(s3: S3Server, backend: S3Backend, file: File) -> None:
    path, entry = file(b"data")
    backend.create("a/1.0.claim", b"mine")
    backend.upload("a/1.0", path, entry)
    assert s3.requests == {"PutObject": 2}
    tag = backend.read("a/1.0.claim").tag
    backend.replace("a/1.0.claim", b"new", tag)
    assert list(backend.read_range("a/1.0", 0, 4)) == [b"data"]
    backend.list(delimiter=True)
    backend.delete("a/1.0")
    assert s3.requests == {"PutObject": 3, "GetObject": 2, "ListObjectsV2": 1, "DeleteObject": 1}


def test_nothing_is_asked_before_a_write_to_aws(s3: S3Server, aws: S3Backend) -> None:
    aws.create("a/1.0", b"data")
    aws.copy("a/1.0", "a/1.1", entry_of(b"data"))
    assert s3.requests == {"PutObject": 1, "CopyObject": 1}
    assert not aws.needs_probe


def test_connections_are_used_again(s3: S3Server, backend: S3Backend) -> None:
    before = s3.connections
    for number in range(10):
        backend.create(f"a/{number}", b"x")
        backend.stat(f"a/{number}")
        with pytest.raises(NotFoundError):
            backend.read("nothing")
        list(backend.read_range(f"a/{number}", 0, 1))
    assert s3.connections - before < 20  # of 40; one is given back a moment after its reply was read


# Checksums and metadata


def test_a_write_carries_its_checksum(s3: S3Server, backend: S3Backend, file: File) -> None:
    path, entry = file(b"data")
    backend.upload("a/1.0", path, entry)
    headers = _last(s3, "PutObject").headers
    assert headers["x-amz-content-sha256"] == entry.sha256
    assert headers["x-amz-meta-sha256"] == entry.sha256
    assert headers["if-none-match"] == "*"
    assert headers["x-amz-checksum-sha256"] == b64encode(bytes.fromhex(entry.sha256)).decode()
    assert backend.stat("a/1.0").sha256 == entry.sha256


def test_large_writes_and_parts_carry_their_checksums(s3: S3Server, backend: S3Backend, file: File) -> None:
    data = some_bytes(3 * MIB)
    path, entry = file(data)
    backend.upload("a/1.0", path, entry)
    upload_id = backend.begin_upload("a/1.1", entry)
    backend.upload_part("a/1.1", upload_id, 1, memoryview(data), len(data))
    for kind in ("PutObject", "UploadPart"):
        headers = _last(s3, kind).headers
        assert headers["x-amz-checksum-sha256"] == b64encode(bytes.fromhex(entry.sha256)).decode()
        assert "x-amz-checksum-sha256" in headers["authorization"]


def test_the_checksum_of_parts_is_not_taken_for_that_of_the_object(s3: S3Server, aws: S3Backend) -> None:
    data = some_bytes(1000)
    upload_id = aws.begin_upload("a/1.0", entry_of(data))
    part = aws.upload_part("a/1.0", upload_id, 1, memoryview(data), len(data))
    aws.complete_upload("a/1.0", upload_id, [part], entry_of(data))
    assert aws.stat("a/1.0").sha256 == entry_of(data).sha256


def test_what_others_stored_has_no_checksum(s3: S3Server, backend: S3Backend) -> None:
    backend.create("x", b"")
    s3.put(BUCKET, f"{backend.url.rpartition('/')[2]}/a/1.0", b"of modelkit")
    assert backend.stat("a/1.0").sha256 is None
    backend.copy("a/1.0", "a/1.1", entry_of(b"of modelkit"))
    assert backend.stat("a/1.1").sha256 is None


def test_a_copy_keeps_the_checksum(backend: S3Backend, file: File) -> None:
    path, entry = file(b"data")
    backend.upload("a/1.0", path, entry)
    backend.copy("a/1.0", "a/1.1", entry)
    assert backend.stat("a/1.1").sha256 == entry.sha256


@pytest.mark.parametrize(
    ("checksum", "sure"),
    [(base64_of(entry_of(b"data").sha256), True), (base64_of(entry_of(b"other").sha256), False), ("", False)],
)
def test_what_aws_tells_of_a_copy_says_whether_it_is_right(
    s3: S3Server, aws: S3Backend, checksum: str, sure: bool
) -> None:
    told = f"<ChecksumSHA256>{checksum}</ChecksumSHA256>" if checksum else ""
    s3.replies.append(f"<CopyObjectResult><ETag>&quot;e&quot;</ETag>{told}</CopyObjectResult>".encode())
    assert aws.copy("a/1.0", "a/1.1", entry_of(b"data")) is sure
    assert [request.kind for request in s3.seen] == ["CopyObject"]


@pytest.mark.parametrize("size", [1000, 3 * MIB])
def test_the_store_refuses_bytes_that_change_on_the_way(s3: S3Server, aws: S3Backend, file: File, size: int) -> None:
    path, entry = file(some_bytes(size))
    s3.inject(Break.CORRUPT, 1, "PutObject")
    with pytest.raises(ChecksumError, match=r"XAmzContentSHA256Mismatch|BadDigest"):
        aws.upload("a/1.0", path, entry)
    assert aws.list().objects == []


def test_a_large_file_that_changed_is_not_sent_whole(s3: S3Server, backend: S3Backend, file: File) -> None:
    path, _ = file(some_bytes(3 * MIB))
    for other in (some_bytes(3 * MIB, 1), some_bytes(3 * MIB + 1), some_bytes(3 * MIB - 1)):
        with pytest.raises(ChecksumError, match="not what it was"):
            backend.upload("a/1.0", path, entry_of(other))
    assert backend.list().objects == []


class _Watched:
    """A part that tells how much of it was read at once, and that can be read so often only."""

    def __init__(self, data: bytes, most: int = sys.maxsize) -> None:
        self.data = data
        self.left = most
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, at: slice) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.EIO, "the disk is broken")
        found = self.data[at]
        self.read.append(len(found))
        return found


def test_a_part_is_never_in_memory_as_a_whole(s3: S3Server, backend: S3Backend) -> None:
    data = some_bytes(3 * MIB)
    upload_id = backend.begin_upload("a/1.0", entry_of(data))
    part = _Watched(data)
    backend.upload_part("a/1.0", upload_id, 1, part, len(data))
    assert max(part.read) == CHUNK
    assert sum(part.read) == 2 * len(data)  # once for its checksum, which goes before it


@pytest.mark.parametrize("most", [3, 3 * MIB // CHUNK + 3])
def test_an_error_of_reading_a_part_comes_through(s3: S3Server, backend: S3Backend, most: int) -> None:
    data = some_bytes(3 * MIB)
    upload_id = backend.begin_upload("a/1.0", entry_of(data))
    with pytest.raises(OSError, match="the disk is broken"):
        backend.upload_part("a/1.0", upload_id, 1, _Watched(data, most), len(data))


def test_the_key_of_kms_goes_with_every_new_object(s3: S3Server, connect: Open) -> None:
    backend = connect(kms_key_id="alias/assets")
    data = some_bytes(1000)
    backend.create("a/1.0", data)
    backend.replace("a/1.0", data, backend.read("a/1.0").tag)
    backend.copy("a/1.0", "a/1.1", entry_of(data))
    backend.begin_upload("a/1.2", entry_of(data))
    for request in s3.seen:
        if request.kind in ("PutObject", "CopyObject", "CreateMultipartUpload"):
            assert request.headers["x-amz-server-side-encryption"] == "aws:kms"
            assert request.headers["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/assets"


# Files on their way


def test_progress_does_not_count_what_is_sent_again(s3: S3Server, backend: S3Backend, file: File) -> None:
    path, entry = file(some_bytes(3 * MIB))
    counts: list[int] = []
    s3.inject("SlowDown", 2, "PutObject")
    s3.inject(Break.LOST_REPLY, 1, "PutObject")
    backend.upload("a/1.0", path, entry, counts.append)
    assert sum(counts) == entry.size
    assert min(counts) > 0
    assert len(counts) > 10


def test_a_large_body_is_not_sent_to_a_store_that_refuses_it(s3: S3Server, backend: S3Backend, file: File) -> None:
    path, entry = file(some_bytes(3 * MIB))
    s3.inject("AccessDenied", 1, "PutObject", early=True)
    with pytest.raises(DeniedError, match="access denied"):
        backend.upload("a/1.0", path, entry)
    assert s3.requests == {"PutObject": 1}
    backend.upload("a/1.0", path, entry)
    assert content(backend, "a/1.0") == some_bytes(3 * MIB)


def test_a_file_that_can_not_be_read_on_is_the_callers_error(backend: S3Backend, file: File, tmp_path: Path) -> None:
    _, entry = file(some_bytes(3 * MIB))
    with pytest.raises(FileNotFoundError):
        backend.upload("a/1.0", str(tmp_path / "gone"), entry)
    with pytest.raises(IsADirectoryError):
        backend.upload("a/1.0", str(tmp_path), entry)


def test_parts_have_a_size_that_s3_allows(backend: S3Backend) -> None:
    assert backend.part_size(17 * MIB) == 8 * MIB
    for size in (50 * 10**9, 80_000 * MIB, 80_000 * MIB + 1, 5 * 1024**4):
        step = backend.part_size(size)
        assert step % MIB == 0
        assert 5 * MIB <= step <= 5 * 1024 * MIB
        assert -(-size // step) <= 10_000


def test_parts_of_another_size_are_sent_again(backend: S3Backend, file: File) -> None:
    backend.min_part_size = 1000
    data = memoryview(some_bytes(2500))
    path, entry = file(bytes(data))
    upload_id = backend.begin_upload("a/1.0", entry)
    for number, part in ((1, data[:1000]), (2, data[1000:1999]), (3, data[2000:])):
        backend.upload_part("a/1.0", upload_id, number, part, len(data))
    assert [part.number for part in backend.uploaded_parts("a/1.0", upload_id, path, entry)] == [1, 3]


@pytest.mark.parametrize("client", ["backend", "aws"])
def test_parts_of_a_file_that_changed_and_back_are_sent_again(
    request: pytest.FixtureRequest, client: str, file: File
) -> None:
    backend: S3Backend = request.getfixturevalue(client)
    backend.min_part_size = 1000
    data, other = memoryview(some_bytes(2500)), memoryview(some_bytes(2500, 1))
    path, entry = file(bytes(data))
    upload_id = backend.begin_upload("a/1.0", entry)
    backend.upload_part("a/1.0", upload_id, 1, data[:1000], len(data))
    backend.upload_part("a/1.0", upload_id, 2, other[1000:2000], len(data))
    found = list(backend.uploaded_parts("a/1.0", upload_id, path, entry))
    assert [part.number for part in found] == [1]
    for number, part in ((2, data[1000:2000]), (3, data[2000:])):
        found.append(backend.upload_part("a/1.0", upload_id, number, part, len(data)))
    backend.complete_upload("a/1.0", upload_id, found, entry)
    assert content(backend, "a/1.0") == data


def test_aws_keeps_the_checksums_of_parts_and_wants_them_again(s3: S3Server, aws: S3Backend) -> None:
    data = some_bytes(1000)
    upload_id = aws.begin_upload("a/1.0", entry_of(data))
    part = aws.upload_part("a/1.0", upload_id, 1, memoryview(data), len(data))
    without = part._replace(token=part.token.split()[0])
    with pytest.raises(StoreError, match="must include the checksum for each part"):
        aws.complete_upload("a/1.0", upload_id, [without], entry_of(data))
    aws.complete_upload("a/1.0", upload_id, [part], entry_of(data))
    assert content(aws, "a/1.0") == data


def test_more_parts_than_a_page_lists(backend: S3Backend, s3: S3Server, file: File) -> None:
    backend.min_part_size = 1
    size = 1005
    path, entry = file(b"x" * size)
    upload_id = backend.begin_upload("a/1.0", entry)
    prefix = backend.url.rpartition("/")[2]
    s3.put_parts(BUCKET, f"{prefix}/a/1.0", upload_id, [b"x"] * size)
    found = backend.uploaded_parts("a/1.0", upload_id, path, entry)
    assert [part.number for part in found] == list(range(1, size + 1))
    assert s3.requests["ListParts"] == 2


@pytest.mark.parametrize("client", ["backend", "aws"])
def test_a_copy_above_the_limit_goes_in_parts(s3: S3Server, request: pytest.FixtureRequest, client: str) -> None:
    backend: S3Backend = request.getfixturevalue(client)
    data = some_bytes(2500)
    backend.create("a/1.0", data)
    backend.max_copy, backend.copy_part_size, backend.min_part_size = 2000, 1000, 1
    backend.copy("a/1.0", "a/1.1", entry_of(data))
    assert content(backend, "a/1.1") == data
    assert backend.stat("a/1.1").sha256 == entry_of(data).sha256
    assert (s3.requests["UploadPartCopy"], s3.requests["CopyObject"]) == (3, 0)
    with pytest.raises(ExistsError):
        backend.copy("a/1.0", "a/1.1", entry_of(data))
    with pytest.raises(NotFoundError):
        backend.copy("a/nothing", "a/1.2", entry_of(data))
    assert s3.uploads(BUCKET, f"{backend.url.rpartition('/')[2]}/") == 0


# Lost replies and conflicts


def test_a_conflict_is_tried_again(s3: S3Server, backend: S3Backend, waits: list[float]) -> None:
    s3.inject("ConditionalRequestConflict", 2)
    backend.create("a/1.0", b"mine")
    assert backend.read("a/1.0").data == b"mine"
    assert len(waits) == 2


def test_an_upload_of_parts_that_stays_in_conflict_begins_anew(s3: S3Server, backend: S3Backend) -> None:
    data = some_bytes(1000)
    upload_id = backend.begin_upload("a/1.0", entry_of(data))
    part = backend.upload_part("a/1.0", upload_id, 1, memoryview(data), len(data))
    s3.inject("ConditionalRequestConflict", 100, "CompleteMultipartUpload")
    with pytest.raises(TransientError, match="another write"):
        backend.complete_upload("a/1.0", upload_id, [part], entry_of(data))
    with pytest.raises(NotFoundError):
        backend.uploaded_parts("a/1.0", upload_id, "of no use", entry_of(data))


@pytest.mark.parametrize("kind", ["CopyObject", "CompleteMultipartUpload"])
def test_an_error_in_a_success_is_an_error(s3: S3Server, backend: S3Backend, waits: list[float], kind: str) -> None:
    data = some_bytes(1000)
    backend.create("a/1.0", data)
    upload_id = backend.begin_upload("a/1.2", entry_of(data))
    part = backend.upload_part("a/1.2", upload_id, 1, memoryview(data), len(data))
    s3.inject(Break.LATE_ERROR, 1, kind)
    backend.copy("a/1.0", "a/1.1", entry_of(data))
    backend.complete_upload("a/1.2", upload_id, [part], entry_of(data))
    assert content(backend, "a/1.1") == content(backend, "a/1.2") == data
    assert len(waits) == 1


def test_the_lost_reply_of_a_replace_is_ours(s3: S3Server, backend: S3Backend) -> None:
    backend.create("a.versions", b"one")
    tag = backend.read("a.versions").tag
    s3.inject(Break.LOST_REPLY, 1, "PutObject")
    backend.replace("a.versions", b"two", tag)
    assert backend.read("a.versions").data == b"two"
    with pytest.raises(ChangedError):
        backend.replace("a.versions", b"three", tag)


def test_the_lost_reply_of_a_completion_is_ours(s3: S3Server, backend: S3Backend) -> None:
    data = some_bytes(1000)
    upload_id = backend.begin_upload("a/1.0", entry_of(data))
    part = backend.upload_part("a/1.0", upload_id, 1, memoryview(data), len(data))
    s3.inject(Break.LOST_REPLY, 1, "CompleteMultipartUpload")
    backend.complete_upload("a/1.0", upload_id, [part], entry_of(data))
    assert content(backend, "a/1.0") == data


def test_an_object_that_has_not_changed_is_not_sent_again(backend: S3Backend) -> None:
    backend.create("a.versions", b"one")
    found = backend.read("a.versions")
    assert backend.read_changed("a.versions", found.tag) is None
    backend.replace("a.versions", b"two", found.tag)
    changed = backend.read_changed("a.versions", found.tag)
    assert changed is not None
    assert changed == backend.read("a.versions")


def test_an_object_that_changes_while_it_is_read_is_noticed(s3: S3Server, backend: S3Backend) -> None:
    backend.create("a.versions", some_bytes(3 * MIB))
    chunks = backend.read_range("a.versions", 0, 3 * MIB)
    s3.inject(Break.CUT_BODY, 1, "GetObject")
    next(chunks)
    backend.replace("a.versions", some_bytes(3 * MIB, 1), backend.read("a.versions").tag)
    with pytest.raises(ChangedError):
        list(chunks)


def test_a_reader_who_stops_leaves_no_connection_behind(s3: S3Server, backend: S3Backend) -> None:
    backend.create("a/1.0", some_bytes(3 * MIB))
    chunks = backend.read_range("a/1.0", 0, 3 * MIB)
    assert len(next(chunks)) <= 8 * MIB
    chunks.close()  # type: ignore[attr-defined]
    assert backend.read("a/1.0").data == some_bytes(3 * MIB)


def test_a_store_that_falls_silent_is_given_up(
    s3: S3Server, backend: S3Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "READ_TIMEOUT", 0.5)
    backend.create("a/1.0", b"some data")
    s3.inject(Break.STALL, 1, "GetObject")
    assert backend.read("a/1.0").data == b"some data"
    assert s3.requests["GetObject"] >= 2  # a busy machine may be as silent


# Stores without conditions


def test_a_store_that_honours_conditions_passes_the_probe(s3: S3Server, backend: S3Backend) -> None:
    assert isinstance(backend, ProbedBackend)
    assert backend.needs_probe
    backend.probe()
    assert backend.list().objects == []
    assert all("/.assetsync-probe-" in request.key for request in s3.seen if request.kind != "ListObjectsV2")


def test_a_store_that_ignores_conditions_fails_the_probe(s3: S3Server, backend: S3Backend) -> None:
    s3.honours_conditions = False
    with pytest.raises(UnsupportedError, match="ignores the condition") as caught:
        backend.probe()
    assert "conditional_writes: false" in (caught.value.hint or "")
    assert backend.list().objects == []


def test_a_probe_that_may_not_be_deleted_stays(s3: S3Server, backend: S3Backend) -> None:
    s3.inject("AccessDenied", 1, "DeleteObject")
    backend.probe()
    assert len(backend.list().objects) == 1


def test_a_store_that_refuses_conditions_says_what_to_do(s3: S3Server, backend: S3Backend) -> None:
    s3.inject("NotImplemented", 1)
    with pytest.raises(UnsupportedError) as caught:
        backend.create("a/1.0", b"x")
    assert "conditional_writes: false" in (caught.value.hint or "")


def test_without_conditions_the_store_is_asked_first(s3: S3Server, connect: Open, file: File) -> None:
    s3.honours_conditions = False
    backend = connect(conditional_writes=False)
    assert not backend.needs_probe
    data = some_bytes(1000)
    path, entry = file(data)
    backend.create("a/1.0", data)
    tag = backend.read("a/1.0").tag
    backend.replace("a/1.0", b"new", tag)
    upload_id = backend.begin_upload("a/1.0", entry)
    part = backend.upload_part("a/1.0", upload_id, 1, memoryview(data), len(data))
    writes: list[Callable[[], object]] = [
        lambda: backend.create("a/1.0", b"x"),
        lambda: backend.upload("a/1.0", path, entry),
        lambda: backend.copy("a/1.0", "a/1.0", entry),
        lambda: backend.complete_upload("a/1.0", upload_id, [part], entry),
    ]
    for write in writes:
        with pytest.raises(ExistsError):
            write()
    for stale in (tag, None):
        with pytest.raises(ChangedError):
            backend.replace("a/1.0", b"x", stale)
    with pytest.raises(ChangedError):
        backend.replace("a/none", b"x", tag)
    assert backend.read("a/1.0").data == b"new"
    assert not any("if-match" in request.headers or "if-none-match" in request.headers for request in s3.seen)


def test_without_conditions_a_listing_tells_of_many_files(s3: S3Server, connect: Open, file: File) -> None:
    s3.honours_conditions = False
    backend = connect(conditional_writes=False)
    path, entry = file(some_bytes(1000))
    backend.create("a/1.0/9", b"another's")
    before = s3.requests.copy()
    backend.expect_writes("a/1.0/")
    for number in range(9):
        backend.upload(f"a/1.0/{number}", path, entry)
    assert s3.requests - before == {"PutObject": 9, "ListObjectsV2": 1}
    for taken in ("a/1.0/9", "a/1.0/3"):  # by another, and by this process after the listing
        with pytest.raises(ExistsError):
            backend.upload(taken, path, entry)
    assert backend.read("a/1.0/9").data == b"another's"


def test_copies_are_checked_where_only_plain_writes_honour_conditions(s3: S3Server, backend: S3Backend) -> None:
    s3.honours_conditions = False
    backend.create("a/1.0", b"one")
    backend.create("a/1.1", b"two")
    with pytest.raises(ExistsError):
        backend.copy("a/1.0", "a/1.1", entry_of(b"one"))
    assert backend.read("a/1.1").data == b"two"


# Who asks, and where


def test_a_bucket_in_another_region_is_followed_once(s3: S3Server, connect: Open) -> None:
    backend = connect(region="eu-west-1")
    backend.create("a/1.0", b"x")
    assert s3.requests == {"PutObject": 2}
    backend.stat("a/1.0")
    assert s3.requests == {"PutObject": 2, "HeadObject": 1}


def test_many_threads_follow_a_bucket_at_once(s3: S3Server, connect: Open) -> None:
    backend = connect(region="eu-west-1")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: backend.create(f"a/{number}", b"x"), range(50)))
    assert len(backend.list().objects) == 50


def test_a_region_that_leads_nowhere_is_told(s3: S3Server, connect: Open) -> None:
    s3.inject("AuthorizationHeaderMalformed", 5)
    with pytest.raises(StoreError, match="another region") as caught:
        connect().list()
    assert caught.value.hint
    assert s3.requests == {"ListObjectsV2": 1}


BAD_CREDENTIALS = [
    ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "the signature is wrong", "secret access key"),
    ({"AWS_ACCESS_KEY_ID": "AKIDOTHER"}, "the access key is unknown", "the environment"),
    ({"AWS_SESSION_TOKEN": s3_checks.EXPIRED_TOKEN}, "have expired", "get new ones"),
    ({"AWS_NO_SIGN_REQUEST": "true"}, "access denied", "AWS_NO_SIGN_REQUEST"),
]


@pytest.mark.parametrize(("environ", "said", "hinted"), BAD_CREDENTIALS, ids=[row[1] for row in BAD_CREDENTIALS])
def test_bad_credentials_are_told_apart(
    connect: Open, waits: list[float], environ: dict[str, str], said: str, hinted: str
) -> None:
    backend = connect(environ=environ)
    for call in (backend.list, lambda: backend.create("a/1.0", b"x")):
        with pytest.raises(DeniedError) as caught:
            call()
        assert said in caught.value.message
        assert hinted in (caught.value.hint or "")
        assert s3_checks.SECRET_KEY not in caught.value.message + (caught.value.hint or "")
    assert waits == []


def test_a_wrong_clock_is_told(backend: S3Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_checks, "MAX_SKEW", -s3_checks.MAX_SKEW)
    with pytest.raises(DeniedError, match="clock"):
        backend.read("a/1.0")


def test_a_missing_bucket_is_not_a_missing_object(connect: Open) -> None:
    backend = connect(bucket="no-such-bucket")
    with pytest.raises(NoStoreError, match="there is no bucket `no-such-bucket`"):
        backend.read("a.versions")
    with pytest.raises(NoStoreError):
        backend.replace("a.versions", b"x", None)


def test_a_denied_look_may_be_an_absent_object(s3: S3Server, backend: S3Backend) -> None:
    s3.inject("AccessDenied", 1)
    with pytest.raises(DeniedError, match="or it is absent") as caught:
        backend.stat("a/1.0")
    assert "s3:ListBucket" in (caught.value.hint or "")


def test_a_name_that_does_not_resolve_is_told(connect: Open) -> None:
    backend = connect(endpoint="http://store.invalid:9000")
    with pytest.raises(UnreachableError, match=r"`http://store\.invalid:9000` can't be reached") as caught:
        backend.list()
    assert "endpoint" in (caught.value.hint or "")


def test_an_endpoint_that_speaks_no_tls_is_told(s3: S3Server, connect: Open) -> None:
    backend = connect(endpoint=s3.url.replace("http:", "https:"))
    with pytest.raises(UnreachableError, match="no trusted connection") as caught:
        backend.list()
    assert "`http://`" in (caught.value.hint or "")


def test_a_certificate_is_trusted_only_when_its_authority_is(tmp_path: Path) -> None:
    certificate, other = (make_certificate(tmp_path, name) for name in ("ours", "another"))
    config = StoreConfig(f"s3://{BUCKET}/tls")
    with S3Server(tls=server_context(certificate)) as server:
        server.make_bucket(BUCKET)
        trusting = open_store(config, {**server.environ, "AWS_CA_BUNDLE": str(certificate)})
        trusting.create("a/1.0", some_bytes(3 * MIB))
        assert trusting.read("a/1.0").data == some_bytes(3 * MIB)
        trusting.close()
        doubting = open_store(config, {**server.environ, "AWS_CA_BUNDLE": str(other)})
        with pytest.raises(UnreachableError, match="no trusted connection") as caught:
            doubting.read("a/1.0")
        assert "AWS_CA_BUNDLE" in (caught.value.hint or "")
        doubting.close()


def test_requests_go_through_a_proxy(s3: S3Server, connect: Open) -> None:
    backend = connect(endpoint="http://store.invalid:9000", environ={"http_proxy": s3.url})
    backend.create("a/1.0", b"through the proxy")
    assert backend.read("a/1.0").data == b"through the proxy"
    assert _last(s3, "GetObject").headers["host"] == "store.invalid:9000"


# What obstore would take from the environment of the process by itself.
OF_OBSTORE = {
    "AWS_CONDITIONAL_PUT": "disabled",
    "AWS_CHECKSUM_ALGORITHM": "crc64nvme",
    "AWS_UNSIGNED_PAYLOAD": "true",
    "AWS_SKIP_SIGNATURE": "true",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
    "AWS_REQUEST_PAYER": "true",
    "AWS_SSE_BUCKET_KEY_ENABLED": "true",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_SESSION_TOKEN": s3_checks.EXPIRED_TOKEN,
    "AWS_ACCESS_KEY_ID": "AKIDOTHER",
    "AWS_ROLE_ARN": "arn:aws:iam::1:role/none",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nope",
}


def test_variables_of_the_process_do_not_change_what_is_sent(
    s3: S3Server, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OF_OBSTORE.items():
        monkeypatch.setenv(name, value)
    backend = connect(endpoint=s3.url)
    backend.create("a/1.0", b"data")
    assert backend.read("a/1.0").data == b"data"
    headers = _last(s3, "PutObject").headers
    assert headers["if-none-match"] == "*"
    assert headers["x-amz-checksum-sha256"]
    assert not any(name.startswith(("x-amz-server-side", "x-amz-request-payer")) for name in headers)


# Replies that are none


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>Welcome to nginx!</body></html>",
        b"<ListBucketResult><Contents><Key>somewhere/else</Key><Size>1</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        b"\x00\x01",
    ],
)
def test_a_listing_that_is_none_is_refused(s3: S3Server, backend: S3Backend, body: bytes) -> None:
    s3.replies.append(body)
    with pytest.raises(StoreError, match="does not answer like S3") as caught:
        backend.list()
    assert "endpoint" in (caught.value.hint or "")


def test_a_reply_larger_than_any_is_not_read(s3: S3Server, backend: S3Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.replies.append(b"x" * 1000)
    with pytest.raises(DamagedError, match="larger than 100 bytes"):
        backend.read("a.versions", limit=100)


def test_a_store_that_ignores_ranges_is_found_out(s3: S3Server, backend: S3Backend) -> None:
    s3.replies += [b"the whole object"] * 2
    with pytest.raises(UnsupportedError, match="ignores ranges"):
        list(backend.read_range("a/1.0", 4, 5))
    s3.replies.append(b"the whole object")
    assert list(backend.read_range("a/1.0", 0, 3)) == [b"the"]


def test_a_folder_marker_of_a_console_is_no_object(s3: S3Server, backend: S3Backend) -> None:
    prefix = backend.url.rpartition("/")[2]
    for key in (f"{prefix}/", f"{prefix}/a/", f"{prefix}/a/1.0"):
        s3.put(BUCKET, key, b"")
    assert [info.key for info in backend.list("a/").objects] == ["a/1.0"]
    assert backend.list(delimiter=True) == ([], ["a/"])


def test_the_tag_is_that_of_the_bytes(backend: S3Backend) -> None:
    backend.create("a.versions", b"one")
    found = backend.read("a.versions")
    assert found.tag == f'"{hashlib.md5(b"one").hexdigest()}"'
    assert 0 <= backend.read_dated("a.versions").age < 3600
    assert os.path.basename(backend.url).startswith("test")
