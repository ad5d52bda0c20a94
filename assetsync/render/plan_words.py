"""Words for a plan that text and markdown share: symbols, the version arrow, costs, counts. Nothing is escaped here."""

from __future__ import annotations

from collections.abc import Mapping

from assetsync.model.tree import FileEntry
from assetsync.plan.plan import KIND, Action, Create, Plan, Pull, Update
from assetsync.render.units import money, plural, size

SYMBOLS = {"create": "+", "update": "~", "lock": "=", "pull": "<", "forget": "-", "none": " "}
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
    return SYMBOLS[KIND[type(action)]]


def arrow(action: Action) -> str:
    """The versions before and after, as in `versions`."""
    return versions(action.base, action.to)


def versions(base: str | None, to: str | None) -> str:
    """The versions before and after: `1.2 → 1.3`, `→ 0.0`, or one version where it stays."""
    if to is None or base == to:
        return base or ""
    return f"{base or ''} → {to}".lstrip()


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
    return counted({kind: plan.count(kind) for kind in _COUNTED}, len(plan.problems), plan.not_considered)


def counted(numbers: Mapping[str, int], problems: int, not_considered: int = 0) -> str:
    """As `counts`, from the number of actions of each kind and of problems."""
    parts = [f"{numbers[kind]:,} {words}" for kind, words in _COUNTED.items() if numbers.get(kind)]
    if problems:
        parts.append(plural(problems, "problem"))
    if not_considered:
        parts.append(f"{not_considered:,} not considered")
    return ", ".join(parts) or "no assets"


def total_bytes(plan: Plan) -> str:
    """The bytes of the whole plan; empty where none move."""
    moved = [action.transfer for action in plan.actions]
    return total_of(
        sum(one.upload for one in moved), sum(one.reuse for one in moved), sum(one.download for one in moved)
    )


def total_of(upload: int, reuse: int, download: int) -> str:
    """As `total_bytes`, from the bytes themselves."""
    totals = [(upload, "to upload"), (reuse, "reused by copies in the store"), (download, "to download")]
    return ", ".join(f"{size(count)} {words}" for count, words in totals if count)


def growth(plan: Plan) -> str:
    """By how much the store grows, and what that costs; empty where assets.yaml has no price."""
    price = plan.monthly(plan.stored)
    return f"the store grows by {size(plan.stored)}, {money(price)} a month" if price and plan.stored else ""
