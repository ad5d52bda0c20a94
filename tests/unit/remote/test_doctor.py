"""Clearing what a dead publish left, when it is not dead after all. The rest of doctor is in tests/e2e/test_care.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from assetsync.backends.opening import open_backend
from assetsync.errors import ConflictError
from assetsync.local.scan import scan
from assetsync.model.manifest import StoreConfig
from assetsync.model.versioning import MajorMinor
from assetsync.plan.snapshot import Present
from assetsync.pool import Transfers
from assetsync.remote import documents, layout
from assetsync.remote.doctor import Ailment, Clear, Reindex, examine, mend
from assetsync.remote.documents import Claim
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from assetsync.state.journal import Journal
from assetsync.transfer.publication import Publication
from assetsync.transfer.publish import publish

NAME = "nlp/tokenizer"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(open_backend(StoreConfig(str(tmp_path / "store")), {}), MajorMinor(), Cache(None))


@pytest.fixture
def what(tmp_path: Path) -> Publication:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_text(name)
    local = scan(str(tmp_path), "tokenizer", cache=Cache(None))
    assert isinstance(local, Present)
    return Publication(NAME, "0.0", str(folder), local)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """All claims count as old."""
    monkeypatch.setattr("assetsync.remote.doctor.CLAIM_LIFETIME", -1.0)
    monkeypatch.setattr("assetsync.remote.doctor.CLEARED_AGE", -1.0)


def keys(store: Store) -> set[str]:
    return {entry.key for entry in store.backend.list().objects}


def test_a_slow_publish_that_was_cleared_fails_and_leaves_no_version(store: Store, what: Publication) -> None:
    cleared: list[Ailment] = []

    def clear(count: int) -> None:
        if not cleared:
            cleared.extend(examine(store))
            mend(store, cleared[0])

    with Transfers(1) as transfers, pytest.raises(ConflictError, match="was cleared"):
        publish(store, what, transfers=transfers, journal=Journal(None), who="ada@host", progress=clear)
    assert [ailment.repair for ailment in cleared] == [Clear("0.0")]
    assert layout.meta_key(NAME, "0.0") not in keys(store)
    assert layout.versions_key(NAME) not in keys(store)


def test_a_publish_that_finished_before_the_repair_is_left_alone(store: Store, what: Publication) -> None:
    journal = Journal(None)
    with Transfers(1) as transfers:
        publish(store, what, transfers=transfers, journal=journal, who="ada@host", progress=lambda count: None)
    before = keys(store)
    with pytest.raises(ConflictError, match="finished meanwhile"):
        mend(store, Ailment(NAME, "unfinished", "as it looked before", Clear("0.0")))
    assert keys(store) == before - {layout.claim_key(NAME, "0.0")}


def test_a_version_that_came_after_the_look_is_not_taken_out_of_the_index(store: Store, what: Publication) -> None:
    with Transfers(1) as transfers:
        publish(store, what, transfers=transfers, journal=Journal(None), who="ada@host", progress=lambda count: None)
    mend(store, Ailment(NAME, "phantom", "as it looked before", Reindex(drop=("0.0",))))
    index = store.indexes.of(NAME)
    assert index is not None
    assert index.listed == ("0.0",)


def test_an_index_that_somebody_else_has_rebuilt_is_not_rebuilt_again(store: Store, what: Publication) -> None:
    _published(store, what)
    key = layout.versions_key(NAME)
    store.backend.replace(key, b"{", store.backend.read(key).tag)
    (found,) = [
        one for one in examine(store) if one.code == "damaged_index"
    ]  # besides the claim, which is not released
    mend(store, found)
    _published(store, replace(what, version="0.1"))
    mend(store, found)
    index = store.indexes.of(NAME)
    assert index is not None
    assert index.listed == ("0.1", "0.0")


def _dead_claim(store: Store, what: Publication, monkeypatch: pytest.MonkeyPatch) -> Ailment:
    """Leave what a publish of the same content left that died long ago; returns what `doctor` finds then."""
    store.backend.create(
        layout.claim_key(NAME, "0.0"),
        documents.render_claim(Claim("dead", what.tree.digest, what.tree.is_directory, "bob@host", "long ago")),
    )
    (found,) = examine(store)
    assert found.repair == Clear("0.0")
    monkeypatch.undo()
    monkeypatch.setattr("assetsync.transfer.publish.CLAIM_LIFETIME", -1.0)
    return found


def _published(store: Store, what: Publication) -> None:
    with Transfers(1) as transfers:
        publish(store, what, transfers=transfers, journal=Journal(None), who="ada@host", progress=lambda count: None)


def test_who_goes_on_with_an_old_claim_renews_it_so_that_nobody_clears_it(
    store: Store, what: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _dead_claim(store, what, monkeypatch)
    seen: list[Claim | None] = []

    def clear(count: int) -> None:
        claim = store.claim(NAME, "0.0")
        seen.append(claim and claim[0])
        with pytest.raises(ConflictError, match="moved meanwhile"):
            mend(store, found)

    with Transfers(1) as transfers:
        publish(store, what, transfers=transfers, journal=Journal(None), who="ada@host", progress=clear)
    assert {claim.who for claim in seen if claim} == {"ada@host"}
    assert layout.meta_key(NAME, "0.0") in keys(store)


@pytest.mark.parametrize("step", ["read_dated", "replace"])
def test_a_claim_that_is_renewed_while_it_is_looked_at_is_not_cleared(
    store: Store, what: Publication, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    found = _dead_claim(store, what, monkeypatch)
    monkeypatch.setattr("assetsync.remote.doctor.CLEARED_AGE", -1.0)
    call = getattr(store.backend, step)

    def late(*arguments: object, **more: object) -> object:
        monkeypatch.setattr(store.backend, step, call)
        _published(store, what)
        return call(*arguments, **more)

    monkeypatch.setattr(store.backend, step, late)
    with pytest.raises(ConflictError):
        mend(store, found)
    assert {layout.data_key(NAME, "0.0", path) for path in ("a", "b", "c")} < keys(store)


def test_who_published_for_long_renews_the_claim_before_the_commit(
    store: Store, what: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assetsync.transfer.publish.CLAIM_LIFETIME", -1.0)
    created: dict[str, bytes] = {}
    create = store.backend.create

    def look(key: str, data: bytes) -> None:
        created[key] = data
        if key == layout.meta_key(NAME, "0.0"):
            created["at the commit"] = store.backend.read(layout.claim_key(NAME, "0.0")).data
        create(key, data)

    monkeypatch.setattr(store.backend, "create", look)
    _published(store, what)
    claims = [documents.parse_claim(created[key], key=key) for key in (layout.claim_key(NAME, "0.0"), "at the commit")]
    assert claims[0].id != claims[1].id
    assert claims[0].digest == claims[1].digest
