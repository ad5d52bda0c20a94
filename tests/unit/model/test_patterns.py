from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetsync.model.patterns import parse_pattern, pattern_problem

TEXTS = st.text(st.sampled_from("ab/*?[]!^-\\ #:.é")) | st.text()


def matches(pattern: str, path: str) -> bool:
    return parse_pattern(pattern).matches(path, path.rpartition("/")[2], False)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 30 + "*b", "a" * 255),
        ("x/" + "*a" * 30 + "*b", "x/" + "a" * 255),
        ("**/a/" * 30 + "b", "a/" * 500 + "c"),
        ("**/" * 200 + "b", "a/" * 500 + "c"),
        ("**/*a*a*a/" * 20 + "b", ("a" * 20 + "/") * 40 + "c"),
        ("[ab]*" * 100 + "c", "ab" * 127),
        ("?*" * 300 + "c", "ab" * 127),
    ],
)
def test_no_pattern_makes_matching_slow(pattern: str, path: str) -> None:
    assert not matches(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*a*b*c", "xaxbxc", True),
        ("*a*b*c", "xaxcxb", False),
        ("*ab*ab", "abxab", True),
        ("*ab*ab", "ab", False),
        ("a*", "a", True),
        ("a/**/b/**/c", "a/x/b/b/c", True),
        ("a/**/b/**/c", "a/c/b", False),
        ("**/a/b", "a/a/b", True),
        ("a/**", "a", False),
        ("[]a]", "]", True),
        ("[^]a]", "b", True),
        ("[a-c-]", "-", True),
        (r"[\]]", "]", True),
        (r"\d", "d", True),
        (r"[\d]", "5", False),
        ("[&&~~||]", "~", True),
        ("é?", "éé", True),
        ("a.c", "abc", False),
        ("a ", "a", True),
        ("a\\ ", "a ", True),
    ],
)
def test_patterns_mean_what_they_mean_to_git(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


def test_a_pattern_has_a_bounded_length() -> None:
    assert pattern_problem("a" * 1024) is None
    assert pattern_problem("a" * 1025) == "it is longer than 1024 characters"


@given(TEXTS, TEXTS)
def test_whatever_is_no_mistake_compiles_and_matches_something_or_nothing(pattern: str, path: str) -> None:
    if pattern_problem(pattern) is None:
        matches(pattern, path)
    else:
        with pytest.raises(ValueError, match=r"^(it|a|classes) "):
            parse_pattern(pattern)
