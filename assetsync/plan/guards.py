"""A plan as the guards of assets.yaml let it be: what breaks one becomes a problem, and nothing is published. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from assetsync.escape import printable
from assetsync.model.guards import Guards, Secret, is_allowed, loosened
from assetsync.model.manifest import Entry, Manifest
from assetsync.model.versioning import Lines, is_valid
from assetsync.plan.plan import Action, Create, Plan, Problem, Update
from assetsync.plan.snapshot import Snapshot

# Secrets of one asset that are named.
SHOWN = 20
_IN_REVIEW = "in assets.yaml, where that is reviewed"


def guarded(
    plan: Plan,
    snapshot: Snapshot,
    guards: Guards,
    entries: Mapping[str, Entry],
    secrets: Mapping[str, Sequence[Secret]],
) -> Plan:
    """`plan`, made of `snapshot`, with a problem in place of each action that breaks a guard.

    `entries` are those of the project by name, of which one that is published by hand need not be. `secrets` are those
    found in what would be published, by asset.
    """
    actions: list[Action] = []
    problems = list(plan.problems)
    for action in plan.actions:
        if not isinstance(action, Create | Update):
            actions.append(action)
            continue
        entry = entries.get(action.asset)
        left = not_allowed(secrets.get(action.asset, ()), action.path, entry)
        broken = [
            *limit_problems(action.asset, action.local.tree.content.files, action.transfer.upload, guards),
            *_major(action, plan, snapshot, guards, entry),
        ]
        if guards.secrets == "block":
            broken += secret_problems(action.asset, action.path, left)
            left = []
        problems += broken
        if not broken:
            notes = tuple(problem.message for problem in secret_problems(action.asset, action.path, left))
            actions.append(replace(action, notes=(*action.notes, *notes)) if notes else action)
    return replace(plan, actions=tuple(actions), problems=tuple(problems), guards=guards)


def loosened_since(before: Manifest | None, now: Manifest) -> Iterator[str]:
    """In words, what `now` lets be published and `before` did not; without a `before`, what no manifest would let."""
    yield from loosened(before.guards if before else Guards(), now.guards)
    allowed = {entry.name: entry.allow_secrets for entry in before.entries} if before else {}
    for entry in now.entries:
        for path in entry.allow_secrets:
            if not is_allowed(path, allowed.get(entry.name, ())):
                yield f"`{entry.name}` allows secrets in `{printable(path)}`"


def not_allowed(secrets: Sequence[Secret], path: str, entry: Entry | None) -> list[Secret]:
    """The secrets of the asset at `path` that its entry does not allow."""
    allowed = entry.allow_secrets if entry else ()
    base = path.rpartition("/")[2]
    return [secret for secret in secrets if not is_allowed(secret.path or base, allowed)]


def secret_problems(asset: str, path: str, secrets: Sequence[Secret]) -> Iterator[Problem]:
    """A problem for each secret, and one for those beyond what anybody reads. The first has the hint for all."""
    hint: str | None = _way_out(path, secrets[:SHOWN])
    for secret in secrets[:SHOWN]:
        file = printable(f"{path}/{secret.path}" if secret.path else path)
        where = (
            f"line {secret.line} of `{file}` holds what looks like a secret" if secret.line else f"`{file}` is a secret"
        )
        yield Problem(asset, "secret", f"{where}: {secret.kind}", hint)
        hint = None
    more = len(secrets) - SHOWN
    if more > 0:
        yield Problem(asset, "secret", f"`{printable(path)}` holds {more:,} more of what looks like secrets")


def _way_out(path: str, secrets: Sequence[Secret]) -> str:
    """The hint for the secrets of an asset, with texts to be pasted into its entry."""
    them, are = ("it", "it is") if len(secrets) == 1 else ("them", "they are")
    files = [printable(file) for file in dict.fromkeys(secret.path for secret in secrets)]
    patterns = ", ".join("'" + re.sub(r"([*?[])", r"\\\1", f"/{file}") + "'" for file in files if file)
    leave_out = f"leave the file{'s' if len(files) > 1 else ''} out with `exclude: [{patterns}]`, " if patterns else ""
    inside = ", ".join(f"'{file or printable(path.rpartition('/')[2])}'" for file in files)
    return (
        f"take {them} out, and revoke {them} if others had {them}; {leave_out}or, when {are} harmless, "
        f"add `allow_secrets: [{inside}]` to the asset {_IN_REVIEW}"
    )


def limit_problems(
    asset: str, files: int, upload: int, guards: Guards, *, published: bool = False
) -> Iterator[Problem]:
    """The limits that a version of so many files breaks, with `upload` bytes to send. `published`: its content can't
    change any more."""
    if guards.max_upload is not None and upload > guards.max_upload:
        yield Problem(
            asset,
            "too_large",
            f"`{asset}` would upload {upload:,} bytes, and `max_upload` allows {guards.max_upload:,}",
            f"{'' if published else 'leave files out with `exclude`, split the asset, or '}"
            f"raise `max_upload` {_IN_REVIEW}",
        )
    if guards.max_files is not None and files > guards.max_files:
        yield Problem(
            asset,
            "too_many_files",
            f"{many_files(asset, files)}, and `max_files` allows {guards.max_files:,}",
            f"{'' if published else 'leave files out with `exclude`, pack them into an archive, or '}"
            f"raise `max_files` {_IN_REVIEW}",
        )


def many_files(asset: str, files: int) -> str:
    """How many files an asset has, in words."""
    return f"`{asset}` has {files:,} file{'' if files == 1 else 's'}"


def _major(
    action: Create | Update, plan: Plan, snapshot: Snapshot, guards: Guards, entry: Entry | None
) -> Iterator[Problem]:
    """A problem for a line that is opened and not declared by assets.yaml, where only that opens lines."""
    system = snapshot.versioning
    if guards.majors != "manifest" or not isinstance(system, Lines) or action.to is None:
        return
    line = system.line_of(action.to)
    versions = plan.basis.assets[action.asset].remote or (system.initial(now=snapshot.now),)
    opened = {system.line_of(version) for version in versions if is_valid(system, version)}
    if line not in opened and (entry is None or entry.version != line):
        yield Problem(
            action.asset,
            "major",
            f"`{action.asset}:{action.to}` opens version line `{line}`, which assets.yaml does not declare",
            f'`majors: manifest` wants that reviewed: write `version: "{line}"` into its entry in assets.yaml',
        )
