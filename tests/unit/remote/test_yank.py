"""Yanking in a store: the mark first, then the index; cut short anywhere, or beside others, nothing is lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest

from assetsync.backends.memory.store import MemoryBackend
from assetsync.errors import ConflictError, DamagedError, NotFoundError
from assetsync.model.marks import Act
from assetsync.model.tree import file_tree
from assetsync.model.versioning import MajorMinor, SimpleDate
from assetsync.remote.doctor import examine, mend
from assetsync.remote.documents import render_versions
from assetsync.remote.layout import data_key
from assetsync.remote.marks import move_alias, read_marks
from assetsync.remote.store import Store
from assetsync.remote.yank import relist, undo, yank
from assetsync.state.cache import Cache
from tests.unit.publishing import put_meta

ACT = Act("Ada", "2026-05-01T12:00:00+00:00", message="wrong labels")
VERSIONS = ("1.3", "1.2", "1.1", "0.5", "0.4")


class Interrupted(Exception):  # noqa: N818 - stands for a kill
    """The process is gone."""


class Fragile(MemoryBackend):
    """A store whose client dies before the `dies_at`th replacement, and where `meanwhile` runs once before one."""

    def __init__(self) -> None:
        super().__init__("memory://fragile")
        self.replacements = 0
        self.dies_at: int | None = None
        self.meanwhile: Callable[[], object] | None = None

    def replace(self, key: str, data: bytes, tag: str | None) -> None:
        if self.meanwhile is not None:
            run, self.meanwhile = self.meanwhile, None
            run()
        self.replacements += 1
        if self.replacements == self.dies_at:
            raise Interrupted
        super().replace(key, data, tag)


@pytest.fixture
def backend() -> Fragile:
    return Fragile()


@pytest.fixture
def store(backend: Fragile) -> Store:
    store = Store(backend, MajorMinor(), Cache(None))
    for version in VERSIONS:
        commit(store, version, version.encode())
    backend.create("x.versions", render_versions(VERSIONS))
    return store


def commit(store: Store, version: str, data: bytes) -> None:
    """A version that is whole, and in no index."""
    store.backend.create(data_key("x", version), data)
    put_meta(store, "x", version, file_tree(len(data), hashlib.sha256(data).hexdigest()))


def listed(store: Store) -> list[str]:
    found: list[str] = json.loads(store.backend.read("x.versions").data)["versions"]
    return found


def without(*versions: str) -> list[str]:
    return [one for one in VERSIONS if one not in versions]


def test_it_leaves_the_index_and_nothing_else(store: Store) -> None:
    before = {entry.key for entry in store.backend.list().objects}
    yank(store, "x", "1.2", ACT)
    assert listed(store) == without("1.2")
    assert {entry.key for entry in store.backend.list().objects} == before | {"x.marks"}
    assert read_marks(store, "x").yanked["1.2"].why == "wrong labels"
    yank(store, "x", "1.2", ACT)
    assert len(read_marks(store, "x").yanks) == 1


def test_taken_back(store: Store) -> None:
    yank(store, "x", "1.2", ACT)
    undo(store, "x", "1.2", ACT)
    assert listed(store) == list(VERSIONS)
    assert read_marks(store, "x").yanked == {}
    undo(store, "x", "1.2", ACT)
    with pytest.raises(NotFoundError, match=r"`x:1.1` is not yanked"):
        undo(store, "x", "1.1", ACT)


@pytest.mark.parametrize("version", ["1.3", "0.5"])
def test_the_newest_of_a_line_stays_since_modelkit_would_publish_over_it(store: Store, version: str) -> None:
    with pytest.raises(ConflictError, match="is the newest of its line") as caught:
        yank(store, "x", version, ACT)
    assert caught.value.hint is not None
    assert f"`assetsync yank x:{version} --republish OLD`" in caught.value.hint
    assert listed(store) == list(VERSIONS)
    assert read_marks(store, "x").yanked == {}


def test_of_dates_the_newest_may_go_while_another_is_left(backend: Fragile) -> None:
    store = Store(backend, SimpleDate(), Cache(None))
    dates = ("2026-04-02T00-00-00Z", "2026-04-01T00-00-00Z")
    for date in dates:
        commit(store, date, date.encode())
    backend.create("x.versions", render_versions(dates))
    yank(store, "x", dates[0], ACT)
    assert listed(store) == [dates[1]]
    with pytest.raises(ConflictError):
        yank(store, "x", dates[1], ACT)


def test_what_is_not_there_or_not_listed(store: Store) -> None:
    with pytest.raises(NotFoundError, match=r"has no `x:1.9`"):
        yank(store, "x", "1.9", ACT)
    commit(store, "1.4", b"just published")
    with pytest.raises(ConflictError, match="may just be being published"):
        yank(store, "x", "1.4", ACT)


def test_not_while_an_alias_is_at_it(store: Store) -> None:
    move_alias(store, "x", "production", "1.2", ACT)
    with pytest.raises(ConflictError, match=r"`x@production` is at `x:1.2`"):
        yank(store, "x", "1.2", ACT)
    assert listed(store) == list(VERSIONS)


@pytest.mark.parametrize("dies_at", [1, 2])
@pytest.mark.parametrize("back", [False, True])
def test_killed_at_each_write_the_same_command_finishes(
    backend: Fragile, store: Store, dies_at: int, back: bool
) -> None:
    run = undo if back else yank
    if back:
        yank(store, "x", "1.2", ACT)
    backend.replacements, backend.dies_at = 0, dies_at
    with pytest.raises(Interrupted):
        run(store, "x", "1.2", ACT)
    fresh = Store(backend, MajorMinor(), Cache(None))
    run(fresh, "x", "1.2", ACT)
    assert listed(fresh) == (list(VERSIONS) if back else without("1.2"))
    assert list(read_marks(fresh, "x").yanked) == ([] if back else ["1.2"])
    assert examine(fresh) == []


@pytest.mark.parametrize("back", [False, True])
def test_killed_in_between_doctor_finishes_too(backend: Fragile, store: Store, back: bool) -> None:
    run = undo if back else yank
    if back:
        yank(store, "x", "1.2", ACT)
    backend.replacements, backend.dies_at = 0, 2
    with pytest.raises(Interrupted):
        run(store, "x", "1.2", ACT)
    fresh = Store(backend, MajorMinor(), Cache(None))
    (ailment,) = examine(fresh)
    assert ailment.code == ("unlisted" if back else "yanked")
    mend(fresh, ailment)
    assert listed(fresh) == (list(VERSIONS) if back else without("1.2"))
    assert examine(fresh) == []


def test_a_publish_at_the_same_time_loses_nothing(backend: Fragile, store: Store) -> None:
    other = Store(backend, MajorMinor(), Cache(None))

    def publish() -> None:
        commit(other, "1.4", b"new")
        other.indexes.add("x", "1.4")

    backend.meanwhile = publish
    yank(store, "x", "1.2", ACT)
    assert listed(store) == ["1.4", *without("1.2")]


def test_two_yanks_at_once(backend: Fragile, store: Store) -> None:
    other = Store(backend, MajorMinor(), Cache(None))
    backend.meanwhile = lambda: yank(other, "x", "1.1", ACT)
    yank(store, "x", "1.2", ACT)
    assert listed(store) == without("1.1", "1.2")
    assert set(read_marks(store, "x").yanked) == {"1.1", "1.2"}


# -- doctor


def test_doctor_leaves_a_yanked_version_out_of_an_index_that_it_makes_anew(backend: Fragile, store: Store) -> None:
    yank(store, "x", "1.2", ACT)
    for damage in (b"", b'{"versions": ["1.3"]}'):
        backend.replace("x.versions", damage, backend.read("x.versions").tag)
        for ailment in examine(store):
            mend(store, ailment)
        assert listed(store) == without("1.2")
    backend.delete("x.versions")
    for ailment in examine(store):
        mend(store, ailment)
    assert listed(store) == without("1.2")


def test_a_repair_does_not_bring_back_what_was_yanked_since_it_was_looked_for(backend: Fragile, store: Store) -> None:
    backend.replace("x.versions", render_versions(without("1.1")), backend.read("x.versions").tag)
    (ailment,) = examine(store)
    assert ailment.code == "unlisted"
    other = Store(backend, MajorMinor(), Cache(None))
    relist(other, "x", ["1.1"])
    yank(other, "x", "1.1", ACT)
    mend(store, ailment)
    assert listed(store) == without("1.1")


def test_a_version_that_is_yanked_while_it_is_listed_again_stays_out(backend: Fragile, store: Store) -> None:
    """The last look at the marks is for a yank that came after the first one, and found nothing to unlist."""
    backend.replace("x.versions", render_versions(without("1.1")), backend.read("x.versions").tag)
    other = Store(backend, MajorMinor(), Cache(None))

    def others() -> None:
        relist(other, "x", ["1.1"])
        yank(other, "x", "1.1", ACT)

    backend.meanwhile = others
    assert relist(store, "x", ["1.1"]) == ["1.1"]
    assert listed(store) == without("1.1")


def test_marks_that_can_not_be_read_keep_doctor_from_guessing(backend: Fragile, store: Store) -> None:
    backend.create("x.marks", b"{")
    backend.replace("x.versions", render_versions(without("1.1")), backend.read("x.versions").tag)
    (ailment,) = examine(store)
    assert (ailment.code, ailment.repair) == ("damaged_marks", None)
    with pytest.raises(DamagedError):
        relist(store, "x", ["1.1"])
    assert listed(store) == without("1.1")
