"""Snapshot + Request -> what must still be looked at in the store before the plan can be made. Pure.

Nothing here foresees a decision: the decision itself is made on what has been seen so far, and stops at the first thing
that it asks for and nobody has looked at. Gathering gets that and asks again, until nothing is asked for.
"""

from __future__ import annotations

from collections.abc import Collection

from assetsync.plan.decide import decide, problems_of_all
from assetsync.plan.request import Request
from assetsync.plan.situation import Needs, Stop, Unseen
from assetsync.plan.snapshot import Snapshot


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
                wanted[entry.name] = one.needs
    return wanted
