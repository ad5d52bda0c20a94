"""A promotion as text, JSON and markdown."""

from __future__ import annotations

from typing import Any

from assetsync.escape import printable
from assetsync.plan.promotion import Place, PromotionPlan, Step
from assetsync.render.document import dump, problem_documents
from assetsync.render.plan_markdown import LIMIT, TRUNCATED, Page, code, problem_row, prose, rows
from assetsync.render.plan_text import MAKES_STORE, Paint, plain, problem_lines
from assetsync.render.units import plural, size

NAME_WIDTH = 50

_MARKS = {"copy": ("+", "green"), "list": ("=", "cyan"), "none": (" ", "white")}
_WORDS = {"copy": "to copy", "list": "to list", "none": "there already"}


def promotion_text(plan: PromotionPlan, *, paint: Paint = plain, verbose: bool = False) -> str:
    """The whole plan, with a final newline. `verbose` shows what is there already, too."""
    lines = [f"From: {_place(plan.source)}", f"To:   {_place(plan.target)}"]
    if plan.makes_store:
        lines.append(paint(MAKES_STORE, "yellow"))
    lines.append("")
    shown = [step for step in plan.steps if verbose or step.kind != "none"]
    width = min(max((len(printable(str(step))) for step in shown), default=0), NAME_WIDTH)
    for step in shown:
        mark, colour = _MARKS[step.kind]
        yes = paint(f"{mark} {printable(str(step)):<{width}}", colour)
        moved = f"  ({_amount(step)})" if step.kind == "copy" else ""
        lines.append(f"  {yes}  {printable(step.reason)}{moved}")
        lines.extend(f"      note: {printable(note)}" for note in step.notes)
    for problem in plan.problems:
        lines.extend(problem_lines(problem, paint))
    if shown or plan.problems:
        lines.append("")
    lines.append(f"{'Promotion' if plan.changes or plan.problems else 'Nothing to do'}: {_counts(plan)}.")
    if plan.sent or plan.copied:
        lines.append(f"Bytes: {_bytes(plan)}.")
    if plan.changes and not plan.problems:
        lines.append(f"Fingerprint: {plan.fingerprint}")
    return "\n".join(lines) + "\n"


def promotion_json(plan: PromotionPlan) -> str:
    """The document of `promote --format json`."""
    return dump(
        {
            "from": _place_document(plan.source),
            "to": _place_document(plan.target),
            **({"makes_store": True} if plan.makes_store else {}),
            "fingerprint": plan.fingerprint,
            "versions": [_document(step) for step in plan.steps],
            "problems": problem_documents(plan.problems, subject="version"),
            "summary": {kind: plan.count(kind) for kind in _MARKS} | {"problems": len(plan.problems)},
        }
    )


def promotion_markdown(plan: PromotionPlan, *, limit: int = LIMIT) -> str:
    """The whole plan in at most `limit` characters, for a comment; what had to be left out is said."""
    end = f"\nFingerprint: `{plan.fingerprint}`\n"
    page = Page(limit - len(end) - len(TRUNCATED))
    idle = "" if plan.changes or plan.problems else "nothing to do, "
    page.add(f"### assetsync promote: {idle}{_counts(plan)}\n")
    page.add(f"\nFrom {_place_code(plan.source)} to {_place_code(plan.target)}\n")
    page.add(f"\n**{MAKES_STORE}**.\n" if plan.makes_store else "")
    page.add(f"\nBytes: {_bytes(plan)}.\n" if plan.sent or plan.copied else "")
    if plan.problems:
        page.add(f"\n**{plural(len(plan.problems), 'problem')}: nothing can be promoted**\n\n")
    rows(page, [problem_row(problem) for problem in plan.problems], "- … and {} more\n")
    table = [_row(step) for step in plan.changes]
    if table and page.add("\n| | version | why | size |\n|---|---|---|---|\n"):
        rows(page, table, "| … | {} more | | |\n")
    return page.text + (TRUNCATED if page.is_truncated else "") + end


def _place(place: Place) -> str:
    return printable(place.url if place.shown == place.url else f"{place.shown}, {place.url}")


def _place_code(place: Place) -> str:
    return code(place.url) if place.shown == place.url else f"{code(place.shown)} ({code(place.url)})"


def _place_document(place: Place) -> dict[str, Any]:
    return {"name": None if place.shown == place.url else place.shown, "store": place.url}


def _amount(step: Step) -> str:
    return f"{size(step.tree.content.size)} in {plural(step.tree.content.files, 'file')}"


def _counts(plan: PromotionPlan) -> str:
    parts = [f"{plan.count(kind)} {words}" for kind, words in _WORDS.items() if plan.count(kind)]
    if plan.problems:
        parts.append(plural(len(plan.problems), "problem"))
    return ", ".join(parts) or "no versions"


def _bytes(plan: PromotionPlan) -> str:
    parts = [f"{size(plan.sent)} through this machine"] if plan.sent else []
    return ", ".join([*parts, *([f"{size(plan.copied)} copied by the store"] if plan.copied else [])])


def _document(step: Step) -> dict[str, Any]:
    content = step.tree.content
    return {
        "asset": step.name,
        "version": step.version,
        "action": step.kind,
        "reason": "; ".join((step.reason, *step.notes)),
        "digest": content.digest,
        "size": content.size,
        "files": content.files,
        "bytes": {"through_here": step.sent, "by_the_store": step.copied},
    }


def _row(step: Step) -> str:
    why = "<br>".join([prose(step.reason), *(f"note: {prose(note)}" for note in step.notes)])
    return f"| {step.kind} | {code(str(step))} | {why} | {_amount(step)} |\n"
