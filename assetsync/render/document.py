"""JSON documents, format 1, as `--format json` prints them. Other programs rely on them: keys are added, never changed
or removed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from assetsync.escape import UNPRINTABLE, redacted

if TYPE_CHECKING:
    from assetsync.plan.plan import Problem  # failures are told without it

FORMAT_VERSION = 1
# json has escaped the other control characters, and its own line breaks stay. `##[` could begin a command to
# a CI system, whose log this may end up in.
_UNPRINTABLE = re.compile(f"(?!\n)[{UNPRINTABLE}]|##(?=\\w*\\[)")


def dump(document: Mapping[str, Any]) -> str:
    """One JSON document as text, its format first, with a final newline. Characters that could trouble a terminal are
    escaped."""
    text = json.dumps({"format_version": FORMAT_VERSION, **document}, indent=2, ensure_ascii=False)
    return _UNPRINTABLE.sub(_escaped, text) + "\n"


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1] if match[0] != "##" else "#\\u0023"


def problem_documents(problems: Iterable[Problem], *, subject: str = "asset") -> list[dict[str, str | None]]:
    """The problems of a plan; `subject` is the key of what each is about."""
    return [{subject: one.asset, "code": one.code, "message": one.message, "hint": one.hint} for one in problems]


def error_json(code: str, message: str, hint: str | None, exit_code: int) -> str:
    """The document of a failure, for a command that has no other to print. `code` is a word of `error_code`, or another
    that stays the same."""
    told = {"code": code, "message": redacted(message), "hint": redacted(hint) if hint else None}
    return dump({"error": {**told, "exit_code": exit_code}})


def error_code(kind: type[Exception]) -> str:
    """The name of an error in words of a document: `not_found` for NotFoundError, `error` for AssetsyncError."""
    name = kind.__name__.removeprefix("Assetsync").removesuffix("Error") or "Error"
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
