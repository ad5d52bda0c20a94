from __future__ import annotations

import pytest
from msgspec.structs import replace

from assetsync.errors import DamagedError
from assetsync.lock.check import Finding, check_content, check_lock, check_remote, read_lock, with_lines
from assetsync.lock.text import render_lock
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.manifest import Entry, Manifest, StoreConfig
from assetsync.model.tree import Content, file_tree
from assetsync.model.versioning import load_versioning
from assetsync.plan.snapshot import Absent, HalfPulled, Local, Present, RemoteVersion, Unusable

DIGEST = "sha256:" + "ab" * 32
CONTENT = Content(DIGEST, False, 3, 1)
VERSIONS = load_versioning("major_minor")
LOCK = Lock("s3://b/p", "major_minor", {"a": LockEntry("1.2", CONTENT, "data/a")})


def manifest(*entries: Entry, store: str = "s3://b/p", versioning: str = "major_minor") -> Manifest:
    return Manifest(StoreConfig(store), versioning, entries or (Entry("a", "data/a"),))


def codes(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(one.asset, one.code) for one in findings]


def test_a_right_lock_gives_no_findings() -> None:
    assert check_lock(manifest(), LOCK, VERSIONS) == []
    assert check_lock(Manifest(StoreConfig("s3://b/p"), "major_minor", ()), None, VERSIONS) == []


@pytest.mark.parametrize(
    ("wanted", "lock", "expected"),
    [
        (manifest(), None, [("", "no_lock")]),
        (manifest(store="s3://other/p"), LOCK, [("", "store_mismatch")]),
        (manifest(versioning="simple_date"), LOCK, [("", "versioning_mismatch")]),
        (manifest(Entry("b", "data/b")), LOCK, [("b", "not_locked"), ("a", "not_in_manifest")]),
        (manifest(Entry("a", "data/moved")), LOCK, [("a", "other_path")]),
        (manifest(Entry("a", "data/a", version="2")), LOCK, [("a", "other_line")]),
        (manifest(Entry("a", "data/a", version="1")), LOCK, []),
        (manifest(Entry("a", "data/a", version="0")), LOCK, []),
        (manifest(Entry("a", "data/a", version="0", readonly=True)), LOCK, [("a", "other_line")]),
        (manifest(Entry("a", "data/a", version="1.3", readonly=True)), LOCK, [("a", "other_line")]),
        (manifest(Entry("a", "data/a", version="1.2", readonly=True)), LOCK, []),
        (manifest(), replace(LOCK, assets={"a": LockEntry("x", CONTENT, "data/a")}), [("a", "bad_version")]),
    ],
)
def test_what_makes_a_lock_wrong(wanted: Manifest, lock: Lock | None, expected: list[tuple[str, str]]) -> None:
    found = check_lock(wanted, lock, VERSIONS)
    assert codes(found) == expected
    assert all(one.fix for one in found)


def test_a_canonical_lock_is_read_in_any_line_ends() -> None:
    text = render_lock(LOCK)
    assert read_lock(text.encode()) == (LOCK, [])
    assert read_lock(text.replace("\n", "\r\n").encode()) == (LOCK, [])
    assert read_lock(None) == (None, [])


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("    size: 3\n    files: 1\n", "    files: 1\n    size: 3\n", 9),
        ("lock_version: 1\n", "lock_version: 1\n# mine\n", 3),
        ("    # end\n", "", 13),
        ("    # end\n", "    # end\n\n", 15),
        ("lock_version: 1\n", "lock_version:  1\n", 2),
    ],
)
def test_an_edit_by_hand_is_found_with_its_line(old: str, new: str, line: int) -> None:
    lock, (finding,) = read_lock(render_lock(LOCK).replace(old, new).encode())
    if lock is not None:
        assert (lock, finding.code) == (LOCK, "hand_edited")
    assert finding.line == line


def test_an_edited_asset_is_a_finding_of_its_own_and_the_lock_is_still_judged() -> None:
    both = replace(LOCK, assets={**LOCK.assets, "b": LockEntry("0.1", CONTENT, "data/b")})
    data = render_lock(both).replace("size: 3", "size: 4").encode()
    lock, findings = read_lock(data)
    assert lock is not None
    assert [(one.asset, one.code, one.line) for one in findings] == [("a", "edited", 6), ("b", "edited", 15)]
    assert all("git checkout" in one.fix and f"sync {one.asset}" in one.fix for one in findings)


def test_a_lock_of_the_first_release_is_right_and_one_that_lost_a_seal_is_not() -> None:
    assert read_lock(render_lock(LOCK, sealed=False).encode()) == (LOCK, [])
    both = replace(LOCK, assets={**LOCK.assets, "b": LockEntry("0.1", CONTENT, "data/b")})
    lines = render_lock(both).splitlines(keepends=True)
    del lines[12]
    lock, (finding,) = read_lock("".join(lines).encode())
    assert (lock, finding.code, finding.line) == (both, "hand_edited", 13)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (b"<<<<<<< ours\n", 1, "merge conflict"),
        (render_lock(LOCK).replace("    size: 3", "<<<<<<< HEAD\n    size: 3").encode(), 9, "merge conflict"),
        (b"garbage", 1, "no line that assetsync writes"),
        (b"lock_version: 1\n\xff\n", 2, "UTF-8"),
        (b"", 1, "has no"),
        (b"lock_version: 99\n", 1, "newer assetsync"),
    ],
)
def test_a_lock_that_can_not_be_read_is_a_finding_with_its_line(text: bytes, line: int, says: str) -> None:
    lock, (finding,) = read_lock(text)
    assert lock is None
    assert (finding.code, finding.line) == ("unreadable", line)
    assert says in finding.message
    assert finding.fix
    assert "assets.lock:" not in finding.message


@pytest.mark.parametrize(
    ("local", "code"),
    [
        (Absent(), None),
        (Present(file_tree(3, "ab" * 32)), None),
        (Present(file_tree(3, "cd" * 32)), "modified"),
        (Unusable("it is a FIFO"), "unusable"),
        (HalfPulled("1.2", None), "incomplete_pull"),
    ],
)
def test_content_that_is_here_must_be_what_is_locked(local: Local, code: str | None) -> None:
    found = check_content(manifest(), LOCK, {"a": local})
    assert [one.code for one in found] == ([code] if code else [])


@pytest.mark.parametrize(
    ("remote", "says"),
    [
        (RemoteVersion("1.2", CONTENT), None),
        (RemoteVersion("1.2", None), None),
        (None, "the store has no `a:1.2`"),
        (RemoteVersion("1.2", Content("sha256:" + "cd" * 32, False, 3, 1)), "another digest"),
        (DamagedError("not JSON"), "not JSON"),
    ],
)
def test_locked_versions_must_be_in_the_store(remote: RemoteVersion | DamagedError | None, says: str | None) -> None:
    found = check_remote(manifest(), LOCK, {"a": remote}, {})
    assert [one.code for one in found] == (["lost"] if says else [])
    assert all(says is not None and says in one.message for one in found)


def test_findings_about_a_locked_asset_stand_at_its_line_of_the_lock() -> None:
    text = render_lock(LOCK).encode()
    (gone,) = with_lines(check_lock(Manifest(StoreConfig("s3://b/p"), "major_minor", ()), LOCK, VERSIONS), text)
    assert (gone.file, gone.line) == ("assets.lock", 6)
