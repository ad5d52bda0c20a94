from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetsync.errors import InvalidError
from assetsync.local.exclude import JUNK, Excludes


def left_out(patterns: list[str], path: str, *, is_folder: bool = False) -> bool:
    return Excludes(patterns).leaves_out(path, is_folder)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.tmp", "a.tmp", True),
        ("*.tmp", "sub/a.tmp", True),
        ("*.tmp", "a.tmp.bin", False),
        ("/a.tmp", "a.tmp", True),
        ("/a.tmp", "sub/a.tmp", False),
        ("sub/*.tmp", "sub/a.tmp", True),
        ("sub/*.tmp", "sub/deep/a.tmp", False),
        ("sub/**", "sub/deep/a", True),
        ("sub/**/", "sub/a", False),
        ("**/deep", "sub/deep", True),
        ("sub/**/a", "sub/a", True),
        ("sub/**/a", "sub/x/y/a", True),
        ("cache/", "cache", False),
        ("[ab].bin", "a.bin", True),
        ("[!ab].bin", "a.bin", False),
        ("?.bin", "é.bin", True),
        (r"\#notes", "#notes", True),
        (r"\!important", "!important", True),
        ("with space", "with space", True),
        ("Grün*", "Grünkohl", True),
        ("*.TMP", "a.tmp", False),
    ],
)
def test_a_pattern_is_gitignore_syntax(pattern: str, path: str, expected: bool) -> None:
    assert left_out([pattern], path) is expected


def test_a_pattern_that_ends_with_a_slash_is_for_folders() -> None:
    assert left_out(["cache/"], "sub/cache", is_folder=True)
    assert not left_out(["cache/"], "sub/cache")


def test_the_last_pattern_that_matches_decides() -> None:
    patterns = ["*.bin", "!keep.bin", "sub/keep.bin"]
    assert left_out(patterns, "a.bin")
    assert not left_out(patterns, "keep.bin")
    assert left_out(patterns, "sub/keep.bin")


def test_a_re_included_folder_does_not_re_include_what_lies_in_it() -> None:
    assert left_out(["checkpoints", "!important"], "important/checkpoints", is_folder=True)


@pytest.mark.parametrize("text", ["", "  ", "# a comment"])
def test_comments_and_blank_lines_are_no_patterns(text: str) -> None:
    assert not left_out([text], "a")


@pytest.mark.parametrize("text", ["!", "/", "trailing\\", "[z-a]", "[open", "[[:alpha:]]", "two\nlines"])
def test_a_bad_pattern_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(InvalidError, match="in `exclude` is not a pattern") as caught:
        Excludes(["*.tmp", text])
    assert caught.value.hint is not None
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "desktop.ini", ".SUCCESS", ".git", ".1.2.SUCCESS"])
def test_junk_is_left_out_everywhere_and_always(name: str) -> None:
    assert left_out([], name)
    assert left_out([], f"sub/{name}")
    assert left_out([f"!{name}"], name)
    assert name in JUNK or name.startswith(".")


@pytest.mark.parametrize("name", ["_SUCCESS", "SUCCESS", ".model.SUCCESS", ".gitignore", ".gitattributes", "x.git"])
def test_content_that_resembles_junk_stays(name: str) -> None:
    assert not left_out([], name)


def test_only_files_are_junk_but_for_git() -> None:
    assert left_out([], "sub/.git", is_folder=True)
    assert not left_out([], ".SUCCESS", is_folder=True)


TREE = (
    "a",
    "b",
    "x.tmp",
    "keep/a",
    "keep/x.tmp",
    "keep/build/a",
    "keep/build/keep/b",
    "build/a",
    "build/x.tmp",
    "build/keep/a",
    "build/keep/y.bin",
    "build/build/keep/x.tmp",
    "c/a/b/a",
    "c/a/b/build/a",
    "c/keep/c/a",
)
SEGMENTS = st.sampled_from(["a", "b", "c", "keep", "build", "x.tmp", "*", "**", "*.tmp", "?", "[ab]", "k*", "*.bin"])


@st.composite
def pattern_lines(draw: st.DrawFn) -> str:
    body = "/".join(draw(st.lists(SEGMENTS, min_size=1, max_size=3)))
    return draw(st.sampled_from(["", "!", "/", "!/"])) + body + draw(st.sampled_from(["", "", "/"]))


def tree_of(paths: tuple[str, ...]) -> dict[str, object]:
    tree: dict[str, object] = {}
    for path in paths:
        *folders, name = path.split("/")
        here = tree
        for folder in folders:
            below = here.setdefault(folder, {})
            assert isinstance(below, dict)
            here = below
        here[name] = None
    return tree


def kept(tree: Mapping[str, object], excludes: Excludes, prefix: str = "") -> Iterator[str]:
    for name, below in tree.items():
        path = prefix + name
        if isinstance(below, dict):
            if not excludes.leaves_out(path, True):
                yield from kept(below, excludes, path + "/")
        elif not excludes.leaves_out(path, False):
            yield path


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repo")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for path in TREE:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


@settings(max_examples=100, deadline=None)
@given(patterns=st.lists(pattern_lines(), min_size=1, max_size=4))
def test_patterns_leave_out_what_git_leaves_out(repo: Path, patterns: list[str]) -> None:
    (repo / ".git/info/exclude").write_text("".join(f"{pattern}\n" for pattern in patterns))
    command = ["git", "-c", "core.excludesFile=/dev/null", "ls-files", "-o", "--exclude-standard"]
    output = subprocess.run(command, cwd=repo, check=True, capture_output=True, text=True).stdout
    assert sorted(kept(tree_of(TREE), Excludes(patterns))) == sorted(output.split())
