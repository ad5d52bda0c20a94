"""Cloud Storage on its fake: what is sent, resumable uploads that break in every way, credentials, and who pays.

What holds for every store is in tests/contract.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import gcsfs.core
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.cloud import storage

from assetsync.backends.gcs.client import CREDENTIALS_VARIABLE, Identity, identity
from assetsync.backends.gcs.store import GRAIN, GCSBackend, open_store
from assetsync.errors import (
    ChecksumError,
    DeniedError,
    ExistsError,
    NotFoundError,
    StoreError,
    TransientError,
    UnsupportedError,
)
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import Fault, entry_of, some_bytes
from tests.servers.gcs import GCSServer, Reply, Request, serve

ROOT = str(Path(__file__).parents[2])
KEY = "a/1.0/model.bin"
NAME = f"pre/{KEY}"


@pytest.fixture
def server() -> Iterator[GCSServer]:
    with serve("bucket") as running:
        yield running


Open = Callable[..., GCSBackend]


@pytest.fixture
def open_backend(server: GCSServer) -> Iterator[Open]:
    """Opens clients of `server`, with small parts, and closes them."""
    opened: list[GCSBackend] = []

    def open_one(environ: dict[str, str] | None = None, **settings: Any) -> GCSBackend:
        backend = open_store(StoreConfig("gs://bucket/pre", **settings), {**server.environ, **(environ or {})})
        backend.bytes_per_part = 2 * GRAIN
        opened.append(backend)
        return backend

    yield open_one
    for backend in opened:
        backend.close()


@pytest.fixture
def backend(open_backend: Open) -> GCSBackend:
    return open_backend()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that retries would have waited; nobody really waits."""
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waited.append))
    return waited


class File:
    """A local file of three full parts and a little, and its entry."""

    def __init__(self, folder: Path) -> None:
        self.data = some_bytes(6 * GRAIN + 1000)
        self.path = folder / "file"
        self.path.write_bytes(self.data)
        self.entry = entry_of(self.data)
        self.size = len(self.data)

    def parts(self, step: int) -> list[memoryview]:
        return [memoryview(self.data)[start : start + step] for start in range(0, self.size, step)]

    def send(self, backend: GCSBackend, upload_id: str, *numbers: int) -> None:
        parts = self.parts(backend.bytes_per_part)
        for number in numbers or range(1, len(parts) + 1):
            backend.upload_part(KEY, upload_id, number, parts[number - 1], self.size)

    def begun(self, backend: GCSBackend, *numbers: int) -> str:
        upload_id = backend.begin_upload(KEY, self.entry)
        self.send(backend, upload_id, *numbers)
        return upload_id

    def go_on(self, backend: GCSBackend, upload_id: str) -> list[int]:
        """Send what is missing, as another process would; returns the numbers of the parts that were there."""
        found = [part.number for part in backend.uploaded_parts(KEY, upload_id, str(self.path), self.entry)]
        parts = self.parts(backend.bytes_per_part)
        missing = [number for number in range(1, len(parts) + 1) if number not in found]
        if missing:
            self.send(backend, upload_id, *missing)
        backend.complete_upload(KEY, upload_id, [], self.entry)
        return found


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path)


def stored(server: GCSServer, name: str = NAME) -> bytes | None:
    found = server.storage.get("bucket", name)
    return found.data if found else None


def is_last_chunk(request: Request) -> bool:
    return "x-goog-hash" in request.headers


# Single requests.


def test_an_upload_is_one_request_with_checksum_condition_and_sha256(
    server: GCSServer, backend: GCSBackend, file: File
) -> None:
    backend.upload(KEY, str(file.path), file.entry)
    [request] = server.requests
    assert request.method == "POST"
    assert request.query["ifGenerationMatch"] == "0"
    found = server.storage.get("bucket", NAME)
    assert found
    assert found.data == file.data
    assert found.metadata == {"sha256": file.entry.sha256}
    assert backend.stat(KEY).sha256 == file.entry.sha256


def test_an_object_that_exists_costs_one_request(server: GCSServer, backend: GCSBackend) -> None:
    server.storage.put("bucket", "pre/a", b"theirs")
    with pytest.raises(ExistsError, match="`a` in `gs://bucket/pre`"):
        backend.create("a", b"theirs")
    assert len(server.requests) == 1


