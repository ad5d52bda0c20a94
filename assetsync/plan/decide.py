"""Snapshot + Request -> Plan, pure: an action or a problem for each asset.

A decision asks the situation of its asset for what it needs to know; see `assetsync.plan.needs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import assert_never

from assetsync.model.history import History
from assetsync.model.manifest import Entry
from assetsync.model.mismatch import lock_mismatches
from assetsync.model.versioning import is_valid
from assetsync.plan.plan import Action, Basis, Create, Forget, Plan, Problem, Seen, Update
from assetsync.plan.request import Purpose, Request
from assetsync.plan.situation import Situation, Stop
from assetsync.plan.snapshot import Absent, HalfPulled, Local, Present, Snapshot, Unusable
from assetsync.plan.taking import decide_pull, decide_upgrade


def make_plan(snapshot: Snapshot, request: Request) -> Plan:
    """Decide about each asset of `snapshot`, which holds all that `needs` asks for with this request."""
    actions: list[Action] = []
    problems: list[Problem] = list(problems_of_all(snapshot, request))
    if not problems:
        for entry in snapshot.manifest.entries:
            try:
                actions.append(_at_home(snapshot, decide(snapshot, entry, request)))
            except Stop as stop:
                problems.append(stop.problem)
        if request.purpose is Purpose.SYNC:
            actions.extend(_forgotten(snapshot))
    return Plan(
        store=snapshot.manifest.store.url,
        actions=tuple(actions),
        problems=tuple(problems),
        online=snapshot.online,
        dated=_dated(snapshot),
        not_considered=snapshot.not_considered,
        makes_store=snapshot.makes_store,
        asked=any(remote.indexed or remote.known for remote in snapshot.remote.values()),
        price=snapshot.manifest.store.price_per_gb_month,
        basis=Basis(assets={entry.name: _seen(snapshot, entry) for entry in snapshot.manifest.entries}),
    )


def decide(snapshot: Snapshot, entry: Entry, request: Request) -> Action:
    """Decide about one asset. Stop when nothing can be done; Unseen when more must be looked at first."""
    asset = Situation.of(snapshot, entry)
    if request.purpose is Purpose.PULL:
        return decide_pull(asset, request)
    from assetsync.plan.publishing import decide_sync, publish_exactly  # 1 ms that a pull need not spend

    exact = entry.version if request.purpose is Purpose.PUBLISH else None
    if exact is not None and is_valid(snapshot.versioning, exact):
        return publish_exactly(asset, exact)
    match request.purpose:
        case Purpose.SYNC | Purpose.PUBLISH:
            return decide_sync(asset, request)
        case Purpose.UPGRADE:
            return decide_upgrade(asset, request)
        case _:
            assert_never(request.purpose)


def _at_home(snapshot: Snapshot, action: Action) -> Action:
    """`action`, which publishes in the default store alone: numbers given in two places would soon mean two contents.

    Stop.
    """
    store, home = snapshot.manifest.store, snapshot.manifest.home
    if home is None or not isinstance(action, Create | Update):
        return action
    raise Stop(
        action.asset,
        "not_home",
        f"`{action.asset}:{action.to}` would be published in `{store.shown}`, and assets.lock belongs to"
        f" `{home.shown}`, where versions get their numbers",
        f"publish it there, and then run `assetsync promote {action.asset} --to {store.shown}`",
    )


def _dated(snapshot: Snapshot) -> bool:
    """Whether versions are named by the time. Such a system names the first version otherwise 400 days later, even when
    it names it by the year alone."""
    system, now = snapshot.versioning, snapshot.now
    return system.initial(now=now) != system.initial(now=now + timedelta(days=400))


def _seen(snapshot: Snapshot, entry: Entry) -> Seen:
    locked = snapshot.lock.assets.get(entry.name) if snapshot.lock else None
    history = History.of(snapshot.remote[entry.name].committed, snapshot.versioning)
    return Seen(_local_in_words(snapshot.local[entry.name]), locked.version if locked else None, history.versions)


def _local_in_words(local: Local) -> str:
    match local:
        case Present():
            return f"{'directory' if local.tree.is_directory else 'file'} {local.tree.digest}"
        case Absent():
            return "nothing"
        case Unusable():
            return "unusable"
        case HalfPulled():
            return f"half-pulled {local.version}"
        case _:
            assert_never(local)


def problems_of_all(snapshot: Snapshot, request: Request) -> Iterator[Problem]:
    """The problems that leave nothing to decide about any asset."""
    lock, manifest = snapshot.lock, snapshot.manifest
    for one in lock_mismatches(lock, manifest) if lock is not None else ():
        yield Problem("", one.code, one.message, one.fix)
    for name in sorted(request.wishes - {entry.name for entry in manifest.entries}):
        yield Problem(
            "",
            "not_considered",
            f"an option names `{name}`, which is not among the assets of this plan",
            "name assets of assets.yaml, and of those that the command is about",
        )


def _forgotten(snapshot: Snapshot) -> Iterator[Forget]:
    named = {entry.name for entry in snapshot.manifest.entries}
    for name, locked in (snapshot.lock.assets if snapshot.lock else {}).items():
        if name not in named:
            yield Forget(
                asset=name,
                path=locked.path,
                reason="no longer in assets.yaml; the store keeps it",
                base=locked.version,
                content=locked.content,
            )
