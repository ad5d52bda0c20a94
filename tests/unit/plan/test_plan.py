from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from assetsync.errors import ConflictError, InvalidError
from assetsync.model.changes import compare
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import FileEntry
from assetsync.plan.plan import Problem, text_digest
from assetsync.plan.request import Request
from tests.unit.worlds import Asset, World, one, plan_sync

files = st.lists(
    st.builds(FileEntry, st.sampled_from("abcdef"), st.integers(0, 9), st.sampled_from(["", "1", "2"])),
    unique_by=lambda file: file.path,
).map(tuple)


@given(files, files)
def test_changes_tell_every_file_of_both_sides_once(old: tuple[FileEntry, ...], new: tuple[FileEntry, ...]) -> None:
    changes = compare(old, new)
    assert len(changes.added) + len(changes.changed) + changes.unchanged == len(new)
    assert len(changes.removed) + len(changes.changed) + changes.unchanged == len(old)
    before = {file.path: file for file in old}
    for file in changes.changed:
        assert not file.sha256 or before[file.path].sha256 != file.sha256
    assert all(file.path not in before for file in changes.added)
    assert compare(new, new).unchanged == sum(bool(file.sha256) for file in new)


def test_the_fingerprint_is_what_apply_would_do_and_nothing_else() -> None:
    world = World(
        (Asset("a", lock="1.0=A", remote="1.0=A", local="B"), Asset("b", remote="2.0=C"), Asset("c", local="D"))
    )
    plan = plan_sync(world.snapshot())
    assert plan.fingerprint.startswith("sha256:")
    assert len(plan.fingerprint) == 7 + 64

    def fingerprint(**changed: Any) -> str:
        first = replace(world.assets[0], **changed)
        return plan_sync(World((first, *world.assets[1:])).snapshot()).fingerprint

    # A file that is missing on one machine, or a lock that is noted to be behind: the same for `apply`.
    here = replace(world.assets[1], lock="2.0=C", local="C")
    with_b = World((world.assets[0], here, world.assets[2]))
    assert plan_sync(with_b.snapshot()).fingerprint == plan.fingerprint
    assert fingerprint(lock="-") == plan.fingerprint
    assert fingerprint(remote="1.0=A 1.1~B@90") == plan.fingerprint
    for field, value in (
        ("local", "C"),
        ("path", "p"),
        ("version", "2"),
        ("local", "dir(B)"),
        ("remote", "1.0=A 1.1~C@90"),
    ):
        assert fingerprint(**{field: value}) != plan.fingerprint
    elsewhere = replace(
        world.snapshot(), lock=None, manifest=replace(world.snapshot().manifest, store=StoreConfig("s3://other"))
    )
    assert plan_sync(elsewhere).fingerprint != plan.fingerprint


def test_a_problem_is_part_of_the_fingerprint() -> None:
    first, second = (one(lock="1.0=A", remote=remote, local="C") for remote in ("1.0=A 1.1=B", "1.0=A 1.1~B@5"))
    assert plan_sync(first).fingerprint != plan_sync(second).fingerprint


def test_a_rewritten_line_is_part_of_the_fingerprint() -> None:
    bump = Request(bump_major=frozenset({"nlp/x"}))
    declared = plan_sync(one(version="2", lock="1.0=A", remote="1.0=A", local="A"))
    rewritten = plan_sync(one(version="1", lock="1.0=A", remote="1.0=A", local="A"), bump)
    assert declared.fingerprint != rewritten.fingerprint


def test_a_date_to_come_is_the_same_whenever_one_looks() -> None:
    world = World((Asset(local="A"),), versioning="simple_date")
    later = replace(world, now=world.now + timedelta(days=3))
    assert plan_sync(world.snapshot()).fingerprint == plan_sync(later.snapshot()).fingerprint
    locked = World(
        (Asset(lock="2026-04-01T00-00-00Z=A", remote="2026-04-01T00-00-00Z=A 2026-04-02T00-00-00Z=B", local="B"),),
        "simple_date",
    )
    assert [plan_sync(locked.snapshot()).timeless(a) for a in plan_sync(locked.snapshot()).actions] == [
        "2026-04-02T00-00-00Z"
    ]


def test_a_plan_is_bound_to_texts() -> None:
    plan = plan_sync(one(local="A"))
    assert (plan.basis.manifest, plan.basis.lock) == (None, None)
    bound = plan.based_on("assets: {}\n", None)
    assert bound.basis.manifest == text_digest("assets: {}\n")
    assert bound.basis.lock is None
    assert bound.basis.assets == plan.basis.assets
    assert bound.fingerprint == plan.fingerprint


@pytest.mark.parametrize(
    ("code", "kind", "exit_code"),
    [("diverged", ConflictError, 3), ("in_progress", ConflictError, 3), ("lost", InvalidError, 1)],
)
def test_a_problem_is_an_error_with_the_exit_code_of_its_kind(code: str, kind: type, exit_code: int) -> None:
    error = Problem("x", code, "what is wrong", "what helps").error()
    assert type(error) is kind
    assert (error.message, error.hint, error.exit_code) == ("what is wrong", "what helps", exit_code)