def test_a_lost_reply_with_other_bytes_is_no_success_of_ours(server: GCSServer, backend: GCSBackend) -> None:
    server.storage.put("bucket", "pre/a", b"theirs, and longer than ours")
    server.faults.inject(Fault.CUT)
    with pytest.raises(ExistsError):
        backend.create("a", b"ours")


def test_a_replace_names_the_generation_that_was_read(server: GCSServer, backend: GCSBackend) -> None:
    generation = server.storage.put("bucket", "pre/a.versions", b"one").generation
    tag = backend.read("a.versions").tag
    assert tag == str(generation)
    backend.replace("a.versions", b"two", tag)
    assert server.requests[-1].query["ifGenerationMatch"] == str(generation)


def test_the_age_is_told_by_the_clock_of_the_store(server: GCSServer, backend: GCSBackend) -> None:
    server.storage.put("bucket", "pre/a", b"x", written=server.storage.put("bucket", "b", b"").written - 7200)
    assert 7190 < backend.read_dated("a").age < 7300


def test_a_listing_takes_a_request_per_page_and_nothing_more(server: GCSServer, backend: GCSBackend) -> None:
    for number in range(2500):
        server.storage.put("bucket", f"pre/many/{number:04}", b"x", metadata={"sha256": f"{number:064}"})
    found = backend.list("many/").objects
    assert len(found) == 2500
    assert found[7][:3] == ("many/0007", 1, f"{7:064}")
    assert len(server.requests) == 3


def test_keys_of_kms_go_along_with_every_write(server: GCSServer, open_backend: Open, file: File) -> None:
    key = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
    backend = open_backend(kms_key_id=key)
    backend.create("a", b"x")
    backend.replace("b", b"x", None)
    backend.upload("c", str(file.path), file.entry)
    backend.copy("a", "d", entry_of(b"x"))
    file.go_on(backend, file.begun(backend))
    for name in ("pre/a", "pre/b", "pre/c", "pre/d", NAME):
        found = server.storage.get("bucket", name)
        assert found
        assert found.kms_key == key


def test_a_copy_in_rounds_keeps_its_token_over_a_failure(
    server: GCSServer, backend: GCSBackend, file: File, waits: list[float]
) -> None:
    backend.upload(KEY, str(file.path), file.entry)
    server.storage.rewrite_at_once = 2 * GRAIN
    before = len(server.requests)
    server.faults.refuse(503, "backendError", "busy", to=lambda request: "rewriteToken" in request.query)
    backend.copy(KEY, "a/1.1/model.bin", file.entry)
    assert stored(server, "pre/a/1.1/model.bin") == file.data
    assert backend.stat("a/1.1/model.bin").sha256 == file.entry.sha256
    assert len(server.requests) - before - 1 == 5  # four rounds, one of them twice
    assert len(waits) == 1


@pytest.mark.parametrize("damage", [{"data": b"shorter"}, {"metadata": {"sha256": "0" * 64}}])
def test_a_copy_of_what_is_not_the_entry_is_taken_back(
    server: GCSServer, backend: GCSBackend, damage: dict[str, Any]
) -> None:
    server.storage.put("bucket", "pre/a", **{"data": b"right", **damage})
    with pytest.raises(ChecksumError, match="`a` to `b`"):
        backend.copy("a", "b", entry_of(b"right"))
    assert stored(server, "pre/b") is None


def test_a_range_that_goes_on_never_mixes_two_objects(server: GCSServer, backend: GCSBackend) -> None:
    data = some_bytes(32 * GRAIN)  # half of it is more than any buffer on the way holds
    server.storage.put("bucket", "pre/a", data)
    server.faults.inject(Fault.CUT_BODY)

    def replaced(request: Request) -> None:
        if "generation" in request.query:
            server.storage.put("bucket", "pre/a", b"y" * len(data))

    server.faults.watch = replaced
    read: list[bytes] = []
    with pytest.raises(NotFoundError):
        read.extend(backend.read_range("a", 0, len(data)))
    assert read
    assert data.startswith(b"".join(read))


