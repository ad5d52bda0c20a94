"""Names that show as others: refused raw wherever a path or a name comes in, escaped wherever one is quoted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.lock.text import parse_lock
from assetsync.manifest.parse import parse_manifest
from assetsync.model.names import parse_spec

ODD = ["\u202e", "\u2066", "\u061c", "\u200b", "\ufeff", "\u200f", "\u2060", "\U000e0041", "\x1b", "\x9b"]
LOCK = """\
lock_version: 1
store: "s3://b/p"
versioning: "major_minor"
assets:
  "a":
    version: "1.0"
    digest: "sha256:%s"
    size: 1
    files: 1
    is_directory: false
    path: "x%%sy"
    # end
""" % ("0" * 64)


def in_manifest(odd: str) -> None:
    parse_manifest(f"store: ./s\nassets:\n  a: 'x{odd}y'\n")


def in_a_key_of_the_manifest(odd: str) -> None:
    parse_manifest(f"store: ./s\n'x{odd}y': 1\n")


def in_exclude(odd: str) -> None:
    parse_manifest(f"store: ./s\nassets:\n  a: {{path: x, exclude: ['x{odd}y']}}\n")


def in_lock(odd: str) -> None:
    parse_lock(LOCK % odd)


def in_a_part(odd: str) -> None:
    parse_spec(f"a:1.0[x{odd}y]")


def in_a_spec(odd: str) -> None:
    parse_spec(f"x{odd}y")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("read", [in_manifest, in_a_key_of_the_manifest, in_exclude, in_lock, in_a_part, in_a_spec])
def test_a_character_that_shows_a_name_as_another_is_refused_and_not_repeated(
    read: Callable[[str], None], odd: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        read(odd)
    assert odd not in caught.value.message
    assert printable(caught.value.message) == caught.value.message


def test_a_lock_that_is_something_else_is_not_quoted() -> None:
    with pytest.raises(InvalidError) as caught:
        parse_lock("machine example.org login ada password hunter2\n")
    assert caught.value.message == "assets.lock:1: this is no line that assetsync writes"
