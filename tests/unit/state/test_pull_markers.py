"""What an interrupted pull leaves behind, and what is made of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from assetsync.model.tree import file_tree
from assetsync.plan.snapshot import Absent, HalfPulled, Present
from assetsync.state.folder import Folder
from assetsync.state.pull_markers import LARGEST, UNKNOWN, Marker, Markers

HASH = "ab" * 32
MARKER = Marker("nlp/tokenizer", "1.2", "models/tokenizer")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".assetsync" / "pulls"


def _only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_another_process_finds_the_marker_until_it_is_cleared(folder: Path) -> None:
    assert Markers(Folder.at(str(folder))).get("nlp/tokenizer") is None
    Markers(Folder.at(str(folder))).write(MARKER)
    assert Markers(Folder.at(str(folder))).get("nlp/tokenizer") == MARKER
    assert Markers(Folder.at(str(folder))).get("nlp") is None
    Markers(Folder.at(str(folder))).clear("nlp/tokenizer")
    assert Markers(Folder.at(str(folder))).get("nlp/tokenizer") is None
    assert list(folder.iterdir()) == []


def test_many_are_looked_for_at_once(folder: Path) -> None:
    markers = Markers(Folder.at(str(folder)))
    assert markers.of(["nlp/tokenizer", "nlp"]) == {}
    markers.write(MARKER)
    assert markers.of(["nlp/tokenizer", "nlp"]) == {"nlp/tokenizer": MARKER}


def test_a_folder_that_cannot_be_read_marks_all(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("no folder")
    assert Markers(Folder.at(str(folder))).of(["a", "b"]) == {name: Marker(name, UNKNOWN, "") for name in ("a", "b")}


def test_clearing_what_is_not_there_is_fine(folder: Path) -> None:
    Markers(Folder.at(str(folder))).clear("nlp/tokenizer")


def test_a_later_pull_replaces_the_marker(folder: Path) -> None:
    markers = Markers(Folder.at(str(folder)))
    markers.write(MARKER)
    later = Marker("nlp/tokenizer", "1.3", "models/tokenizer")
    markers.write(later)
    assert markers.get("nlp/tokenizer") == later


def test_the_folders_that_are_to_go_are_remembered_unless_they_are_too_many(folder: Path) -> None:
    markers = Markers(Folder.at(str(folder)))
    emptied = replace(MARKER, emptied=("models/tokenizer/old/er", "models/tokenizer/old"))
    markers.write(emptied)
    assert markers.get("nlp/tokenizer") == emptied
    markers.write(replace(MARKER, emptied=tuple(f"models/tokenizer/{number}" for number in range(10_000))))
    assert markers.get("nlp/tokenizer") == MARKER


def test_only_paths_are_taken_for_folders_that_are_to_go(folder: Path) -> None:
    markers = Markers(Folder.at(str(folder)))
    markers.write(MARKER)
    document = json.loads(_only_file(folder).read_text())
    for emptied, taken in (([7, "../x", "/x", "a/b"], ("a/b",)), ("a", ()), (None, ())):
        _only_file(folder).write_text(json.dumps({**document, "emptied": emptied}))
        assert markers.get("nlp/tokenizer") == replace(MARKER, emptied=taken)


def test_names_that_differ_in_case_have_markers_of_their_own(folder: Path) -> None:
    markers = Markers(Folder.at(str(folder)))
    markers.write(MARKER)
    assert markers.get("NLP/tokenizer") is None
    assert markers.staging("NLP/tokenizer").casefold() != markers.staging("nlp/tokenizer").casefold()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format": 1}',
        b'{"format": 1, "name": "nlp/tokenizer", "version": "1.2", "path": "p", "expendable": []}',
        b'{"format": 2, "name": "other", "version": "1.2", "path": "p"}',
        b'{"format": 2, "name": "nlp/tokenizer", "version": 1.2, "path": "p"}',
        b'{"format": 2, "name": "nlp/tokenizer", "version": "1.2", "path": ["p"]}',
        b'{"format": 2, "name": "nlp/tokenizer", "version": "\\u001b[2J", "path": "p"}',
        b'{"format": 2, "name": "nlp/tokenizer", "version": "1.2", "path": "' + b"p" * LARGEST + b'"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_damaged_marker_still_is_one(folder: Path, damage: bytes) -> None:
    markers = Markers(Folder.at(str(folder)))
    markers.write(MARKER)
    _only_file(folder).write_bytes(damage)
    found = markers.get("nlp/tokenizer")
    assert found == Marker("nlp/tokenizer", UNKNOWN, "")


def test_a_marker_that_can_not_be_opened_still_is_one(folder: Path) -> None:
    markers = Markers(Folder.at(str(folder)))
    markers.write(MARKER)
    path = _only_file(folder)
    path.unlink()
    path.mkdir()
    found = markers.get("nlp/tokenizer")
    assert found == Marker("nlp/tokenizer", UNKNOWN, "")


def test_a_marker_cut_at_any_byte_still_is_one(folder: Path) -> None:
    markers = Markers(Folder.at(str(folder)))
    markers.write(MARKER)
    path = _only_file(folder)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        found = markers.get("nlp/tokenizer")
        assert found == Marker("nlp/tokenizer", UNKNOWN, "")


def test_the_local_state_with_a_marker() -> None:
    tree = file_tree(3, HASH)
    expected = HalfPulled("1.2", tree, 4, ("stamp",))
    assert MARKER.half_pulled(Present(tree, 4, ("stamp",))) == expected
    assert MARKER.half_pulled(Absent()) == HalfPulled("1.2", None)


def test_staging_is_beside_the_marker_and_not_taken_for_one(folder: Path) -> None:
    markers = Markers(Folder.at(str(folder)))
    os.makedirs(markers.staging("nlp/tokenizer"))
    assert markers.get("nlp/tokenizer") is None
    assert os.path.dirname(markers.staging("nlp/tokenizer")) == str(folder)