def test_a_server_that_ignores_ranges_is_found_out(server: GCSServer, backend: GCSBackend) -> None:
    server.faults.reply(Reply(200, {}, b"from the beginning"))
    with pytest.raises(UnsupportedError, match="sends no ranges"):
        list(backend.read_range("a", 5, 5))


@pytest.mark.parametrize("operation", ["list", "read_range"])
def test_redirections_are_not_followed(server: GCSServer, backend: GCSBackend, operation: str) -> None:
    server.faults.reply(Reply(307, {"Location": f"{server.url}/storage/v1/b/bucket/o"}, b""))
    with pytest.raises(StoreError, match="does not answer like Cloud Storage"):
        backend.list() if operation == "list" else list(backend.read_range("a", 0, 1))
    assert len(server.requests) == 1


def test_a_page_of_a_proxy_is_not_taken_for_an_answer(server: GCSServer, backend: GCSBackend) -> None:
    server.faults.reply(Reply(200, {"Content-Type": "text/html"}, b"<html>Welcome to our network</html>"))
    with pytest.raises(StoreError, match="does not answer like Cloud Storage") as caught:
        backend.list()
    assert caught.value.hint


def test_a_server_without_generations_is_not_published_to(server: GCSServer, backend: GCSBackend) -> None:
    server.faults.reply(Reply(200, {}, b"{}"))
    with pytest.raises(UnsupportedError, match="generation"):
        backend.read("a.versions")


# Large files.


def test_what_is_sent_of_a_large_file(server: GCSServer, backend: GCSBackend, file: File) -> None:
    file.go_on(backend, file.begun(backend))
    begin, *chunks, query, last = server.requests
    assert begin.query["ifGenerationMatch"] == "0"
    assert begin.headers["x-upload-content-length"] == str(file.size)
    assert [chunk.headers["content-range"] for chunk in chunks] == [
        f"bytes {start}-{start + 2 * GRAIN - 1}/{file.size}" for start in range(0, 6 * GRAIN, 2 * GRAIN)
    ]
    assert query.headers["content-range"] == f"bytes */{file.size}"
    assert last.headers["content-range"] == f"bytes {6 * GRAIN}-{file.size - 1}/{file.size}"
    assert last.headers["x-goog-hash"].startswith("crc32c=")
    assert stored(server) == file.data
    assert backend.stat(KEY).sha256 == file.entry.sha256


@pytest.mark.parametrize("size", [1, GRAIN - 1, GRAIN, GRAIN + 1, 2 * GRAIN, 4 * GRAIN])
def test_every_size_ends_well(server: GCSServer, backend: GCSBackend, size: int) -> None:
    content = some_bytes(size)
    data, entry = memoryview(content), entry_of(content)
    upload_id = backend.begin_upload(KEY, entry)
    step = backend.part_size(size)
    parts = [
        backend.upload_part(KEY, upload_id, number, data[start : start + step], size)
        for number, start in enumerate(range(0, size, step), start=1)
    ]
    assert stored(server) is None
    backend.complete_upload(KEY, upload_id, parts, entry)
    assert stored(server) == content


@pytest.mark.parametrize("kept", [GRAIN, 2 * GRAIN - GRAIN])
def test_a_server_that_keeps_less_than_was_sent_gets_the_rest(
    server: GCSServer, backend: GCSBackend, file: File, kept: int
) -> None:
    server.storage.keeps = kept
    file.go_on(backend, file.begun(backend))
    assert stored(server) == file.data


def test_a_server_that_keeps_nothing_is_given_up(
    server: GCSServer, backend: GCSBackend, file: File, waits: list[float]
) -> None:
    server.storage.keeps = 0
    with pytest.raises(TransientError, match="kept nothing"):
        file.begun(backend)
    assert len(waits) >= 3


def test_another_process_goes_on_in_the_middle_of_a_part(server: GCSServer, open_backend: Open, file: File) -> None:
    first = open_backend()
    upload_id = file.begun(first, 1)
    # The second part breaks off half way, and with it the process.
    server.faults.reply(Reply(308, {"Range": f"bytes=0-{3 * GRAIN - 1}"}, b""))
    server.faults.inject(Fault.DENIED)
    with pytest.raises(DeniedError):
        file.send(first, upload_id, 2)
    session = next(iter(server.storage.sessions.values()))
    session.data += file.data[2 * GRAIN : 3 * GRAIN]
    assert file.go_on(open_backend(), upload_id) == [1]
    assert stored(server) == file.data


