"""The JSON of a failure, format 1: what `--format json` prints when a command has no other document to print."""

from __future__ import annotations

import re

from assetsync.escape import redacted
from assetsync.render.document import dump


def error_json(code: str, message: str, hint: str | None, exit_code: int) -> str:
    """The document as text, with a final newline. `code` is a word of `error_code`, or another that stays the same."""
    error = {
        "code": code,
        "message": redacted(message),
        "hint": redacted(hint) if hint else None,
        "exit_code": exit_code,
    }
    return dump({"error": error})


def error_code(kind: type[Exception]) -> str:
    """The name of an error in words of a document: `not_found` for NotFoundError, `error` for AssetsyncError."""
    name = kind.__name__.removeprefix("Assetsync").removesuffix("Error") or "Error"
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
