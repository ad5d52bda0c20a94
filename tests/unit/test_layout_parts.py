from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetsync import layout

PATHS = st.lists(st.text("aAb/.\\:\n\u00e9\u0301e", max_size=5), max_size=5)


@settings(deadline=None)
@given(paths=PATHS)
def test_the_quick_look_at_all_paths_never_passes_what_the_close_one_refuses(paths: list[str]) -> None:
    quick = layout.parts_problem(paths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "_plainly_right", lambda paths: False)
        assert layout.parts_problem(paths) == quick


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a/b"],
        ["a", "A/b"],
        ["a/b", "A/c"],
        ["a", "A"],
        ["/a"],
        ["a/"],
        ["a//b"],
        [""],
        ["../a"],
        ["a/./b"],
        ["C:a"],
    ],
)
def test_what_one_file_system_or_another_cannot_hold_is_refused(paths: list[str]) -> None:
    assert layout.parts_problem(paths) is not None


def test_an_ordinary_tree_passes_the_quick_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "part_problem", None)  # the close look would need it
    assert layout.parts_problem(["a", "sub/.a", "sub/deep/a b", "sub/deep.txt"]) is None
