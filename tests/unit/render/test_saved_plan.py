from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.plan.plan import Plan
from assetsync.plan.request import Request
from assetsync.plan.snapshot import Snapshot
from assetsync.render.plan_json import plan_document
from assetsync.render.saved_plan import (
    Document,
    parse_saved_plan,
    render_saved_plan,
    request_of,
    saved_plan,
    what_moved,
)
from tests.unit.plan.test_decide_properties import worlds
from tests.unit.worlds import Asset, World, plan_sync, tree

MANIFEST = "assets: {}\n"
LOCK = "lock_version: 1\n"

WORLD = World(
    (
        Asset("a", lock="1.2=A", remote="1.1=Z 1.2=A", local="B"),
        Asset("b", lock="0.3=C", remote="0.3=C", local="C"),
        Asset("c", local="dir(A,B)"),
        Asset("d", lock="0.1=A", in_manifest=False),
    )
)


def planned(world: World, manifest: str = MANIFEST, lock: str | None = LOCK) -> Plan:
    return plan_sync(world.snapshot(), world.request).based_on(manifest, lock)


def saved(plan: Plan, request: Request | None = None) -> Document:
    return parse_saved_plan(render_saved_plan(plan, request or Request()))


def moved(before: Document, now: Plan) -> list[str]:
    return what_moved(before, saved_plan(now, request_of(before)))


def changed(name: str, **states: Any) -> World:
    assets = (replace(asset, **states) if asset.name == name else asset for asset in WORLD.assets)
    return replace(WORLD, assets=tuple(assets))


def test_a_saved_plan_is_the_document_of_the_plan_with_its_basis() -> None:
    plan = planned(WORLD)
    document = json.loads(render_saved_plan(plan, Request(("a", "b"), supersede=frozenset({"b", "a"}))))
    basis = document.pop("basis")
    assert document == plan_document(plan)
    assert basis == {
        "names": ["a", "b"],
        "options": {"bump_major": [], "supersede": ["a", "b"], "discard_local": [], "force": []},
        "dated": False,
        "manifest": plan.basis.manifest,
        "lock": plan.basis.lock,
        "assets": {
            "a": {"local": f"file {tree('B').digest}", "locked": "1.2", "remote": ["1.2", "1.1"]},
            "b": {"local": f"file {tree('C').digest}", "locked": "0.3", "remote": ["0.3"]},
            "c": {"local": f"directory {tree('dir(A,B)').digest}", "locked": None, "remote": []},
        },
    }


def test_a_saved_plan_reads_as_it_was_written() -> None:
    plan = planned(WORLD, lock=None)
    request = Request(
        ("a",),
        bump_major=frozenset("a"),
        supersede=frozenset("b"),
        discard_local=frozenset("c"),
        force=frozenset("d"),
    )
    found = saved(plan, request)
    assert request_of(found) == request
    assert found == saved_plan(plan, request)


@settings(max_examples=80, deadline=None)
@given(worlds())
def test_a_plan_that_is_made_again_has_not_moved(world: tuple[Snapshot, Request]) -> None:
    snapshot, options = world
    plan = plan_sync(snapshot, options).based_on(MANIFEST, LOCK)
    later = replace(snapshot, now=snapshot.now + timedelta(minutes=5))
    assert moved(saved(plan), plan_sync(later, options).based_on(MANIFEST, LOCK)) == []


@settings(max_examples=80, deadline=None)
@given(worlds(), worlds())
def test_a_plan_that_does_something_else_has_moved(
    one: tuple[Snapshot, Request], other: tuple[Snapshot, Request]
) -> None:
    before, after = (plan_sync(*world).based_on(MANIFEST, LOCK) for world in (one, other))
    if before.fingerprint != after.fingerprint:
        assert moved(saved(before), after)


def short(content: str) -> str:
    return f"{'directory' if content.startswith('dir') else 'file'} {tree(content).digest[:19]}…"


