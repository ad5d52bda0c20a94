"""Errors as a person sees them: whole words on a terminal, whole lines everywhere else."""

from __future__ import annotations

import errno
import io

import pytest

from assetsync.cli.failure import report
from assetsync.errors import InvalidError

PATH = "s3://a-bucket-with-a-long-name/and/a/prefix/that/alone/is/longer/than/any/line/of/this/terminal/is"
ERROR = InvalidError(
    f"the version that the lock names is not in the store `{PATH}` any more\nand this is a second line of the message, "
    "which is long enough to be broken as well",
    hint=f"look with `assetsync doctor --store {PATH}`, and restore what is missing from a copy of the store",
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")


def test_a_terminal_gets_lines_that_fit_without_broken_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", screen := Terminal())
    report(ERROR)
    text = screen.getvalue()
    assert all(len(line) <= 80 or PATH in line for line in text.splitlines())
    assert text.split() == f"error: {ERROR.message} hint: {ERROR.hint}".split()
    assert text.startswith("error: the version")


def test_a_log_gets_each_message_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", log := io.StringIO())
    report(ERROR)
    first, second = ERROR.message.split("\n")
    assert log.getvalue() == f"error: {first}\n  {second}\nhint: {ERROR.hint}\n"


def test_the_label_alone_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", screen := Terminal())
    report(InvalidError("short"))
    assert screen.getvalue() == "\x1b[31m\x1b[1merror:\x1b[0m short\n"


def test_too_little_memory_is_no_defect(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(MemoryError()) == 1
    said = capsys.readouterr().err
    assert "not enough memory" in said
    assert "defect" not in said


def test_a_system_that_is_short_of_something_is_told_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(OSError(errno.EMFILE, "Too many open files", "/usr/lib/python3/any.py")) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: too many open files\nhint: raise the limit (`ulimit -n 1024`)")
    assert report(OSError(errno.ENOSPC, "No space left on device", "assets.lock")) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: no space left on device: `assets.lock`\nhint: make room and run the same command")
