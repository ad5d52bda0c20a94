"""Saved plans: the JSON of a plan and of what it was made from; and what has moved since, in words.

A saved plan is only compared, never carried out. Who applies it plans again, for the same assets and with the same
options, and goes on only when both documents agree: so a file that was tampered with can make assetsync refuse, and
nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.model.files import LOCK, MANIFEST
from assetsync.plan.plan import Plan, text_digest
from assetsync.plan.request import Request
from assetsync.render.document import FORMAT_VERSION, dump
from assetsync.render.plan_json import plan_document
from assetsync.shape import misfit

Document = Mapping[str, Any]

# The wishes of a Request, as the file has them.
_WISHES = ("bump_major", "supersede", "discard_local", "force")
# The keys of an action that must stay the same.
_STEP = ("action", "path", "from", "to", "digest")
_NEXT_DATE = "next date"

_MAYBE = (str, type(None))
# The keys that the comparison relies on, see `assetsync.shape`.
_SHAPE: dict[str, Any] = {
    "store": str,
    "fingerprint": str,
    "actions": [{"asset": str, "action": str, "path": str, "from": _MAYBE, "to": _MAYBE, "digest": _MAYBE}],
    "problems": [{"asset": str, "code": str}],
    "basis": {
        "names": [str],
        "options": {name: [str] for name in _WISHES},
        "dated": bool,
        "manifest": _MAYBE,
        "lock": _MAYBE,
        "assets": {"*": {"local": str, "locked": _MAYBE, "remote": [str]}},
    },
}


def saved_plan(plan: Plan, request: Request) -> Document:
    """`plan`, which was made for `request`: the document of `--format json`, and `basis`, from what it was made.

    Nothing in it depends on the machine.
    """
    basis = plan.basis
    return plan_document(plan) | {
        "basis": {
            "names": list(request.names),
            "options": {name: sorted(getattr(request, name)) for name in _WISHES},
            "dated": plan.dated,
            "manifest": basis.manifest,
            "lock": basis.lock,
            "assets": {
                name: {"local": seen.local, "locked": seen.locked, "remote": list(seen.remote)}
                for name, seen in basis.assets.items()
            },
        }
    }


def render_saved_plan(plan: Plan, request: Request) -> str:
    """The text of `saved_plan`."""
    return dump(saved_plan(plan, request))


def parse_saved_plan(text: str) -> Document:
    """The document that `render_saved_plan` wrote. InvalidError for anything else, and for a plan made offline."""
    document = parse_plan(text)
    if "basis" not in document:
        raise InvalidError(
            "this is the JSON of a plan, but not a saved plan: it does not say what it was made from",
            hint="save one with `assetsync plan -o FILE`",
        )
    if document.get("offline"):
        raise InvalidError("a plan made offline can't be carried out", hint="plan again without `--offline`")
    check_plan(document, _SHAPE)
    return document


def parse_plan(text: str) -> Document:
    """The document of a plan, saved or printed, which is not checked beyond its format. InvalidError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _no_saved_plan("it is not JSON") from None
    if not isinstance(document, dict):
        raise _no_saved_plan("it is not a JSON object")
    check_plan(document, {"format_version": int})
    if document["format_version"] > FORMAT_VERSION:
        raise InvalidError(
            f"the saved plan has format {document['format_version']}, and this assetsync knows {FORMAT_VERSION}",
            hint="use the assetsync that wrote it, or plan again",
        )
    return document


def request_of(saved: Document) -> Request:
    """The request that the plan was made for."""
    basis = saved["basis"]
    bump, supersede, discard, force = (frozenset(basis["options"][name]) for name in _WISHES)
    return Request(tuple(basis["names"]), bump_major=bump, supersede=supersede, discard_local=discard, force=force)


def what_moved(saved: Document, now: Document) -> list[str]:
    """How `saved` and `now`, made just now for the same request, differ: one line each, from what to what.

    Empty when nothing moved.
    """
    moved = list(_moved_as_a_whole(saved, now))
    before, after = _by_asset(saved), _by_asset(now)
    for name in dict.fromkeys([*before, *after]):
        subject = f"`{printable(name)}`" if name else "the plan as a whole"
        found = _moved_asset(before.get(name, _Facts()), after.get(name, _Facts()))
        moved.extend(f"{subject}: {words}" for words in found)
    if not moved and saved["fingerprint"] != now["fingerprint"]:
        moved.append(f"the plan: its fingerprint was {printable(saved['fingerprint'])}, and is {now['fingerprint']}")
    return moved