MOVES = [
    (changed("a", remote="1.1=Z 1.2=A 1.3=C"), ["`a`: newest remote version moved from `1.2` to `1.3`"]),
    (changed("c", remote="0.0=Z"), ["`c`: newest remote version moved from nothing to `0.0`"]),
    (changed("a", remote="1.0=Y 1.1=Z 1.2=A"), ["`a`: the store has got `1.0`"]),
    (changed("a", remote="1.2=A"), ["`a`: the store has no longer `1.1`"]),
    (changed("a", local="C"), [f"`a`: local content moved from `{short('B')}` to `{short('C')}`"]),
    (changed("c", local="dir(A)"), [f"`c`: local content moved from `{short('dir(A,B)')}` to `{short('dir(A)')}`"]),
    (changed("b", local="-"), [f"`b`: local content moved from `{short('C')}` to nothing"]),
    (changed("b", local="half 0.3"), [f"`b`: local content moved from `{short('C')}` to `half-pulled 0.3`"]),
    (changed("b", local="bad"), [f"`b`: local content moved from `{short('C')}` to `unusable`"]),
    (changed("a", lock="1.1=Z"), ["`a`: locked version moved from `1.2` to `1.1`"]),
    (changed("a", lock="-"), ["`a`: locked version moved from `1.2` to nothing"]),
    (changed("b", in_manifest=False), ["`b`: is no longer in assets.yaml"]),
    (changed("d", in_manifest=True, remote="0.1=A", local="A"), ["`d`: is new in assets.yaml"]),
    (changed("d", lock="-"), ["`d`: the plan moved from `forget 0.1` to nothing"]),
    (
        changed("a", remote="1.1=Z 1.2=A 1.3~C@90"),
        ["`a`: the plan moved from `update 1.2 → 1.3` to `update 1.2 → 1.4`"],
    ),
    (
        changed("a", remote="1.1=Z 1.2=A 1.3~C@5"),
        ["`a`: the plan moved from `update 1.2 → 1.3` to `problem in_progress`"],
    ),
    (
        changed("a", path="models/elsewhere"),
        ["`a`: the plan moved from `update 1.2 → 1.3 of models/a` to `update 1.2 → 1.3 of models/elsewhere`"],
    ),
    (
        changed("a", remote="1.1=Z 1.2=A 1.3=C", local="C"),
        [
            f"`a`: local content moved from `{short('B')}` to `{short('C')}`",
            "`a`: newest remote version moved from `1.2` to `1.3`",
        ],
    ),
]


@pytest.mark.parametrize(("world", "expected"), MOVES)
def test_what_moved_is_named_from_what_to_what(world: World, expected: list[str]) -> None:
    assert moved(saved(planned(WORLD)), planned(world)) == expected


def test_a_manifest_or_a_lock_that_was_touched_has_moved() -> None:
    found = moved(saved(planned(WORLD)), planned(WORLD, manifest="assets: {} # touched\n", lock=None))
    assert len(found) == 2
    assert found[0].startswith("assets.yaml moved from `sha256:")
    assert found[1].startswith("assets.lock moved from `sha256:")
    assert found[1].endswith(" to nothing")


def test_another_store_has_moved() -> None:
    plan = planned(WORLD)
    assert moved(saved(plan), replace(plan, store="s3://other"))[0] == (
        "the store moved from `s3://bucket/assets` to `s3://other`"
    )


def test_a_bump_that_would_rewrite_the_manifest_differently_has_moved() -> None:
    plan = planned(WORLD)
    text = render_saved_plan(plan, Request()).replace(plan.fingerprint, "sha256:" + "0" * 64)
    (words,) = moved(parse_saved_plan(text), plan)
    assert words.startswith("the plan: its fingerprint was sha256:000")


def test_a_date_to_come_does_not_move_by_itself_but_a_new_one_does() -> None:
    world = World(
        (Asset("a", lock="2026-04-01T00-00-00Z=A", remote="2026-04-01T00-00-00Z=A", local="B"),), "simple_date"
    )
    before = saved(planned(world))
    assert moved(before, planned(replace(world, now=world.now + timedelta(days=9)))) == []
    other = replace(world.assets[0], remote="2026-04-01T00-00-00Z=A 2026-04-02T00-00-00Z=C")
    assert moved(before, planned(replace(world, assets=(other,)))) == [
        "`a`: newest remote version moved from `2026-04-01T00-00-00Z` to `2026-04-02T00-00-00Z`"
    ]


def test_options_are_planned_with_again() -> None:
    bump = Request(bump_major=frozenset({"a"}))
    found = saved(planned(replace(WORLD, request=bump)), bump)
    assert moved(found, planned(replace(WORLD, request=request_of(found)))) == []
    assert moved(found, planned(WORLD)) == ["`a`: the plan moved from `update 1.2 → 2.0` to `update 1.2 → 1.3`"]


