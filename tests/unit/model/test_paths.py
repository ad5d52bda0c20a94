from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetsync.model import paths as module
from assetsync.model.paths import parts_problem

PATHS = st.lists(st.text("aAb/.\\:\n\u00e9\u0301e", max_size=5), max_size=5)


@settings(deadline=None)
@given(paths=PATHS)
def test_the_quick_look_at_all_paths_never_passes_what_the_close_one_refuses(paths: list[str]) -> None:
    quick = parts_problem(paths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_plainly_right", lambda paths: False)
        assert parts_problem(paths) == quick


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
    assert parts_problem(paths) is not None


def test_an_ordinary_tree_passes_the_quick_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "part_problem", None)  # the close look would need it
    assert parts_problem(["a", "sub/.a", "sub/deep/a b", "sub/deep.txt"]) is None