@pytest.mark.parametrize("other_process", [False, True])
def test_the_lost_reply_of_the_last_request_is_ours(
    server: GCSServer, open_backend: Open, file: File, *, other_process: bool
) -> None:
    backend = open_backend()
    upload_id = file.begun(backend)
    server.faults.inject(Fault.LOST_REPLY)
    if not other_process:
        backend.complete_upload(KEY, upload_id, [], file.entry)
    else:
        server.faults.inject(Fault.DENIED)  # so that the first process ends before it knows
        with pytest.raises(DeniedError):
            backend.complete_upload(KEY, upload_id, [], file.entry)
        assert file.go_on(open_backend(), upload_id) == [1, 2, 3, 4]
        assert sum(map(is_last_chunk, server.requests)) == 1
    assert stored(server) == file.data


@pytest.mark.parametrize("instead", [None, b"theirs"])
def test_an_upload_whose_object_was_removed_since_begins_anew(
    server: GCSServer, open_backend: Open, file: File, instead: bytes | None
) -> None:
    upload_id = file.begun(open_backend())
    file.go_on(open_backend(), upload_id)
    del server.storage.buckets["bucket"][NAME]
    if instead is not None:
        server.storage.put("bucket", NAME, instead)
    with pytest.raises(NotFoundError):
        file.go_on(open_backend(), upload_id)
    assert stored(server) == instead


@pytest.mark.parametrize(
    "session", ["http://127.0.0.1:9/upload/1", "https://evil.example/upload/1", "file:///etc/passwd", "nonsense"]
)
def test_no_session_but_one_of_the_store_is_gone_on_with(
    server: GCSServer, backend: GCSBackend, file: File, session: str
) -> None:
    with pytest.raises(StoreError, match="that upload is not of `"):
        backend.uploaded_parts(KEY, session, str(file.path), file.entry)
    assert server.requests == []


def test_a_session_that_was_forgotten_after_its_success_is_ours(
    server: GCSServer, backend: GCSBackend, file: File
) -> None:
    upload_id = file.begun(backend)
    server.faults.inject(Fault.LOST_REPLY)
    server.faults.refuse(410, "", "Gone", to=lambda request: request.headers["content-range"].startswith("bytes */"))
    backend.complete_upload(KEY, upload_id, [], file.entry)
    assert stored(server) == file.data


@pytest.mark.parametrize("refuses_early", [True, False])
def test_an_object_that_exists_is_refused_at_the_first_or_the_last_request(
    server: GCSServer, backend: GCSBackend, file: File, *, refuses_early: bool
) -> None:
    server.storage.put("bucket", NAME, b"theirs")
    server.storage.refuses_early = refuses_early
    if refuses_early:
        with pytest.raises(ExistsError):
            backend.begin_upload(KEY, file.entry)
    else:
        upload_id = file.begun(backend)
        with pytest.raises(ExistsError):
            backend.complete_upload(KEY, upload_id, [], file.entry)
    assert stored(server) == b"theirs"


@pytest.mark.parametrize("server_verifies", [True, False])
def test_bytes_that_change_on_the_way_become_no_object(
    server: GCSServer, backend: GCSBackend, file: File, *, server_verifies: bool
) -> None:
    server.storage.verifies = server_verifies
    upload_id = backend.begin_upload(KEY, file.entry)
    server.faults.inject(Fault.CORRUPT)
    file.send(backend, upload_id)
    with pytest.raises(ChecksumError):
        backend.complete_upload(KEY, upload_id, [], file.entry)
    assert stored(server) is None
    file.go_on(backend, file.begun(backend))
    assert stored(server) == file.data


def test_a_file_that_changed_meanwhile_becomes_no_object(server: GCSServer, open_backend: Open, file: File) -> None:
    upload_id = file.begun(open_backend(), 1, 2)
    changed = bytearray(file.data)
    changed[10] ^= 1
    file.path.write_bytes(changed)
    with pytest.raises(ChecksumError, match="not those that were hashed"):
        file.go_on(open_backend(), upload_id)
    assert stored(server) is None
    assert not server.storage.sessions


