"""The findings of a check: a line each, as annotations of GitHub Actions, and as JSON (format 1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assetsync.errors import Located
from assetsync.escape import printable
from assetsync.lock.check import Finding
from assetsync.render.document import dump


def findings_text(findings: Iterable[Finding]) -> str:
    """A line for each: place, asset, what is wrong, and what mends it."""
    return "".join(f"{one.file}:{one.line}: {_sentence(one)}\n" for one in findings)


def findings_json(findings: Sequence[Finding]) -> str:
    """The document of `check --format json`, with a final newline."""
    fields = ("asset", "code", "message", "fix", "file", "line")
    return dump(
        {
            "ok": not findings,
            "findings": [{name: getattr(one, name) or None for name in fields} for one in findings],
        }
    )


def findings_github(findings: Iterable[Finding]) -> str:
    """Workflow commands that show each finding at its line of the pull request."""
    return "".join(_annotation(one.file, one.line, 1, _sentence(one)) for one in findings)


def problems_github(filename: str, problems: Iterable[Located]) -> str:
    """The same for what is wrong in a manifest."""
    return "".join(_annotation(filename, one.line, one.column, printable(one.message)) for one in problems)


def _sentence(finding: Finding) -> str:
    subject = f"{printable(finding.asset)}: " if finding.asset else ""
    return f"{subject}{printable(finding.message)}; {printable(finding.fix)}"


def _annotation(file: str, line: int, column: int, message: str) -> str:
    return f"::error file={_property(printable(file))},line={line},col={column},title=assetsync::{_data(message)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
