"""Plans held against guards: a table of what breaks which."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from assetsync.manifest.parse import parse_manifest
from assetsync.model.guards import Guards, Secret
from assetsync.model.manifest import Entry, Manifest
from assetsync.plan.guards import SHOWN, guarded, loosened_since
from assetsync.plan.plan import Create, Keep, Plan, Update
from assetsync.plan.request import Request
from assetsync.render.plan_text import plan_text
from tests.unit.worlds import one, plan_sync

BUMP = Request(bump_major=frozenset({"nlp/x"}))
KEY = Secret("a", 3, "AWS access key")


def held(
    guards: Guards,
    states: Mapping[str, str],
    *,
    secrets: tuple[Secret, ...] = (),
    request: Request | None = None,
    allow: tuple[str, ...] = (),
    version: str | None = None,
) -> Plan:
    snapshot = one(version=version, **states)
    plan = plan_sync(snapshot, request or Request())
    entries = {"nlp/x": Entry("nlp/x", "models/nlp/x", version, allow_secrets=allow)}
    return guarded(plan, snapshot, guards, entries, {"nlp/x": secrets})


NEW = {"local": "dir(A,B)"}
CHANGED = {"lock": "1.2=A", "remote": "1.2=A", "local": "B"}


@pytest.mark.parametrize(
    ("guards", "states", "codes"),
    [
        (Guards(), NEW, []),
        (Guards(max_files=2), NEW, []),
        (Guards(max_files=1), NEW, ["too_many_files"]),
        (Guards(max_upload=30), NEW, []),
        (Guards(max_upload=29), NEW, ["too_large"]),
        (Guards(max_upload=29, max_files=1), NEW, ["too_large", "too_many_files"]),
        # What the version before has is copied by the store, and is no new upload.
        (Guards(max_upload=30), {"lock": "1.2=dir(A,B)", "remote": "1.2=dir(A,B)", "local": "dir(A,B,C)"}, []),
        # Nothing is published: nothing can break a guard.
        (Guards(max_files=1, max_upload=1), {"lock": "1.2=dir(A,B)", "remote": "1.2=dir(A,B)", "local": "-"}, []),
        (
            Guards(max_files=1, max_upload=1),
            {"lock": "1.2=dir(A,B)", "remote": "1.2=dir(A,B)", "local": "dir(A,B)"},
            [],
        ),
        (Guards(majors="manifest"), NEW, []),
        (Guards(majors="manifest"), CHANGED, []),
    ],
)
def test_limits(guards: Guards, states: dict[str, str], codes: list[str]) -> None:
    plan = held(guards, states)
    assert [problem.code for problem in plan.problems] == codes
    assert bool(plan.actions) != bool(codes)
    assert plan.guards == guards


def test_a_limit_is_named_with_the_number() -> None:
    (large,) = held(Guards(max_upload=29), NEW).problems
    assert large.message == "`nlp/x` would upload 30 bytes, and `max_upload` allows 29"
    (many,) = held(Guards(max_files=1), NEW).problems
    assert many.message == "`nlp/x` has 2 files, and `max_files` allows 1"


@pytest.mark.parametrize(
    ("majors", "version", "request_", "codes"),
    [
        ("any", None, BUMP, []),
        ("manifest", None, BUMP, ["major"]),
        ("manifest", "1", BUMP, ["major"]),
        ("manifest", "2", Request(), []),
        ("manifest", "1", Request(), []),
    ],
)
def test_a_new_major(majors: str, version: str | None, request_: Request, codes: list[str]) -> None:
    guards = Guards(majors=majors)  # type: ignore[arg-type]
    plan = held(guards, CHANGED, version=version, request=request_)
    assert [problem.code for problem in plan.problems] == codes
    if not codes:
        assert isinstance(plan.actions[0], Update)


def test_a_secret_blocks_and_says_where_and_what_kind() -> None:
    plan = held(Guards(), NEW, secrets=(KEY, Secret(".env", None, "environment file")))
    assert plan.actions == ()
    line, name = plan.problems
    assert (line.code, line.message) == (
        "secret",
        "line 3 of `models/nlp/x/a` holds what looks like a secret: AWS access key",
    )
    assert name.message == "`models/nlp/x/.env` is a secret: environment file"
    assert line.hint is not None
    assert "exclude: ['/a', '/.env']" in line.hint
    assert "allow_secrets: ['a', '.env']" in line.hint


def test_the_hint_for_all_secrets_of_an_asset_is_said_once() -> None:
    plan = held(Guards(), NEW, secrets=(KEY, Secret("a", 9, "private key"), Secret(".env", None, "environment file")))
    hints = [problem.hint for problem in plan.problems]
    assert hints[0] is not None
    assert hints[0].count("'a'") == 1
    assert hints[1:] == [None, None]
    assert plan_text(plan).count("hint:") == 1


def test_a_single_file_goes_by_its_name() -> None:
    secret = Secret("", 1, "private key")
    (problem,) = held(Guards(), {"local": "A"}, secrets=(secret,)).problems
    assert "line 1 of `models/nlp/x`" in problem.message
    assert problem.hint is not None
    assert "allow_secrets: ['x']" in problem.hint
    assert not held(Guards(), {"local": "A"}, secrets=(secret,), allow=("x",)).problems


def test_warn_is_a_note() -> None:
    plan = held(Guards(secrets="warn"), NEW, secrets=(KEY,))
    assert not plan.problems
    (action,) = plan.actions
    assert isinstance(action, Create)
    assert action.notes == ("line 3 of `models/nlp/x/a` holds what looks like a secret: AWS access key",)


def test_what_an_entry_allows_is_no_problem() -> None:
    assert held(Guards(), NEW, secrets=(KEY,), allow=("a",)).problems == ()
    assert len(held(Guards(), NEW, secrets=(KEY,), allow=("b",)).problems) == 1


def test_of_many_secrets_the_first_are_named() -> None:
    plan = held(Guards(), NEW, secrets=tuple(Secret("a", line, "JWT") for line in range(1, SHOWN + 6)))
    assert len(plan.problems) == SHOWN + 1
    assert "5 more" in plan.problems[-1].message


def test_what_is_unchanged_stays() -> None:
    plan = held(Guards(), {"lock": "1.2=A", "remote": "1.2=A", "local": "A"}, secrets=(KEY,))
    assert isinstance(plan.actions[0], Keep)


def test_a_guard_is_part_of_what_is_approved() -> None:
    free, held_back = held(Guards(), NEW), held(Guards(max_files=1), NEW)
    assert free.fingerprint != held_back.fingerprint


def manifest(text: str) -> Manifest:
    return parse_manifest(f"store: ./store\n{text}\n")


def test_what_a_change_of_assets_yaml_loosens() -> None:
    before = manifest("guards: {max_files: 5}\nassets: {a: {path: a, allow_secrets: [old]}}")
    now = manifest(
        "guards: {max_files: 9}\nassets: {a: {path: a, allow_secrets: [old/x, new]}, b: {path: b, allow_secrets: [k]}}"
    )
    assert list(loosened_since(before, now)) == [
        "`max_files` went from 5 to 9",
        "`a` allows secrets in `new`",
        "`b` allows secrets in `k`",
    ]
    assert list(loosened_since(None, manifest("guards: {secrets: off}"))) == ["`secrets` went from `block` to `off`"]
    assert list(loosened_since(now, before)) == ["`a` allows secrets in `old`"]
