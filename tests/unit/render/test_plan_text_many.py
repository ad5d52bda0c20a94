"""A plan of very many assets stays readable: a row each, and single files with -v alone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from assetsync.model.changes import Changes
from assetsync.model.tree import FileEntry
from assetsync.plan.plan import Plan, Pull
from assetsync.render.plan_text import ASSETS_WITH_FILES, plan_text


@pytest.mark.parametrize("count", [ASSETS_WITH_FILES, ASSETS_WITH_FILES + 1, 200])
def test_single_files_are_shown_of_few_assets_alone(count: int) -> None:
    changes = Changes(added=(FileEntry("a/file.txt", 3, "0" * 64),))
    action = Pull(asset="x", path="x", reason="not here", base="0.0", to="0.0", changes=changes)
    plan = Plan("./store", tuple(replace(action, asset=f"x{number}") for number in range(count)), ())
    text = plan_text(plan)
    many = count > ASSETS_WITH_FILES
    assert text.count("a/file.txt") == (0 if many else count)
    assert ("-v shows them" in text) is many
    assert text.count("not here") == count
    assert plan_text(plan, verbose=True).count("a/file.txt") == count
