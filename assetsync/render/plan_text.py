"""A plan as text for a person: what happens to which asset, why, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from assetsync.escape import printable
from assetsync.plan.plan import Action, Keep, Plan, Problem
from assetsync.render.columns import cells, padded
from assetsync.render.plan_words import (
    arrow,
    changed_files,
    cost,
    counts,
    file_size,
    growth,
    notes,
    symbol,
    total_bytes,
)
from assetsync.render.units import plural

# (text, colour name) -> text; the caller decides whether there are colours. No name: the terminal's own colour, because
# white is not to be read on white.
Paint = Callable[[str, str], str]

FILES_SHOWN = 10
# Above so many assets, their rows alone are shown: single files would bury them.
ASSETS_WITH_FILES = 20
# Columns: a longer name or version moves what follows it in its own row alone.
NAME_WIDTH = 40
VERSIONS_WIDTH = 44

MAKES_STORE = "The directory does not exist yet: publishing to it makes it"

COLOURS = {"+": "green", "~": "yellow", "=": "cyan", "<": "blue", "-": "red", " ": ""}


def plain(text: str, colour: str) -> str:
    """The paint of an output without colours."""
    return text


def plan_text(plan: Plan, *, paint: Paint = plain, verbose: bool = False, fingerprint: bool = True) -> str:
    """The whole plan, with a final newline. `verbose` shows unchanged assets and every file.

    It is to be printed as it is: what looks like markup or colours in it is the name of a file.
    """
    lines = [f"Store: {printable(plan.store)}"]
    if plan.makes_store:
        lines.append(paint(MAKES_STORE, "yellow"))
    if not plan.online:
        lines.append(paint("Offline: compared with assets.lock alone; the store was not asked", "yellow"))
    lines.append("")
    shown = [action for action in plan.actions if verbose or action.notes or not isinstance(action, Keep)]
    lines.extend(_actions(plan, shown, paint, verbose))
    for problem in plan.problems:
        lines.extend(problem_lines(problem, paint))
    if shown or plan.problems:
        lines.append("")
    if len(shown) > ASSETS_WITH_FILES and not verbose and any(map(changed_files, shown)):
        lines.append("Single files are left out: -v shows them.")
    lines.extend(_summary(plan, fingerprint))
    return "\n".join(lines) + "\n"


def _actions(plan: Plan, actions: list[Action], paint: Paint, verbose: bool) -> Iterator[str]:
    names = _width((printable(action.asset) for action in actions), NAME_WIDTH)
    versions = _width((printable(arrow(action)) for action in actions), VERSIONS_WIDTH)
    for action in actions:
        mark = symbol(action)
        head = f"{mark} {padded(printable(action.asset), names)}  {padded(printable(arrow(action)), versions)}"
        price = cost(action, plan)
        yield f"  {paint(head, COLOURS[mark])}  {printable(action.reason)}" + (f"  ({price})" if price else "")
        for note in notes(action):
            yield f"      note: {printable(note)}"
        if verbose or len(actions) <= ASSETS_WITH_FILES:
            yield from _files(action, paint, verbose)
        if verbose:
            yield from (f"      excluded: {printable(path)}" for path in action.left_out)


def _width(texts: Iterable[str], most: int) -> int:
    return max((width for width in map(cells, texts) if width <= most), default=0)


def _files(action: Action, paint: Paint, verbose: bool) -> Iterator[str]:
    marked = changed_files(action)
    # A new directory is all new: a few names tell enough.
    limit = len(marked) if verbose else FILES_SHOWN
    for mark, file in marked[:limit]:
        yield f"      {paint(f'{mark} {printable(file.path)}', COLOURS[mark])}  {file_size(mark, file)}".rstrip()
    if len(marked) > limit:
        yield f"      … and {plural(len(marked) - limit, 'more file')} (-v shows all)"


def problem_lines(problem: Problem, paint: Paint) -> Iterator[str]:
    """A problem with its hint, as lines."""
    subject = f" {printable(problem.asset)}" if problem.asset else ""
    yield "  " + paint(f"!{subject}", "red") + f"  {printable(problem.message)}"
    if problem.hint:
        yield f"      hint: {printable(problem.hint)}"


def _summary(plan: Plan, fingerprint: bool) -> Iterator[str]:
    unasked = "; the store was not asked" if plan.actions and not plan.asked else ""
    yield f"{'Plan' if plan.changes or plan.problems else 'Nothing to do'}: {counts(plan)}{unasked}."
    total = total_bytes(plan)
    if total:
        yield f"Bytes: {total}."
    grown = growth(plan)
    if grown:
        yield f"Cost: {grown}."
    if fingerprint and plan.publishes and not plan.problems:
        yield f"Fingerprint: {plan.fingerprint}"