def test_a_file_that_shrank_meanwhile_becomes_no_object(server: GCSServer, open_backend: Open, file: File) -> None:
    upload_id = file.begun(open_backend(), 1, 2)
    file.path.write_bytes(file.data[:100])
    with pytest.raises(StoreError):
        file.go_on(open_backend(), upload_id)
    assert stored(server) is None


def test_a_part_out_of_order_is_refused(backend: GCSBackend, file: File) -> None:
    upload_id = backend.begin_upload(KEY, file.entry)
    with pytest.raises(StoreError, match="part 2"):
        file.send(backend, upload_id, 2)


def test_an_upload_that_expired_is_not_found_at_every_step(server: GCSServer, backend: GCSBackend, file: File) -> None:
    upload_id = file.begun(backend, 1)
    server.storage.sessions.clear()
    with pytest.raises(NotFoundError, match="upload is gone"):
        file.send(backend, upload_id, 2)
    with pytest.raises(NotFoundError):
        backend.uploaded_parts(KEY, upload_id, str(file.path), file.entry)
    backend.abort_upload(KEY, upload_id)
    with pytest.raises(NotFoundError):
        backend.complete_upload(KEY, upload_id, [], file.entry)


def test_a_server_that_lost_a_part_it_had_is_no_silent_hole(server: GCSServer, backend: GCSBackend, file: File) -> None:
    upload_id = file.begun(backend, 1, 2)
    session = next(iter(server.storage.sessions.values()))
    del session.data[GRAIN:]
    server.faults.inject(Fault.CUT)
    with pytest.raises(StoreError, match="lost a part") as caught:
        file.send(backend, upload_id, 3)
    assert caught.value.hint


# Who asks, and who pays.


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def service_account(server: GCSServer, folder: Path, private_key: str) -> Identity:
    path = folder / "key.json"
    account = {
        "type": "service_account",
        "client_email": "publisher@example.com",
        "private_key": private_key,
        "token_uri": f"{server.url}/token",
    }
    path.write_text(json.dumps(account))
    return identity("https://storage.googleapis.com", {CREDENTIALS_VARIABLE: str(path)})


def test_a_service_account_gets_one_token_and_shows_it_but_not_to_sessions(
    server: GCSServer, tmp_path: Path, private_key: str, file: File
) -> None:
    server.storage.token = "secret-token"
    who = service_account(server, tmp_path, private_key)
    backend = GCSBackend("bucket", "pre", endpoint=server.url, identity=who)
    backend.bytes_per_part = 2 * GRAIN
    backend.create("a", b"x")
    file.go_on(backend, file.begun(backend))
    assert list(backend.read_range("a", 0, 1)) == [b"x"]
    backend.close()
    assert [request.path for request in server.requests].count("/token") == 1
    for request in server.requests:
        assert ("authorization" in request.headers) == request.is_api


def test_an_account_that_is_refused_a_token_is_denied(
    server: GCSServer, tmp_path: Path, private_key: str, waits: list[float]
) -> None:
    backend = GCSBackend("bucket", "pre", endpoint=server.url, identity=service_account(server, tmp_path, private_key))
    refusal = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    server.faults.reply(Reply(400, {"Content-Type": "application/json"}, json.dumps(refusal).encode()))
    with pytest.raises(DeniedError, match=CREDENTIALS_VARIABLE) as caught:
        backend.read("a.versions")
    backend.close()
    assert "Invalid JWT Signature" in caught.value.message
    assert "PRIVATE KEY" not in caught.value.message
    assert waits == []


def test_nobody_is_told_to_log_in(server: GCSServer, backend: GCSBackend) -> None:
    server.storage.token = "secret-token"
    with pytest.raises(DeniedError, match="nobody") as caught:
        backend.read("a.versions")
    assert caught.value.hint
    assert "gcloud auth application-default login" in caught.value.hint


def test_the_project_that_pays_is_named_in_every_request(server: GCSServer, open_backend: Open, file: File) -> None:
    server.storage.requester_pays = True
    with pytest.raises(DeniedError) as caught:
        open_backend().read("a.versions")
    assert caught.value.hint
    assert "ASSETSYNC_GCS_USER_PROJECT" in caught.value.hint
    backend = open_backend({"ASSETSYNC_GCS_USER_PROJECT": "payer"})
    backend.create("a", b"x")
    backend.list()
    backend.copy("a", "b", entry_of(b"x"))
    assert list(backend.read_range("b", 0, 1)) == [b"x"]
    file.go_on(backend, file.begun(backend))
    backend.delete("a")
    assert {request.query.get("userProject") for request in server.requests[1:] if request.is_api} == {"payer"}


