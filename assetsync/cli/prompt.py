"""Asking a person yes or no on the terminal, so that ctrl-C is heard at any moment."""

from __future__ import annotations

import os
import select
import signal
import sys

import click

from assetsync.cli.fitting import fitted
from assetsync.cli.output import echo


def ask(question: str) -> bool:
    """The answer to `question`, asked on stderr and read from stdin; Enter alone means no.

    KeyboardInterrupt on ctrl-C; click.Abort at the end of the input.
    """
    while True:
        echo(fitted(f"{question} [y/N]: ", sys.stderr), nl=False, err=True)
        answer = _read_line().strip().lower()
        if answer in ("", "n", "no"):
            return False
        if answer in ("y", "yes"):
            return True
        echo("Answer `y` or `n`.", err=True)


def _read_line() -> str:
    if sys.platform != "win32":
        _wait_for_line()
    line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line


def _wait_for_line() -> None:
    """Return when stdin has a line, so that reading it does not wait any more.

    `input` would wait in `read`. A signal that comes after the last instruction of Python and before `read` is then
    noticed with the next line only, and that is when people press ctrl-C: as the prompt appears. With
    `signal.set_wakeup_fd` a signal leaves a byte in a pipe, which `select` sees whenever it came.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)
    try:
        while sys.stdin not in select.select([sys.stdin, reader], [], [])[0]:
            os.read(reader, 512)  # of a signal that does not end the program
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)
