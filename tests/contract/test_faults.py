"""Servers that refuse, stumble or hang up: what is retried, what is not, and what is true afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assetsync.backends.contract import Backend, MultipartBackend
from assetsync.backends.retry import MAX_WAIT, MOST_ATTEMPTS, PATIENCE
from assetsync.errors import (
    ChangedError,
    ChecksumError,
    DeniedError,
    ExistsError,
    StoreError,
    TransientError,
    UnreachableError,
)
from tests.contract.harness import ALWAYS, Fault, Faults, Target, content, entry_of, need, some_bytes

PASSING = [Fault.SLOW_DOWN, Fault.SERVER_ERROR, Fault.CUT]


def _operations(target: Target) -> dict[str, Callable[[Backend], object]]:
    """Each operation of a backend, on a store that `_fill` prepared."""
    path, entry = target.file(b"upload")
    return {
        "list": lambda backend: backend.list("old/"),
        "read": lambda backend: backend.read("old/a"),
        "stat": lambda backend: backend.stat("old/a"),
        "create": lambda backend: backend.create("new/created", b"x"),
        "replace": lambda backend: backend.replace("new/replaced", b"x", None),
        "upload": lambda backend: backend.upload("new/uploaded", path, entry),
        "read_range": lambda backend: list(backend.read_range("old/a", 0, 3)),
        "copy": lambda backend: backend.copy("old/a", "new/copied", entry_of(b"old")),
        "delete": lambda backend: backend.delete("old/b"),
    }


OPERATIONS = ["list", "read", "stat", "create", "replace", "upload", "read_range", "copy", "delete"]


def _fill(target: Target) -> None:
    target.backend.create("old/a", b"old")
    target.backend.create("old/b", b"old")


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_passes_is_tried_again(
    target: Target, faults: Faults, waits: list[float], operation: str, fault: Fault
) -> None:
    need(faults, fault)
    _fill(target)
    faults.inject(fault, 2)
    _operations(target)[operation](target.backend)
    assert len(waits) >= 1


def test_retries_wait_longer_and_longer_and_end(target: Target, faults: Faults, waits: list[float]) -> None:
    need(faults, Fault.SLOW_DOWN)
    _fill(target)
    faults.inject(Fault.SLOW_DOWN, ALWAYS)
    before = faults.requests
    with pytest.raises(TransientError) as caught:
        target.backend.read("old/a")
    assert "old/a" in caught.value.message
    assert 3 <= faults.requests - before <= MOST_ATTEMPTS
    assert PATIENCE <= sum(waits) <= PATIENCE + MAX_WAIT
    assert len(set(waits)) == len(waits), "waits without jitter make a herd"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_denied_is_denied_and_not_tried_again(
    target: Target, faults: Faults, waits: list[float], operation: str
) -> None:
    need(faults, Fault.DENIED)
    _fill(target)
    faults.inject(Fault.DENIED, ALWAYS)
    before = faults.requests
    with pytest.raises(DeniedError) as caught:
        _operations(target)[operation](target.backend)
    assert target.backend.url in caught.value.message
    assert caught.value.hint
    assert waits == []
    assert faults.requests - before <= 2


def test_a_body_that_breaks_off_is_read_on(target: Target, faults: Faults) -> None:
    need(faults, Fault.CUT_BODY)
    data = some_bytes(300_000)
    target.backend.create("a/1.0", data)
    faults.inject(Fault.CUT_BODY, 2)
    assert b"".join(target.backend.read_range("a/1.0", 10, 299_980)) == data[10:-10]
    faults.inject(Fault.CUT_BODY, 1)
    assert target.backend.read("a/1.0").data == data


def test_the_lost_reply_of_a_create_is_ours(target: Target, faults: Faults) -> None:
    need(faults, Fault.LOST_REPLY)
    faults.inject(Fault.LOST_REPLY)
    target.backend.create("a/1.0.claim", b"mine")
    assert target.backend.read("a/1.0.claim").data == b"mine"


def test_a_create_that_stumbles_over_another_ones_object_is_refused(target: Target, faults: Faults) -> None:
    need(faults, Fault.CUT)
    target.open().create("a/1.0.claim", b"theirs")
    faults.inject(Fault.CUT)
    with pytest.raises(ExistsError):
        target.backend.create("a/1.0.claim", b"mine")
    assert target.backend.read("a/1.0.claim").data == b"theirs"


def test_the_lost_reply_of_an_upload_is_ours(target: Target, faults: Faults) -> None:
    need(faults, Fault.LOST_REPLY)
    data = some_bytes(50_000)
    path, entry = target.file(data)
    counts: list[int] = []
    faults.inject(Fault.LOST_REPLY)
    target.backend.upload("a/1.0", path, entry, counts.append)
    assert content(target.backend, "a/1.0") == data
    assert sum(counts) == len(data)


def test_the_lost_reply_of_a_replace_leaves_the_new_bytes(target: Target, faults: Faults) -> None:
    need(faults, Fault.LOST_REPLY)
    target.backend.create("a.versions", b"one")
    tag = target.backend.read("a.versions").tag
    faults.inject(Fault.LOST_REPLY)
    try:
        target.backend.replace("a.versions", b"two", tag)
    except ChangedError:
        pass  # its caller reads again, and sees that it has won
    assert target.backend.read("a.versions").data == b"two"


def test_the_lost_reply_of_a_copy_leaves_the_copy(target: Target, faults: Faults) -> None:
    need(faults, Fault.LOST_REPLY)
    target.backend.create("a/1.0", b"data")
    faults.inject(Fault.LOST_REPLY)
    try:
        target.backend.copy("a/1.0", "a/1.1", entry_of(b"data"))
    except ExistsError:
        pass  # its caller compares, and finds the object right
    assert content(target.backend, "a/1.1") == b"data"


def test_the_lost_reply_of_a_delete_is_no_error(target: Target, faults: Faults) -> None:
    need(faults, Fault.LOST_REPLY)
    target.backend.create("a/1.0.claim", b"mine")
    faults.inject(Fault.LOST_REPLY)
    target.backend.delete("a/1.0.claim")
    assert target.backend.list() == ([], [])


def test_bytes_that_change_on_the_way_are_sent_again_or_refused(target: Target, faults: Faults) -> None:
    need(faults, Fault.CORRUPT)
    data = some_bytes(50_000)
    path, entry = target.file(data)
    faults.inject(Fault.CORRUPT, ALWAYS)
    with pytest.raises((ChecksumError, TransientError)):
        target.backend.upload("a/1.0", path, entry)
    faults.clear()
    assert target.backend.list() == ([], [])
    target.backend.upload("a/1.0", path, entry)
    assert content(target.backend, "a/1.0") == data


def _three_parts(parts: MultipartBackend) -> bytes:
    size = parts.multipart_threshold + 1
    while size <= 2 * parts.part_size(size):
        size += parts.part_size(size)
    return some_bytes(size)


def _cut(parts: MultipartBackend, data: bytes) -> list[memoryview]:
    step = parts.part_size(len(data))
    return [memoryview(data)[start : start + step] for start in range(0, len(data), step)]


def test_a_part_that_changes_on_the_way_is_not_kept(target: Target, faults: Faults, parts: MultipartBackend) -> None:
    need(faults, Fault.CORRUPT)
    if parts.sequential_parts:
        pytest.skip("this store verifies the whole, at its completion")
    data = _three_parts(parts)
    path, entry = target.file(data)
    pieces = _cut(parts, data)
    upload_id = parts.begin_upload("a/1.0", entry)
    faults.inject(Fault.CORRUPT, ALWAYS)
    with pytest.raises((ChecksumError, TransientError)):
        parts.upload_part("a/1.0", upload_id, 1, pieces[0], len(data))
    faults.clear()
    assert list(parts.uploaded_parts("a/1.0", upload_id, path, entry)) == []
    sent = [
        parts.upload_part("a/1.0", upload_id, number, piece, len(data)) for number, piece in enumerate(pieces, start=1)
    ]
    parts.complete_upload("a/1.0", upload_id, sent, entry)
    assert content(target.backend, "a/1.0") == data


@pytest.mark.parametrize("fault", [*PASSING, Fault.LOST_REPLY], ids=lambda fault: fault.name.lower())
def test_every_step_of_an_upload_in_parts_is_tried_again(
    target: Target, faults: Faults, parts: MultipartBackend, fault: Fault
) -> None:
    need(faults, fault)
    data = _three_parts(parts)
    path, entry = target.file(data)
    faults.inject(fault)
    upload_id = parts.begin_upload("a/1.0", entry)
    sent = []
    for number, piece in enumerate(_cut(parts, data), start=1):
        faults.inject(fault)
        sent.append(parts.upload_part("a/1.0", upload_id, number, piece, len(data)))
    if fault is not Fault.LOST_REPLY:
        faults.inject(fault)
        assert [part.number for part in parts.uploaded_parts("a/1.0", upload_id, path, entry)] == [
            part.number for part in sent
        ]
    faults.inject(fault)
    try:
        parts.complete_upload("a/1.0", upload_id, sent, entry)
    except ExistsError:
        assert fault is Fault.LOST_REPLY  # its caller compares, and finds the object right
    faults.clear()
    assert content(target.backend, "a/1.0") == data


def test_denied_parts_are_denied(target: Target, faults: Faults, parts: MultipartBackend, waits: list[float]) -> None:
    need(faults, Fault.DENIED)
    data = _three_parts(parts)
    path, entry = target.file(data)
    upload_id = parts.begin_upload("a/1.0", entry)
    faults.inject(Fault.DENIED, ALWAYS)
    with pytest.raises(DeniedError):
        parts.begin_upload("a/1.1", entry_of(data))
    with pytest.raises(DeniedError):
        parts.upload_part("a/1.0", upload_id, 1, _cut(parts, data)[0], len(data))
    with pytest.raises(DeniedError):
        parts.uploaded_parts("a/1.0", upload_id, path, entry)
    assert waits == []


def test_a_server_that_is_not_there_is_unreachable(target: Target, waits: list[float]) -> None:
    config = target.server.unreachable()
    if config is None:
        pytest.skip("this store needs no server")
    backend = target.open(config)
    with pytest.raises(UnreachableError) as caught:
        backend.list()
    assert caught.value.hint
    assert len(waits) <= 5


def test_every_error_names_the_store(target: Target) -> None:
    for call in (
        lambda: target.backend.read("nothing/here"),
        lambda: target.backend.stat("nothing/here"),
        lambda: target.backend.copy("nothing/here", "b", entry_of(b"x")),
    ):
        with pytest.raises(StoreError) as caught:
            call()
        assert target.backend.url in caught.value.message
        assert "\n" not in caught.value.message
