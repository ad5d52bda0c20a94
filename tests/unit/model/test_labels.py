"""Which owners and tags a filter keeps."""

from __future__ import annotations

import pytest

from assetsync.errors import UsageError
from assetsync.model.labels import Filter, Labels

NONE = Labels()
ADA = Labels("ada", ("nlp", "french"))
BOB = Labels("bob", ("vision",))


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (Filter(), [NONE, ADA, BOB]),
        (Filter(tags=("nlp",)), [ADA]),
        (Filter(tags=("nlp", "vision")), [ADA, BOB]),
        (Filter(owners=("bob",)), [BOB]),
        (Filter(owners=("ada", "bob")), [ADA, BOB]),
        (Filter(tags=("nlp",), owners=("ada",)), [ADA]),
        (Filter(tags=("nlp",), owners=("bob",)), []),
    ],
)
def test_any_of_the_tags_and_any_of_the_owners_but_both(wanted: Filter, kept: list[Labels]) -> None:
    assert [one for one in (NONE, ADA, BOB) if wanted.keeps(one)] == kept
    assert bool(wanted) is (wanted != Filter())


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        (Filter(tags=("nlpp",)), "no asset of `f` has the tag `nlpp`", "did you mean `nlp`?"),
        (Filter(tags=("x", "y")), "no asset of `f` has the tag `x`", "the tags are `french`, `nlp`, `vision`"),
        (Filter(owners=("adda",)), "no asset of `f` has the owner `adda`", "did you mean `ada`?"),
        (Filter(("nlp",), ("bob",)), "no asset of `f` has all that is asked for", "give fewer names, tags or owners"),
    ],
)
def test_a_filter_that_keeps_nothing_says_what_was_meant(wanted: Filter, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        wanted.narrowed((), {"none": NONE, "ada": ADA, "bob": BOB}, "`f`")
    error = caught.value
    assert (error.message, error.hint) == (message, hint)


def test_without_any_tags_it_says_where_they_are_written() -> None:
    with pytest.raises(UsageError) as caught:
        Filter(tags=("x",)).narrowed(["none"], {"none": NONE}, "`f`")
    assert caught.value.hint == "give one tag to an asset in assets.yaml"
