"""Saved plans: the JSON of a plan and what it was made from, as text and back; and what has moved since, in words.

A saved plan is never carried out by itself. Who applies it plans again, for the same assets and with the same options,
and goes on only when nothing has moved: so a file that was tampered with can make assetsync refuse, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.plan.plan import KIND, Basis, Plan, Seen
from assetsync.plan.request import Options, Request
from assetsync.render.plan_json import FORMAT_VERSION, dump, plan_document

# The fields of Options, as the file has them.
_OPTIONS = ("bump_major", "supersede", "discard_local", "force")
_NEXT_DATE = "next date"

T = TypeVar("T")


class Step(NamedTuple):
    """What a plan does about one asset, as far as it must stay the same. A date that is yet to come is `next date`."""

    action: str
    path: str
    base: str | None
    to: str | None
    digest: str | None

    def __str__(self) -> str:
        versions = " → ".join(dict.fromkeys(version for version in (self.base, self.to) if version))
        return printable(f"{self.action} {versions}".rstrip())


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A saved plan, read back. `steps` and `problems` (their codes) are by asset."""

    request: Request
    store: str
    fingerprint: str
    steps: Mapping[str, Step]
    problems: Mapping[str, str]
    basis: Basis


def render_saved_plan(plan: Plan, request: Request) -> str:
    """The text of a saved plan: the document of `--format json` and its basis. Nothing in it depends on the machine."""
    basis = plan.basis
    options = {name: sorted(getattr(request.options, name)) for name in _OPTIONS}
    assets = {
        name: {"local": seen.local, "locked": seen.locked, "remote": list(seen.remote)}
        for name, seen in basis.assets.items()
    }
    document = plan_document(plan) | {
        "basis": {
            "names": list(request.names),
            "options": options,
            "dated": plan.dated,
            "manifest": basis.manifest,
            "lock": basis.lock,
            "assets": assets,
        }
    }
    return dump(document)


def parse_saved_plan(text: str) -> SavedPlan:
    """The plan that `render_saved_plan` wrote. InvalidError for anything else, and for a plan made offline."""
    document = _Node(_load(text), "")
    version = document.take("format_version", int)
    if version > FORMAT_VERSION:
        raise InvalidError(
            f"the saved plan has format {version}, and this assetsync knows {FORMAT_VERSION}",
            hint="apply it with the assetsync that wrote it, or plan again",
        )
    if "basis" not in document.value:
        raise InvalidError(
            "this is the JSON of a plan, but not a saved plan: it does not say what it was made from",
            hint="save one with `assetsync plan -o FILE`",
        )
    if document.value.get("offline"):
        raise InvalidError("a plan made offline can't be carried out", hint="plan again without `--offline`")
    basis = document.node("basis")
    options = basis.node("options")
    dated = basis.take("dated", bool)
    return SavedPlan(
        request=Request(basis.texts("names"), Options(**{name: frozenset(options.texts(name)) for name in _OPTIONS})),
        store=document.take("store", str),
        fingerprint=document.take("fingerprint", str),
        steps={action.take("asset", str): _step(action, dated) for action in document.nodes("actions")},
        problems={node.take("asset", str): node.take("code", str) for node in document.nodes("problems")},
        basis=Basis(
            basis.maybe("manifest"),
            basis.maybe("lock"),
            {name: _seen(node) for name, node in basis.node("assets").items()},
        ),
    )


def _step(action: _Node, dated: bool) -> Step:
    kind = action.take("action", str)
    to = _NEXT_DATE if dated and kind in ("create", "update") else action.maybe("to")
    return Step(kind, action.take("path", str), action.maybe("from"), to, action.maybe("digest"))


def _seen(node: _Node) -> Seen:
    return Seen(node.take("local", str), node.maybe("locked"), node.texts("remote"))


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidError(
            "this is not a saved plan: it is not JSON", hint="save one with `assetsync plan -o FILE`"
        ) from None


