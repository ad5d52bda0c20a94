"""What a publish remembers for the one that goes on after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assetsync.model.tree import FileEntry
from assetsync.state.folder import Folder
from assetsync.state.journal import Journal

STORE = "s3://bucket/prefix"
ENTRY = FileEntry("model.bin", 10, "0" * 64)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / ".assetsync" / "journal")


def test_another_process_knows_the_claims_made_from_here(folder: str) -> None:
    journal = Journal(Folder.at(folder))
    journal.add_claim("one", STORE, "a:1.0")
    journal.add_claim("two", STORE, "a:1.1")
    assert Journal(Folder.at(folder)).claims() == {"one", "two"}
    Journal(Folder.at(folder)).drop_claim("one")
    assert journal.claims() == {"two"}


def test_all_claims_on_a_version_are_dropped_at_once(folder: str) -> None:
    journal = Journal(Folder.at(folder))
    journal.add_claim("one", STORE, "a:1.0")
    journal.add_claim("two", STORE, "a:1.0")
    journal.add_claim("three", STORE, "a:1.1")
    journal.add_claim("four", "s3://other", "a:1.0")
    Journal(Folder.at(folder)).drop_claims(STORE, "a:1.0")
    assert journal.claims() == {"three", "four"}


def test_another_process_goes_on_with_an_upload(folder: str) -> None:
    Journal(Folder.at(folder)).begin_upload(STORE, "a/1.0/model.bin", ENTRY, "id of\nthe upload \u00fc")
    assert Journal(Folder.at(folder)).upload(STORE, "a/1.0/model.bin", ENTRY) == "id of\nthe upload \u00fc"
    assert Journal(Folder.at(folder)).claims() == frozenset()
    Journal(Folder.at(folder)).end_upload(STORE, "a/1.0/model.bin", ENTRY)
    assert Journal(Folder.at(folder)).upload(STORE, "a/1.0/model.bin", ENTRY) is None


@pytest.mark.parametrize(
    ("store", "key", "entry"),
    [
        ("s3://other", "a/1.0/model.bin", ENTRY),
        (STORE, "a/1.1/model.bin", ENTRY),
        (STORE, "a/1.0/model.bin", ENTRY._replace(sha256="1" * 64)),
    ],
)
def test_an_upload_of_something_else_is_not_gone_on_with(folder: str, store: str, key: str, entry: FileEntry) -> None:
    journal = Journal(Folder.at(folder))
    journal.begin_upload(STORE, "a/1.0/model.bin", ENTRY, "id")
    assert journal.upload(store, key, entry) is None
    assert journal.upload(STORE, "a/1.0/model.bin", ENTRY) == "id"


def test_a_second_upload_of_the_same_takes_the_place_of_the_first(folder: str) -> None:
    journal = Journal(Folder.at(folder))
    journal.begin_upload(STORE, "a/1.0", ENTRY, "a long id that was first")
    journal.begin_upload(STORE, "a/1.0", ENTRY, "second")
    assert journal.upload(STORE, "a/1.0", ENTRY) == "second"


def test_dropping_what_is_not_there_is_no_error(folder: str) -> None:
    Journal(Folder.at(folder)).drop_claim("none")
    Journal(Folder.at(folder)).end_upload(STORE, "a/1.0", ENTRY)


def test_nothing_is_made_before_there_is_something_to_remember(folder: str) -> None:
    journal = Journal(Folder.at(folder))
    assert journal.claims() == frozenset()
    assert journal.upload(STORE, "a/1.0", ENTRY) is None
    assert not os.path.exists(folder)


def test_upload_ids_are_for_their_owner_alone(folder: str) -> None:
    Journal(Folder.at(folder)).begin_upload(STORE, "a/1.0", ENTRY, "whoever knows it can write")
    (name,) = os.listdir(folder)
    assert os.stat(os.path.join(folder, name)).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("writable", [True, False])
def test_without_a_usable_folder_it_remembers_in_memory(tmp_path: Path, writable: bool) -> None:
    (tmp_path / "file").write_bytes(b"")
    journal = Journal(None if writable else Folder.at(str(tmp_path / "file" / "journal")))
    journal.add_claim("one", STORE, "a:1.0")
    journal.begin_upload(STORE, "a/1.0", ENTRY, "id")
    assert journal.claims() == {"one"}
    assert journal.upload(STORE, "a/1.0", ENTRY) == "id"
    journal.drop_claim("one")
    journal.end_upload(STORE, "a/1.0", ENTRY)
    assert journal.claims() == frozenset()
    assert journal.upload(STORE, "a/1.0", ENTRY) is None


def test_an_entry_is_there_whole_or_not_at_all(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(Folder.at(folder))
    journal.begin_upload(STORE, "key", ENTRY, "first")

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            journal.begin_upload(STORE, "key", ENTRY, "second")
        with pytest.raises(KeyboardInterrupt):
            journal.add_claim("one", STORE, "a:1.0")
    assert Journal(Folder.at(folder)).upload(STORE, "key", ENTRY) == "first"
    assert Journal(Folder.at(folder)).claims() == frozenset()


def test_an_entry_that_was_lost_with_the_power_is_none(folder: str) -> None:
    Journal(Folder.at(folder)).begin_upload(STORE, "key", ENTRY, "id")
    (name,) = os.listdir(folder)
    Path(folder, name).write_bytes(b"")
    assert Journal(Folder.at(folder)).upload(STORE, "key", ENTRY) is None
