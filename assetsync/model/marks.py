"""Aliases of an asset and its yanked versions, as values: what a `NAME.marks` says. Every change is a new value.

An alias is a name for a version, such as `production`, that is moved on purpose. A yanked version is one that was
marked as bad. Both keep who did it, when, from which commit and why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from assetsync.errors import ConflictError, InvalidError, NotFoundError
from assetsync.escape import brief
from assetsync.suggest import did_you_mean

# In a spec and in `version` of an entry, this comes before the name of an alias.
AT = "@"
MAX_ALIAS = 64  # characters
# What one asset can have. Of the moves of an alias, the oldest are forgotten.
MAX_ALIASES = 100
MAX_MOVES = 200
MAX_YANKS = 10_000

_ALIAS = r"[a-z](?:[a-z0-9._-]*[a-z0-9])?"


def alias_problem(alias: str) -> str | None:
    """Why `alias` can't be the name of an alias, or None when it can."""
    if len(alias) > MAX_ALIAS:
        return f"`{brief(alias)}` is longer than {MAX_ALIAS} characters"
    if not re.fullmatch(_ALIAS, alias):
        return f"`{brief(alias)}` can't be an alias: small letters, digits and `._-` inside, a letter first"
    return None


def check_alias(alias: str) -> str:
    """`alias` itself. InvalidError when it is not a valid name of an alias."""
    problem = alias_problem(alias)
    if problem is not None:
        raise InvalidError(problem, hint="such as `production`")
    return alias


def alias_in(version: str | None) -> str | None:
    """The alias that `version` of a spec or an entry names, such as `production` for `@production`; None for none."""
    return version.removeprefix(AT) if version is not None and version.startswith(AT) else None


class Act(Struct, frozen=True):
    """Who changed a mark, when (ISO 8601, UTC), from which commit, in which CI run, and why. None is unknown."""

    who: str
    when: str
    commit: str | None = None
    run_url: str | None = None
    message: str | None = None


class Move(Struct, frozen=True):
    """A move of an alias to a version, or, `back`, to where it was before; to None when it was removed."""

    version: str | None
    act: Act
    back: bool = False


class Yank(Struct, frozen=True):
    """A version that was marked as bad; `act.message` says why. `undone`: it was taken back, by whom and why."""

    version: str
    act: Act
    undone: Act | None = None

    @property
    def why(self) -> str:
        """The reason."""
        return self.act.message or "no reason is recorded"


