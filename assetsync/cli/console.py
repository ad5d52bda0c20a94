"""The output that a person at a terminal, or the log of a CI job, gets: data on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from assetsync.cli.fitting import fitted
from assetsync.cli.options import Common, session
from assetsync.cli.output import commands, echo
from assetsync.errors import AssetsyncError
from assetsync.progress import Reporter, Silent

if TYPE_CHECKING:
    from assetsync.render.plan_text import Paint


def wants_colour(stream: TextIO, setting: str | None = None) -> bool:
    """Whether `stream` gets colours: by the flag, then NO_COLOR, FORCE_COLOR and TERM, then if it is a terminal."""
    if setting in ("always", "never"):
        return setting == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _is_long(text: str) -> bool:
    """Whether text does not fit on the terminal."""
    import shutil  # 2 ms, for terminals alone

    return text.count("\n") >= shutil.get_terminal_size().lines


class Console:
    """Output and questions, as the common options want them."""

    def __init__(self, common: Common) -> None:
        self._common = common

    @property
    def verbose(self) -> bool:
        """Whether `-v` was given."""
        return self._common.verbose > 0

    def data(self, text: str) -> None:
        """Write the data that the command was called for, to stdout."""
        session().answered = True
        echo(fitted(text, sys.stdout), nl=False)

    def commands(self, text: str) -> None:
        """Commands to the CI system that reads stdout, escaped as it wants them."""
        session().answered = True
        commands(text)

    def page(self, text: str) -> None:
        """Data that may be long: through a pager where a person would have to scroll, plainly everywhere else."""
        text = fitted(text, sys.stdout)
        if sys.stdout.isatty() and _is_long(text):
            click.echo_via_pager(text.rstrip("\n"), color=True)
        else:
            session().answered = True
            echo(text, nl=False)

    def say(self, text: str) -> None:
        """Remarks, to stderr; nothing with `-q`."""
        if not self._common.quiet:
            echo(fitted(text, sys.stderr), err=True)

    def paint(self, stream: TextIO) -> Paint:
        """How to colour text for `stream`."""
        if not wants_colour(stream, self._common.color):
            return lambda text, colour: text
        return lambda text, colour: click.style(text, fg=colour) if colour else text

    def confirm(self, question: str, *, yes: bool) -> None:
        """Return when the answer is yes; the default is no. AssetsyncError when it is no, or nobody can be asked."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise AssetsyncError(
                "there is no terminal to ask on, and nothing was confirmed", hint="pass `--yes` to go on without asking"
            )
        from assetsync.cli.prompt import ask

        if not ask(question):
            raise AssetsyncError("answered no; nothing was written")

    def offer(self, question: str, *, yes: bool) -> bool:
        """Whether to do an extra that the command can do without. No, where nobody can be asked."""
        from assetsync.cli.prompt import ask

        return yes or (sys.stdin.isatty() and ask(question))

    @contextmanager
    def progress(self, order: Sequence[str] = (), total: int | None = None) -> Iterator[Reporter]:
        """How work is shown: bars on a terminal, lines elsewhere, nothing with `-q`.

        `order` are the assets of a plan, whose results come in this order; `total` is the bytes of all of them.
        """
        if self._common.quiet:
            yield Silent()
            return
        from assetsync.cli.progress import Bars, Lines
        from assetsync.cli.results import Results

        results = Results(order, each=self.verbose)
        bars = self._common.progress
        if bars is None:
            bars = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        if not bars:
            with Lines(results) as lines:
                yield lines
            return
        with Bars(wants_colour(sys.stderr, self._common.color), results, total) as shown:
            yield shown
