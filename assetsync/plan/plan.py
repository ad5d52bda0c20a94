"""A plan: the actions that would be carried out and the problems in their way, as data.

`assetsync.plan.decide` makes it; rendering, JSON and carrying it out all read this same object. The reason of an action
explains it and never decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from assetsync.errors import AssetsyncError, ConflictError, InvalidError, TakenError
from assetsync.model.changes import Changes
from assetsync.model.guards import Guards
from assetsync.model.tree import DIGEST_PREFIX, Content
from assetsync.plan.snapshot import Present, RemoteVersion


class Transfer(Struct, frozen=True):
    """Bytes that an action would send, have copied by the store, and receive."""

    upload: int = 0
    reuse: int = 0
    download: int = 0


class _Action(Struct, frozen=True, kw_only=True):
    """The fields of all actions. `base` is the version that the asset is at before, `to` the one after it.

    `content` is what assets.lock will hold for the asset; None where only a download can tell.
    `excluded` counts the local files that were left out, and `left_out` names them. `through` says where links of the
    user lead by which the asset lies outside of the project. `owner` and `tags` are those of the entry.
    """

    asset: str
    path: str
    reason: str
    base: str | None = None
    to: str | None = None
    content: Content | None = None
    changes: Changes = field(default_factory=Changes)
    transfer: Transfer = field(default_factory=Transfer)
    notes: tuple[str, ...] = ()
    excluded: int = 0
    left_out: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    owner: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def stored(self) -> int:
        """The bytes by which the store grows: of what is sent, and of what the store copies."""
        return self.transfer.upload + self.transfer.reuse


class Create(_Action, frozen=True, kw_only=True):
    """Publish the first version of an asset: `local`, as it was scanned."""

    local: Present


class Update(_Action, frozen=True, kw_only=True):
    """Publish a further version of `local`. Files that `source` has, the version it follows, are copied by the store.

    `set_line` is what the entry's `version` in assets.yaml becomes, for a one-shot bump of an entry that has one.
    """

    local: Present
    source: RemoteVersion | None = None
    set_line: str | None = None


class Adopt(_Action, frozen=True, kw_only=True):
    """Record in assets.lock a version that the store has and that is here already (`lock` in the output).

    `unlisted`: `.versions` misses it, because its publisher died; recording it mends that. `set_line` as in Update: the
    bump was published before, but its publisher died before it could say so in assets.yaml.
    """

    unlisted: bool = False
    set_line: str | None = None


class Pull(_Action, frozen=True, kw_only=True):
    """Make the local path what `to` is. `over` is what it may replace there, as scanned; None where nothing is."""

    over: Present | None = None


class Forget(_Action, frozen=True, kw_only=True):
    """Drop the asset from assets.lock. The store is not touched."""


class Keep(_Action, frozen=True, kw_only=True):
    """Nothing to do (`none` in the output)."""


Action = Create | Update | Adopt | Pull | Forget | Keep

KIND: dict[type, str] = {
    Create: "create",
    Update: "update",
    Adopt: "lock",
    Pull: "pull",
    Forget: "forget",
    Keep: "none",
}


class Problem(Struct, frozen=True):
    """Why an asset (or, with an empty name, the whole plan) can't be carried out."""

    asset: str
    code: str
    message: str
    hint: str | None = None

    def error(self) -> AssetsyncError:
        """The problem as an error, with the exit code of its kind."""
        kind = ConflictError if self.code in CONFLICTS else TakenError if self.code == "taken" else InvalidError
        return kind(self.message, hint=self.hint)


# Problems that come from someone else's work rather than from a mistake; they have an exit code of their own.
CONFLICTS = frozenset({"diverged", "in_progress"})


class Seen(Struct, frozen=True):
    """One asset as a plan saw it: the local state in words, the locked version, the store's versions, newest first."""

    local: str
    locked: str | None
    remote: tuple[str, ...]


class Basis(Struct, frozen=True):
    """The inputs of a plan. `manifest` and `lock` are digests of the texts, None where there was none."""

    manifest: str | None = None
    lock: str | None = None
    assets: Mapping[str, Seen] = field(default_factory=dict)


def text_digest(text: str | None) -> str | None:
    """The digest of a manifest or a lock, as a Basis has it."""
    return None if text is None else DIGEST_PREFIX + hashlib.sha256(text.encode()).hexdigest()


class Plan(Struct, frozen=True):
    """The actions to carry out, and the problems in their way. `store` is as written in the manifest, so that a plan
    reads the same on every machine.

    `dated` says that new versions are named by the time of their publication, `makes_store` that the store is a
    directory that does not exist yet, `asked` that the store was asked anything. `guards` are those that it was held
    against; `loosened` says in words what they permit and did not before, as far as somebody compared. `price` is what
    a GB costs a month in the store.
    """

    store: str
    actions: tuple[Action, ...]
    problems: tuple[Problem, ...]
    online: bool = True
    dated: bool = False
    not_considered: int = 0
    makes_store: bool = False
    asked: bool = True
    guards: Guards = field(default_factory=Guards)
    loosened: tuple[str, ...] = ()
    price: float | None = None
    basis: Basis = field(default_factory=Basis)

    def based_on(self, manifest: str, lock: str | None) -> Plan:
        """This plan, bound to the texts of the manifest and the lock that it was made from."""
        return replace(self, basis=replace(self.basis, manifest=text_digest(manifest), lock=text_digest(lock)))

    @property
    def changes(self) -> tuple[Action, ...]:
        """The actions that change something: all but Keep."""
        return tuple(action for action in self.actions if not isinstance(action, Keep))

    @property
    def publishes(self) -> tuple[Action, ...]:
        """The actions that `apply` carries out: all but Keep and Pull."""
        return tuple(action for action in self.changes if not isinstance(action, Pull))

    @property
    def pulls(self) -> tuple[Pull, ...]:
        """The actions that write local files."""
        return tuple(action for action in self.actions if isinstance(action, Pull))

    @property
    def stored(self) -> int:
        """The bytes by which the store would grow."""
        return sum(action.stored for action in self.actions)

    def monthly(self, count: int) -> float | None:
        """The price of that many bytes for a month in the store; None where it has none in assets.yaml."""
        return None if self.price is None else count / 1000**3 * self.price

    def count(self, kind: str) -> int:
        """The number of actions of a kind, by the words of KIND."""
        return sum(KIND[type(action)] == kind for action in self.actions)

    @property
    def fingerprint(self) -> str:
        """The identity of what `apply` would do; the same on every machine and at every time.

        Pulls and notes depend on what lies on a machine, dates on when one looks, the order on how assets.yaml is
        arranged: none of them is part of it.
        """
        done = sorted(
            [
                action.asset,
                KIND[type(action)],
                action.path,
                action.base or "",
                self.timeless(action) or "",
                _identity(action.content),
                (isinstance(action, Update | Adopt) and action.set_line) or "",
            ]
            for action in self.publishes
        )
        problems = sorted([problem.asset, problem.code] for problem in self.problems)
        import json  # 1 ms, for plans that are shown

        text = json.dumps([self.store, done, problems], separators=(",", ":"))
        return DIGEST_PREFIX + hashlib.sha256(text.encode()).hexdigest()

    def timeless(self, action: Action) -> str | None:
        """The version that an action leads to, where a date that is yet to come counts as `next date`."""
        return "next date" if self.dated and isinstance(action, Create | Update) else action.to


def _identity(content: Content | None) -> list[str]:
    return [content.digest, "directory" if content.is_directory else "file"] if content else []
