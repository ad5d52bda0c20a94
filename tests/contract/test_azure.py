"""What the contract does not say but Azure needs: what is sent, who may, copies that take time, and strange blobs."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from operator import length_hint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.storage.blob import ContainerClient, ContentSettings, generate_container_sas
from urllib3.connection import HTTPConnection

from assetsync.backends.azure import store as module
from assetsync.backends.azure.store import AzureBackend, open_store
from assetsync.backends.bodies import CHUNK, FileBody
from assetsync.backends.contract import Part
from assetsync.backends.http import age_of
from assetsync.backends.refusal import Place
from assetsync.errors import (
    ChangedError,
    ChecksumError,
    DeniedError,
    ExistsError,
    NoStoreError,
    StoreError,
    UnsupportedError,
)
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import ALWAYS, Fault, content, entry_of, some_bytes
from tests.servers.azurite import ACCOUNT, KEY, Azurite, Request, missing

CONTAINER = "special"
ROOT = str(Path(__file__).parents[2])
_prefixes = count()

Open = Callable[..., AzureBackend]


@pytest.fixture(scope="module")
def running() -> Iterator[Azurite]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    with Azurite() as server:
        server.create_container(CONTAINER)
        yield server


@pytest.fixture
def azurite(running: Azurite) -> Iterator[Azurite]:
    """The server, with nothing broken."""
    running.faults.clear()
    yield running
    running.faults.clear()


@pytest.fixture
def sdk(azurite: Azurite) -> Iterator[ContainerClient]:
    """The SDK's own client, for what others may do in the container."""
    with azurite.container(CONTAINER) as client:
        yield client


@pytest.fixture
def opened(azurite: Azurite) -> Iterator[Open]:
    """Opens stores, a fresh one at first and then the same again, by other settings."""
    prefix = f"pre{next(_prefixes)}"
    clients = []

    def open_one(environ: dict[str, str] | None = None, **settings: Any) -> AzureBackend:
        config = StoreConfig(f"az://{CONTAINER}/{prefix}", **settings)
        found = open_store(config, azurite.environ if environ is None else environ)
        found.multipart_threshold, found.bytes_per_part = 100_000, 40_000
        clients.append(found)
        return found

    yield open_one
    for client in clients:
        client.close()


@pytest.fixture
def store(opened: Open) -> AzureBackend:
    return opened()


def _since(azurite: Azurite, before: int) -> list[Request]:
    return azurite.faults.seen[before:]


def _name(store: AzureBackend, key: str) -> str:
    return f"{store.url.removeprefix(f'az://{CONTAINER}/')}/{key}"


def _file(folder: Path, data: bytes) -> str:
    path = folder / "file"
    path.write_bytes(data)
    return str(path)


def _send(store: AzureBackend, key: str, upload_id: str, data: bytes) -> list[Part]:
    step = store.part_size(len(data))
    pieces = [memoryview(data)[start : start + step] for start in range(0, len(data), step)]
    return [store.upload_part(key, upload_id, number, piece, len(data)) for number, piece in enumerate(pieces, start=1)]


def test_each_operation_is_one_request(azurite: Azurite, store: AzureBackend, tmp_path: Path) -> None:
    path = _file(tmp_path, b"data")
    entry = entry_of(b"data")
    operations: list[Callable[[], object]] = [
        lambda: store.create("a.claim", b"x"),
        lambda: store.replace("a.versions", b"x", None),
        lambda: store.upload("a/1.0", path, entry),
        lambda: store.copy("a/1.0", "a/1.1", entry),
        lambda: store.read("a.claim"),
        lambda: store.stat("a/1.0"),
        lambda: list(store.read_range("a/1.0", 0, 4)),
        lambda: store.list("a/", delimiter=True),
        lambda: store.delete("a.claim"),
    ]
    for operation in operations:
        before = azurite.requests
        operation()
        assert azurite.requests - before == 1


