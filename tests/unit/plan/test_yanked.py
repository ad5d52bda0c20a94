"""Yanked versions in a plan: nothing resolves to them, their numbers are taken, and who locked one is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from assetsync.model.marks import NO_MARKS, Act
from assetsync.plan.plan import Plan
from assetsync.plan.request import Purpose, Request
from assetsync.plan.snapshot import Snapshot
from tests.unit.worlds import Asset, World, gathered, outcome, plan_pull, plan_sync, plan_upgrade

X = frozenset({"nlp/x"})
PLAIN = Request()
SUPERSEDE = Request(supersede=X)
BY_HAND = Request(purpose=Purpose.PUBLISH)
FORCE = Request(purpose=Purpose.PUBLISH, force=X)

D1, D2, D3 = "2026-04-01T00-00-00Z", "2026-04-02T00-00-00Z", "2026-05-01T11-59-00Z"
# 1.3 was yanked, and 1.4 has the content of 1.2 once more.
AFTER = "1.2=A 1.3!B 1.4=A"
WAS = "`1.3`, which is locked, was yanked: wrong labels; `assetsync upgrade nlp/x`"
NEWER = "`1.4` is available: `assetsync upgrade nlp/x`"


def world(
    lock: str, remote: str, local: str, *, yanked: str = "1.3", system: str = "major_minor", **asset: object
) -> Snapshot:
    """A snapshot of one asset, whose version `yanked` was yanked."""
    states = Asset(lock=lock, remote=remote, local=local, **asset)  # type: ignore[arg-type]
    found = World((states,), versioning=system).snapshot()
    marks = NO_MARKS.with_yank("nlp/x", yanked, Act("Ada", "now", message="wrong labels"))
    return replace(found, remote={name: replace(one, marks=marks) for name, one in found.remote.items()})


def notes(plan: Plan) -> list[str]:
    return [note for action in plan.actions for note in action.notes]


Planner = Callable[[Snapshot, Request | None], Plan]


@pytest.mark.parametrize(
    ("plan", "request_", "lock", "local", "expected", "said"),
    [
        # Who locked it keeps it, and is told.
        (plan_sync, PLAIN, "1.3=B", "B", "none 1.3", [WAS, NEWER]),
        (plan_sync, PLAIN, "1.3=B", "-", "pull 1.3", [WAS, NEWER]),
        (plan_pull, PLAIN, "1.3=B", "-", "pull 1.3", [WAS]),
        (plan_upgrade, PLAIN, "1.3=B", "B", "pull 1.4", [WAS]),
        (plan_upgrade, PLAIN, "1.3=B", "-", "pull 1.4", [WAS]),
        # Nothing else resolves to it.
        (plan_sync, PLAIN, "-", "-", "pull 1.4", []),
        (plan_upgrade, PLAIN, "1.2=A", "A", "lock 1.4", []),
        # Its content is not published, or locked, by mistake.
        (plan_sync, PLAIN, "-", "B", "problem yanked", []),
        (plan_sync, PLAIN, "1.4=A", "B", "problem yanked", []),
        (plan_sync, PLAIN, "1.2=A", "B", "problem yanked", []),
        (plan_sync, BY_HAND, "-", "B", "problem yanked", []),
        (plan_sync, SUPERSEDE, "1.4=A", "B", "update 1.4 → 1.5", []),
        (plan_sync, FORCE, "-", "B", "update 1.4 → 1.5", ["published even if unchanged, as asked"]),
        # It is in the way of nobody.
        (plan_sync, PLAIN, "1.4=A", "C", "update 1.4 → 1.5", []),
        (plan_sync, PLAIN, "1.3=B", "C", "problem diverged", []),
        (plan_sync, SUPERSEDE, "1.3=B", "C", "update 1.4 → 1.5", None),
        (plan_upgrade, PLAIN, "-", "B", "pull 1.4", []),
    ],
)  # fmt: skip
def test_after_a_yank(
    plan: Planner, request_: Request, lock: str, local: str, expected: str, said: list[str] | None
) -> None:
    snapshot = world(lock, AFTER, local)
    found = plan(snapshot, request_)
    assert outcome(found) == expected
    assert said is None or notes(found) == said
    for problem in found.problems:
        if problem.code == "yanked":
            assert "is `nlp/x:1.3`, which was yanked: wrong labels" in problem.message
            assert problem.hint is not None
            assert ("--force-new-version" if request_ is BY_HAND else "--supersede nlp/x") in problem.hint


@pytest.mark.parametrize("purpose", [Purpose.SYNC, Purpose.PULL, Purpose.UPGRADE])
@pytest.mark.parametrize("lock", ["-", "1.2=A", "1.3=B", "1.4=A"])
@pytest.mark.parametrize("local", ["-", "A", "B", "C"])
@pytest.mark.parametrize("readonly", [False, True])
def test_gathering_finds_what_the_plan_needs(purpose: Purpose, lock: str, local: str, readonly: bool) -> None:
    snapshot = world(lock, AFTER, local, readonly=readonly)
    request = Request(purpose=purpose)
    planner: dict[Purpose, Planner] = {
        Purpose.SYNC: plan_sync,
        Purpose.PULL: plan_pull,
        Purpose.UPGRADE: plan_upgrade,
    }
    plan = planner[purpose]
    seen = gathered(snapshot, request)
    assert outcome(plan(seen, request)) == outcome(plan(snapshot, request))
    if seen.remote["nlp/x"].marks is not None:
        assert notes(plan(seen, request)) == notes(plan(snapshot, request))


def test_a_number_is_never_used_again_even_if_a_hand_took_away_what_followed_it() -> None:
    assert outcome(plan_sync(world("1.2=A", "1.2=A 1.3!B", "C"))) == "update 1.2 → 1.4"
    assert outcome(plan_sync(world("-", "0.0!B", "C", yanked="0.0"))) == "create 0.1"


def test_the_very_number_can_not_be_asked_for() -> None:
    found = plan_sync(world("-", AFTER, "C", version="1.3"), BY_HAND)
    (problem,) = found.problems
    assert (problem.code, problem.message) == ("taken", "`nlp/x:1.3` was yanked: wrong labels")


@pytest.mark.parametrize(
    ("lock", "local", "synced", "upgraded"),
    [
        ("1.3=B", "B", "none 1.3", "none 1.3"),
        ("1.3=B", "-", "pull 1.3", "pull 1.3"),
        ("-", "-", "problem yanked", "problem yanked"),
        ("1.2=A", "A", "problem yanked", "problem yanked"),
    ],
)
def test_an_exact_pin_holds_where_it_is_locked_and_is_not_locked_anew(
    lock: str, local: str, synced: str, upgraded: str
) -> None:
    snapshot = world(lock, AFTER, local, readonly=True, version="1.3")
    assert (outcome(plan_sync(snapshot)), outcome(plan_upgrade(snapshot))) == (synced, upgraded)


def test_a_version_that_is_marked_and_still_listed_is_not_yanked_yet() -> None:
    """Its yank was cut short, or modelkit put it back; `doctor` mends that."""
    assert outcome(plan_sync(world("-", "1.2=A 1.3=B 1.4=A", "B"))) == "problem goes_back"
    assert outcome(plan_sync(world("1.3=B", "1.2=A 1.3=B", "B"))) == "none 1.3"


def test_dates() -> None:
    remote = f"{D1}=A {D2}!B"
    kept = plan_sync(world(f"{D2}=B", remote, "B", yanked=D2, system="simple_date"))
    assert outcome(kept) == f"none {D2}"
    assert any("was yanked" in note for note in notes(kept))
    assert not any("version line" in note for note in notes(kept))
    assert outcome(plan_upgrade(world(f"{D2}=B", remote, "B", yanked=D2, system="simple_date"))) == f"pull {D1}"
    assert outcome(plan_sync(world("-", f"{remote} {D3}=C", "-", yanked=D2, system="simple_date"))) == f"pull {D3}"


def test_an_unlisted_version_that_is_not_yanked_is_told_of_as_before() -> None:
    found = plan_sync(world("1.4=A", AFTER + " 1.5!C", "A"))
    assert "the store's index misses `1.5`: `assetsync doctor --repair`" in notes(found)
