"""A request for a plan: about which assets, for what purpose, with which one-shot wishes."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Purpose(Enum):
    """The purpose of a plan, which decides what it may do."""

    # Both directions, by the decision table.
    SYNC = "sync"
    # Local paths become what the lock says.
    PULL = "pull"
    # The lock moves to the newest version of each line, and local paths with it.
    UPGRADE = "upgrade"
    # A version published by hand, without a lock: only the newest version of the line counts. An entry whose `version`
    # is complete asks for that very version.
    PUBLISH = "publish"


class Request(Struct, frozen=True):
    """A request for a plan. `names` are the assets that it is about; all of them when there are none.

    The others are wishes for this one time, as names of assets. `bump_major`: open the next line. `supersede`: publish
    on top of a version that someone else published meanwhile, or content that an older version has. `discard_local`:
    give up what is here for the store's version. `force`: publish although the content is unchanged.
    """

    names: tuple[str, ...] = ()
    purpose: Purpose = Purpose.SYNC
    bump_major: frozenset[str] = frozenset()
    supersede: frozenset[str] = frozenset()
    discard_local: frozenset[str] = frozenset()
    force: frozenset[str] = frozenset()

    @property
    def wishes(self) -> frozenset[str]:
        """The assets of which something is wished."""
        return self.publishing | self.discard_local

    @property
    def publishing(self) -> frozenset[str]:
        """The assets that are to be published in some way."""
        return self.bump_major | self.supersede | self.force
