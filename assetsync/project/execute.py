"""Carrying out the actions of a plan, many assets at once; each succeeds or fails on its own."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import assert_never

from msgspec import Struct

from assetsync.errors import AssetsyncError, ContentError, InvalidError
from assetsync.model.lock import LockEntry
from assetsync.model.manifest import Entry
from assetsync.model.provenance import Provenance
from assetsync.model.tree import Content
from assetsync.plan.plan import KIND, Action, Adopt, Create, Forget, Keep, Pull, Update
from assetsync.pool import Cancelled, Transfers
from assetsync.progress import Reporter
from assetsync.project.gather import Site
from assetsync.project.result import Outcome
from assetsync.remote.store import Store
from assetsync.remote.yank import relist
from assetsync.system import local_error
from assetsync.transfer.publication import Elsewhere, Publication
from assetsync.transfer.publish import probe, publish, release
from assetsync.transfer.pull import Retrieval, pull

# Saves the entry that the asset of an action resolved to (None: forget it), and returns when that is on disk.
Record = Callable[[Action, LockEntry | None], None]


class Execution(Struct, frozen=True):
    """All that it takes to carry out actions. `who` is written into claims, `provenance` into `.meta`.

    `entries` are those of the manifest by their names; `elsewhere` names, by asset, where the content is that is not at
    the asset's path.
    """

    site: Site
    store: Store
    transfers: Transfers
    reporter: Reporter
    record: Record
    who: str
    provenance: Provenance
    entries: Mapping[str, Entry]
    elsewhere: Mapping[str, Elsewhere]

    def carry_out(self, actions: Iterable[Action]) -> list[Outcome]:
        """Carry out `actions`, many at once. The outcomes are in the same order, without those of Keep. An error of one
        asset does not stop the others.

        UnsupportedError before anything is written when the store can't promise create-only writes.
        """
        todo: Sequence[Action] = [action for action in actions if not isinstance(action, Keep)]
        if any(isinstance(action, Create | Update) for action in todo):
            probe(self.store)
        return self.transfers.each(self._outcome, todo)

    def _outcome(self, action: Action) -> Outcome:
        try:
            entry = self._do(action)
        except AssetsyncError as error:
            self.reporter.end(action.asset, f"failed: {error.message}")
            return Outcome(action, error=error)
        except OSError as error:
            local = local_error(error, os.path.join(self.site.root, action.path))
            self.reporter.end(action.asset, f"failed: {local.message}")
            return Outcome(action, error=local)
        except Cancelled:
            return Outcome(action, error=ContentError(f"`{action.asset}` was interrupted"))
        return Outcome(action, entry)

    def _do(self, action: Action) -> LockEntry | None:
        match action:
            case Create() | Update():
                return self._publish(action)
            case Adopt():
                return self._adopt(action)
            case Pull():
                return self._pull(action)
            case Forget():
                self.record(action, None)
                self.reporter.end(action.asset, "forgotten")
                return None
            case Keep():
                return None
            case _:
                assert_never(action)

    def _adopt(self, action: Adopt) -> LockEntry:
        version = _version(action)
        if action.unlisted:
            relist(self.store, action.asset, [version])
        # An earlier run here published it, and was cut short.
        if self.site.journal.has_claim(self.store.url, f"{action.asset}:{version}"):
            release(self.store, action.asset, version, self.site.journal)
        return self._recorded(action, action.content)

    def _publish(self, action: Create | Update) -> LockEntry:
        entry = self.entries[action.asset]
        elsewhere = self.elsewhere.get(action.asset, Elsewhere(os.path.join(self.site.root, action.path)))
        what = Publication(
            name=action.asset,
            version=_version(action),
            path=elsewhere.path,
            copy=elsewhere.copy,
            local=action.local,
            source=action.source if isinstance(action, Update) else None,
            provenance=self.provenance,
            description=entry.description,
            owner=entry.owner,
            tags=entry.tags,
        )
        self.reporter.begin(action.asset, "upload", what.tree.content.size)
        publish(
            self.store,
            what,
            transfers=self.transfers,
            journal=self.site.journal,
            who=self.who,
            progress=partial(self.reporter.advance, action.asset),
        )
        # Before the lock is saved: afterwards, the same command would find nothing to do, and never delete the claim.
        release(self.store, what.name, what.version, self.site.journal)
        return self._recorded(action, what.tree.content)

    def _pull(self, action: Pull) -> LockEntry:
        what = Retrieval(
            name=action.asset,
            version=_version(action),
            boundary=self.site.boundary,
            path=action.path,
            over=action.over,
            content=action.content,
        )
        self.reporter.begin(action.asset, "download", action.transfer.download)
        content = pull(
            self.store,
            what,
            transfers=self.transfers,
            markers=self.site.markers,
            progress=partial(self.reporter.advance, action.asset),
        )
        return self._recorded(action, content)

    def _recorded(self, action: Action, content: Content | None) -> LockEntry:
        if content is None:
            raise InvalidError(f"the content of `{action.asset}:{action.to}` is not known")
        entry = LockEntry(_version(action), content, action.path)
        self.record(action, entry)
        self.reporter.end(action.asset, f"{_PAST[KIND[type(action)]]} {entry.version}")
        return entry


_PAST = {"create": "published", "update": "published", "lock": "locked", "pull": "pulled"}


def _version(action: Action) -> str:
    if action.to is None:
        raise TypeError(f"an action that leads to a version has none: {action.asset}")
    return action.to


def who() -> str:
    """Who a claim says is publishing: user and host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
