"""The message of a commit of assets.lock."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from assetsync.model.lock import Lock

SUBJECT_WIDTH = 72


def commit_message(before: Lock | None, after: Lock | None, published: Collection[str], subject: str | None) -> str:
    """The message of a commit of assets.lock: which assets moved to which versions. `subject` is its first line."""
    old, new = (dict(lock.assets) if lock else {} for lock in (before, after))
    bumps, lines = [], []
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        if now is None:
            lines.append(f"- {name}: no longer locked")
        elif was is None:
            bumps.append(name)
            lines.append(f"- {name} {now.version}")
        elif was.version == now.version:
            lines.append(f"- {name} {now.version}, at another path")
        else:
            bumps.append(name)
            lines.append(f"- {name} {was.version} -> {now.version}")
    verb = "Publish" if published and {*bumps} <= {*published} else "Lock"
    first = subject or _subject(verb, [f"{name} {new[name].version}" for name in bumps])
    return "\n".join([first, "", *lines]).rstrip("\n") + "\n"


def _subject(verb: str, bumps: Sequence[str]) -> str:
    if not bumps:
        return "Update assets.lock"
    text = f"{verb} {', '.join(bumps)}"
    return text if len(text) <= SUBJECT_WIDTH else f"{verb} {len(bumps)} assets"
