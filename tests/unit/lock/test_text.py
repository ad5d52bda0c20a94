"""assets.lock: one text per lock, and nothing else accepted for one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from ruamel.yaml import YAML

from assetsync.errors import LockError
from assetsync.lock.text import parse_lock, read_lock_text, render_lock
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.names import name_problem
from assetsync.model.paths import part_problem
from assetsync.model.tree import Content

DIGEST = "sha256:" + "0123456789abcdef" * 4
LOCK = Lock(
    "s3://my-bucket/modelkit-assets",
    "major_minor",
    {
        "nlp/tokenizer": LockEntry("0.3", Content(DIGEST, True, 1203345, 4), "models/tokenizer"),
        "nlp/sentiment": LockEntry("1.10", Content(DIGEST, False, 48213, 1), "models/sentiment.bin"),
    },
)
TEXT = f"""\
# Written by assetsync. Commit this file; do not edit it.
lock_version: 1
store: "s3://my-bucket/modelkit-assets"
versioning: "major_minor"
assets:
  "nlp/sentiment":
    version: "1.10"
    digest: "{DIGEST}"
    size: 48213
    files: 1
    is_directory: false
    path: "models/sentiment.bin"
    seal: "f818ca22f30611c9"
    # end
  "nlp/tokenizer":
    version: "0.3"
    digest: "{DIGEST}"
    size: 1203345
    files: 4
    is_directory: true
    path: "models/tokenizer"
    seal: "c8aa967c0040432a"
    # end
