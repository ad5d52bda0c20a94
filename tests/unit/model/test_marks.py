"""Aliases and yanks as values: where an alias is, where a rollback leads, and what the two forbid each other."""

from __future__ import annotations

import pytest

from assetsync.errors import ConflictError, InvalidError, NotFoundError
from assetsync.model.marks import MAX_ALIASES, MAX_MOVES, NO_MARKS, Act, Marks, alias_in, alias_problem
from assetsync.model.names import Spec, parse_spec
from assetsync.model.versioning import BUILT_IN, is_valid

ACT = Act("Ada", "2026-05-01T12:00:00+00:00", "c0ffee", None, "why")


def at(*steps: str) -> Marks:
    """`production` after some steps: a version, `back` or `gone`."""
    marks = NO_MARKS
    for step in steps:
        if step == "back":
            marks = marks.rolled_back("nlp/x", "production", ACT)
        else:
            marks = marks.moved("nlp/x", "production", None if step == "gone" else step, ACT)
    return marks


@pytest.mark.parametrize(
    ("steps", "expected", "before"),
    [
        (["1.0"], "1.0", None),
        (["1.0", "1.1"], "1.1", "1.0"),
        (["1.0", "1.1", "back"], "1.0", None),
        (["1.0", "1.1", "1.2", "back"], "1.1", "1.0"),
        (["1.0", "1.1", "1.2", "back", "back"], "1.0", None),
        (["1.0", "1.1", "back", "1.2"], "1.2", "1.0"),
        (["1.0", "1.1", "back", "1.2", "back"], "1.0", None),
        (["1.0", "gone"], None, "1.0"),
        (["1.0", "gone", "back"], "1.0", None),
        (["1.0", "1.0"], "1.0", None),
    ],
)
def test_where_an_alias_is_and_where_a_rollback_leads(
    steps: list[str], expected: str | None, before: str | None
) -> None:
    assert (at(*steps).at("production"), at(*steps).before("production")) == (expected, before)


def test_a_rollback_that_leads_nowhere() -> None:
    with pytest.raises(NotFoundError, match="was at no other version before"):
        at("1.0", "1.1", "back", "back")
    with pytest.raises(NotFoundError, match="has no alias `production`"):
        at("back")


def test_each_move_is_kept_with_who_and_why_and_a_move_to_where_it_is_is_none() -> None:
    marks = at("1.0", "1.1", "1.1", "back")
    assert [(move.version, move.back) for move in marks.moves["production"]] == [
        ("1.0", False),
        ("1.1", False),
        ("1.0", True),
    ]
    assert all(move.act == ACT for move in marks.moves["production"])


def test_the_oldest_moves_are_forgotten_and_aliases_are_not_without_end() -> None:
    marks = at(*(f"1.{number}" for number in range(MAX_MOVES + 5)))
    assert [move.version for move in marks.moves["production"]][:2] == ["1.5", "1.6"]
    many = NO_MARKS
    for number in range(MAX_ALIASES):
        many = many.moved("x", f"a{number}", "1.0", ACT)
    with pytest.raises(InvalidError, match="can't have more"):
        many.moved("x", "one-more", "1.0", ACT)
    assert many.moved("x", "a0", "1.1", ACT).at("a0") == "1.1"


@pytest.mark.parametrize("alias", ["", "1", "1.2", "Production", "a_", ".a", "a/b", "a@b", "a b", "é", "x" * 65, "a\n"])
def test_what_is_no_name_of_an_alias(alias: str) -> None:
    assert alias_problem(alias) is not None
    with pytest.raises(InvalidError):
        NO_MARKS.moved("x", alias, "1.0", ACT)


def test_a_mistyped_alias() -> None:
    marks = at("1.0").moved("nlp/x", "staging", "1.0", ACT)
    with pytest.raises(NotFoundError, match="no alias `prodution`") as caught:
        marks.resolved("nlp/x", "prodution")
    assert caught.value.hint == "did you mean `nlp/x@production`?"
    with pytest.raises(NotFoundError) as caught:
        marks.resolved("nlp/x", "zzz")
    assert caught.value.hint == "there are `nlp/x@production`, `nlp/x@staging`"


# -- specs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nlp/x@production", Spec("nlp/x", "@production")),
        ("nlp/x@a.b-c_d1[sub/part]", Spec("nlp/x", "@a.b-c_d1", "sub/part")),
    ],
)
def test_a_spec_with_an_alias(text: str, expected: Spec) -> None:
    assert parse_spec(text) == expected
    assert str(expected) == text
    assert alias_in(expected.version) == (expected.version or "")[1:]


@pytest.mark.parametrize("text", ["x@", "x@1.0", "x@A", "@a", "x:1@a", "x@a:1", "x@a@b", "x:@a", "x[a]@b"])
def test_what_is_no_spec_with_an_alias(text: str) -> None:
    with pytest.raises(InvalidError):
        parse_spec(text)


def test_no_versioning_system_takes_an_alias_for_a_version() -> None:
    class Anything:
        def check(self, version: str) -> None:
            """All are fine."""

    assert not is_valid(Anything(), "@production")  # type: ignore[arg-type]
    assert not any(is_valid(system(), "@production") for system in BUILT_IN.values())


# -- yanks


def test_an_alias_and_a_yank_exclude_each_other() -> None:
    marks = at("1.0", "1.1")
    with pytest.raises(ConflictError, match=r"`nlp/x@production` is at `nlp/x:1.1`") as caught:
        marks.with_yank("nlp/x", "1.1", ACT)
    assert caught.value.hint is not None
    assert "--rollback" in caught.value.hint
    yanked = marks.with_yank("nlp/x", "1.0", ACT)
    with pytest.raises(ConflictError, match=r"`nlp/x:1.0` was yanked: why"):
        yanked.moved("nlp/x", "staging", "1.0", ACT)
    with pytest.raises(ConflictError, match=r"`nlp/x:1.0` was yanked: why"):
        yanked.rolled_back("nlp/x", "production", ACT)


def test_an_alias_at_a_yanked_version_which_only_a_hand_can_make_is_not_resolved() -> None:
    marks = Marks(at("1.0").moves, NO_MARKS.with_yank("nlp/x", "1.0", ACT).yanks)
    with pytest.raises(NotFoundError, match=r"is at `1.0`, which was yanked: why"):
        marks.resolved("nlp/x", "production")


def test_a_yank_that_is_taken_back_stays_in_the_records() -> None:
    yanked = NO_MARKS.with_yank("x", "1.0", ACT)
    assert yanked.with_yank("x", "1.0", ACT) == yanked
    undone = yanked.without_yank("x", "1.0", ACT)
    assert (list(yanked.yanked), list(undone.yanked)) == (["1.0"], [])
    assert undone.without_yank("x", "1.0", ACT) == undone
    again = undone.with_yank("x", "1.0", ACT)
    assert [yank.undone for yank in again.yanks] == [ACT, None]
    assert list(again.yanked) == ["1.0"]
    with pytest.raises(NotFoundError, match=r"`x:2.0` is not yanked"):
        again.without_yank("x", "2.0", ACT)
