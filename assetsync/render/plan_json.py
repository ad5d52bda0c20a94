"""The JSON of a plan."""

from __future__ import annotations

from typing import Any

from assetsync.plan.plan import KIND, Action, Create, Plan, Update
from assetsync.render.document import FORMAT_VERSION, dump, problem_documents
from assetsync.render.plan_words import notes

KINDS = ("create", "update", "lock", "pull", "forget", "none")


def plan_document(plan: Plan, *, files: bool = False) -> dict[str, Any]:
    """The plan as the document that `--format json` prints.

    `offline` and `makes_store` are there only when true, `contents` of what would be published only with `files`: it
    may be long.
    """
    return {
        "format_version": FORMAT_VERSION,
        "store": plan.store,
        **({} if plan.online else {"offline": True}),
        **({"makes_store": True} if plan.makes_store else {}),
        "fingerprint": plan.fingerprint,
        "actions": [_action(action, plan, files) for action in plan.actions],
        "problems": problem_documents(plan.problems),
        "guards": {
            "secrets": plan.guards.secrets,
            "max_upload": plan.guards.max_upload,
            "max_files": plan.guards.max_files,
            "majors": plan.guards.majors,
            "loosened": list(plan.loosened),
        },
        "cost": _cost(plan, plan.stored),
        "summary": {kind: plan.count(kind) for kind in KINDS} | {"problems": len(plan.problems)},
    }


def plan_json(plan: Plan, *, files: bool = False) -> str:
    """`plan_document` as text, with a final newline."""
    return dump(plan_document(plan, files=files))


def _action(action: Action, plan: Plan, files: bool) -> dict[str, Any]:
    changes, transfer = action.changes, action.transfer
    return {
        "asset": action.asset,
        "path": action.path,
        "action": KIND[type(action)],
        "from": action.base,
        "to": action.to,
        "reason": "; ".join((action.reason, *notes(action))),
        "digest": action.content.digest if action.content else None,
        "size": action.content.size if action.content else None,
        "files": {
            "added": len(changes.added),
            "changed": len(changes.changed),
            "removed": len(changes.removed),
            "unchanged": changes.unchanged,
        },
        "bytes": {"upload": transfer.upload, "reuse": transfer.reuse, "download": transfer.download},
        "cost": _cost(plan, action.stored),
        "owner": action.owner,
        "tags": list(action.tags),
        **({"contents": _contents(action)} if files and isinstance(action, Create | Update) else {}),
    }


def _cost(plan: Plan, count: int) -> dict[str, Any]:
    """By how many bytes the store grows, and what they cost a month; null where assets.yaml has no price."""
    return {"bytes": count, "per_month": plan.monthly(count)}


def _contents(action: Create | Update) -> list[dict[str, Any]]:
    """The files of the version that would be published. The path of an asset that is one file is empty."""
    files = action.local.tree.files
    return [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in files]
