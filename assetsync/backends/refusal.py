"""The frame in which each store says what its refusals mean: rules, tables of them, and the sentence they become.

A store's `translate.py` holds its tables and what is peculiar to it. A message reads `cannot VERB KEY in STORE: REASON
(what the store said)`; the hint says what helps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assetsync.errors import (
    ChangedError,
    ChecksumError,
    ExistsError,
    NotFoundError,
    StoreError,
    TransientError,
    UnreachableError,
)
from assetsync.escape import printable

AGAIN = "run the same command again; what was uploaded is kept"


class Operation(NamedTuple):
    """An operation as a verb, and the permission or role that allows it.

    `session`: the request went to an upload that is under way.
    """

    verb: str
    permission: str = ""
    session: bool = False


class Place(NamedTuple):
    """Facts for messages: the store's URL, its bucket or container, the endpoint, and whose credentials were used."""

    store: str
    bucket: str = ""
    endpoint: str = ""
    credentials: str = ""


class Rule(NamedTuple):
    """An error and its words. Both may name a `{permission}`, a `{region}`, and the fields of `Place`."""

    error: type[StoreError]
    reason: str
    hint: str | None = None


class Refusal(NamedTuple):
    """A reply that is not a success. All but `status` is empty where the reply does not tell.

    `code` is the store's own word, `message` its sentence, `detail` what it adds, `region` where the bucket is.
    """

    status: int
    code: str = ""
    message: str = ""
    detail: str = ""
    region: str = ""


class NoRangeError(StoreError):
    """The object has no such bytes."""


class UnchangedError(StoreError):
    """The object still is what the request says that it was."""


THROTTLED = Rule(TransientError, "it asks for fewer requests", AGAIN)
FAILING = Rule(TransientError, "the store fails for the moment", AGAIN)
BUSY = Rule(TransientError, "another operation on it is under way", AGAIN)
NO_OBJECT = Rule(NotFoundError, "there is no such object")
NO_RANGE = Rule(NoRangeError, "it has no such range of bytes")
UNCHANGED = Rule(UnchangedError, "it has not changed")
CHANGED = Rule(ChangedError, "it changed meanwhile")
EXISTS = Rule(ExistsError, "it exists already")
OTHER_BYTES = Rule(ChecksumError, "the bytes that arrived are not those of the checksum; nothing was stored")
REFUSED = Rule(StoreError, "the request was refused")
NO_PROXY = Rule(UnreachableError, "the proxy fails", "check `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`")
SILENT = Rule(TransientError, "`{endpoint}` does not answer", AGAIN)
CUT = Rule(TransientError, "the connection was cut", AGAIN)

Exceptions = tuple[type[BaseException], ...]
ByException = Sequence[tuple[Exceptions, Rule]]


def meaning(rule: Rule, codes: str) -> dict[str, Rule]:
    """The part of a table by code that several codes, with spaces between, share a rule in."""
    return dict.fromkeys(codes.split(), rule)


def rule_by(refusal: Refusal, by_code: Mapping[str, Rule], by_status: Mapping[int, Rule], *, create_only: bool) -> Rule:
    """The rule for a refusal: by its code, else by its status. FAILING for other 5xx, REFUSED for all else.

    With `create_only`, a condition that does not hold means that the object exists.
    """
    rule = by_code.get(refusal.code) or by_status.get(refusal.status)
    if rule is None:
        return FAILING if refusal.status >= 500 else REFUSED
    return EXISTS if rule is CHANGED and create_only else rule


def rule_for_exception(table: ByException, *errors: BaseException | None) -> Rule | None:
    """The first rule of `table` for one of `errors`, which are one failure, seen from outside and from within."""
    return next((rule for kinds, rule in table if any(isinstance(error, kinds) for error in errors)), None)


def tried(operation: Operation, key: str, place: Place) -> str:
    """The beginning of every message. `key` is empty for the store itself."""
    where = f"`{printable(key)}` in `{place.store}`" if key else f"`{place.store}`"
    return f"cannot {operation.verb} {where}"


def error_by(rule: Rule, operation: Operation, key: str, place: Place, said: str = "", region: str = "") -> StoreError:
    """The error that a rule makes. `said` is what the store, or the network, said, in one harmless line."""
    words = {**place._asdict(), "permission": operation.permission, "region": region}
    told = f" ({said})" if said else ""
    message = f"{tried(operation, key, place)}: {rule.reason.format(**words)}{told}"
    return rule.error(message, hint=rule.hint.format(**words) if rule.hint else None)
