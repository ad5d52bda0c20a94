from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetsync.shape import misfit

SHAPE = {"format": int, "ok": bool, "names": [str], "steps": [{"to": (str, type(None))}], "assets": {"*": [int]}}
RIGHT: dict[str, Any] = {"format": 1, "ok": True, "names": ["a"], "steps": [{"to": None}], "assets": {"x": [1, 2]}}


def test_a_document_of_the_shape_may_have_further_keys() -> None:
    assert misfit(RIGHT, SHAPE) is None
    assert misfit(RIGHT | {"further": object()}, SHAPE) is None
    assert misfit(RIGHT | {"names": [], "steps": [], "assets": {}}, SHAPE) is None


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"format": True}, "format"),  # for Python, true is a number
        ({"format": 1.0}, "format"),
        ({"ok": 1}, "ok"),
        ({"names": "a"}, "names"),
        ({"names": ["a", 1]}, "names[1]"),
        ({"steps": [{"to": "1.0"}, {}]}, "steps[1].to"),
        ({"steps": [[]]}, "steps[0]"),
        ({"assets": []}, "assets"),
        ({"assets": {"x": [1], "y": [None]}}, "assets.y[0]"),
    ],
)
def test_the_first_place_that_is_missing_or_of_another_type_is_named(change: dict[str, Any], place: str) -> None:
    assert misfit(RIGHT | change, SHAPE) == place


@pytest.mark.parametrize("key", RIGHT)
def test_a_key_that_is_missing_is_named(key: str) -> None:
    assert misfit({name: value for name, value in RIGHT.items() if name != key}, SHAPE) == key


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_judged(value: Any) -> None:
    there = json.loads(json.dumps(value))
    assert misfit(there, type(there)) is None
    assert misfit([there], [str]) == (None if type(there) is str else "[0]")
