"""Errors as a person sees them: one line, a hint, and an exit code. Unknown ones go to a log file."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback

import click

from assetsync import __version__
from assetsync.cli.console import wants_colour
from assetsync.cli.fitting import fitted
from assetsync.cli.output import echo
from assetsync.errors import AssetsyncError, ManifestError
from assetsync.escape import presentable, redacted
from assetsync.system import local_error


def report(error: Exception) -> int:
    """Show `error` on stderr; its exit code."""
    if isinstance(error, AssetsyncError):
        show(error)
        return error.exit_code
    if isinstance(error, OSError) and error.errno is not None:
        return report(local_error(error))
    if isinstance(error, MemoryError):
        _line("error", "red", "there is not enough memory")
        _line("hint", None, "nothing is lost: give it more, or `--jobs 4`, and run the same command again")
        return 1
    _line("error", "red", f"unexpected {type(error).__name__}: {presentable(str(error))}")
    _line("hint", None, f"this is a defect of assetsync; please report it with `{_write_log(error)}`")
    return 1


def show(error: AssetsyncError, *, subject: str = "") -> None:
    """One error of ours: its message, line by line, and its hint."""
    lines = [presentable(line) for line in error.message.split("\n")]
    if isinstance(error, ManifestError):
        echo(fitted("\n".join(lines), sys.stderr), err=True)
        count = len(error.problems)
        _line("error", "red", f"`{error.filename}` has {count} problem{'s' if count != 1 else ''}")
    else:
        _line("error", "red", f"{subject}{lines[0]}")
        for line in lines[1:]:
            echo(fitted(f"  {line}", sys.stderr), err=True)
    if error.hint:
        _line("hint", None, presentable(error.hint))


def _line(word: str, colour: str | None, text: str) -> None:
    label = f"{word}:"
    line = fitted(f"{label} {text}", sys.stderr)
    if colour and wants_colour(sys.stderr):
        line = click.style(label, fg=colour, bold=True) + line.removeprefix(label)
    echo(line, err=True)


def _write_log(error: Exception) -> str:
    descriptor, path = tempfile.mkstemp(prefix="assetsync-", suffix=".log")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        # The arguments stay out of it: they may hold what somebody typed by mistake. So do secrets that an SDK quotes.
        file.write(f"assetsync {__version__}, Python {sys.version}\n\n")
        file.write(redacted("".join(traceback.format_exception(error))))
    return path
