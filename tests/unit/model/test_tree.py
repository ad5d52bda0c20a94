from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetsync.model.names import Spec
from assetsync.model.tree import Content, FileEntry, directory_tree, file_tree

hashes = st.integers(0, 2**256 - 1).map("{:064x}".format)
entries = st.builds(
    FileEntry, st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), st.integers(0), hashes
)

# The command of the design, which everyone can run.
COMMAND = r"find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum"


def test_the_digest_of_a_directory_is_what_sha256sum_says(tmp_path: Path) -> None:
    files = {
        "b": b"2",
        "a/z": b"1",
        "a.b": b"",
        ".hidden/é": b"3",
        'a b/c\'s "d"': b"4",
        "日本": b"5",
        "\U0001f600": b"6",
    }
    files["\uffee"] = b"7"  # sorts after the emoji in UTF-16, before it in UTF-8
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    done = subprocess.run(COMMAND, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    tree = directory_tree(FileEntry(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in files.items())
    assert tree.digest == f"sha256:{done.stdout.split()[0]}"
    assert tree.content == Content(tree.digest, True, 7, 8)


def test_the_digest_of_a_file_is_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"content")
    done = subprocess.run(["sha256sum", os.fspath(path)], capture_output=True, text=True, check=True)
    assert file_tree(7, hashlib.sha256(b"content").hexdigest()).digest == f"sha256:{done.stdout.split()[0]}"


@given(st.lists(entries, unique_by=lambda entry: entry.path))
def test_a_tree_does_not_depend_on_the_order_of_its_files(files: list[FileEntry]) -> None:
    tree = directory_tree(files)
    assert directory_tree(reversed(files)) == tree
    assert [file.path.encode() for file in tree.files] == sorted(file.path.encode() for file in files)
    assert tree.content == Content(tree.digest, True, sum(file.size for file in files), len(files))


@given(st.lists(entries, min_size=1, unique_by=lambda entry: entry.path), hashes)
def test_any_other_byte_or_path_is_another_digest(files: list[FileEntry], other: str) -> None:
    tree = directory_tree(files)
    changed = files[0]._replace(sha256=other)
    assert (directory_tree([changed, *files[1:]]).digest == tree.digest) == (other == files[0].sha256)
    moved = files[0]._replace(path=files[0].path + "/moved")
    assert directory_tree([moved, *files[1:]]).digest != tree.digest
    assert directory_tree(files[1:]).digest != tree.digest


def test_a_file_is_never_a_directory_of_the_same_digest() -> None:
    content = Content("sha256:" + "a" * 64, False, 1, 1)
    assert content.same_as(Content("sha256:" + "a" * 64, False, 1, 1))
    assert not content.same_as(Content("sha256:" + "a" * 64, True, 1, 1))
    assert not content.same_as(Content("sha256:" + "b" * 64, False, 1, 1))
    assert not content.same_as(None)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (Spec("n"), "n"),
        (Spec("n", "1"), "n:1"),
        (Spec("n", "1.2"), "n:1.2"),
        (Spec("n", "1.2", "a/b"), "n:1.2[a/b]"),
        (Spec("n", None, "a"), "n[a]"),
    ],
)
def test_a_spec_is_written_as_people_write_it(spec: Spec, text: str) -> None:
    assert str(spec) == text
