"""`NAME.marks`: what is read is checked like any input, and of two that change it at once no change is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from assetsync.backends.contract import Blob
from assetsync.backends.memory.store import MemoryBackend
from assetsync.errors import ConflictError, DamagedError, NotFoundError, StoreError
from assetsync.model.marks import MAX_YANKS, NO_MARKS, Act, Marks
from assetsync.model.names import Spec
from assetsync.model.versioning import MajorMinor
from assetsync.remote.documents import MAX_MARKS_BYTES, parse_marks, render_marks
from assetsync.remote.marks import MARKS_ATTEMPTS, change_marks, move_alias, read_marks, roll_back
from assetsync.remote.resolve import resolve
from assetsync.remote.store import Store
from assetsync.state.cache import Cache

ACT = Act("Ada", "2026-05-01T12:00:00+00:00", "c0ffee", "https://ci/1", "why")
OTHER = replace(ACT, who="Bob")
MOVE = {"version": "1.0", "who": "a", "when": "b"}


class Busy(MemoryBackend):
    """A store where somebody else writes between a read and the replacement: `meanwhile` runs once after a read."""

    def __init__(self) -> None:
        super().__init__("memory://busy")
        self.meanwhile: Callable[[], object] | None = None

    def read(self, key: str, *, limit: int = 64 * 1024 * 1024) -> Blob:
        try:
            return super().read(key, limit=limit)
        finally:
            if self.meanwhile is not None:
                run, self.meanwhile = self.meanwhile, None
                run()


@pytest.fixture
def backend() -> Busy:
    backend = Busy()
    for version in ("1.0", "1.1", "1.2"):
        backend.create(f"x/{version}.meta", b"{}")
    backend.create("x.versions", b'{"versions": ["1.2", "1.1", "1.0"]}')
    return backend


@pytest.fixture
def store(backend: Busy) -> Store:
    return Store(backend, MajorMinor(), Cache(None))


def test_what_is_written_is_what_is_read() -> None:
    marks = NO_MARKS.moved("x", "production", "1.0", ACT).moved("x", "production", None, OTHER)
    marks = marks.rolled_back("x", "production", ACT).moved("x", "staging", "1.1", Act("me", "now"))
    marks = marks.with_yank("x", "0.9", ACT).with_yank("x", "0.8", ACT).without_yank("x", "0.8", OTHER)
    assert parse_marks(render_marks(marks), key="x.marks") == marks
    assert render_marks(marks).isascii()


def document(**changed: Any) -> bytes:
    return json.dumps({"format": 1, "aliases": {}, "yanked": [], **changed}).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"[]", "not an object"),
        (document(format=2), "written by a newer assetsync"),
        (document(aliases=[]), "`aliases` is missing or of the wrong type"),
        (document(aliases={"a": [{**MOVE, "version": 1}]}), "of the wrong type"),
        (document(aliases={"A B": [MOVE]}), "`A B` can't be an alias"),
        (document(aliases={"a": [{**MOVE, "version": "../x"}]}), "`../x` is not a version"),
        (document(aliases={"a": [{**MOVE, "version": "@b"}]}), "`@b` is not a version"),
        (document(yanked=[{**MOVE, "version": "a/b"}]), "`a/b` is not a version"),
        (document(yanked=[{"version": "1.0"}]), "of the wrong type"),
        (document(aliases={f"a{number}": [] for number in range(101)}), "more aliases, moves or yanks"),
        (document(aliases={"a": [MOVE] * 201}), "more aliases, moves or yanks"),
        (document(yanked=[MOVE] * (MAX_YANKS + 1)), "more aliases, moves or yanks"),
        (b" " * (MAX_MARKS_BYTES + 1), "larger than"),
    ],
)
def test_what_is_not_taken(data: bytes, said: str) -> None:
    with pytest.raises(DamagedError, match=said):
        parse_marks(data, key="x.marks")


def test_foreign_text_is_made_harmless_and_cut() -> None:
    hostile = {**MOVE, "message": "\x1b[2J" + "a" * 5000, "commit": 7}
    (move,) = parse_marks(document(aliases={"a": [hostile]}), key="x.marks").moves["a"]
    assert move.act.message is not None
    assert move.act.message.startswith("\\x1b[2Jaaa")
    assert len(move.act.message) < 1100
    assert move.act.commit is None


def test_of_two_moves_at_once_both_are_kept_and_the_later_one_holds(backend: Busy, store: Store) -> None:
    backend.meanwhile = lambda: move_alias(store, "x", "production", "1.1", OTHER)
    move_alias(store, "x", "production", "1.2", ACT)
    moves = read_marks(store, "x").moves["production"]
    assert [(move.version, move.act.who) for move in moves] == [("1.1", "Bob"), ("1.2", "Ada")]


def test_of_two_rollbacks_at_once_one_is_told(backend: Busy, store: Store) -> None:
    for version in ("1.0", "1.1", "1.2"):
        move_alias(store, "x", "production", version, ACT)
    backend.meanwhile = lambda: roll_back(store, "x", "production", OTHER, seen="1.2")
    with pytest.raises(ConflictError, match=r"moved meanwhile: it is at `1.1`, and was at `1.2`"):
        roll_back(store, "x", "production", ACT, seen="1.2")
    assert read_marks(store, "x").at("production") == "1.1"


def test_a_rollback_goes_on_when_another_alias_moved_meanwhile(backend: Busy, store: Store) -> None:
    for version in ("1.0", "1.1"):
        move_alias(store, "x", "production", version, ACT)
    backend.meanwhile = lambda: move_alias(store, "x", "staging", "1.2", OTHER)
    roll_back(store, "x", "production", ACT, seen="1.1")
    assert read_marks(store, "x").aliases == {"production": "1.0", "staging": "1.2"}


def test_no_alias_moves_to_a_version_that_is_yanked_at_the_same_time(backend: Busy, store: Store) -> None:
    backend.meanwhile = lambda: change_marks(store, "x", lambda marks: marks.with_yank("x", "1.2", OTHER))
    with pytest.raises(ConflictError, match=r"`x:1.2` was yanked: why"):
        move_alias(store, "x", "production", "1.2", ACT)


def test_a_version_that_is_not_there_gets_no_alias(store: Store) -> None:
    with pytest.raises(NotFoundError, match=r"has no `x:1.9`"):
        move_alias(store, "x", "production", "1.9", ACT)
    assert read_marks(store, "x") == NO_MARKS


def test_nothing_is_written_when_nothing_changes(backend: Busy, store: Store) -> None:
    move_alias(store, "x", "production", "1.1", ACT)
    before = backend.read("x.marks")
    move_alias(store, "x", "production", "1.1", OTHER)
    assert backend.read("x.marks") == before


def test_it_gives_up_in_the_end(store: Store) -> None:
    tries: list[int] = []

    def change(marks: Marks) -> Marks:
        """Somebody else is always faster."""
        tries.append(len(tries))
        blob = store.backend.read("x.marks") if tries[1:] else Blob(b"", "")
        theirs = NO_MARKS.moved("x", f"other{len(tries)}", "1.0", OTHER)
        store.backend.replace("x.marks", render_marks(theirs), blob.tag or None)
        return marks.moved("x", "production", "1.0", ACT)

    with pytest.raises(StoreError, match=f"it changed {MARKS_ATTEMPTS} times meanwhile"):
        change_marks(store, "x", change)


def test_an_alias_in_a_spec(store: Store) -> None:
    move_alias(store, "x", "production", "1.1", ACT)
    assert resolve(store, Spec("x", "@production")) == "1.1"
    with pytest.raises(NotFoundError, match="`x` has no alias `prodduction`") as caught:
        resolve(store, Spec("x", "@prodduction"))
    assert caught.value.hint == "did you mean `x@production`?"
    with pytest.raises(NotFoundError, match="has no asset `y`"):
        resolve(store, Spec("y", "@production"))


def test_marks_are_no_asset_and_no_version(backend: Busy, store: Store) -> None:
    """Also where the asset lies in the folder of another one, and beside an asset without marks."""
    backend.create("x/deep.versions", b'{"versions": ["0.0"]}')
    backend.create("x/deep/0.0.meta", b"{}")
    move_alias(store, "x/deep", "a", "0.0", ACT)
    move_alias(store, "x", "production", "1.1", ACT)
    listed = {one.name: (one.versions, one.marks.aliases) for one in store.list()}
    assert listed == {"x": (("1.2", "1.1", "1.0"), {"production": "1.1"}), "x/deep": (("0.0",), {"a": "0.0"})}
    assert [(one.name, one.marked) for one in store.survey()] == [("x", True), ("x/deep", True)]
    assert store.folder("x").data_only == ()


def test_marks_that_cannot_be_read_hide_no_other_asset(backend: Busy, store: Store) -> None:
    backend.create("x.marks", b"{")
    backend.create("y.versions", b'{"versions": ["0.0"]}')
    first, second = store.list()
    assert first.error is not None
    assert "`x.marks` is damaged" in first.error
    assert second.versions == ("0.0",)
