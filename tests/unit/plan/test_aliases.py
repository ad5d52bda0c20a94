"""Readonly entries whose `version` is an alias: the lock keeps its version, and `upgrade` alone moves it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from assetsync.errors import ManifestError
from assetsync.manifest.parse import parse_manifest
from assetsync.model.lock import Lock
from assetsync.model.manifest import StoreConfig
from assetsync.model.marks import NO_MARKS, Act
from assetsync.plan.request import Purpose, Request
from assetsync.plan.snapshot import Snapshot
from tests.unit.worlds import gathered, one, outcome, plan_sync, plan_upgrade

ACT = Act("Ada", "now")
MOVED = "`@production` is at `1.1`: `assetsync upgrade nlp/x`"
GONE = "`nlp/x` has no alias `production` any more"


def world(lock: str, local: str, *aliased: str, alias: str = "@production", online: bool = True) -> Snapshot:
    """The versions 1.0 to 1.2, and `production` where `aliased` moved it; `gone` takes it away."""
    marks = NO_MARKS
    for version in aliased:
        marks = marks.moved("nlp/x", "production", None if version == "gone" else version, ACT)
    found = one(lock=lock, remote="1.0=A 1.1=B 1.2=C", local=local, readonly=True, version=alias)
    remote = {name: replace(asset, marks=marks if online else None) for name, asset in found.remote.items()}
    return replace(found, remote=remote, online=online)


@pytest.mark.parametrize(
    ("lock", "local", "aliased", "synced", "upgraded", "note"),
    [
        ("-", "-", ["1.1"], "pull 1.1", "pull 1.1", None),
        ("-", "B", ["1.1"], "lock 1.1", "lock 1.1", None),
        ("1.1=B", "B", ["1.1"], "none 1.1", "none 1.1", None),
        ("1.1=B", "-", ["1.1"], "pull 1.1", "pull 1.1", None),
        # It is not the newest that is taken, and back is a way, too.
        ("1.0=A", "A", ["1.1"], "none 1.0", "pull 1.1", MOVED),
        ("1.2=C", "C", ["1.2", "1.1"], "none 1.2", "pull 1.1", MOVED),
        ("1.0=A", "-", ["1.1"], "pull 1.0", "pull 1.1", MOVED),
        ("1.0=A", "A", ["1.0", "gone"], "none 1.0", "problem unknown_alias", GONE),
        ("-", "-", [], "problem unknown_alias", "problem unknown_alias", None),
        ("-", "-", ["1.9"], "problem unknown_version", "problem unknown_version", None),
    ],
)
def test_what_an_alias_leads_to(
    lock: str, local: str, aliased: list[str], synced: str, upgraded: str, note: str | None
) -> None:
    snapshot = world(lock, local, *aliased)
    sync, upgrade = plan_sync(snapshot), plan_upgrade(snapshot)
    assert (outcome(sync), outcome(upgrade)) == (synced, upgraded)
    assert [one for action in sync.actions for one in action.notes] == ([note] if note else [])


@pytest.mark.parametrize("purpose", [Purpose.SYNC, Purpose.UPGRADE])
@pytest.mark.parametrize("lock", ["-", "1.0=A"])
def test_gathering_finds_it_in_the_marks(purpose: Purpose, lock: str) -> None:
    snapshot = world(lock, "-", "1.1")
    request = Request(purpose=purpose)
    seen = gathered(snapshot, request)
    assert seen.remote["nlp/x"].marks is not None
    plan = plan_sync if purpose is Purpose.SYNC else plan_upgrade
    assert plan(seen).actions == plan(snapshot).actions


def test_a_mistyped_alias_in_a_manifest_is_named() -> None:
    (problem,) = plan_sync(world("-", "-", "1.1", alias="@prodution")).problems
    assert (problem.code, problem.hint) == ("unknown_alias", "did you mean `nlp/x@production`?")


def test_offline_the_lock_holds_and_an_alias_alone_is_not_enough() -> None:
    assert outcome(plan_sync(world("1.0=A", "A", online=False))) == "none 1.0"
    assert outcome(plan_sync(world("-", "-", online=False))) == "problem needs_store"


# -- in assets.yaml and assets.lock


def manifest(entry: str) -> str:
    return f"store: s3://bucket/p\nassets:\n  x: {{path: y, {entry}}}\n"


def test_an_entry_may_follow_an_alias() -> None:
    found = parse_manifest(manifest('version: "@production", readonly: true'), default_store=StoreConfig("s3://b"))
    assert found.entries[0].version == "@production"
    dated = "versioning: simple_date\n" + manifest('version: "@production", readonly: true')
    assert parse_manifest(dated, default_store=StoreConfig("s3://b")).entries[0].version == "@production"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ('version: "@production"', "followed by an asset with `readonly: true` alone"),
        ('version: "@Prod", readonly: true', "`Prod` can't be an alias"),
        ('version: "@", readonly: true', "can't be an alias"),
        ('version: "@Prod"', "`Prod` can't be an alias"),
    ],
)
def test_what_an_entry_may_not_follow(entry: str, expected: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(manifest(entry), default_store=StoreConfig("s3://b"))
    assert expected in str(caught.value)


def test_offline_any_locked_version_may_be_that_of_an_alias() -> None:
    from assetsync.lock.check import check_lock

    snapshot = world("1.0=A", "A", "1.1")
    assert isinstance(snapshot.lock, Lock)
    assert check_lock(snapshot.manifest, snapshot.lock, snapshot.versioning) == []
