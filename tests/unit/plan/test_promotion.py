"""The decision table of a promotion, row by row, and what a plan makes of it."""

from __future__ import annotations

import hashlib

import pytest
from msgspec.structs import replace

from assetsync.errors import ConflictError
from assetsync.model.guards import Guards, Secret
from assetsync.model.tree import FileEntry, Tree, directory_tree, file_tree
from assetsync.plan.plan import Problem
from assetsync.plan.promotion import (
    Candidate,
    Place,
    PromotionPlan,
    Step,
    decide,
    guarded,
    plan_promotion,
)
from assetsync.plan.snapshot import RemoteVersion, Unfinished


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


ONE: Tree = file_tree(3, sha256("one"))
TWO: Tree = file_tree(3, sha256("two"))
PLAIN = Candidate("a", "1.2", tree=ONE)
DEV, PROD = Place("dev", "s3://dev"), Place("prod", "s3://prod")


def there(tree: Tree) -> RemoteVersion:
    return RemoteVersion("1.2", tree.content, tree.files)


def unfinished(tree: Tree, age: float | None, *, own: bool = False) -> Unfinished:
    return Unfinished("1.2", tree.digest, tree.is_directory, "ada@host", age, own)


@pytest.mark.parametrize(
    ("candidate", "outcome"),
    [
        # in the source          in assets.lock        in the target
        (replace(PLAIN, tree=None), "lost"),
        (replace(PLAIN, damaged="`a/1.2.meta` is damaged"), "damaged"),
        (replace(PLAIN, locked=TWO.content), "lost"),
        (replace(PLAIN, yanked="wrong labels"), "yanked"),
        (replace(PLAIN, yanked="wrong labels", there=there(ONE), listed=True), "yanked"),
        (PLAIN, "copy"),
        (replace(PLAIN, locked=ONE.content), "copy"),
        (replace(PLAIN, there=there(ONE), listed=True), "none"),
        (replace(PLAIN, there=there(ONE), listed=True, yanked_there=True), "none"),
        (replace(PLAIN, there=there(ONE), listed=False), "list"),
        (replace(PLAIN, there=there(ONE), listed=True, begun=True), "list"),
        (replace(PLAIN, there=there(TWO), listed=True), "conflict"),
        (replace(PLAIN, there=RemoteVersion("1.2", None, (FileEntry("", 4, ""),)), listed=True), "conflict"),
        (replace(PLAIN, unfinished=unfinished(ONE, 5.0)), "copy"),
        (replace(PLAIN, unfinished=unfinished(ONE, 5.0, own=True)), "copy"),
        (replace(PLAIN, unfinished=unfinished(ONE, None)), "copy"),
        (replace(PLAIN, unfinished=unfinished(TWO, 5.0)), "in_progress"),
        (replace(PLAIN, unfinished=unfinished(TWO, 7200.0)), "conflict"),
        (replace(PLAIN, unfinished=unfinished(TWO, 5.0, own=True)), "conflict"),
        (replace(PLAIN, unfinished=replace(unfinished(ONE, 5.0), is_spoiled=True)), "in_progress"),
        (replace(PLAIN, unfinished=replace(unfinished(ONE, None), is_spoiled=True)), "conflict"),
    ],
)
def test_what_is_done_for_one_version(candidate: Candidate, outcome: str) -> None:
    found = decide(candidate, "dev", "prod", by_store=True)
    assert (found.code if isinstance(found, Problem) else found.kind) == outcome
    assert (found.asset if isinstance(found, Problem) else str(found)) == str(candidate)


def test_bytes_are_those_that_the_stores_copy_or_those_that_come_through_here() -> None:
    tree = directory_tree([FileEntry("new", 10, sha256("new")), FileEntry("old", 100, sha256("old"))])
    base = RemoteVersion("1.1", None, (FileEntry("was", 100, sha256("old")),))
    candidate = Candidate("a", "1.2", tree=tree, base=base)
    by_store, streamed = (decide(candidate, "d", "p", by_store=by_store) for by_store in (True, False))
    assert isinstance(by_store, Step)
    assert isinstance(streamed, Step)
    assert (by_store.sent, by_store.copied, by_store.base) == (0, 110, None)
    assert (streamed.sent, streamed.copied, streamed.base) == (10, 100, base)


def plan_of(*candidates: Candidate, target: Place = PROD) -> PromotionPlan:
    return plan_promotion(candidates, DEV, target, by_store=True)


def test_the_fingerprint_is_of_what_would_be_done_and_where() -> None:
    other = Candidate("b", "0.1", tree=TWO)
    plan = plan_of(PLAIN, other)
    assert plan_of(other, PLAIN).fingerprint == plan.fingerprint
    # A promotion that was cut short, and a version that is there, change nothing of it.
    assert plan_of(PLAIN, replace(other, unfinished=unfinished(TWO, 9.0))).fingerprint == plan.fingerprint
    assert plan_of(PLAIN, other, Candidate("c", "1.0", tree=ONE, there=there(ONE), listed=True)).fingerprint == (
        plan.fingerprint
    )
    different = [
        plan_of(PLAIN),
        plan_of(PLAIN, replace(other, version="0.2")),
        plan_of(PLAIN, replace(other, tree=ONE)),
        plan_of(PLAIN, replace(other, tree=None)),
        plan_of(PLAIN, other, target=Place("prod", "s3://elsewhere")),
    ]
    assert plan.fingerprint not in {one.fingerprint for one in different}
    plan.check_expected(None)
    plan.check_expected(plan.fingerprint)
    with pytest.raises(ConflictError, match="its fingerprint is sha256:"):
        plan.check_expected(different[0].fingerprint)


def test_guards_hold_for_promotions_too() -> None:
    tree = directory_tree([FileEntry(f"{number}", 10, sha256(f"{number}")) for number in range(3)])
    plan = plan_promotion([Candidate("a", "1.2", tree=tree)], DEV, PROD, by_store=False)
    secrets = {"a:1.2": [Secret("0", 7, "private key")]}
    for guards, codes in (
        (Guards(), ["secret"]),
        (Guards(secrets="warn"), []),
        (Guards(secrets="off", max_files=2), ["too_many_files"]),
        (Guards(secrets="off", max_upload=29), ["too_large"]),
        (Guards(secrets="off", max_upload=30, max_files=3), []),
    ):
        found = guarded(plan, guards, {}, secrets if guards.secrets != "off" else {})
        assert [problem.code for problem in found.problems] == codes
        assert len(found.steps) == (0 if codes else 1)
    (step,) = guarded(plan, Guards(secrets="warn"), {}, secrets).changes
    assert step.kind == "copy"
    assert "private key" in step.notes[0]