def test_every_write_has_a_condition_and_every_body_a_checksum(
    azurite: Azurite, store: AzureBackend, tmp_path: Path
) -> None:
    before = azurite.requests
    data = some_bytes(90_000)
    store.create("a.claim", b"x")
    store.replace("a.versions", b"x", None)
    store.replace("a.versions", b"y", store.read("a.versions").tag)
    store.upload("a/1.0", _file(tmp_path, data), entry_of(data))
    store.copy("a/1.0", "a/1.1", entry_of(data))
    parts = _send(store, "a/1.2", store.begin_upload("a/1.2", entry_of(data)), data)
    store.complete_upload("a/1.2", "", parts, entry_of(data))
    writes = [request for request in _since(azurite, before) if request.method == "PUT"]
    blocks = [request for request in writes if request.query.get("comp") == ["block"]]
    conditions = [
        request.headers.get("If-None-Match") or request.headers.get("If-Match", "none")[:3]
        for request in writes
        if request not in blocks
    ]
    assert conditions == ["*", "*", '"0x', "*", "*", "*"]
    assert len(blocks) == 3
    for request in writes:
        assert ("Content-MD5" in request.headers) == ("x-ms-copy-source" not in request.headers)


def test_the_sha256_of_a_file_is_known_to_others_and_kept_by_copies(
    store: AzureBackend, sdk: ContainerClient, tmp_path: Path
) -> None:
    data = some_bytes(90_000)
    entry = entry_of(data)
    store.upload("a/1.0", _file(tmp_path, data), entry)
    store.copy("a/1.0", "a/1.1", entry)
    store.complete_upload("a/1.2", "", _send(store, "a/1.2", store.begin_upload("a/1.2", entry), data), entry)
    for version in ("1.0", "1.1", "1.2"):
        assert store.stat(f"a/{version}").sha256 == entry.sha256
        properties = sdk.get_blob_client(_name(store, f"a/{version}")).get_blob_properties()
        assert properties.metadata == {"sha256": entry.sha256}


def test_a_sha256_that_is_none_is_not_known(store: AzureBackend, sdk: ContainerClient) -> None:
    sdk.upload_blob(_name(store, "a/1.0"), b"x", metadata={"sha256": "of course"})
    assert store.stat("a/1.0").sha256 is None


@pytest.mark.parametrize("by", ["token", "connection string"])
def test_a_sas_token_is_enough_and_is_never_shown(azurite: Azurite, opened: Open, tmp_path: Path, by: str) -> None:
    token = _sas("rcwdl")
    if by == "token":
        environ = {"AZURE_STORAGE_SAS_TOKEN": token, "ASSETSYNC_ENDPOINT": azurite.endpoint}
        store = opened(environ, endpoint=azurite.endpoint)
    else:
        connection = f"BlobEndpoint={azurite.endpoint};SharedAccessSignature={token}"
        store = opened({"AZURE_STORAGE_CONNECTION_STRING": connection})
    entry = entry_of(b"data")
    store.upload("a/1.0", _file(tmp_path, b"data"), entry)
    store.copy("a/1.0", "a/1.1", entry)
    assert content(store, "a/1.1") == b"data"
    assert len(store.list().objects) == 2
    secret = token.rpartition("sig=")[2][:12]
    assert secret not in store.url
    for fault in (Fault.DENIED, Fault.CUT, Fault.SERVER_ERROR):
        azurite.faults.inject(fault, ALWAYS)
        for call in (store.list, lambda: store.read("a/1.0"), lambda: store.copy("a/1.0", "b", entry)):
            with pytest.raises(StoreError) as caught:
                call()
            assert secret not in f"{caught.value!r}{caught.value.hint}"
            assert caught.value.__cause__ is None
        azurite.faults.clear()


def _sas(permission: str) -> str:
    expiry = datetime.now(UTC) + timedelta(hours=1)
    return generate_container_sas(ACCOUNT, CONTAINER, account_key=KEY, permission=permission, expiry=expiry)


def test_a_token_that_may_only_read_is_denied_to_write(azurite: Azurite, store: AzureBackend, opened: Open) -> None:
    store.create("a/1.0", b"x")
    environ = {"AZURE_STORAGE_SAS_TOKEN": _sas("r"), "ASSETSYNC_ENDPOINT": azurite.endpoint}
    reader = opened(environ, endpoint=azurite.endpoint)
    assert reader.read("a/1.0").data == b"x"
    with pytest.raises(DeniedError, match="403") as caught:
        reader.create("a/1.1", b"x")
    assert "Storage Blob Data Contributor" in (caught.value.hint or "")


