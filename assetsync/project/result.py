"""How carrying out a plan ended, and the problems of a plan as an error."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct

from assetsync.errors import AssetsyncError, ConflictError, InvalidError, PartialError
from assetsync.model.lock import LockEntry
from assetsync.plan.plan import CONFLICTS, Action, Adopt, Create, Problem, Pull, Update

if TYPE_CHECKING:
    from typing import Protocol

    class Ended(Protocol):
        """How a single thing ended."""

        @property
        def error(self) -> AssetsyncError | None:
            """The reason why it failed, if it did."""


E = TypeVar("E", bound="Ended")


class Outcomes(Struct, Generic[E], frozen=True):
    """How work on many things ended, thing by thing, in the order in which they were asked for."""

    outcomes: tuple[E, ...]

    @property
    def done(self) -> tuple[E, ...]:
        """The outcomes of what succeeded."""
        return tuple(outcome for outcome in self.outcomes if outcome.error is None)

    @property
    def failed(self) -> tuple[E, ...]:
        """The outcomes of what failed, each with its error."""
        return tuple(outcome for outcome in self.outcomes if outcome.error is not None)


class Outcome(Struct, frozen=True):
    """How an action ended. `entry` is the asset's block of assets.lock now; None after a forget or an error."""

    action: Action
    entry: LockEntry | None = None
    error: AssetsyncError | None = None


class Result(Outcomes[Outcome], frozen=True):
    """How carrying out a plan ended, asset by asset, in the order of the plan."""

    @property
    def lines(self) -> Mapping[str, str]:
        """The lines that one-shot bumps opened, by asset: what its `version` in assets.yaml became."""
        lines = {}
        for outcome in self.done:
            action = outcome.action
            if isinstance(action, Update | Adopt) and action.set_line is not None:
                lines[action.asset] = action.set_line
        return lines

    @property
    def published(self) -> frozenset[str]:
        """The assets of which a new version is in the store now."""
        return frozenset(o.action.asset for o in self.done if isinstance(o.action, Create | Update))

    @property
    def changed_lock(self) -> bool:
        """Whether assets.lock says something else now: a pull of what was locked leaves it as it is."""
        return any(not isinstance(o.action, Pull) or o.action.base != o.action.to for o in self.done)

    @property
    def error(self) -> AssetsyncError | None:
        """None when all went well; PartialError when only some did; otherwise what stopped them."""
        return failure(
            [(outcome.action.asset, outcome.error) for outcome in self.outcomes],
            "assets",
            "assets.lock holds those that succeeded",
        )


def failure(outcomes: Sequence[tuple[str, AssetsyncError | None]], what: str, succeeded: str) -> AssetsyncError | None:
    """The errors of single things, as one: None without any; PartialError when only some failed.

    `what` is how they are called together, `succeeded` where those are that did not fail.
    """
    errors = [error for _, error in outcomes if error is not None]
    if not errors:
        return None
    names = ", ".join(f"`{name}`" for name, error in outcomes if error is not None)
    if len(errors) < len(outcomes):
        return PartialError(
            f"{len(errors)} of {len(outcomes)} {what} failed: {names}",
            hint=f"{succeeded}; run the same command again for these",
        )
    if len(errors) == 1:
        return errors[0]
    kind = ConflictError if all(isinstance(error, ConflictError) for error in errors) else AssetsyncError
    return kind(f"all {len(errors)} {what} failed: {names}", hint=errors[0].hint)


def problems_error(
    problems: Sequence[Problem], *, what: str = "plan", conflicts: Collection[str] = CONFLICTS
) -> AssetsyncError | None:
    """All problems of a plan as one error: a ConflictError when each is someone else's doing; None without problems."""
    if not problems:
        return None
    count = len(problems)
    kind = ConflictError if all(problem.code in conflicts for problem in problems) else InvalidError
    return kind(f"the {what} has {count} problem{'s' if count > 1 else ''}; nothing was written")
