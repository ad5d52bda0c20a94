"""Which versions of one store are to be in another as well: a pure decision, version by version.

The same number means the same content in each store. So a version that the other store has with other content is a
conflict that nobody but a person can settle, and a number is never changed on the way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from assetsync.errors import ConflictError
from assetsync.model.guards import Guards, Secret
from assetsync.model.manifest import Entry
from assetsync.model.tree import DIGEST_PREFIX, Content, FileEntry, Tree
from assetsync.plan.guards import limit_problems, not_allowed, secret_problems
from assetsync.plan.plan import Problem
from assetsync.plan.snapshot import RemoteVersion, Unfinished

# Problems that come from someone else's work rather than from a mistake; they have an exit code of their own.
CONFLICTS = frozenset({"conflict", "in_progress", "yanked"})


class Candidate(Struct, frozen=True):
    """A version that is to be promoted, as both stores have it.

    `locked` is the content that assets.lock has for it, None where it is not locked. `tree` is its content in the store
    that it comes from; None: that store lacks it. `there` is the version in the other store, if it has it; `listed`
    says whether it is in `.versions` there. `unfinished` is what lies there without a `.meta`. `begun`: a promotion
    from here was cut short. `base` is the newest version there of the same asset, whose files need not be sent again.
    `yanked` says why the version is yanked where it comes from, `yanked_there` that it is in the other store.
    `damaged` says what can't be read of it, and where.
    """

    name: str
    version: str
    locked: Content | None = None
    tree: Tree | None = None
    there: RemoteVersion | None = None
    listed: bool = False
    unfinished: Unfinished | None = None
    begun: bool = False
    base: RemoteVersion | None = None
    yanked: str | None = None
    yanked_there: bool = False
    damaged: str | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


class Step(Struct, frozen=True, kw_only=True):
    """The work on a version. `copy`: it is brought over; `sent` bytes come through here, and `copied` the store
    copies by itself. `list`: it is there, and a promotion that died did not list it. `none`: it is there.
    """

    kind: Literal["copy", "list", "none"]
    name: str
    version: str
    tree: Tree
    reason: str
    sent: int = 0
    copied: int = 0
    base: RemoteVersion | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


class Place(Struct, frozen=True):
    """A store: `shown` is what a person calls it, `url` is as it is written in assets.yaml or given."""

    shown: str
    url: str


class PromotionPlan(Struct, frozen=True):
    """The versions to promote from the store `source` to the store `target`, and the problems in their way.

    It reads the same on every machine. `by_store` says that the stores copy by themselves, and no content comes through
    here; `makes_store` that the target is a directory that does not exist yet.
    """

    source: Place
    target: Place
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]
    by_store: bool = False
    makes_store: bool = False

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if step.kind != "none")

    def count(self, kind: str) -> int:
        """The number of steps of a kind: `copy`, `list` or `none`."""
        return sum(step.kind == kind for step in self.steps)

    @property
    def sent(self) -> int:
        """The bytes that come through here."""
        return sum(step.sent for step in self.steps)

    @property
    def copied(self) -> int:
        """The bytes that stores copy by themselves."""
        return sum(step.copied for step in self.steps)

    @property
    def fingerprint(self) -> str:
        """The identity of what would be done; the same on every machine and at every time."""
        done = sorted([str(step), step.kind, step.tree.digest, step.tree.is_directory] for step in self.changes)
        problems = sorted([problem.asset, problem.code] for problem in self.problems)
        text = json.dumps(["promote", self.source.url, self.target.url, done, problems], separators=(",", ":"))
        return DIGEST_PREFIX + hashlib.sha256(text.encode()).hexdigest()

    def check_expected(self, fingerprint: str | None) -> None:
        """ConflictError unless this has the fingerprint, where one is given."""
        if fingerprint is not None and fingerprint != self.fingerprint:
            raise ConflictError(
                f"the plan is not the expected one: its fingerprint is {self.fingerprint}, expected was {fingerprint}",
                hint="look at the plan again, and approve that",
            )


def plan_promotion(
    candidates: Iterable[Candidate], source: Place, target: Place, *, by_store: bool, makes_store: bool = False
) -> PromotionPlan:
    """Decide about each candidate. The flags are those of PromotionPlan."""
    steps: list[Step] = []
    problems: list[Problem] = []
    for candidate in candidates:
        found = decide(candidate, source.shown, target.shown, by_store=by_store)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            steps.append(found)
    return PromotionPlan(source, target, tuple(steps), tuple(problems), by_store, makes_store)


def decide(one: Candidate, source: str, target: str, *, by_store: bool) -> Step | Problem:
    """The step for one version, or the problem in its way. The stores are as a person calls them."""
    if one.damaged is not None:
        return Problem(str(one), "damaged", one.damaged, "look at the store with `assetsync doctor`")
    if one.yanked is not None:
        return Problem(
            str(one),
            "yanked",
            f"`{one}` is yanked in `{source}`: {one.yanked}",
            f"promote another version; `assetsync log {one.name} --store {source}` shows them",
        )
    if one.tree is None:
        hint = f"`assetsync list {one.name} --store {source}` shows what it has"
        return Problem(str(one), "lost", f"`{source}` has no `{one}`", hint)
    if one.locked is not None and not one.locked.same_as(one.tree.content):
        return Problem(
            str(one),
            "lost",
            f"`{source}` has `{one}` with another content than assets.lock says",
            "wrong store, a damaged one, or an edited lock: see `git log assets.lock`",
        )
    if one.there is not None:
        return _there(one, one.tree, one.there, target)
    if one.unfinished is not None and not one.unfinished.holds(one.tree.content):
        return _in_the_way(one, one.unfinished, target)
    return _copy(one, one.tree, by_store=by_store)


def _there(one: Candidate, tree: Tree, there: RemoteVersion, target: str) -> Step | Problem:
    if there.contradicts(tree.content):
        return Problem(
            str(one),
            "conflict",
            f"`{target}` has `{one}` already, with another content",
            f"`assetsync show {one} --store {target}` tells where it comes from; promote a version with another number",
        )
    if one.begun or not one.listed:
        reason = "is there, and its promotion was cut short" if one.begun else "is there, but `.versions` misses it"
        return Step(kind="list", name=one.name, version=one.version, tree=tree, reason=reason)
    reason = "is there, yanked" if one.yanked_there else "is there"
    return Step(kind="none", name=one.name, version=one.version, tree=tree, reason=reason)


def _in_the_way(one: Candidate, unfinished: Unfinished, target: str) -> Problem:
    if unfinished.in_progress:
        return Problem(
            str(one),
            "in_progress",
            f"`{one}` is being published in `{target}` with another content, by {unfinished.who}",
            "wait for it, and plan again",
        )
    return Problem(
        str(one),
        "conflict",
        f"an unfinished publish of another content occupies `{one}` in `{target}`",
        f"`assetsync doctor --repair --store {target}` clears it, once it is a day old",
    )


def _copy(one: Candidate, tree: Tree, *, by_store: bool) -> Step:
    size = tree.content.size
    reused = size if by_store else _reused(tree.files, one.base)
    return Step(
        kind="copy",
        name=one.name,
        version=one.version,
        tree=tree,
        reason="goes on with an interrupted promotion" if one.unfinished is not None else "is not there",
        sent=size - reused,
        copied=reused,
        base=None if by_store else one.base,
    )


def _reused(files: Sequence[FileEntry], base: RemoteVersion | None) -> int:
    """The bytes of the files that `base` has too."""
    known = {file.sha256 for file in (base.files if base else None) or ()}
    return sum(file.size for file in files if file.sha256 in known)


def guarded(
    plan: PromotionPlan, guards: Guards, entries: Mapping[str, Entry], secrets: Mapping[str, Sequence[Secret]]
) -> PromotionPlan:
    """`plan`, with problems in place of the steps that break a guard. `secrets` are those found, by NAME:VERSION."""
    steps: list[Step] = []
    problems = list(plan.problems)
    for step in plan.steps:
        if step.kind != "copy":
            steps.append(step)
            continue
        entry = entries.get(step.name)
        path = entry.path if entry else step.name
        found = list(secret_problems(str(step), path, not_allowed(secrets.get(str(step), ()), path, entry)))
        limits = limit_problems(str(step), step.tree.content.files, step.sent, guards, published=True)
        broken = [*limits, *(found if guards.secrets == "block" else ())]
        problems += broken
        if not broken:
            steps.append(replace(step, notes=tuple(problem.message for problem in found)))
    return replace(plan, steps=tuple(steps), problems=tuple(problems))
