"""Versions that the caller chooses, and the numbers that are offered for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from assetsync import AssetStore, ConflictError, NotFoundError, TakenError, UsageError
from assetsync.remote import layout
from assetsync.remote.documents import Claim, render_claim


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AssetStore]:
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("two")
    environ = {"ASSETSYNC_STATE_DIR": str(tmp_path / "state")}
    with AssetStore("./store", directory=tmp_path, environ=environ) as store:
        yield store


def test_exact_versions_are_published_in_any_order(store: AssetStore) -> None:
    assert store.new("a", name="m", version="2.3") == "2.3"
    assert store.update("b", name="m", version="0.7") == "0.7"
    assert store.update("a", name="m", version="12.0") == "12.0"  # of the same content as 2.3, as asked
    assert store.versions("m") == ["12.0", "2.3", "0.7"]
    assert store.plan_update("b", name="m", version="2.4").actions[0].base == "2.3"
    assert store.update("b", name="m") == "12.1"


def test_the_same_once_more_is_nothing_and_another_is_refused(store: AssetStore) -> None:
    store.new("a", name="m", version="1.0")
    assert store.update("a", name="m", version="1.0") == "1.0"
    with pytest.raises(TakenError, match=r"`m:1\.0` exists already, with other content"):
        store.update("b", name="m", version="1.0")
    with pytest.raises(NotFoundError):
        store.update("a", name="other", version="1.0")
    assert store.versions("m") == ["1.0"]


def _claim(store: AssetStore, version: str, digest: str) -> None:
    claim = Claim("0" * 32, digest, False, "Bo on ci", "2026-01-01T00:00:00+00:00")
    store.store.backend.create(layout.claim_key("m", version), render_claim(claim))


def test_an_unfinished_publish_is_gone_on_with_or_waited_for_and_left_out_of_the_numbers(store: AssetStore) -> None:
    store.new("a", name="m")
    content = store.plan_update("b", name="m", version="0.1").actions[0].content
    assert content is not None
    _claim(store, "0.1", content.digest)
    _claim(store, "1.0", "sha256:" + "1" * 64)
    with pytest.raises(ConflictError, match=r"Bo on ci began to publish `m:1\.0`"):
        store.update("b", name="m", version="1.0")
    assert store.next_version("m") == "0.2"
    assert store.next_version("m", bump_major=True) == "1.1"
    assert store.update("b", name="m", version="0.1") == "0.1"
    assert store.next_version("m") == "0.2"


def test_data_that_a_dead_publisher_left_is_not_overwritten(store: AssetStore, tmp_path: Path) -> None:
    store.new("a", name="m")
    left = tmp_path / "store/m/0.1"
    left.write_text("left")
    with pytest.raises(TakenError, match="occupied by an unfinished publish"):
        store.update("b", name="m", version="0.1")
    assert left.read_text() == "left"


def test_the_numbers_that_are_offered(store: AssetStore) -> None:
    assert store.initial_version() == "0.0"
    store.new("a", name="other")
    with pytest.raises(NotFoundError, match="has no asset `m`"):
        store.next_version("m")
    store.new("a", name="m", version="0.9")
    store.update("b", name="m", version="1.0")
    assert store.next_version("m") == "1.1"
    assert store.next_version("m", major="0") == "0.10"
    assert store.next_version("m", bump_major=True) == "2.0"
    with pytest.raises(UsageError):
        store.next_version("m", bump_major=True, major="0")
    with pytest.raises(Exception, match="there is no version line `5`; there are `1`, `0`"):
        store.next_version("m", major="5")


def test_an_unlisted_version_counts(store: AssetStore, tmp_path: Path) -> None:
    store.new("a", name="m")
    store.update("b", name="m")
    (tmp_path / "store/m.versions").write_text(json.dumps({"versions": ["0.0"]}))
    assert store.next_version("m") == "0.2"
    with pytest.raises(TakenError):
        store.update("a", name="m", version="0.1")


def test_dates_may_be_chosen_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    environ = {"ASSETSYNC_STATE_DIR": str(tmp_path / "state"), "ASSETSYNC_VERSIONING": "simple_date"}
    with AssetStore("./store", directory=tmp_path, environ=environ) as store:
        date = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ")
        assert date.fullmatch(store.initial_version())
        assert store.new("a", name="m", version="2020-01-01T00-00-00Z") == "2020-01-01T00-00-00Z"
        assert store.update("a", name="m", version="2021-01-01T00-00-00Z") == "2021-01-01T00-00-00Z"
        assert date.fullmatch(store.next_version("m"))
        with pytest.raises(UsageError, match="have no lines"):
            store.update("a", name="m", version="1")
        with pytest.raises(UsageError, match="have no lines"):
            store.next_version("m", bump_major=True)
