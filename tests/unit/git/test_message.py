"""What a commit of assets.lock says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from assetsync.git.message import SUBJECT_WIDTH, commit_message
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.tree import Content


def lock(**versions: str) -> Lock:
    content = Content("sha256:" + "0" * 64, False, 1, 1)
    return Lock(
        "./store", "major_minor", {name: LockEntry(version, content, name) for name, version in versions.items()}
    )


def message(before: Lock | None, after: Lock, *published: str, subject: str | None = None) -> list[str]:
    return commit_message(before, after, published, subject).splitlines()


def test_what_was_published_is_called_so() -> None:
    assert message(lock(a="1.0"), lock(a="1.1", b="0.0"), "a", "b") == [
        "Publish a 1.1, b 0.0",
        "",
        "- a 1.0 -> 1.1",
        "- b 0.0",
    ]


def test_what_an_earlier_run_or_somebody_else_published_is_only_locked() -> None:
    assert message(None, lock(a="1.0", b="1.0"), "a")[0] == "Lock a 1.0, b 1.0"


def test_removed_and_moved_assets_are_listed() -> None:
    moved = lock(b="1.0")
    moved = replace(moved, assets={"b": replace(moved.assets["b"], path="elsewhere")})
    assert message(lock(a="1.0", b="1.0"), moved) == [
        "Update assets.lock",
        "",
        "- a: no longer locked",
        "- b 1.0, at another path",
    ]


def test_a_long_first_line_counts_instead() -> None:
    after = lock(**{f"asset{number}": "0.0" for number in range(20)})
    lines = message(None, after, *after.assets)
    assert lines[0] == "Publish 20 assets"
    assert len(lines) == 22
    assert len(message(None, lock(**{"a" * SUBJECT_WIDTH: "0.0"}))[0]) < SUBJECT_WIDTH


@pytest.mark.parametrize("subject", ["Retrained", "Retrained [skip ci]"])
def test_the_first_line_can_be_given(subject: str) -> None:
    assert message(None, lock(a="1.0"), subject=subject) == [subject, "", "- a 1.0"]
