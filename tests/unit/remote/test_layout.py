from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.model.names import Spec, check_name, name_problem, parse_spec
from assetsync.model.paths import part_problem, parts_problem
from assetsync.model.versioning import MajorMinor, is_valid
from assetsync.remote import layout
from assetsync.remote.layout import claim_key, data_key, meta_key, name_of_versions_key, version_objects, versions_key

segments = st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,6}[A-Za-z0-9])?", fullmatch=True)
names = st.lists(segments, min_size=1, max_size=3).map("/".join).filter(lambda name: name_problem(name) is None)
versions = st.builds("{}.{}".format, st.integers(0, 30), st.integers(0, 30))
parts = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3).map("/".join)


@given(names, versions)
def test_keys_are_what_modelkit_expects(name: str, version: str) -> None:
    assert data_key(name, version) == f"{name}/{version}"
    assert data_key(name, version, "sub/part") == f"{name}/{version}/sub/part"
    assert meta_key(name, version) == f"{name}/{version}.meta"
    assert claim_key(name, version) == f"{name}/{version}.claim"
    assert versions_key(name) == f"{name}.versions"
    assert layout.asset_folder(name) == f"{name}/"


@given(names)
def test_an_asset_is_found_by_the_key_of_its_versions(name: str) -> None:
    assert name_of_versions_key(versions_key(name)) == name


@pytest.mark.parametrize("name", ["a//b", "../x", "a/1.0", "a/_b", "a/.b"])
def test_an_asset_with_a_name_that_we_refuse_is_found_too(name: str) -> None:
    assert name_of_versions_key(versions_key(name)) == name
    assert name_problem(name) is not None


@pytest.mark.parametrize("key", ["nlp/x/1.0.meta", "nlp/x", ".versions", "versions"])
def test_other_keys_are_no_asset(key: str) -> None:
    assert name_of_versions_key(key) is None


def listed(keys: list[str], folder: str) -> tuple[list[str], list[str]]:
    """What a store answers for a listing of `folder` with a delimiter."""
    inside = [key for key in keys if key.startswith(folder)]
    flat = sorted(key for key in inside if "/" not in key[len(folder) :])
    folders = sorted({folder + key[len(folder) :].split("/")[0] + "/" for key in inside if key not in flat})
    return flat, folders


@given(
    names,
    st.dictionaries(versions, st.tuples(st.booleans(), st.booleans(), st.sampled_from(["", "file", "directory"]))),
    segments,
)
def test_what_lies_under_a_version_is_found_again(
    name: str, laid: dict[str, tuple[bool, bool, str]], nested: str
) -> None:
    assume(name_problem(nested) is None)
    keys = [versions_key(name), versions_key(f"{name}/{nested}"), meta_key(f"{name}/{nested}", "9.9")]
    keys += [data_key(f"{name}2", "1.0"), meta_key(f"{name}2", "1.0")]  # a sibling
    for version, (meta, claim, data) in laid.items():
        keys += [meta_key(name, version)] if meta else []
        keys += [claim_key(name, version)] if claim else []
        keys += {"": [], "file": [data_key(name, version)], "directory": [data_key(name, version, "a/b")]}[data]
    flat, folders = listed(keys, layout.asset_folder(name))
    found = version_objects(name, flat, folders)
    valid = {version: one for version, one in found.items() if is_valid(MajorMinor(), version)}
    expected = {version: (m, c, bool(d)) for version, (m, c, d) in laid.items() if m or c or d}
    assert {version: (one.meta, one.claim, one.data) for version, one in valid.items()} == expected


def test_strange_keys_are_no_versions() -> None:
    keys = ["x/.meta", "x/-1.0", "x/1.0\n", "x/a b", "x/.hidden", "x/y.versions"]
    assert version_objects("x", keys, ["x//", "x/../"]) == {}


@pytest.mark.parametrize(
    "name", ["nlp/x", "a", "A-1/b_2/c.d", "1", "1.2.3", "x/2026-01-31", "versions", "a.meta.x", "meta"]
)
def test_good_names(name: str) -> None:
    assert name_problem(name) is None
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "/etc/passwd",
        "a/../../b",
        "..",
        ".",
        "a/.",
        "a//b",
        "a/",
        "/a",
        "a.versions",
        "a/1.0.meta",
        "a.meta/b",
        "a.claim",
        "name\n",
        "a\nb",
        "a\\b",
        "a b",
        "a:b",
        "a[b]",
        "-a",
        "a-",
        ".a",
        "a.",
        "_a",
        "a/1.0",
        "1.0/a",
        "1.0",
        "a/2026-01-31T09-00-00Z",
        "é",
        "a\x00",
        "a\x1b[31m",
        "a//\x1b[31m",
        "~",
        "~root",
        "%2e%2e",
        "a/..%2f",
        "\udc80",
    ],
)
def test_bad_names(name: str) -> None:
    problem = name_problem(name)
    assert problem is not None
    assert problem == printable(problem)
    with pytest.raises(InvalidError):
        check_name(name)
    with pytest.raises(InvalidError):
        parse_spec(f"{name}:1.0")


