"""Decisions that take a version of the store: of readonly assets, for `pull` and for `upgrade`."""

from __future__ import annotations

from msgspec.structs import replace

from assetsync.errors import NotFoundError
from assetsync.model.history import satisfies
from assetsync.model.lock import LockEntry
from assetsync.model.marks import alias_in
from assetsync.plan.actions import adopt, keep, pull
from assetsync.plan.plan import Action
from assetsync.plan.request import Request
from assetsync.plan.situation import Situation
from assetsync.plan.snapshot import HalfPulled, Present


def decide_readonly(asset: Situation, request: Request) -> Action:
    """Keep what is locked while that is what the entry declares, and otherwise take the newest that is. Stop."""
    if asset.name in request.publishing:
        message = f"`{asset.name}` is `readonly`, so it is never published from here"
        raise asset.stop("readonly", message, "drop the option, or `readonly` in assets.yaml")
    alias = alias_in(asset.entry.version)
    locked = asset.checked_lock()
    if locked is not None and alias is not None:
        return _follow_alias(asset, locked, alias, request)
    if locked is None or not satisfies(locked.version, asset.entry.version, asset.snapshot.versioning):
        return take(asset, newest_wanted(asset), request)
    action = take(asset, locked.version, request)
    newest = next(iter(asset.history.matching(asset.entry.version)), None)
    if newest is not None and asset.history.is_newer(newest, locked.version):
        return replace(action, notes=(*action.notes, available(asset, newest)))
    return action


def _follow_alias(asset: Situation, locked: LockEntry, alias: str, request: Request) -> Action:
    """Keep the locked version, wherever the alias is by now: `upgrade` alone moves the lock."""
    asset.ask(marks=True)
    action = take(asset, locked.version, request)
    marks = asset.remote.marks
    at = marks.at(alias) if marks else locked.version  # offline, nobody knows
    if at is None:
        note = f"`{asset.name}` has no alias `{alias}` any more"
    elif at != locked.version:
        note = f"`@{alias}` is at `{at}`: `assetsync upgrade {asset.name}`"
    else:
        return action
    return replace(action, notes=(*action.notes, note))


def decide_pull(asset: Situation, request: Request) -> Action:
    """Take what is locked. Stop."""
    locked = asset.locked
    if locked is None:
        return keep(asset, "not in assets.lock, so there is nothing to pull")
    if isinstance(asset.local, Present) and asset.is_as_locked:
        return keep(asset, "unchanged")  # and the store is not asked: that is for `plan` and `check --remote`
    asset.ask(files=(locked.version,), marks=True)  # marks, to say that it was yanked
    asset.checked_lock()
    return take(asset, locked.version, request)


def decide_upgrade(asset: Situation, request: Request) -> Action:
    """Take the newest version that the entry declares, wherever the lock is. Stop."""
    # Content of a version that the store lost may be the last there is: only who gives it up moves on.
    locked = asset.locked if asset.name in request.discard_local else asset.checked_lock()
    asset.ask(folder=True)
    if not asset.history.matching(asset.entry.version) and not asset.entry.readonly:
        wanted = f"version line `{asset.entry.version}`" if asset.history.versions else "version"
        return keep(asset, f"the store has no {wanted} of it yet")
    newest = newest_wanted(asset)
    edited = isinstance(asset.local, Present) and not (
        asset.is_as_locked
        or asset.is_untouched
        or asset.has_here(newest)
        or asset.name in request.discard_local
        or asset.is_part_of(newest)
    )
    if locked is not None and locked.version == newest and edited:
        return keep(asset, "locked at the newest version; the changes here stay")
    return take(asset, newest, request)


def newest_wanted(asset: Situation) -> str:
    """The newest version that the entry declares. Stop when there is none."""
    alias = alias_in(asset.entry.version)
    if alias is not None:
        return _aliased(asset, alias)
    asset.ask(folder=True)
    versions = asset.history.matching(asset.entry.version)
    if versions:
        return versions[0]
    yank = asset.remote.yanked.get(asset.entry.version or "")
    if yank is not None:
        if asset.is_locked_at(yank.version):
            return yank.version
        message = f"`{asset.name}:{yank.version}` was yanked: {yank.why}"
        raise asset.stop("yanked", message, "name another `version` in assets.yaml")
    wanted = f"{asset.name}:{asset.entry.version}" if asset.entry.version else asset.name
    if not asset.snapshot.online:
        raise asset.stop("needs_store", f"only the store knows which version `{wanted}` is", "ask it: no `--offline`")
    existing = ", ".join(f"`{version}`" for version in asset.history.versions[:10]) or "none"
    raise asset.stop("unknown_version", f"the store has no `{wanted}`", f"its versions are: {existing}")


def _aliased(asset: Situation, alias: str) -> str:
    """The version that an alias is at. Stop when there is none that can be taken."""
    asset.ask(marks=True)
    marks = asset.remote.marks
    if marks is None:
        message = f"only the store knows which version `{asset.name}@{alias}` is"
        raise asset.stop("needs_store", message, "ask it: no `--offline`")
    try:
        version = marks.resolved(asset.name, alias)
    except NotFoundError as error:
        raise asset.stop("unknown_alias", error.message, error.hint) from None
    asset.ask(files=(version,))
    if version not in asset.remote.committed:
        message = f"`{asset.name}@{alias}` is at `{version}`, which the store does not have"
        raise asset.stop("unknown_version", message, f"move it with `assetsync alias {asset.name} {alias} VERSION`")
    return version


def take(asset: Situation, version: str, request: Request) -> Action:
    """Make lock and local path `version`; never at the cost of local edits that nobody gave up."""
    if isinstance(asset.local, HalfPulled):
        return finish(asset, asset.local, version, request)
    at_version = asset.is_locked_at(version)
    if asset.here is None:
        why = f"; locked at `{version}`" if at_version else ", and the store has it"
        return pull(asset, version, f"not here{why}")
    if at_version and asset.is_as_locked:
        return keep(asset, "unchanged")
    if asset.has_here(version):
        return adopt(asset, version, asset.here, "the store has this content already")
    if asset.is_as_locked:
        return pull(asset, version, _asked_for(asset))
    if asset.is_untouched:
        why = f"assets.lock moved to `{version}`" if at_version else _asked_for(asset)
        return pull(asset, version, why)
    if asset.name in request.discard_local:
        return pull(asset, version, "what is here is given up, as asked by --discard-local")
    if asset.is_part_of(version):
        return pull(asset, version, "files are missing here")
    kept = [*asset.history.older_than(version), *asset.remote.yanked]
    older = None if asset.entry.readonly else asset.first_here(kept)
    if older is not None and asset.is_stored_as(older):
        return pull(asset, version, f"what is here is `{older}`, which the store keeps")
    raise asset.modified(version)


def _asked_for(asset: Situation) -> str:
    alias = asset.entry.version if alias_in(asset.entry.version) is not None else None
    return f"where `{alias}` is, as assets.yaml asks for" if alias else "the newest version that assets.yaml asks for"


def finish(asset: Situation, half: HalfPulled, version: str, request: Request) -> Action:
    """Go on with a pull that stopped half-way, unless someone edited files since."""
    edited = set() if asset.name in request.discard_local else asset.unstored(half, version)
    if edited:
        raise asset.modified(version, edited)
    verb = "finishes" if half.version == version else "replaces"
    return pull(asset, version, f"{verb} the interrupted pull of `{half.version}`")


def available(asset: Situation, version: str) -> str:
    """The note that a newer version can be had."""
    return f"`{version}` is available: `assetsync upgrade {asset.name}`"
