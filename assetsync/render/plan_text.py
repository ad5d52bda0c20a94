"""A plan as text for a person: what happens to which asset, why, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_never

from assetsync.layout import printable
from assetsync.model import FileEntry
from assetsync.plan import Action, Adopt, Create, Forget, Keep, Plan, Problem, Pull, Update
from assetsync.render.units import plural, size

# (text, colour name) -> text; the caller decides whether there are colours.
Paint = Callable[[str, str], str]

FILES_SHOWN = 10

_COLOURS = {"+": "green", "~": "yellow", "=": "cyan", "<": "blue", "-": "red", " ": "white"}


def plain(text: str, colour: str) -> str:
    """The paint of an output without colours."""
    return text


def plan_text(plan: Plan, *, paint: Paint = plain, verbose: bool = False) -> str:
    """The whole plan, with a final newline. `verbose` shows unchanged assets and every file."""
    lines = [f"Store: {printable(plan.store)}"]
    if not plan.online:
        lines.append(paint("Offline: compared with assets.lock alone; the store was not asked", "yellow"))
    lines.append("")
    shown = [a for a in plan.actions if verbose or a.notes or not isinstance(a, Keep)]
    width = max((len(action.asset) for action in shown), default=0)
    versions = max((len(_versions(action)) for action in shown), default=0)
    for action in shown:
        lines.extend(_action(action, width, versions, paint, verbose))
    for problem in plan.problems:
        lines.extend(_problem(problem, paint))
    if shown or plan.problems:
        lines.append("")
    lines.extend(_summary(plan))
    return "\n".join(lines) + "\n"


def symbol(action: Action) -> str:
    """One character that says what happens."""
    match action:
        case Create():
            return "+"
        case Update():
            return "~"
        case Adopt():
            return "="
        case Pull():
            return "<"
        case Forget():
            return "-"
        case Keep():
            return " "
        case _:
            assert_never(action)


def _versions(action: Action) -> str:
    if action.base is None:
        return f"→ {action.to}" if action.to else ""
    if action.to is None:
        return action.base
    return action.to if action.base == action.to else f"{action.base} → {action.to}"


def _action(action: Action, width: int, versions: int, paint: Paint, verbose: bool) -> Iterator[str]:
    mark = symbol(action)
    head = f"{mark} {action.asset:<{width}}  {_versions(action):<{versions}}"
    cost = _cost(action)
    yield f"  {paint(head, _COLOURS[mark])}  {printable(action.reason)}" + (f"  ({cost})" if cost else "")
    for note in action.notes:
        yield f"      note: {printable(note)}"
    if isinstance(action, Create | Update | Pull):
        yield from _files(action, paint, verbose)


def _cost(action: Action) -> str:
    transfer = action.transfer
    parts = []
    if isinstance(action, Create) and action.content is not None:
        parts.append(plural(action.content.files, "file"))
    if transfer.upload or isinstance(action, Create):
        parts.append(f"{size(transfer.upload)} to upload")
    if transfer.reuse:
        parts.append(f"{size(transfer.reuse)} reused")
    if transfer.download:
        parts.append(f"{size(transfer.download)} to download")
    if action.excluded:
        parts.append(f"{plural(action.excluded, 'file')} excluded")
    return ", ".join(parts)


def _files(action: Action, paint: Paint, verbose: bool) -> Iterator[str]:
    """The changed files of a directory; a single file has nothing to tell beyond its asset."""
    changes = action.changes
    marked = [("~", file) for file in changes.changed] + [("+", file) for file in changes.added]
    marked += [("-", file) for file in changes.removed]
    # A new directory is all new: a few names tell enough.
    limit = len(marked) if verbose else FILES_SHOWN
    if len(marked) == 1 and not marked[0][1].path:
        return
    for mark, file in marked[:limit]:
        yield "      " + paint(f"{mark} {printable(file.path)}", _COLOURS[mark]) + _file_size(mark, file)
    if len(marked) > limit:
        yield f"      … and {plural(len(marked) - limit, 'more file')} (-v shows all)"


def _file_size(mark: str, file: FileEntry) -> str:
    return "" if mark == "-" or not file.sha256 else f"  {size(file.size)}"


def _problem(problem: Problem, paint: Paint) -> Iterator[str]:
    subject = f" {problem.asset}" if problem.asset else ""
    yield "  " + paint(f"!{subject}", "red") + f"  {printable(problem.message)}"
    if problem.hint:
        yield f"      hint: {printable(problem.hint)}"


def _summary(plan: Plan) -> Iterator[str]:
    words = [
        ("create", "to create"),
        ("update", "to update"),
        ("lock", "to lock"),
        ("pull", "to pull"),
        ("forget", "to forget"),
        ("none", "unchanged"),
    ]
    counts = [f"{plan.count(kind)} {word}" for kind, word in words if plan.count(kind)]
    if plan.problems:
        counts.append(plural(len(plan.problems), "problem"))
    if plan.not_considered:
        counts.append(f"{plan.not_considered} not considered")
    if not plan.changes and not plan.problems:
        yield f"Nothing to do: {', '.join(counts) or 'no assets'}."
    else:
        yield f"Plan: {', '.join(counts)}."
    totals = [
        (sum(a.transfer.upload for a in plan.actions), "to upload"),
        (sum(a.transfer.reuse for a in plan.actions), "reused by copies in the store"),
        (sum(a.transfer.download for a in plan.actions), "to download"),
    ]
    if any(count for count, _ in totals):
        yield "Bytes: " + ", ".join(f"{size(count)} {word}" for count, word in totals if count) + "."
    if plan.publishes and not plan.problems:
        yield f"Fingerprint: {plan.fingerprint}"
