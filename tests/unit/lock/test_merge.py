"""Merging locks asset by asset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from assetsync.errors import LockError
from assetsync.lock.merge import merge_locks, resolve_conflicts
from assetsync.lock.text import render_lock
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.tree import Content


def entry(version: str, path: str = "p", mark: str = "") -> LockEntry:
    digest = "sha256:" + f"{version}{mark}".encode().hex().rjust(64, "0")
    return LockEntry(version, Content(digest, False, 1, 1), path)


def lock(versioning: str = "major_minor", store: str = "./store", **assets: LockEntry | str) -> Lock:
    entries = {name: entry(one) if isinstance(one, str) else one for name, one in assets.items()}
    return Lock(store, versioning, entries)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ("1.0", "1.0", "1.0", "1.0"),
        ("1.0", "1.1", "1.0", "1.1"),
        ("1.0", "1.0", "1.1", "1.1"),
        ("1.0", "1.1", "1.1", "1.1"),
        ("1.0", "1.2", "1.10", "1.10"),
        ("1.0", "1.10", "1.2", "1.10"),
        ("1.3", "1.2", "1.3", "1.2"),  # back to an older one, on one side
        ("1.0", "2.0", "1.0", "2.0"),
        ("1.0", None, "1.0", None),
        ("1.0", "1.0", None, None),
        ("1.0", None, None, None),
        ("1.0", None, "1.1", "1.1"),
        ("1.0", "1.1", None, "1.1"),
        (None, "1.0", None, "1.0"),
        (None, None, "1.0", "1.0"),
        (None, "1.0", "1.0", "1.0"),
        (None, "1.0", "1.1", "1.1"),
    ],
)
def test_an_asset_is_merged_by_its_ancestor(
    base: str | None, ours: str | None, theirs: str | None, merged: str | None
) -> None:
    before, one, other, both = (lock(a=version) if version else lock() for version in (base, ours, theirs, merged))
    assert merge_locks(before, one, other) == both


def test_without_an_ancestor_nothing_is_dropped() -> None:
    assert merge_locks(None, lock(a="1.0", b="1.1"), lock(b="1.0", c="2.0")) == lock(a="1.0", b="1.1", c="2.0")


def test_an_ancestor_of_another_store_says_nothing() -> None:
    assert merge_locks(lock(store="./old", a="1.0"), lock(), lock(a="1.0")) == lock(a="1.0")


def test_a_moved_path_and_a_new_version_come_together() -> None:
    old, moved, newer = entry("1.0", "old"), entry("1.0", "new"), entry("1.1", "old")
    assert merge_locks(lock(a=old), lock(a=moved), lock(a=newer)) == lock(a=entry("1.1", "new"))
    assert merge_locks(lock(a=old), lock(a=newer), lock(a=moved)) == lock(a=entry("1.1", "new"))
    assert merge_locks(None, lock(a=moved), lock(a=newer)) == lock(a=entry("1.1", "new"))


@pytest.mark.parametrize(
    ("versioning", "ours", "theirs", "problem"),
    [
        ("major_minor", entry("1.1"), entry("2.0"), "`a` (`1.1` and `2.0`, which are of different lines)"),
        ("major_minor", entry("1.1", mark="x"), entry("1.1", mark="y"), "`a` (`1.1` with two contents)"),
        ("semver", entry("1.0.1"), entry("1.0.2"), "`a` (`1.0.1` and `1.0.2`)"),
    ],
)
def test_what_no_rule_settles_is_named(versioning: str, ours: LockEntry, theirs: LockEntry, problem: str) -> None:
    base = lock(versioning, a="1.0", b="1.0")
    with pytest.raises(LockError) as caught:
        merge_locks(base, lock(versioning, a=ours, b="1.0"), lock(versioning, a=theirs, b="1.1"))
    assert caught.value.message == f"both sides of `assets.lock` changed {problem}"


def test_all_that_is_undecided_is_named_at_once() -> None:
    with pytest.raises(LockError, match=r"changed `a` .*, `c` "):
        merge_locks(None, lock(a="1.0", b="1.0", c="1.0"), lock(a="2.0", b="1.1", c="2.0"))


def test_dates_have_no_lines_and_the_later_one_is_newer() -> None:
    one, other = lock("simple_date", a="2026-01-31T09-00-00Z"), lock("simple_date", a="2026-02-01T09-00-00Z")
    assert merge_locks(None, one, other) == other


def test_two_stores_or_two_systems_are_refused() -> None:
    with pytest.raises(LockError, match=r"different stores: `\./store` and `\./other`"):
        merge_locks(None, lock(a="1.0"), lock(store="./other", a="1.0"))
    with pytest.raises(LockError, match="different versioning: `major_minor` and `simple_date`"):
        merge_locks(None, lock(), lock("simple_date"))


entries = st.dictionaries(
    st.sampled_from("abcd"),
    st.builds(entry, st.builds("1.{}".format, st.integers(0, 3)), st.sampled_from("pq")),
)
locks = entries.map(lambda assets: Lock("./store", "major_minor", assets))


@given(locks, locks)
def test_a_side_that_did_nothing_takes_the_other(base: Lock, other: Lock) -> None:
    assert merge_locks(base, base, other) == other
    assert merge_locks(base, other, base) == other
    assert merge_locks(base, other, other) == other


@given(locks, locks, locks)
def test_which_side_is_ours_changes_at_most_a_path(base: Lock, ours: Lock, theirs: Lock) -> None:
    def pathless(merged: Lock) -> dict[str, LockEntry]:
        return {name: replace(one, path="") for name, one in merged.assets.items()}

    assert pathless(merge_locks(base, ours, theirs)) == pathless(merge_locks(base, theirs, ours))


# --- conflict markers

BASE, OURS, THEIRS = lock(a="1.0", b="1.0"), lock(a="1.1", b="1.0", x="0.0"), lock(a="1.2", b="1.1", y="0.0")


def conflict(ours: str, theirs: str, base: str | None = None, eol: str = "\n") -> str:
    ancestor = f"||||||| 1234567\n{base}" if base is not None else ""
    return f"<<<<<<< HEAD\n{ours}{ancestor}=======\n{theirs}>>>>>>> branch\n".replace("\n", eol)


def test_a_text_without_markers_is_the_lock_itself() -> None:
    assert resolve_conflicts(render_lock(OURS)) == OURS


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_a_whole_file_in_conflict(eol: str) -> None:
    ours, theirs, base = (render_lock(side) for side in (OURS, THEIRS, BASE))
    merged = lock(a="1.2", b="1.1", x="0.0", y="0.0")
    assert resolve_conflicts(conflict(ours, theirs, eol=eol)) == merged
    assert resolve_conflicts(conflict(ours, theirs, base, eol=eol)) == merged


def test_the_ancestor_in_the_text_tells_a_removal_from_an_addition() -> None:
    removed, changed = render_lock(lock(b="1.0")), render_lock(lock(a="1.0", b="1.1"))
    assert resolve_conflicts(conflict(removed, changed, render_lock(BASE))) == lock(b="1.1")
    assert resolve_conflicts(conflict(removed, changed)) == lock(a="1.0", b="1.1")


def test_an_ancestor_that_is_no_lock_counts_as_none() -> None:
    text = conflict(render_lock(OURS), render_lock(THEIRS), "<<<<<<<<< nested\n")
    assert resolve_conflicts(text) == lock(a="1.2", b="1.1", x="0.0", y="0.0")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<<<<<<< HEAD\n", 1),
        ("=======\n", 1),
        ("x\n>>>>>>> b\n", 2),
        ("<<<<<<< HEAD\n=======\n", 2),
        ("<<<<<<< HEAD\n<<<<<<< HEAD\n=======\n>>>>>>> b\n", 2),
        ("<<<<<<< HEAD\n=======\n||||||| c\n>>>>>>> b\n", 3),
        ("<<<<<<< HEAD\n>>>>>>> b\n", 2),
    ],
)
def test_markers_that_do_not_pair_up_are_refused(text: str, line: int) -> None:
    with pytest.raises(LockError, match=f"assets.lock:{line}: the conflict markers do not pair up"):
        resolve_conflicts(text)


def test_a_damaged_side_is_refused_at_its_line_in_the_file() -> None:
    text = render_lock(OURS).replace("    size: 1\n", conflict("    size: 1\n", "    size: x\n"), 1)
    with pytest.raises(LockError, match=r"assets.lock:12: `size` must be"):
        resolve_conflicts(text)