class Marks(Struct, frozen=True):
    """The aliases of an asset, each with its moves from the first to the last, and its yanks in the order they came."""

    moves: Mapping[str, tuple[Move, ...]] = field(default_factory=dict)
    yanks: tuple[Yank, ...] = ()

    # -- aliases

    @property
    def aliases(self) -> dict[str, str]:
        """The version that each alias is at, sorted by alias."""
        at = {alias: self.at(alias) for alias in sorted(self.moves)}
        return {alias: version for alias, version in at.items() if version is not None}

    def at(self, alias: str) -> str | None:
        """The version that an alias is at; None when there is no such alias."""
        moves = self.moves.get(alias)
        return moves[-1].version if moves else None

    def aliases_of(self, version: str) -> tuple[str, ...]:
        """The aliases that are at a version, sorted."""
        return tuple(alias for alias, at in self.aliases.items() if at == version)

    def resolved(self, name: str, alias: str) -> str:
        """The version that `name@alias` stands for. NotFoundError, also when that version was yanked; InvalidError."""
        version = self.at(check_alias(alias))
        if version is None:
            raise self.unknown_alias(name, alias)
        yank = self.yanked.get(version)
        if yank is not None:
            raise NotFoundError(
                f"`{name}@{alias}` is at `{version}`, which was yanked: {yank.why}",
                hint=f"move it with `assetsync alias {name} {alias} VERSION`",
            )
        return version

    def unknown_alias(self, name: str, alias: str) -> NotFoundError:
        """The error that says that there is no such alias, and which there are."""
        known = [f"{name}@{one}" for one in self.aliases]
        shown = ", ".join(f"`{one}`" for one in known[:10])
        return NotFoundError(
            f"`{name}` has no alias `{brief(alias)}`",
            hint=did_you_mean(f"{name}@{alias}", known) or (f"there are {shown}" if known else "it has none"),
        )

    def before(self, alias: str) -> str | None:
        """The version that a rollback of an alias leads to; None where there is none. A rollback of a rollback goes one
        further back."""
        been: list[str | None] = []
        for move in self.moves.get(alias, ()):
            if move.back and len(been) > 1:
                been.pop()
            else:
                been.append(move.version)
        return been[-2] if len(been) > 1 else None

    def moved(self, name: str, alias: str, version: str | None, act: Act) -> Marks:
        """These with `alias` at `version`, or removed. InvalidError, NotFoundError; ConflictError for a yanked version.

        The same value, when it is there already.
        """
        check_alias(alias)
        if version is None and self.at(alias) is None:
            raise self.unknown_alias(name, alias)
        if self.at(alias) == version:
            return self
        if alias not in self.moves and len(self.moves) >= MAX_ALIASES:
            raise InvalidError(f"`{name}` has {MAX_ALIASES} aliases, and can't have more")
        return self._with_move(name, alias, Move(version, act))

    def rolled_back(self, name: str, alias: str, act: Act) -> Marks:
        """These with `alias` where it was before. NotFoundError; ConflictError when that was yanked since."""
        if alias not in self.moves:
            raise self.unknown_alias(name, check_alias(alias))
        version = self.before(alias)
        if version is None:
            raise NotFoundError(
                f"`{name}@{alias}` was at no other version before",
                hint=f"move it with `assetsync alias {name} {alias} VERSION`",
            )
        return self._with_move(name, alias, Move(version, act, back=True))

    def _with_move(self, name: str, alias: str, move: Move) -> Marks:
        yank = self.yanked.get(move.version or "")
        if yank is not None:
            raise ConflictError(
                f"`{name}:{move.version}` was yanked: {yank.why}",
                hint=f"name another version: `assetsync alias {name} {alias} VERSION`",
            )
        moves = (*self.moves.get(alias, ()), move)[-MAX_MOVES:]
        return replace(self, moves={**self.moves, alias: moves})

    # -- yanks

    @property
    def yanked(self) -> dict[str, Yank]:
        """The yanks that hold, by version."""
        return {yank.version: yank for yank in self.yanks if yank.undone is None}

    def with_yank(self, name: str, version: str, act: Act) -> Marks:
        """These with `version` yanked. ConflictError while an alias is at it. The same value, when it is already."""
        if version in self.yanked:
            return self
        self.check_yankable(name, version)
        return replace(self, yanks=(*self.yanks, Yank(version, act)))

    def check_yankable(self, name: str, version: str) -> None:
        """ConflictError while an alias is at `version`; InvalidError when there are too many yanks."""
        aliases = self.aliases_of(version)
        if aliases:
            named = ", ".join(f"`{name}@{alias}`" for alias in aliases)
            raise ConflictError(
                f"{named} {'is' if len(aliases) == 1 else 'are'} at `{name}:{version}`",
                hint=f"move it first: `assetsync alias {name} {aliases[0]} --rollback`, or to another version",
            )
        if len(self.yanks) >= MAX_YANKS:
            raise InvalidError(f"`{name}` has {MAX_YANKS} yanked versions, and can't have more")

    def without_yank(self, name: str, version: str, act: Act) -> Marks:
        """These with the yank of `version` taken back; the same value, when that was done before. NotFoundError."""
        self.check_was_yanked(name, version)
        return replace(self, yanks=tuple(_undone(yank, version, act) for yank in self.yanks))

    def check_was_yanked(self, name: str, version: str) -> None:
        """NotFoundError when `version` was never yanked."""
        if version not in {yank.version for yank in self.yanks}:
            raise NotFoundError(f"`{name}:{version}` is not yanked", hint=f"`assetsync log {name}` shows which are")


def _undone(yank: Yank, version: str, act: Act) -> Yank:
    return replace(yank, undone=act) if yank.version == version and yank.undone is None else yank


NO_MARKS = Marks()
