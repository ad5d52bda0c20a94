"""Large files in parts: any order, from another client after the first one died, and create-only as a whole."""

from __future__ import annotations

import pytest

from assetsync.backends.contract import MultipartBackend, Part
from assetsync.errors import ExistsError, NotFoundError
from assetsync.model.tree import FileEntry
from tests.contract.harness import Target, content, entry_of, some_bytes

KEY = "big/1.0/model.bin"


@pytest.fixture
def data(parts: MultipartBackend) -> bytes:
    """Enough for three full parts and a little."""
    size = parts.multipart_threshold + 1
    while size <= 3 * parts.part_size(size):
        size += parts.part_size(size)
    assert size < 50 * 1024 * 1024, "let `Server.open` make the parts smaller"
    return some_bytes(size)


def _numbers(backend: MultipartBackend, data: bytes) -> list[int]:
    return list(range(1, -(-len(data) // backend.part_size(len(data))) + 1))


def _send(backend: MultipartBackend, upload_id: str, data: bytes, number: int) -> Part:
    size = backend.part_size(len(data))
    return backend.upload_part(KEY, upload_id, number, memoryview(data)[(number - 1) * size : number * size], len(data))


def _send_all(backend: MultipartBackend, data: bytes, entry: FileEntry) -> None:
    upload_id = backend.begin_upload(KEY, entry)
    sent = [_send(backend, upload_id, data, number) for number in _numbers(backend, data)]
    backend.complete_upload(KEY, upload_id, sent, entry)


def test_parts_become_one_object(target: Target, parts: MultipartBackend, data: bytes) -> None:
    entry = entry_of(data)
    _send_all(parts, data, entry)
    info = target.open().stat(KEY)
    assert info.size == len(data)
    assert info.sha256 in (None, entry.sha256)
    assert content(target.backend, KEY) == data


def test_parts_may_come_in_any_order(target: Target, parts: MultipartBackend, data: bytes) -> None:
    if parts.sequential_parts:
        pytest.skip("this store takes parts in order only")
    entry = entry_of(data)
    upload_id = parts.begin_upload(KEY, entry)
    sent = [_send(parts, upload_id, data, number) for number in reversed(_numbers(parts, data))]
    parts.complete_upload(KEY, upload_id, sorted(sent, key=lambda part: part.number), entry)
    assert content(target.backend, KEY) == data


def test_nothing_is_there_before_completion(target: Target, parts: MultipartBackend, data: bytes) -> None:
    upload_id = parts.begin_upload(KEY, entry_of(data))
    for number in _numbers(parts, data)[:-1]:
        _send(parts, upload_id, data, number)
    assert target.backend.list() == ([], [])
    with pytest.raises(NotFoundError):
        target.backend.stat(KEY)


def test_another_client_goes_on_where_the_first_one_died(target: Target, parts: MultipartBackend, data: bytes) -> None:
    path, entry = target.file(data)
    upload_id = parts.begin_upload(KEY, entry)
    first = [_send(parts, upload_id, data, number) for number in (1, 2)]
    other = target.open()
    assert isinstance(other, MultipartBackend)
    found = list(other.uploaded_parts(KEY, upload_id, path, entry))
    assert [(part.number, part.size) for part in found] == [(part.number, part.size) for part in first]
    missing = [number for number in _numbers(other, data) if number not in {part.number for part in found}]
    sent = [*found, *[_send(other, upload_id, data, number) for number in missing]]
    other.complete_upload(KEY, upload_id, sent, entry)
    assert content(target.backend, KEY) == data


def test_an_upload_without_parts_has_none(target: Target, parts: MultipartBackend, data: bytes) -> None:
    path, entry = target.file(data)
    upload_id = parts.begin_upload(KEY, entry)
    assert list(parts.uploaded_parts(KEY, upload_id, path, entry)) == []


def test_a_part_may_be_sent_again(target: Target, parts: MultipartBackend, data: bytes) -> None:
    if parts.sequential_parts:
        pytest.skip("this store takes parts in order only")
    entry = entry_of(data)
    upload_id = parts.begin_upload(KEY, entry)
    _send(parts, upload_id, data, 1)
    sent = [_send(parts, upload_id, data, number) for number in _numbers(parts, data)]
    parts.complete_upload(KEY, upload_id, sent, entry)
    assert content(target.backend, KEY) == data


def test_completion_never_overwrites(target: Target, parts: MultipartBackend, data: bytes) -> None:
    entry = entry_of(data)
    upload_id = parts.begin_upload(KEY, entry)
    sent = [_send(parts, upload_id, data, number) for number in _numbers(parts, data)]
    target.open().create(KEY, b"faster")
    with pytest.raises(ExistsError):
        parts.complete_upload(KEY, upload_id, sent, entry)
    parts.abort_upload(KEY, upload_id)
    assert content(target.backend, KEY) == b"faster"


def test_a_whole_upload_over_an_object_is_refused_somewhere(
    target: Target, parts: MultipartBackend, data: bytes
) -> None:
    target.backend.create(KEY, b"first")
    with pytest.raises(ExistsError):
        _send_all(parts, data, entry_of(data))
    assert content(target.backend, KEY) == b"first"


def test_an_aborted_upload_is_gone(target: Target, parts: MultipartBackend, data: bytes) -> None:
    path, entry = target.file(data)
    upload_id = parts.begin_upload(KEY, entry)
    _send(parts, upload_id, data, 1)
    parts.abort_upload(KEY, upload_id)
    parts.abort_upload(KEY, upload_id)
    if not target.server.aborted_parts_stay:
        with pytest.raises(NotFoundError):
            parts.uploaded_parts(KEY, upload_id, path, entry)
    assert target.backend.list() == ([], [])
    target.backend.create(KEY, b"another")
    assert content(target.backend, KEY) == b"another"


def test_a_large_object_is_copied(target: Target, parts: MultipartBackend, data: bytes) -> None:
    entry = entry_of(data)
    _send_all(parts, data, entry)
    target.backend.copy(KEY, "big/1.1/model.bin", entry)
    assert content(target.backend, "big/1.1/model.bin") == data