@given(st.text(max_size=20))
def test_a_name_is_refused_or_keeps_to_its_characters(text: str) -> None:
    if name_problem(text) is None:
        assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/")
        assert ".." not in text.split("/")
        assert part_problem(text) is None


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("nlp/x", Spec("nlp/x")),
        ("nlp/x:1", Spec("nlp/x", "1")),
        ("nlp/x:1.2", Spec("nlp/x", "1.2")),
        ("nlp/x:1.2[sub/part]", Spec("nlp/x", "1.2", "sub/part")),
        ("nlp/x[sub]", Spec("nlp/x", None, "sub")),
        ("x:1.2[/sub/]", Spec("x", "1.2", "sub")),  # modelkit's own spelling
        ("x:1.2[.hidden/a b]", Spec("x", "1.2", ".hidden/a b")),
        ("x:2026-01-31T09-00-00Z", Spec("x", "2026-01-31T09-00-00Z")),
    ],
)
def test_specs(text: str, spec: Spec) -> None:
    assert parse_spec(text) == spec


@pytest.mark.parametrize(
    "text",
    [
        "x:",
        "x:1:2",
        ":1",
        "x[",
        "x]",
        "x[]",
        "x:1.2[]",
        "x:1.2[../y]",
        "x:1.2[a//b]",
        "x:1.2[/]",
        "x:1.2 ",
        "x:1/2",
        "x:../1",
        "x:1.2[a\nb]",
        "x:1.2[a\\b]",
        "x:-1",
        "x:1.2[a]b",
        "x :1",
        "x:\n",
        "x:1.2\n",
    ],
)
def test_bad_specs(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_spec(text)
    assert caught.value.message == printable(caught.value.message)


@given(names, st.none() | versions, st.none() | parts.filter(lambda part: part_problem(part) is None))
def test_a_spec_reads_as_it_is_written(name: str, version: str | None, part: str | None) -> None:
    spec = Spec(name, version, part)
    assert parse_spec(str(spec)) == spec


@pytest.mark.parametrize(
    "path", ["a", ".hidden", "a b/c", "ünï/cödé", "a'b\"c", "100%+#?&", "日本語", "..a", "a..", "x" * 300]
)
def test_good_parts(path: str) -> None:
    assert part_problem(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../../../x",
        "a/../b",
        "a/./b",
        "a//b",
        "a/",
        "a\\b",
        "..\\x",
        "C:/x",
        "c:x",
        "a\nb",
        "a\x00",
        "\x7f",
        "a\x9bb",
        "\udc80",
        "a\u2028b",
    ],
)
def test_bad_parts(path: str) -> None:
    problem = part_problem(path)
    assert problem is not None
    assert problem == printable(problem)
    assert parts_problem(["fine", path]) is not None


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "A"],
        ["d/a", "D/b"],
        ["straße", "STRASSE"],
        ["e\u0301", "\u00e9"],  # decomposed and composed
        ["\u212b", "\u00e5"],  # the sign of Angström, and a letter
        ["a", "a/b"],
        ["a/b", "A"],
        ["a/b/c", "a/b", "z"],
        ["x/y/1", "x/Y/2"],
    ],
)
def test_paths_that_collide_somewhere(paths: list[str]) -> None:
    assert parts_problem(paths) is not None
    assert parts_problem(paths[::-1]) is not None


@given(st.lists(st.lists(st.sampled_from("abcxyz"), min_size=1, max_size=4), max_size=12))
def test_paths_of_a_real_directory_never_collide(paths: list[list[str]]) -> None:
    files = {"/".join(path) for path in paths}
    clean = [path for path in files if not any(other.startswith(path + "/") for other in files)]
    assert parts_problem(clean) is None


def test_many_files_may_share_deep_folders() -> None:
    assert parts_problem(f"a/b/c/d/e/f/{number % 100}/{number}" for number in range(10_000)) is None


@given(st.text())
def test_what_is_printed_can_do_nothing_to_a_terminal(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    shown.encode()
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u2028\u2029")


def test_escapes_are_readable() -> None:
    assert printable("a\x1b[31mb\n\ud800\u202e") == "a\\x1b[31mb\\n\\ud800\\u202e"
    assert printable("日本 é [red] \\") == "日本 é [red] \\"
