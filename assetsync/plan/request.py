"""What a plan is asked for: which assets, for what purpose, with which one-shot wishes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class Options:
    """One-shot wishes, as names of assets.

    `bump_major`: open the next line. `supersede`: publish on top of a version that someone else published meanwhile.
    `discard_local`: give up what is here for the store's version. `force`: publish although the content is unchanged.
    """

    bump_major: frozenset[str] = frozenset()
    supersede: frozenset[str] = frozenset()
    discard_local: frozenset[str] = frozenset()
    force: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        return self.publishing | self.discard_local

    @property
    def publishing(self) -> frozenset[str]:
        """Those that are to be published in some way."""
        return self.bump_major | self.supersede | self.force


class Purpose(Enum):
    """What a snapshot is for, which decides what must be looked at."""

    SYNC = "sync"
    PULL = "pull"
    UPGRADE = "upgrade"
    # A further version by hand, without a lock: only the newest of the line matters.
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for when a plan was made: the names that it was narrowed to (none: all), and the options."""

    names: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)
