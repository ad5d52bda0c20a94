from __future__ import annotations

import pytest

from assetsync.git.repository import ignore_line, with_lines


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("models/a.bin", "/models/a.bin"),
        ("a b", "/a b"),
        ("a ", "/a\\ "),
        ("#a", "/#a"),
        ("!a", "/!a"),
        ("[x]*?\\", "/\\[x\\]\\*\\?\\\\"),
    ],
)
def test_the_line_that_ignores_one_path(path: str, line: str) -> None:
    assert ignore_line(path) == line


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "/x\n/y\n"),
        ("*.tmp\n", "*.tmp\n/x\n/y\n"),
        ("*.tmp", "*.tmp\n/x\n/y\n"),
        ("/x\n", "/x\n/y\n"),
        ("/y\n/x \n", "/y\n/x \n"),
        ("a\r\n", "a\r\n/x\r\n/y\r\n"),
    ],
)
def test_only_missing_lines_are_added_in_the_line_ends_of_the_file(text: str, after: str) -> None:
    assert with_lines(text, ["/x", "/y"]) == after