def test_a_wrong_key_is_not_absence(azurite: Azurite, opened: Open) -> None:
    wrong = {"AZURE_STORAGE_KEY": "d3Jvbmc=", "AZURE_STORAGE_ACCOUNT": ACCOUNT}
    store = opened(wrong, endpoint=azurite.endpoint)
    for call in (store.list, lambda: store.read("a"), lambda: store.stat("a")):
        with pytest.raises(DeniedError, match="`AZURE_STORAGE_KEY`, are not accepted"):
            call()


def test_a_container_that_does_not_exist_is_no_missing_object(azurite: Azurite) -> None:
    store = open_store(StoreConfig("az://no-such-container"), azurite.environ)
    data = memoryview(b"x")
    for call in (
        lambda: store.read("a"),
        lambda: store.stat("a"),
        lambda: store.delete("a"),
        lambda: store.replace("a", b"x", '"0x1"'),
        lambda: store.begin_upload("a", entry_of(b"x")),
        lambda: store.uploaded_parts("a", "0000000000", "/dev/null", entry_of(b"x")),
        lambda: store.upload_part("a", "0000000000", 1, data, 1),
        lambda: store.complete_upload("a", "0000000000", [], entry_of(b"x")),
    ):
        with pytest.raises(NoStoreError, match="no container `no-such-container`"):
            call()
    store.close()


def test_an_encryption_scope_goes_with_every_write(azurite: Azurite, opened: Open, tmp_path: Path) -> None:
    store = opened(kms_key_id="team-scope")
    data = some_bytes(90_000)
    before = azurite.requests
    store.create("a.claim", b"x")
    store.upload("a/1.0", _file(tmp_path, data), entry_of(data))
    parts = _send(store, "a/1.1", store.begin_upload("a/1.1", entry_of(data)), data)
    store.complete_upload("a/1.1", "", parts, entry_of(data))
    with pytest.raises(UnsupportedError):  # a copy can't have one; then its caller uploads
        store.copy("a/1.0", "a/1.2", entry_of(data))
    writes = [request for request in _since(azurite, before) if request.method == "PUT"]
    assert len(writes) == 6
    assert {request.headers.get("x-ms-encryption-scope") for request in writes} == {"team-scope"}


@pytest.mark.parametrize("key", ["a/1.0/x.", "a/1.0/x./y", "a/1.0/...", "a/1.0/.../y"])
def test_names_that_azure_would_change_are_refused_before_any_request(
    azurite: Azurite, store: AzureBackend, tmp_path: Path, key: str
) -> None:
    before = azurite.requests
    entry = entry_of(b"x")
    for call in (
        lambda: store.create(key, b"x"),
        lambda: store.upload(key, _file(tmp_path, b"x"), entry),
        lambda: store.begin_upload(key, entry),
        lambda: store.copy(key, "b", entry),
        lambda: store.copy("b", key, entry),
        lambda: store.read(key),
        lambda: list(store.read_range(key, 0, 1)),
    ):
        with pytest.raises(UnsupportedError, match="dots at the end"):
            call()
    assert azurite.requests == before


def test_packed_objects_are_read_as_they_are(store: AzureBackend, sdk: ContainerClient) -> None:
    packed = gzip.compress(b"content" * 1000)
    settings = ContentSettings(content_encoding="gzip")
    sdk.upload_blob(_name(store, "a/1.0"), packed, content_settings=settings)
    assert store.stat("a/1.0").size == len(packed)
    assert content(store, "a/1.0") == packed
    assert store.read("a/1.0").data == packed


def test_folders_of_a_hierarchical_namespace_are_no_objects(store: AzureBackend, sdk: ContainerClient) -> None:
    sdk.upload_blob(_name(store, "a/1.0"), b"", metadata={"hdi_isfolder": "true"})
    store.create("a/1.0/x", b"x")
    assert [info.key for info in store.list().objects] == ["a/1.0/x"]
    assert store.list("a/", delimiter=True) == ([], ["a/1.0/"])


