"""Where every asset stands: what is here, what is locked, what the store has, and what comes next. As a table and as
JSON (format 1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from assetsync.escape import printable
from assetsync.model.lock import LockEntry
from assetsync.plan.plan import KIND, Action, Plan, Problem, Seen
from assetsync.render.columns import table
from assetsync.render.document import dump, problem_documents
from assetsync.render.plan_text import Paint, plain
from assetsync.render.plan_words import symbol
from assetsync.render.units import plural

_COLOURS = {"changed": "yellow", "new": "green", "missing": "blue", "unusable": "red", "half pulled": "red"}
_VERBS = {"create": "publish", "update": "publish", "lock": "lock", "pull": "pull", "forget": "forget", "none": ""}


class Standing(Struct, frozen=True):
    """One asset: its state here in a word, the locked and the newest version, and what a plan says of it."""

    name: str
    local: str
    locked: str | None
    newest: str | None
    action: Action | None
    problem: Problem | None


def standings(plan: Plan, locked: Mapping[str, LockEntry]) -> Iterator[Standing]:
    """The standing of each asset of a plan, in its order; `locked` is what assets.lock holds."""
    actions = {action.asset: action for action in plan.actions}
    problems = {problem.asset: problem for problem in plan.problems if problem.asset}
    for name in dict.fromkeys([*plan.basis.assets, *actions]):
        seen = plan.basis.assets.get(name, Seen("nothing", None, ()))
        version = locked[name].version if name in locked else None
        newest = seen.remote[0] if seen.remote and plan.online else None
        word = _local(seen.local, locked.get(name))
        yield Standing(name, word, version, newest, actions.get(name), problems.get(name))


def _local(seen: str, locked: LockEntry | None) -> str:
    if seen.startswith("half-pulled"):
        return "half pulled"
    if seen in ("nothing", "unusable"):
        return "missing" if seen == "nothing" else seen
    if locked is None:
        return "new"
    content = locked.content
    same = seen == f"{'directory' if content.is_directory else 'file'} {content.digest}"
    return "as locked" if same else "changed"


def status_text(plan: Plan, locked: Mapping[str, LockEntry], *, paint: Paint = plain) -> str:
    """A table of all assets, and what to do next, with a final newline."""
    found = list(standings(plan, locked))
    lines = [f"Store: {printable(plan.store)}"]
    if not plan.online:
        lines.append(paint("Offline: the store was not asked", "yellow"))
    lines.append("")
    if found:
        remote = ("REMOTE",) if plan.online else ()
        heads = ("ASSET", "LOCAL", "LOCKED", *remote, "NEXT")
        lines += table([heads, *(_row(one, plan.online, paint) for one in found)])
        lines.append("")
    for problem in plan.problems:
        if not problem.asset:
            lines.append(paint("!", "red") + f" {printable(problem.message)}")
            lines += [f"  hint: {printable(problem.hint)}"] if problem.hint else []
    lines.append(_summary(plan, found))
    return "\n".join(lines) + "\n"


def _row(one: Standing, online: bool, paint: Paint) -> tuple[str, ...]:
    remote = (printable(one.newest or "-"),) if online else ()
    word = paint(one.local, _COLOURS[one.local]) if one.local in _COLOURS else one.local
    return printable(one.name), word, printable(one.locked or "-"), *remote, _next(one, paint)


def _next(one: Standing, paint: Paint) -> str:
    if one.problem is not None:
        return paint(f"! {one.problem.code.replace('_', ' ')}", "red")
    if one.action is None:
        return ""
    kind = KIND[type(one.action)]
    if kind == "none":
        return printable(one.action.notes[0]) if one.action.notes else ""
    to = one.action.to if kind != "forget" else None
    return f"{symbol(one.action)} {_VERBS[kind]}" + (f" {printable(to)}" if to else "")


def _summary(plan: Plan, found: Iterable[Standing]) -> str:
    words = [one.local for one in found]
    counts = ", ".join(f"{words.count(word):,} {word}" for word in dict.fromkeys(words))
    head = (
        f"{plural(len(words), 'asset')}: {counts}." if words else "assets.yaml names no assets: `assetsync add PATH`."
    )
    if plan.problems:
        return f"{head} `assetsync plan` tells more of the {plural(len(plan.problems), 'problem')}."
    if not plan.online:
        return head
    if plan.changes:
        return f"{head} `assetsync plan` says why, `assetsync sync` does it."
    return f"{head} Nothing to do." if words else head


def status_json(plan: Plan, locked: Mapping[str, LockEntry], paths: Mapping[str, str]) -> str:
    """The document of `status --format json`, with a final newline. `paths` are those of assets.yaml; what only
    assets.lock names is at its path there."""
    paths = {**{name: entry.path for name, entry in locked.items()}, **paths}
    return dump(
        {
            "store": plan.store,
            "offline": not plan.online,
            "assets": [_document(one, paths) for one in standings(plan, locked)],
            "problems": problem_documents(plan.problems),
        }
    )


def _document(one: Standing, paths: Mapping[str, str]) -> dict[str, Any]:
    action = one.action
    return {
        "name": one.name,
        "path": paths.get(one.name),
        "local": one.local.replace(" ", "_"),
        "locked": one.locked,
        "newest": one.newest,
        "action": KIND[type(action)] if action else None,
        "to": action.to if action else None,
        "problem": one.problem.code if one.problem else None,
    }
