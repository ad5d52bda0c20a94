"""Snapshot + Request -> what must still be looked at in the store before the plan can be made. Pure.

Nothing here foresees a decision: the decision itself is made on what has been seen so far, and stops at the first thing
that it asks for and nobody has looked at. Gathering gets that and asks again, until nothing is asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from assetsync.plan.decide import decide, problems_of_all
from assetsync.plan.request import Request
from assetsync.plan.situation import Stop, Unseen
from assetsync.plan.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Needs:
    """The facts of a store that a decision asks for. `digests` are versions whose content is compared with what is
    here, for which memory will do; `files` those whose `.meta` is read; `hashes` those whose files are compared one by
    one. `folder`: what lies in the asset's folder, listed or not. `index`: `.versions`. `marks`: `.marks`.
    """

    digests: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    folder: bool = False
    index: bool = False
    marks: bool = False


def needs(snapshot: Snapshot, request: Request, names: Collection[str] | None = None) -> dict[str, Needs]:
    """The facts that the decisions about the assets called `names`, or about all, ask for. Assets without any are left
    out.

    A plan of a snapshot of which this is empty can be made. It ends: what has been looked at is never asked for again.
    """
    if any(problems_of_all(snapshot, request)):
        return {}
    wanted = {}
    for entry in snapshot.manifest.entries:
        if names is None or entry.name in names:
            try:
                decide(snapshot, entry, request)
            except Stop:
                continue
            except Unseen as one:
                wanted[entry.name] = Needs(one.digests, one.files, one.hashes, one.folder, one.index, one.marks)
    return wanted