def files_moved(saved: Document, manifest: str, lock: str | None) -> list[str]:
    """Which of assets.yaml and assets.lock are others than those that `saved` was made from; empty without a basis."""
    basis = saved.get("basis")
    if not isinstance(basis, dict):
        return []
    now = ((MANIFEST, "manifest", manifest), (LOCK, "lock", lock))
    return [file for file, key, text in now if basis.get(key) != text_digest(text)]


def check_plan(document: Document, shape: Mapping[str, Any]) -> None:
    """InvalidError unless the document has this shape; see `assetsync.shape`."""
    place = misfit(document, shape)
    if place is not None:
        raise _no_saved_plan(f"`{printable(place)}` is missing or of the wrong type")


def _no_saved_plan(why: str) -> InvalidError:
    return InvalidError(f"this is not a saved plan: {why}", hint="save one with `assetsync plan -o FILE`")


# -- what differs


class _Facts(NamedTuple):
    """One asset in a document: as the plan saw it, the action on it, the code of its problem."""

    seen: Document | None = None
    step: Document | None = None
    problem: str | None = None


def _by_asset(document: Document) -> dict[str, _Facts]:
    seen = document["basis"]["assets"]
    steps = {action["asset"]: _step(action, document["basis"]["dated"]) for action in document["actions"]}
    problems = {problem["asset"]: problem["code"] for problem in document["problems"]}
    names = dict.fromkeys([*seen, *steps, *problems])
    return {name: _Facts(seen.get(name), steps.get(name), problems.get(name)) for name in names}


def _step(action: Document, dated: bool) -> Document:
    """The parts of an action that must stay the same; a date that is yet to come counts as `next date`."""
    step = {key: action[key] for key in _STEP}
    return step | {"to": _NEXT_DATE} if dated and step["action"] in ("create", "update") else step


def _moved_as_a_whole(saved: Document, now: Document) -> Iterator[str]:
    if saved["store"] != now["store"]:
        yield f"the store moved {_from_to(saved['store'], now['store'])}"
    for file, key in ((MANIFEST, "manifest"), (LOCK, "lock")):
        before, after = saved["basis"][key], now["basis"][key]
        if before != after:
            yield f"{file} moved {_from_to(_short(before), _short(after))}"


def _moved_asset(before: _Facts, after: _Facts) -> list[str]:
    """The states that moved; where none did, another outcome: of an unfinished publish, or of another assetsync."""
    return list(_moved_states(before.seen, after.seen)) or list(_moved_outcome(before, after))


def _moved_states(before: Document | None, after: Document | None) -> Iterator[str]:
    if before is None or after is None:
        if before is not after:
            yield "is new in assets.yaml" if before is None else "is no longer in assets.yaml"
        return
    if before["local"] != after["local"]:
        yield f"local content moved {_from_to(_short(before['local']), _short(after['local']))}"
    if before["locked"] != after["locked"]:
        yield f"locked version moved {_from_to(before['locked'], after['locked'])}"
    yield from _moved_versions(before["remote"], after["remote"])


def _moved_versions(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    newest = (next(iter(before), None), next(iter(after), None))
    if newest[0] != newest[1]:
        yield f"newest remote version moved {_from_to(*newest)}"
        return
    for words, versions in (
        ("the store has got", set(after) - set(before)),
        ("the store has no longer", set(before) - set(after)),
    ):
        if versions:
            yield f"{words} {', '.join(f'`{printable(version)}`' for version in sorted(versions))}"


def _moved_outcome(before: _Facts, after: _Facts) -> Iterator[str]:
    if before == after:
        return
    was, now = _outcome(before), _outcome(after)
    if was == now and before.step and after.step:
        was, now = f"{was} of {before.step['path']}", f"{now} of {after.step['path']}"
    yield f"the plan moved {_from_to(was, now)}"


def _outcome(facts: _Facts) -> str | None:
    if facts.problem:
        return f"problem {facts.problem}"
    if facts.step is None:
        return None
    versions = " → ".join(dict.fromkeys(filter(None, (facts.step["from"], facts.step["to"]))))
    return f"{facts.step['action']} {versions}".rstrip()


def _from_to(before: str | None, after: str | None) -> str:
    return f"from {_quoted(before)} to {_quoted(after)}"


def _quoted(text: str | None) -> str:
    return "nothing" if text in (None, "nothing") else f"`{printable(text or '')}`"


def _short(text: str | None) -> str | None:
    """A digest in as many characters as people compare."""
    head, prefix, digest = (text or "").partition("sha256:")
    return f"{head}{prefix}{digest[:12]}…" if prefix else text
