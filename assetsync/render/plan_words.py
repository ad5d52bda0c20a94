"""Words for a plan that text and markdown share: symbols, the version arrow, costs, counts. Nothing is escaped here."""

from __future__ import annotations

from typing import assert_never

from assetsync.model.tree import FileEntry
from assetsync.plan.plan import Action, Adopt, Create, Forget, Keep, Plan, Pull, Update
from assetsync.render.units import money, plural, size

_COUNTED = {
    "create": "to create",
    "update": "to update",
    "lock": "to lock",
    "pull": "to pull",
    "forget": "to forget",
    "none": "unchanged",
}


def notes(action: Action) -> tuple[str, ...]:
    """The notes beside the reason, for readers who may know of folders outside of the project."""
    return (*action.notes, *(f"through a link to `{target}`" for target in action.through))


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


def arrow(action: Action) -> str:
    """The versions before and after: `1.2 → 1.3`, `→ 0.0`, or one version where it stays."""
    if action.to is None or action.base == action.to:
        return action.base or ""
    return f"{action.base or ''} → {action.to}".lstrip()


def cost(action: Action, plan: Plan) -> str:
    """Files and bytes that an action of a plan moves, what they cost a month, and what it leaves out; may be empty."""
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
    price = plan.monthly(action.stored)
    if price and action.stored:
        parts.append(f"{money(price)} a month")
    if action.excluded:
        parts.append(f"{plural(action.excluded, 'file')} excluded")
    return ", ".join(parts)


def changed_files(action: Action) -> list[tuple[str, FileEntry]]:
    """The files that an action changes, each with its mark. A single file has nothing to tell beyond its asset."""
    if not isinstance(action, Create | Update | Pull):
        return []
    changes = action.changes
    marked = [
        *(("~", file) for file in changes.changed),
        *(("+", file) for file in changes.added),
        *(("-", file) for file in changes.removed),
    ]
    return [(mark, file) for mark, file in marked if file.path]


def file_size(mark: str, file: FileEntry) -> str:
    """The size of a file after the action, where it is there then and the size is known."""
    return "" if mark == "-" or not file.sha256 else size(file.size)


def counts(plan: Plan) -> str:
    """The whole plan in a few numbers: `1 to create, 3 unchanged, 1 problem`."""
    parts = [f"{plan.count(kind):,} {words}" for kind, words in _COUNTED.items() if plan.count(kind)]
    if plan.problems:
        parts.append(plural(len(plan.problems), "problem"))
    if plan.not_considered:
        parts.append(f"{plan.not_considered:,} not considered")
    return ", ".join(parts) or "no assets"


def total_bytes(plan: Plan) -> str:
    """The bytes of the whole plan; empty where none move."""
    totals = [
        (sum(action.transfer.upload for action in plan.actions), "to upload"),
        (sum(action.transfer.reuse for action in plan.actions), "reused by copies in the store"),
        (sum(action.transfer.download for action in plan.actions), "to download"),
    ]
    return ", ".join(f"{size(count)} {words}" for count, words in totals if count)


def growth(plan: Plan) -> str:
    """By how much the store grows, and what that costs; empty where assets.yaml has no price."""
    price = plan.monthly(plan.stored)
    return f"the store grows by {size(plan.stored)}, {money(price)} a month" if price and plan.stored else ""
