"""doctor on a store into which someone hostile writes: nothing is deleted but what an unfinished publish has left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from assetsync.backends.contract import Listing, ObjectInfo
from assetsync.backends.directory import removal
from assetsync.backends.directory.listing import RESERVED_PREFIX
from assetsync.backends.directory.store import DirectoryBackend
from assetsync.backends.memory.store import MemoryBackend
from assetsync.backends.opening import open_backend
from assetsync.errors import AssetsyncError, DamagedError, StoreError
from assetsync.model.manifest import StoreConfig
from assetsync.model.versioning import MajorMinor
from assetsync.remote import documents, layout, walk
from assetsync.remote.doctor import Ailment, Clear, examine, mend
from assetsync.remote.documents import Claim
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from tests.unit.publishing import new_store, put

VICTIM = "nlp/tok"
CLAIM = documents.render_claim(Claim("id", "sha256:" + "0" * 64, False, "eve", "now"))


@pytest.fixture(autouse=True)
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """All claims count as old: who plants one can wait for a day."""
    monkeypatch.setattr("assetsync.remote.doctor.CLAIM_LIFETIME", -1.0)
    monkeypatch.setattr("assetsync.remote.doctor.CLEARED_AGE", -1.0)


@pytest.fixture
def store() -> Store:
    """With a version that must stay as it is."""
    store = new_store(MemoryBackend("memory://doctor"))
    put(store, VICTIM, "1.0", {"a": b"a", "sub/b": b"b"})
    return store


def _objects(store: Store) -> dict[str, bytes]:
    return {found.key: store.backend.read(found.key).data for found in store.backend.list().objects}


def _repair(store: Store) -> list[AssetsyncError]:
    """All repairs that there are, as the command makes them, and the errors of those that fail."""
    failed: list[AssetsyncError] = []
    for ailment in examine(store):
        try:
            mend(store, ailment)
        except AssetsyncError as error:
            failed.append(error)
    return failed


def test_leftovers_are_cleared(store: Store) -> None:
    """The repair that the other tests mislead."""
    before = _objects(store)
    for key in ("x/1.0.claim", "x/1.0/a", "x/1.0/ckpt.meta", "x/1.0"):
        store.backend.create(key, CLAIM)
    assert not _repair(store)
    assert _objects(store) == before


@pytest.mark.parametrize(
    "planted",
    [
        "1.0/x/0.0.meta",
        "1.0/x.versions",
        "1.0/x.marks",
        "1.0/x/0.0.claim",
        "1.0/a/b/2026-01-31T09-00-00Z.meta",
        "1.0/../../nlp/tok/1.0.meta",
        "1.0/./a",
        "1.0//a",
        "1.0/a\\..\\b",
        "1.0/a\nb",
        "1.0/a\u202eb",
        "1.0/C:/b",
        "1.0/" + "a/" * 300 + "a",
    ],
)
def test_a_claim_over_what_is_no_data_of_it_clears_nothing(store: Store, planted: str) -> None:
    for key in ("models/1.0.claim", "models/1.0/x/0.0/data", f"models/{planted}"):
        store.backend.create(key, CLAIM)
    before = _objects(store)
    (ailment,) = [one for one in examine(store) if one.repair]
    assert ailment.repair == Clear("1.0")
    with pytest.raises(DamagedError, match="is not cleared") as caught:
        mend(store, ailment)
    assert "\n" not in caught.value.message
    assert "\u202e" not in caught.value.message
    assert _objects(store) == before


def test_a_listing_of_what_was_not_asked_for_deletes_nothing(store: Store) -> None:
    class Lying(MemoryBackend):
        def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
            found = super().list(prefix, delimiter=delimiter)
            return found if delimiter else Listing([*found.objects, ObjectInfo(f"{VICTIM}/1.0.meta", 1)], [])

    lying = new_store(Lying("memory://lying"))
    put(lying, VICTIM, "1.0", {"a": b"a"})
    lying.backend.create("x/1.0.claim", CLAIM)
    before = _objects(lying)
    with pytest.raises(DamagedError):
        mend(lying, Ailment("x", "unfinished", "", Clear("1.0")))
    assert _objects(lying) == before


def test_a_claim_over_a_published_version_takes_the_claim_alone(store: Store) -> None:
    before = _objects(store)
    store.backend.create(layout.claim_key(VICTIM, "1.0"), CLAIM)
    assert not _repair(store)
    assert _objects(store) == before


@pytest.mark.parametrize(
    "claim",
    [
        b"",
        b"[" * 100_000,
        b"x" * 10**6,
        CLAIM.replace(b'"id": "id"', b'"id": "../../etc/passwd"'),
        CLAIM.replace(b'"id": "id"', b'"id": "a\\u0000b"'),
        CLAIM.replace(b'"id": "id"', b'"id": ""'),
        CLAIM.replace(b'"id": "id"', b'"id": "' + b"a" * 65 + b'"'),
    ],
)
def test_a_claim_that_is_none_is_told_and_left(store: Store, claim: bytes) -> None:
    store.backend.create("x/1.0.claim", claim)
    store.backend.create("x/1.0/a", b"a")
    before = _objects(store)
    (ailment,) = [one for one in examine(store) if one.asset == "x"]
    assert ailment.repair is None
    assert "can't be read" in ailment.message
    assert not _repair(store)
    assert _objects(store) == before


def test_who_claims_is_told_without_control_characters(store: Store) -> None:
    store.backend.create("x/1.0.claim", CLAIM.replace(b"eve", b"eve\\u001b[2J\\u202e\\n::error::" + b"x" * 5000))
    (ailment,) = [one for one in examine(store) if one.asset == "x"]
    assert ailment.message.isprintable()
    assert len(ailment.message) < 500


def test_a_version_with_a_hostile_meta_stays_out_and_keeps_no_other_out(store: Store) -> None:
    metas = {
        "2.0": b"",
        "3.0": b"[" * 100_000,
        "4.0": b'{"push_date": "", "is_directory": true, "contents": ["../../etc/passwd"]}',
        "5.0": b'{"push_date": "", "is_directory": true, "contents": ["a", "A"]}',
        "6.0": b'{"push_date": "", "is_directory": true, "contents": ["' + b"a/" * 50_000 + b'a"]}',
        "7.0": b'{"push_date": "", "is_directory": false, "assetsync": {"format": 1, "sizes": [9e99], "sha256": [""]}}',
    }
    for version, meta in metas.items():
        store.backend.create(layout.meta_key(VICTIM, version), meta)
    put(store, VICTIM, "1.1", {"a": b"c"})
    index = layout.versions_key(VICTIM)
    store.backend.replace(index, b'{"versions": ["9.9"]}', store.backend.read(index).tag)
    before = _objects(store)
    for error in _repair(store):
        assert isinstance(error, DamagedError)
        assert "stays out of the index" in error.message
    after = _objects(store)
    assert store.indexes.raw(VICTIM) == ("1.1", "1.0")
    assert {key: data for key, data in after.items() if key != index} == {
        key: data for key, data in before.items() if key != index
    }


def test_an_index_with_hostile_versions_is_told_and_kept_within_its_limits(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = layout.versions_key(VICTIM)
    names = ["../../x", "a\u202eb", "\n::error::", "9" * 10_000, "0.0"]
    hostile = documents.render_versions([*names, "1.0"])
    store.backend.replace(index, hostile, store.backend.read(index).tag)
    for ailment in examine(store):
        assert ailment.message.isprintable()
    _repair(store)
    assert store.indexes.raw(VICTIM)[0] == "1.0"
    monkeypatch.setattr(documents, "MAX_VERSIONS", 3)
    with pytest.raises(AssetsyncError, match="too many"):
        documents.render_versions(names)


def test_folders_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(MemoryBackend):
        def list(self, prefix: str = "", *, delimiter: bool = False) -> Listing:
            return Listing([], [f"{prefix}{name}/" for name in "abc"])

    monkeypatch.setattr(walk, "MAX_FOLDERS", 1000)
    endless = new_store(Endless("memory://endless"))
    for call in (lambda: examine(endless), endless.list):
        with pytest.raises(StoreError, match="more than 1,000 folders"):
            call()


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[tuple[Store, Path]]:
    """A store in a directory, and a folder beside it."""
    beside = tmp_path / "beside"
    (beside / "sub").mkdir(parents=True)
    for name in ("a", "sub/b"):
        (beside / name).write_text("mine")
    with_victim = Store(open_backend(StoreConfig(str(tmp_path / "store")), {}), MajorMinor(), Cache(None))
    put_victim(with_victim)
    yield with_victim, beside
    there = (path.name for path in beside.rglob("*"))
    assert sorted(name for name in there if not name.startswith(RESERVED_PREFIX)) == ["a", "b", "sub"]


def put_victim(store: Store) -> None:
    store.backend.create(f"{VICTIM}/1.0/a", b"a")
    store.backend.create(layout.meta_key(VICTIM, "1.0"), b"{}")


@pytest.mark.parametrize("at", ["x/1.0", "x/1.0/inner", "x"])
@pytest.mark.parametrize("to", ["beside", "victim"])
def test_links_in_a_store_lead_no_deletion_elsewhere(
    directory: tuple[Store, Path], at: str, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links of another user, who may write there."""
    monkeypatch.setattr(removal, "trusted", lambda owner: ())
    store, beside = directory
    assert isinstance(store.backend, DirectoryBackend)
    root = Path(store.backend.root)
    target = beside if to == "beside" else root / VICTIM / "1.0"
    (root / at).parent.mkdir(parents=True, exist_ok=True)
    os.symlink(target, root / at)
    if at == "x":
        (target / "1.0.claim").write_bytes(CLAIM)
        (target / "1.0").write_bytes(b"mine")
    else:
        (root / "x/1.0.claim").write_bytes(CLAIM)
    before = _objects(store)
    with pytest.raises(StoreError, match="a file or a link"):
        mend(store, Ailment("x", "unfinished", "", Clear("1.0")))
    after = _objects(store)
    assert {key for key in before if not key.startswith("x/")} <= after.keys()
    if at == "x":
        for name in ("1.0.claim", "1.0"):
            assert (target / name).exists()
            (target / name).unlink()


def test_an_object_that_is_a_link_loses_the_link_alone(directory: tuple[Store, Path]) -> None:
    store, beside = directory
    assert isinstance(store.backend, DirectoryBackend)
    root = Path(store.backend.root)
    (root / "x").mkdir()
    os.symlink(beside / "a", root / "x/1.0")
    (root / "x/1.0.claim").write_bytes(CLAIM)
    mend(store, Ailment("x", "unfinished", "", Clear("1.0")))
    assert not os.path.lexists(root / "x/1.0")
    assert not (root / "x/1.0.claim").exists()


def test_a_link_of_whose_the_store_is_leads_to_another_disk(directory: tuple[Store, Path], tmp_path: Path) -> None:
    store, _ = directory
    assert isinstance(store.backend, DirectoryBackend)
    (tmp_path / "disk").mkdir()
    os.symlink(tmp_path / "disk", Path(store.backend.root) / "large")
    store.backend.create("large/x", b"x")
    store.backend.delete("large/x")
    assert not (tmp_path / "disk/x").exists()