@dataclass(frozen=True, slots=True)
class _Node:
    """A JSON object at a place of the document. What is missing or of another type is an InvalidError."""

    value: Any
    place: str

    def __post_init__(self) -> None:
        if not isinstance(self.value, dict):
            raise self.wrong("")

    def wrong(self, key: str) -> InvalidError:
        place = ".".join(part for part in (self.place, key) if part)
        what = f"`{printable(place)}` is missing or of the wrong type" if place else "it is not a JSON object"
        return InvalidError(f"this is not a saved plan: {what}", hint="save one with `assetsync plan -o FILE`")

    def take(self, key: str, kind: type[T]) -> T:
        value = self.value.get(key)
        if type(value) is not kind:
            raise self.wrong(key)
        return value

    def maybe(self, key: str) -> str | None:
        return None if self.value.get(key, "") is None else self.take(key, str)

    def texts(self, key: str) -> tuple[str, ...]:
        values: list[Any] = self.take(key, list)
        if not all(type(value) is str for value in values):
            raise self.wrong(key)
        return tuple(values)

    def node(self, key: str) -> _Node:
        return _Node(self.take(key, dict), f"{self.place}.{key}".lstrip("."))

    def nodes(self, key: str) -> list[_Node]:
        return [_Node(value, f"{key}[{number}]") for number, value in enumerate(self.take(key, list))]

    def items(self) -> Iterator[tuple[str, _Node]]:
        for key in self.value:
            yield key, self.node(key)


def what_moved(saved: SavedPlan, now: Plan) -> list[str]:
    """What is not as it was when the plan was saved, one line each, from what to what; empty when nothing moved.

    `now` is planned for the same request, just now.
    """
    moved = list(_moved_as_a_whole(saved, now))
    steps = _steps(now)
    problems = {problem.asset: problem.code for problem in now.problems}
    names = dict.fromkeys([*saved.basis.assets, *now.basis.assets, *saved.steps, *steps, *saved.problems, *problems])
    for name in names:
        before, after = saved.basis.assets.get(name), now.basis.assets.get(name)
        found = list(_moved_states(before, after))
        if not found:
            found = list(_moved_outcome(saved, name, steps.get(name), problems.get(name)))
        subject = f"`{printable(name)}`" if name else "the plan as a whole"
        moved.extend(f"{subject}: {words}" for words in found)
    if not moved and saved.fingerprint != now.fingerprint:
        moved.append(f"the plan: its fingerprint was {printable(saved.fingerprint)}, and is {now.fingerprint}")
    return moved


def _moved_as_a_whole(saved: SavedPlan, now: Plan) -> Iterator[str]:
    if saved.store != now.store:
        yield f"the store moved {_from_to(saved.store, now.store)}"
    for file, before, after in (
        ("assets.yaml", saved.basis.manifest, now.basis.manifest),
        ("assets.lock", saved.basis.lock, now.basis.lock),
    ):
        if before != after:
            yield f"{file} moved {_from_to(_short(before), _short(after))}"


def _moved_states(before: Seen | None, after: Seen | None) -> Iterator[str]:
    if before is None or after is None:
        if before is not after:
            yield "is new in assets.yaml" if before is None else "is no longer in assets.yaml"
        return
    if before.local != after.local:
        yield f"local content moved {_from_to(_short(before.local), _short(after.local))}"
    if before.locked != after.locked:
        yield f"locked version moved {_from_to(before.locked, after.locked)}"
    yield from _moved_versions(before.remote, after.remote)


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


def _moved_outcome(saved: SavedPlan, name: str, step: Step | None, problem: str | None) -> Iterator[str]:
    """What else makes the outcome another: an unfinished publish in the store, or another assetsync."""
    was = (saved.steps.get(name), saved.problems.get(name))
    if was != (step, problem):
        before, after = _outcome(*was), _outcome(step, problem)
        if before == after and was[0] and step:
            before, after = f"{before} of {was[0].path}", f"{after} of {step.path}"
        yield f"the plan moved {_from_to(before, after)}"


def _outcome(step: Step | None, problem: str | None) -> str | None:
    return f"problem {problem}" if problem else str(step) if step else None


def _steps(plan: Plan) -> dict[str, Step]:
    return {
        action.asset: Step(
            KIND[type(action)],
            action.path,
            action.base,
            plan.timeless(action),
            action.content.digest if action.content else None,
        )
        for action in plan.actions
    }


def _from_to(before: str | None, after: str | None) -> str:
    return f"from {_quoted(before)} to {_quoted(after)}"


def _quoted(text: str | None) -> str:
    return "nothing" if text in (None, "nothing") else f"`{printable(text or '')}`"


def _short(text: str | None) -> str | None:
    """A digest in as many characters as people compare."""
    head, prefix, digest = (text or "").partition("sha256:")
    return f"{head}{prefix}{digest[:12]}…" if prefix else text