def test_an_object_that_changes_while_it_is_read_is_not_mixed(
    store: AzureBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 10)
    store.replace("a.versions", b"1" * 30, None)
    chunks = store.read_range("a.versions", 0, 30)
    assert next(chunks) == b"1" * 10
    store.replace("a.versions", b"2" * 30, store.read("a.versions").tag)
    with pytest.raises(ChangedError):
        next(chunks)


def test_parts_that_are_no_longer_those_of_the_file_are_sent_again(store: AzureBackend, tmp_path: Path) -> None:
    data = some_bytes(200_000)
    changed = data[:50_000] + b"!" + data[50_001:]
    entry = entry_of(data)
    upload_id = store.begin_upload("a/1.0", entry)
    _send(store, "a/1.0", upload_id, changed)
    path = _file(tmp_path, data)
    assert [part.number for part in store.uploaded_parts("a/1.0", upload_id, path, entry)] == [1, 3, 4, 5]
    sent = _send(store, "a/1.0", upload_id, data)
    assert list(store.uploaded_parts("a/1.0", upload_id, path, entry)) == sent
    store.complete_upload("a/1.0", upload_id, sent, entry)
    assert content(store, "a/1.0") == data


def test_parts_of_another_upload_are_not_ours(store: AzureBackend, tmp_path: Path) -> None:
    data = some_bytes(200_000)
    _send(store, "a/1.0", store.begin_upload("a/1.0", entry_of(data)), data)
    other = store.begin_upload("a/1.0", entry_of(data))
    assert list(store.uploaded_parts("a/1.0", other, _file(tmp_path, data), entry_of(data))) == []


def test_an_upload_that_modelkit_left_unfinished_is_not_in_the_way(
    store: AzureBackend, sdk: ContainerClient, tmp_path: Path
) -> None:
    # modelkit hands a file to the SDK, which numbers its blocks like this.
    sdk.get_blob_client(_name(store, "a/1.0")).stage_block(f"{uuid.uuid4().int:048d}", b"theirs")
    data = some_bytes(200_000)
    upload_id = store.begin_upload("a/1.0", entry_of(data))
    parts = _send(store, "a/1.0", upload_id, data)
    assert list(store.uploaded_parts("a/1.0", upload_id, _file(tmp_path, data), entry_of(data))) == parts
    store.complete_upload("a/1.0", upload_id, parts, entry_of(data))
    assert content(store, "a/1.0") == data


def test_blocks_of_another_kind_are_named_as_the_reason(store: AzureBackend, sdk: ContainerClient) -> None:
    sdk.get_blob_client(_name(store, "a/1.0")).stage_block("short", b"x")
    with pytest.raises(StoreError, match="another program") as caught:
        _send(store, "a/1.0", store.begin_upload("a/1.0", entry_of(b"x")), b"x")
    assert "a week" in (caught.value.hint or "")


def test_the_slower_of_two_uploads_in_parts_learns_that_it_exists(store: AzureBackend) -> None:
    data = some_bytes(200_000)
    entry = entry_of(data)
    slow = _send(store, "a/1.0", store.begin_upload("a/1.0", entry), data)
    store.complete_upload("a/1.0", "", _send(store, "a/1.0", store.begin_upload("a/1.0", entry), data), entry)
    with pytest.raises(ExistsError):
        store.complete_upload("a/1.0", "", slow, entry)
    with pytest.raises(ExistsError):
        store.begin_upload("a/1.0", entry)


def test_no_more_than_a_chunk_of_a_body_is_in_memory(
    store: AzureBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    send = HTTPConnection.send

    def counted(self: HTTPConnection, data: Any) -> None:
        sent.append(len(data))
        send(self, data)

    monkeypatch.setattr(HTTPConnection, "send", counted)
    data = some_bytes(1_000_000)
    piece = _Read(data)
    store.upload("a/1.0", _file(tmp_path, data), entry_of(data))
    store.upload_part("a/1.1", store.begin_upload("a/1.1", entry_of(data)), 1, piece, len(data))
    assert sum(sent) > 2 * len(data)
    assert max(sent + piece.slices) <= CHUNK


class _Read:
    """The bytes of a part, which notes how many are read at once. No more than `reads` of them work."""

    def __init__(self, data: bytes, reads: int = 1000) -> None:
        self.slices: list[int] = []
        self._data = data
        self._reads = reads

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, at: slice) -> bytes:
        if len(self.slices) == self._reads:
            raise OSError(errno.EIO, "the disk fails")
        self.slices.append(len(self._data[at]))
        return self._data[at]


