"""Writing that begins early is a hint: the bytes are the same, and no error comes of it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from assetsync.local import writeback
from assetsync.local.writeback import start_writing


@pytest.fixture
def forgotten() -> Iterator[None]:
    writeback._call.cache_clear()
    yield
    writeback._call.cache_clear()


def test_a_file_is_what_was_written(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb", buffering=0) as file:
        file.write(b"x" * 100_000)
        start_writing(file.fileno(), 0, 100_000)
        file.write(b"y")
        start_writing(file.fileno(), 100_000, 1)
    assert (tmp_path / "a").read_bytes() == b"x" * 100_000 + b"y"


def test_what_can_not_be_written_early_is_no_error() -> None:
    reader, writer = os.pipe()
    try:
        start_writing(writer, 0, 1)  # ESPIPE
        os.write(writer, b"x")
        assert os.read(reader, 1) == b"x"
    finally:
        os.close(reader)
        os.close(writer)


def test_a_system_without_the_call_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: None
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    with (tmp_path / "a").open("wb") as file:
        file.write(b"x")
        start_writing(file.fileno(), 0, 1)
    assert (tmp_path / "a").read_bytes() == b"x"