def test_too_many_changes_of_one_object_are_waited_for(
    server: GCSServer, backend: GCSBackend, waits: list[float]
) -> None:
    for _ in range(3):
        server.faults.refuse(429, "rateLimitExceeded", "The object exceeded the rate limit for object mutation.")
    backend.create("a.versions", b"x")
    assert len(waits) == 3


# Threads and connections.


def test_48_requests_are_under_way_at_once(server: GCSServer, backend: GCSBackend) -> None:
    together = threading.Barrier(48, timeout=100)
    server.faults.watch = lambda request: together.wait()
    with ThreadPoolExecutor(48) as pool:
        list(pool.map(lambda number: backend.create(f"a/{number}", b"x"), range(48)))
    assert len(server.requests) == 48


def test_connections_are_used_again(server: GCSServer, backend: GCSBackend) -> None:
    for number in range(20):
        backend.create(f"a/{number}", b"x")
    assert server.connections == 1


def test_requests_go_through_the_proxy_that_the_environment_names(server: GCSServer, open_backend: Open) -> None:
    server.storage.put("bucket", "pre/a", b"x")
    backend = open_backend({"HTTP_PROXY": server.url}, endpoint="http://storage.invalid")
    assert backend.read("a").data == b"x"
    assert list(backend.read_range("a", 0, 1)) == [b"x"]
    assert {request.headers["host"] for request in server.requests} == {"storage.invalid"}


def test_a_backend_that_is_dropped_closes_its_connections(server: GCSServer, open_backend: Open) -> None:
    backend = open_store(StoreConfig("gs://bucket/pre"), server.environ)
    backend.list()
    session = backend._client._session
    assert not session.closed
    del backend
    gc.collect()
    assert session.closed


def test_a_process_that_closes_nothing_ends_in_silence(server: GCSServer) -> None:
    program = (
        "from assetsync.backends.opening import open_backend\n"
        "from assetsync.model.manifest import StoreConfig\n"
        f"backend = open_backend(StoreConfig('gs://bucket/pre'), {server.environ!r})\n"
        "print(backend.list())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-X", "dev", "-W", "error::ResourceWarning", "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "Listing(objects=[], folders=[])\n"


# The fake is what others take for Cloud Storage, too.


def test_gcsfs_reads_and_writes_the_same_objects(server: GCSServer, backend: GCSBackend) -> None:
    files = gcsfs.core.GCSFileSystem(token="anon", endpoint_url=server.url, skip_instance_cache=True)
    backend.create("a/ours", b"from us")
    assert files.cat_file("bucket/pre/a/ours") == b"from us"
    files.pipe_file("bucket/pre/a/theirs", b"from gcsfs", mode="create")
    with pytest.raises(FileExistsError):
        files.pipe_file("bucket/pre/a/theirs", b"again", mode="create")
    assert backend.read("a/theirs").data == b"from gcsfs"
    assert sorted(files.ls("bucket/pre/a", detail=False)) == ["bucket/pre/a/ours", "bucket/pre/a/theirs"]
    fsspec.asyn.sync(files.loop, files._session.close)


def test_google_cloud_storage_reads_and_writes_the_same_objects(
    server: GCSServer, backend: GCSBackend, monkeypatch: pytest.MonkeyPatch, file: File
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
    client = storage.Client(project="test")
    bucket = client.bucket("bucket")
    backend.create("a/ours", b"from us")
    assert bucket.blob("pre/a/ours").download_as_bytes() == b"from us"
    blob = bucket.blob(NAME, chunk_size=GRAIN)
    blob.upload_from_filename(str(file.path), if_generation_match=0)
    assert backend.stat(KEY)[:3] == (KEY, file.size, None)
    assert b"".join(backend.read_range(KEY, 0, file.size)) == file.data
    assert [found.name for found in client.list_blobs("bucket", prefix="pre/")] == ["pre/a/1.0/model.bin", "pre/a/ours"]
    client.close()