def test_a_plan_made_offline_can_be_saved_but_not_carried_out() -> None:
    offline = World((Asset("b", lock="0.3=C", remote="0.3=C", local="C"),), online=False)
    with pytest.raises(InvalidError, match="offline"):
        saved(planned(offline))


# -- files that are something else


@pytest.mark.parametrize("text", ["", "not json", "[]", "null", '"x"', "[" * 100_000, "{", "\ufeff{}", "1" * 5000])
def test_what_is_no_json_object_is_no_saved_plan(text: str) -> None:
    with pytest.raises(InvalidError, match="this is not a saved plan"):
        parse_saved_plan(text)


def test_the_json_of_a_plan_is_not_enough() -> None:
    with pytest.raises(InvalidError, match="not a saved plan: it does not say") as caught:
        parse_saved_plan(json.dumps(plan_document(planned(WORLD))))
    assert caught.value.hint == "save one with `assetsync plan -o FILE`"


def test_a_newer_format_says_what_to_do() -> None:
    with pytest.raises(InvalidError, match="format 2, and this assetsync knows 1"):
        parse_saved_plan('{"format_version": 2, "everything": "new"}')


def broken(change: Callable[[dict[str, Any]], object]) -> str:
    document = json.loads(render_saved_plan(planned(WORLD), Request()))
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d.pop("format_version"), "format_version"),
        (lambda d: d.update(format_version="1"), "format_version"),
        (lambda d: d.update(format_version=True), "format_version"),
        (lambda d: d.pop("store"), "store"),
        (lambda d: d.update(fingerprint=None), "fingerprint"),
        (lambda d: d.update(basis=[]), "basis"),
        (lambda d: d.update(actions={}), "actions"),
        (lambda d: d.update(actions=[1]), r"actions\[0\]"),
        (lambda d: d["actions"][1].pop("asset"), r"actions\[1\]\.asset"),
        (lambda d: d["actions"][1].pop("from"), r"actions\[1\]\.from"),
        (lambda d: d["actions"][1].update(to=5), r"actions\[1\]\.to"),
        (lambda d: d.update(problems=[{"asset": "a"}]), r"problems\[0\]\.code"),
        (lambda d: d["basis"].pop("names"), r"basis\.names"),
        (lambda d: d["basis"].update(names=[1]), r"basis\.names\[0\]"),
        (lambda d: d["basis"].pop("options"), r"basis\.options"),
        (lambda d: d["basis"]["options"].pop("force"), r"basis\.options\.force"),
        (lambda d: d["basis"].pop("lock"), r"basis\.lock"),
        (lambda d: d["basis"].update(dated=0), r"basis\.dated"),
        (lambda d: d["basis"]["assets"].update(a=None), r"basis\.assets\.a"),
        (lambda d: d["basis"]["assets"]["a"].pop("remote"), r"basis\.assets\.a\.remote"),
        (lambda d: d["basis"]["assets"]["a"].pop("locked"), r"basis\.assets\.a\.locked"),
    ],
)
def test_a_file_of_another_shape_is_refused_at_its_place(
    change: Callable[[dict[str, Any]], object], place: str
) -> None:
    with pytest.raises(InvalidError, match=f"this is not a saved plan: `{place}` is missing or of the wrong type"):
        parse_saved_plan(broken(change))


def test_keys_of_later_versions_of_this_format_are_no_hindrance() -> None:
    text = broken(lambda d: (d.update(later=1), d["basis"].update(later=1), d["actions"][0].update(later=1)))
    assert moved(parse_saved_plan(text), planned(WORLD)) == []


def test_a_hostile_file_can_do_nothing_to_a_terminal() -> None:
    evil = "\x1b[2J\n\u202e"
    text = broken(
        lambda d: (
            d.update(store=evil, fingerprint=evil),
            d["basis"]["assets"].update({evil: d["basis"]["assets"]["a"]}),
        )
    )
    for words in moved(parse_saved_plan(text), planned(WORLD)):
        assert words == printable(words)
    with pytest.raises(InvalidError) as caught:
        parse_saved_plan(broken(lambda d: d["basis"]["assets"].update({evil: 1})))
    assert caught.value.message == printable(caught.value.message)