"""
EMPTY = """\
# Written by assetsync. Commit this file; do not edit it.
lock_version: 1
store: "./store"
versioning: "simple_date"
assets: {}
"""

segments = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,5}[A-Za-z0-9])?", fullmatch=True)
names = st.lists(segments, min_size=1, max_size=3).map("/".join).filter(lambda name: name_problem(name) is None)
paths = st.text(min_size=1, max_size=20).filter(lambda path: part_problem(path) is None)
contents = st.builds(
    lambda digest, size, files: Content(f"sha256:{digest:064x}", files != 1, size, files),
    st.integers(0, 2**256 - 1),
    st.integers(0, 10**15),
    st.integers(1, 50_000),
)
versions = st.builds("{}.{}".format, st.integers(0, 99), st.integers(0, 99))
locks = st.builds(
    Lock,
    st.sampled_from(["s3://bucket/p q", "./store", '/a/"b"/é']),
    st.just("major_minor"),
    st.dictionaries(names, st.builds(LockEntry, versions, contents, paths), max_size=5),
)


def test_the_text_of_a_lock() -> None:
    assert render_lock(LOCK) == TEXT
    assert parse_lock(TEXT) == LOCK
    assert render_lock(Lock("./store", "simple_date")) == EMPTY
    assert parse_lock(EMPTY) == Lock("./store", "simple_date")


@given(locks)
def test_reading_gives_back_what_was_written_and_any_yaml_reader_agrees(lock: Lock) -> None:
    text = render_lock(lock)
    assert parse_lock(text) == lock
    assert parse_lock(text.encode()) == lock
    assert render_lock(parse_lock(text)) == text
    loaded = YAML(typ="safe", pure=True).load(text)
    assert {name: (e["version"], e["digest"], e["path"]) for name, e in loaded["assets"].items()} == {
        name: (entry.version, entry.content.digest, entry.path) for name, entry in lock.assets.items()
    }


def test_order_comments_blank_lines_and_line_ends_do_not_matter() -> None:
    head, first, second = TEXT.partition('  "nlp/s')[0], *TEXT.partition("assets:\n")[2].split("    # end\n")[:2]
    assert parse_lock(head + second + "\n" + first) == LOCK
    assert parse_lock(TEXT.replace("\n", "\r\n")) == LOCK
    assert parse_lock("\ufeff" + TEXT.replace("    # end", "\n# x").rstrip("\n")) == LOCK
    assert (
        parse_lock(TEXT.replace("    files: 4\n    is_directory: true\n", "    is_directory: true\n    files: 4\n"))
        == LOCK
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lock_version: 1\n", "", "1: the lock has no `lock_version`"),
        ("lock_version: 1\n", "lock_version: 0\n", "2: `lock_version` must be 1"),
        ("lock_version: 1\n", "lock_version: '1'\n", "2: `lock_version` must be 1"),
        ("assets:\n", "", "5: an asset stands before the line `assets:`"),
        ("assets:\n", "assets: 5\n", "5: `assets` must be a mapping"),
        ("assets:\n", "assets:\nextra: 1\n", "6: unknown key `extra`"),
        ('store: "s3', "store: s3", "3: `store` must be a quoted string"),
        ('"1.10"', "1.10", "7: `version` must be a quoted string"),
        ('"1.10"', "'1.10'", "7: `version` must be a quoted string"),
        ('"1.10"', '"1.10', "7: `version` must be a quoted string"),
        ('"1.10"', '"\\q"', "7: `version` must be a quoted string"),
        ('"1.10"', '"1.01"', "6: `nlp/sentiment`: `1.01` is not a version of the form MAJOR.MINOR"),
        ('"1.10"', '"../1"', "6: `nlp/sentiment`: `../1` is not a version"),
        ('    version: "1.10"\n', "", "6: `nlp/sentiment` has no `version`"),
        ("    size: 48213\n", "    size: 48213\n    size: 48213\n", "10: `size` is here a second time"),
        ("    size: 48213\n", "    size: 48213\n    sise: 1\n", "10: unknown key `sise`"),
        ("size: 48213", "size: -1", "9: `size` must be a whole number of bytes"),
        ("size: 48213", "size: 1e3", "9: `size` must be a whole number of bytes"),
        ("size: 48213", "size: 007", "9: `size` must be a whole number of bytes"),
        ("size: 48213", "size: " + "9" * 5000, "9: `size` must be a whole number of bytes"),
        ("files: 1\n", "files: 0\n", "6: `nlp/sentiment`: a file can't be 0 files"),
        ("files: 1\n", "files: 2\n", "6: `nlp/sentiment`: a file can't be 2 files"),
        ("files: 4\n", "files: 0\n", "15: `nlp/tokenizer`: a directory can't be 0 files"),
        ("is_directory: false", "is_directory: no", "11: `is_directory` must be `true` or `false`"),
        (DIGEST, DIGEST[:-1], "8: `digest` must be `sha256:` and 64 hexadecimal digits, quoted"),
        (DIGEST, DIGEST.upper(), "8: `digest` must be `sha256:` and 64 hexadecimal digits, quoted"),
        (DIGEST, "md5:" + "0" * 32, "8: `digest` must be `sha256:` and 64 hexadecimal digits, quoted"),
        ('"nlp/sentiment":', "nlp/sentiment:", "6: this is no line that assetsync writes"),
        ('"nlp/sentiment":', '"nlp/tokenizer":', "15: `nlp/tokenizer` is here a second time; the first is in line 6"),
        ('"nlp/sentiment":', '"nlp/../../x":', "6: `nlp/../../x` is not a valid name"),
        ('"nlp/sentiment":', '"/etc/passwd":', "6: `/etc/passwd` has an empty segment"),
        ('"nlp/sentiment":', '"a/1.0":', "6: `a/1.0` can't be a name"),
        ('"nlp/sentiment":', '"\\u001b[31m":', "6: a name must be a quoted string"),
        ("models/sentiment.bin", "../x", "6: `nlp/sentiment`: `../x` has an empty, `.` or `..` segment"),
        ("models/sentiment.bin", "/etc/passwd", "6: `nlp/sentiment`: `/etc/passwd` is absolute"),
        ("models/sentiment.bin", "a\\\\b", "6: `nlp/sentiment`: `a\\b` holds a backslash"),
        ("models/sentiment.bin", "a\\nb", "12: `path` must be a quoted string"),
        ("models/sentiment.bin", "a\x1bb", "12: `path` must be a quoted string"),
        ("models/sentiment.bin", "a\\ud800b", "12: `path` must be a quoted string"),
        ("models/sentiment.bin", "", "6: `nlp/sentiment`: `` has an empty, `.` or `..` segment"),
        ("    size: 48213", "\tsize: 48213", "9: this is no line that assetsync writes"),
        ("    size: 48213", "   size: 48213", "9: this is no line that assetsync writes"),
        ("    size: 48213", "size: 48213", "9: unknown key `size`"),
        ("assets:\n", "assets:\n    size: 1\n", "6: this line belongs to no asset"),
        ("# Written", "<<<<<<< HEAD\n# Written", "1: a merge conflict begins here"),
        ('  "nlp/tokenizer"', '<<<<<<< ours\n  "nlp/tokenizer"', "15: a merge conflict begins here"),
    ],
)
def test_an_edited_lock_is_refused_at_the_line(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(LockError) as caught:
        parse_lock(TEXT.replace(old, new, 1))
    assert caught.value.message.startswith(f"assets.lock:{message}")
    assert caught.value.hint is not None
    assert ("lock --resolve" in caught.value.hint) == ("merge conflict" in message)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("size: 48213", "size: 48214"),
        ('"1.10"', '"1.11"'),
        (DIGEST, DIGEST.replace("0", "1")),
        ("models/sentiment.bin", "models/other.bin"),
        ('"nlp/sentiment":', '"nlp/renamed":'),
        ("is_directory: false", "is_directory: true"),
    ],
)
def test_a_value_that_was_edited_is_told_by_the_seal_with_both_ways_out(old: str, new: str) -> None:
    name = "nlp/renamed" if "renamed" in new else "nlp/sentiment"
    text = TEXT.replace(old, new, 1)
    with pytest.raises(LockError, match=rf"^assets\.lock:6: `{name}`: these lines do not match their seal") as caught:
        parse_lock(text)
    assert "git checkout HEAD -- assets.lock" in str(caught.value.hint)
    assert f"assetsync sync {name}" in str(caught.value.hint)
    assert read_lock_text(text).edited == {name: 6}


def test_the_seal_is_that_of_standard_tools(tmp_path: Path) -> None:
    (tmp_path / "assets.lock").write_text(TEXT)
    (command,) = re.findall(r"^sed -n .*$", Path("docs/manifest.md").read_text(), re.MULTILINE)
    printed = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert f'    seal: "{printed.strip()}"' in TEXT


def test_a_lock_of_the_first_release_has_no_seals_and_is_read() -> None:
    old = "".join(line for line in TEXT.splitlines(keepends=True) if "seal:" not in line)
    assert render_lock(LOCK, sealed=False) == old
    assert parse_lock(old) == LOCK
    assert not read_lock_text(old).sealed
    assert read_lock_text(TEXT).sealed


@pytest.mark.parametrize("text", ["", "\n", "# comment\n", "{}", '{"lock_version": 1}', "<html>", "[]\n"])
def test_what_is_no_lock_is_refused(text: str) -> None:
    with pytest.raises(LockError, match=r"assets.lock:1: "):
        parse_lock(text)


def test_bytes_that_are_not_utf8_are_refused_at_their_line() -> None:
    with pytest.raises(LockError, match=r"sub/assets.lock:2: this is not UTF-8"):
        parse_lock(b"# \n\xff", filename="sub/assets.lock")


@pytest.mark.parametrize("rest", ["", "assets: [other, format]\n", "<<<<<<< HEAD\n"])
def test_a_newer_lock_asks_for_a_newer_assetsync_whatever_else_is_in_it(rest: str) -> None:
    with pytest.raises(LockError, match=r"written by a newer assetsync: its lock_version is 2") as caught:
        parse_lock(f"# Written by something newer\nlock_version: 2\n{rest}")
    assert "upgrade assetsync" in str(caught.value.hint)


def test_versions_of_a_plugin_are_taken_as_they_are() -> None:
    entry = replace(LOCK.assets["nlp/sentiment"], version="1.10.3-rc.1")
    lock = Lock("./store", "semver", {"nlp/sentiment": entry})
    assert parse_lock(render_lock(lock)) == lock


@given(st.data())
def test_a_damaged_text_is_refused_or_still_a_valid_lock(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TEXT)))
    end = data.draw(st.integers(start, min(len(TEXT), start + 40)))
    text = TEXT[:start] + data.draw(st.text(st.sampled_from('01ab"\\/.: \n#\t'), max_size=6)) + TEXT[end:]
    try:
        lock = parse_lock(text)
    except LockError:
        return
    assert parse_lock(render_lock(lock)) == lock
    assert all(name_problem(name) is None for name in lock.assets)
    assert all(part_problem(entry.path) is None for entry in lock.assets.values())