def test_no_list_of_pieces_is_made_for_as_many_as_there_are_bytes(store: AzureBackend) -> None:
    store.create("a/1.0", b"data")
    hints: list[int] = []

    def ask(reply: Any) -> None:
        hints.append(length_hint(reply.http_response.stream_download(None)))

    assert store._calls.blob("a/1.0").download_blob(0, 4, raw_response_hook=ask).readall() == b"data"
    assert hints == [0]


def test_a_disk_that_fails_while_a_part_is_sent_is_no_fault_of_the_store(store: AzureBackend) -> None:
    data = some_bytes(4 * CHUNK)
    upload_id = store.begin_upload("a/1.0", entry_of(data))
    with pytest.raises(OSError, match="the disk fails"):
        store.upload_part("a/1.0", upload_id, 1, _Read(data, reads=4 + 2), len(data))  # 4 for its MD5


def test_a_file_that_changes_between_its_md5_and_its_sending_is_not_stored(
    store: AzureBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = some_bytes(90_000)
    path = _file(tmp_path, data)
    md5_ahead = FileBody.md5_ahead

    def changing(body: FileBody) -> str:
        found = md5_ahead(body)
        _file(tmp_path, b"!" + data[1:])
        return found

    monkeypatch.setattr(FileBody, "md5_ahead", changing)
    with pytest.raises(ChecksumError, match="not what it was when it was hashed"):
        store.upload("a/1.0", path, entry_of(data))
    assert store.list().objects == []


@pytest.mark.parametrize(("hashed", "found"), [(b"", b"x"), (b"x", b""), (b"long", b"longer")])
def test_a_file_of_another_size_is_not_sent(
    azurite: Azurite, store: AzureBackend, tmp_path: Path, hashed: bytes, found: bytes
) -> None:
    before = azurite.requests
    with pytest.raises(ChecksumError):
        store.upload("a/1.0", _file(tmp_path, found), entry_of(hashed))
    assert azurite.requests == before


def test_small_files_come_through_where_parts_of_a_large_one_lie(store: AzureBackend, tmp_path: Path) -> None:
    for key, data in (("a/empty", b""), ("a/small", b"small")):
        _send(store, key, store.begin_upload(key, entry_of(b"large")), b"large")
        store.upload(key, _file(tmp_path, data), entry_of(data))
        assert content(store, key) == data
        assert store.stat(key).sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("size", "step"),
    [(1, 8), (8 * 50_000, 8), (8 * 50_000 + 1, 9), (12 * 50_000, 12), (10**6, 20)],
)
def test_parts_grow_so_that_they_are_not_too_many(store: AzureBackend, size: int, step: int) -> None:
    store.bytes_per_part = 8 * module.MIB
    found = store.part_size(size * module.MIB)
    assert found == step * module.MIB
    assert -(-size * module.MIB // found) <= 50_000


@pytest.mark.parametrize(
    ("headers", "age"),
    [
        ({"Date": "Wed, 25 Nov 2026 04:00:30 GMT", "Last-Modified": "Wed, 25 Nov 2026 03:59:00 GMT"}, 90.0),
        ({"Date": "Wed, 25 Nov 2026 04:00:30 GMT", "Last-Modified": "Wed, 25 Nov 2026 04:00:31 GMT"}, 0.0),
        ({"Last-Modified": "Wed, 25 Nov 2026 03:59:00 GMT"}, 0.0),
        ({"Date": "today", "Last-Modified": "Wed, 25 Nov 2026 03:59:00 GMT"}, 0.0),
    ],
)
def test_the_age_is_told_by_the_stores_clock(headers: dict[str, str], age: float) -> None:
    assert age_of(headers) == age


class _Copies:
    """A blob whose copy takes time: what the SDK answers to each look, in turn; then the last answer again."""

    def __init__(self, *statuses: str) -> None:
        self.looks = [self._properties(status) for status in statuses]
        self.calls: list[str] = []
        self.url = "https://acc.example/box/source"

    def _properties(self, status: str) -> Any:
        copied = SimpleNamespace(status=status, status_description=None, id="id")
        return SimpleNamespace(size=4, metadata={"sha256": "0" * 64}, copy=copied, etag='"0x1"')

    def get_blob_client(self, name: str) -> _Copies:
        return self

    def start_copy_from_url(self, url: str, **condition: object) -> dict[str, str]:
        return {"copy_status": "pending"}

    def get_blob_properties(self) -> Any:
        self.calls.append("look")
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def abort_copy(self, found: Any) -> None:
        self.calls.append(f"abort {found.copy.id}")

    def delete_blob(self, **condition: object) -> None:
        self.calls.append(f"delete {condition['etag']}")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds since the start; only sleeping makes them pass."""
    seconds = [0.0]

    def sleep(duration: float) -> None:
        seconds[0] += duration

    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: seconds[0]))
    return seconds


def _copying(*statuses: str) -> tuple[AzureBackend, _Copies]:
    copies = _Copies(*statuses)
    place = Place("az://box", "box", "https://acc.example", "nowhere")
    return AzureBackend(copies, place, "", None), copies  # type: ignore[arg-type]


def test_a_copy_that_takes_time_is_waited_for(clock: list[float]) -> None:
    store, copies = _copying("pending", "pending", "success")
    store.copy("a", "b", entry_of(b"data"))
    assert copies.calls == ["look", "look", "look"]
    assert clock[0] > 0


def test_a_copy_that_fails_leaves_nothing_and_its_caller_uploads(clock: list[float]) -> None:
    store, copies = _copying("pending", "failed")
    with pytest.raises(UnsupportedError, match="the copy is failed"):
        store.copy("a", "b", entry_of(b"data"))
    assert copies.calls == ["look", "look", 'delete "0x1"']


def test_a_copy_that_does_not_end_is_given_up(clock: list[float]) -> None:
    store, copies = _copying("pending")
    with pytest.raises(UnsupportedError, match="pending"):
        store.copy("a", "b", entry_of(b"data"))
    assert clock[0] > module.COPY_PATIENCE
    assert copies.calls[-1] == 'delete "0x1"'
    assert "abort id" in copies.calls


def test_what_is_being_copied_is_looked_at_when_it_is_complete(clock: list[float]) -> None:
    store, _ = _copying("pending", "success")
    assert store.stat("b").sha256 == "0" * 64
    store, _ = _copying("failed")
    assert store.stat("b").sha256 is None


def test_a_netrc_does_not_replace_the_signature(
    store: AzureBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    store.create("a/1.0", b"x")
    assert store.read("a/1.0").data == b"x"


def test_opening_a_store_with_a_key_imports_no_identity(azurite: Azurite) -> None:
    code = (
        "import json, os, sys\n"
        "from assetsync.backends.opening import open_backend\n"
        "from assetsync.model.manifest import StoreConfig\n"
        f"open_backend(StoreConfig('az://{CONTAINER}/none'), os.environ).list()\n"
        "assert 'azure.storage.blob' in sys.modules\n"
        "assert not {'azure.identity', 'msal'} & set(sys.modules)\n"
    )
    environ = {**os.environ, **azurite.environ, "PYTHONPATH": ROOT}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_claim_that_came_and_went_meanwhile_is_not_in_the_way(
    store: AzureBackend, sdk: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = sdk.get_blob_client(_name(store, "a/1.0.claim"))
    blob.stage_block(f"{uuid.uuid4().int:048d}", b"of a client that died")
    commit = store._commit
    rounds: list[str] = []

    def beaten(key: str, parts: Sequence[Part], *others: Any) -> None:
        rounds.append(key)
        if len(rounds) == 1:
            blob.upload_blob(b"somebody's claim", overwrite=True)
            blob.delete_blob()
        commit(key, parts, *others)

    monkeypatch.setattr(store, "_commit", beaten)
    store.create("a/1.0.claim", b"ours")
    assert store.read("a/1.0.claim").data == b"ours"
    assert rounds == ["a/1.0.claim"]
