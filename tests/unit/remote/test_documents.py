from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetsync.errors import DamagedError
from assetsync.escape import printable
from assetsync.model.paths import part_problem, parts_problem
from assetsync.model.provenance import Provenance
from assetsync.model.tree import FileEntry, directory_tree, file_tree
from assetsync.remote.documents import (
    Claim,
    Meta,
    parse_claim,
    parse_meta,
    parse_versions,
    render_claim,
    render_meta,
    render_versions,
)

KEY = "nlp/x/1.0.meta"

hashes = st.integers(0, 2**256 - 1).map("{:064x}".format)
sizes = st.integers(0, 2**63 - 1)
# Lone surrogates are no text that a store could hold.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
paths = st.lists(texts.filter(lambda text: part_problem(text) is None), max_size=6, unique=True).filter(
    lambda some: parts_problem(some) is None
)
provenances = st.none() | st.builds(
    Provenance,
    tool=texts,
    commit=st.none() | texts,
    branch=st.none() | texts,
    dirty=st.none() | st.booleans(),
    repository=st.none() | texts,
    author=st.none() | texts,
    run_url=st.none() | texts,
    message=st.none() | texts,
)


@st.composite
def metas(draw: st.DrawFn) -> Meta:
    is_directory = draw(st.booleans())
    if is_directory:
        tree = directory_tree(FileEntry(path, draw(sizes), draw(hashes)) for path in draw(paths))
    else:
        tree = file_tree(draw(sizes), draw(hashes))
    return Meta(
        push_date="2026-01-31T09:00:00+00:00",
        is_directory=is_directory,
        paths=tuple(file.path for file in tree.files),
        tree=tree,
        provenance=draw(provenances),
        description=draw(st.none() | texts),
    )


@given(metas())
def test_a_meta_reads_as_it_was_written(meta: Meta) -> None:
    data = render_meta(meta)
    data.decode("ascii")  # modelkit reads it in the locale's encoding
    assert parse_meta(data, key=KEY) == meta


def test_a_meta_has_modelkits_keys_and_one_of_ours() -> None:
    tree = directory_tree([FileEntry("b", 2, "b" * 64), FileEntry(".a/é", 1, "a" * 64)])
    meta = Meta("2026-01-31T09:00:00+00:00", True, tuple(file.path for file in tree.files), tree, None)
    document = json.loads(render_meta(meta))
    assert list(document) == ["push_date", "is_directory", "contents", "assetsync"]
    assert document["contents"] == [".a/é", "b"]
    assert document["assetsync"] == {
        "format": 1,
        "digest": tree.digest,
        "size": 3,
        "sizes": [1, 2],
        "sha256": ["a" * 64, "b" * 64],
    }


def test_a_single_file_has_no_contents() -> None:
    meta = Meta(
        "2026-01-31T09:00:00+00:00", False, ("",), file_tree(3, "c" * 64), Provenance("assetsync 1", dirty=False)
    )
    document = json.loads(render_meta(meta))
    assert "contents" not in document
    assert document["assetsync"]["provenance"] == {"tool": "assetsync 1", "dirty": False}


def test_a_version_is_never_written_without_its_tree() -> None:
    with pytest.raises(ValueError, match="tree"):
        render_meta(Meta("2026-01-31T09:00:00+00:00", False, ("",), None, None))


def test_metas_of_modelkit_have_no_tree() -> None:
    file = b'{"push_date": "2022-05-01T00:00:00+00:00", "is_directory": false}'
    assert parse_meta(file, key=KEY) == Meta("2022-05-01T00:00:00+00:00", False, ("",), None, None)
    directory = b'{"push_date": "2022-05-01T00:00:00+00:00", "is_directory": true, "contents": ["b", "a/c"], "x": 1}'
    assert parse_meta(directory, key=KEY).paths == ("b", "a/c")
    empty = b'{"push_date": "2022-05-01T00:00:00+00:00", "is_directory": true, "contents": []}'
    assert parse_meta(empty, key=KEY).paths == ()


def good_meta() -> dict[str, Any]:
    tree = directory_tree([FileEntry("a", 1, "a" * 64), FileEntry("b/c", 2, "b" * 64)])
    meta = Meta("2026-01-31T09:00:00+00:00", True, ("a", "b/c"), tree, Provenance("assetsync 1"))
    document: dict[str, Any] = json.loads(render_meta(meta))
    return document


def ours(**changes: Any) -> dict[str, Any]:
    document = good_meta()
    document["assetsync"] |= changes
    return document


def without(key: str) -> dict[str, Any]:
    document = good_meta()
    del document[key]
    return document


@pytest.mark.parametrize(
    "document",
    [
        without("push_date"),
        without("is_directory"),
        without("contents"),
        good_meta() | {"push_date": 5},
        good_meta() | {"is_directory": 1},
        good_meta() | {"is_directory": "true"},
        good_meta() | {"contents": "a"},
        good_meta() | {"contents": ["a", 1]},
        good_meta() | {"contents": ["a", None]},
        good_meta() | {"assetsync": None},
        good_meta() | {"assetsync": []},
        ours(format="1"),
        ours(format=True),
        ours(format=1.0),
        ours(digest="sha256:" + "0" * 64),
        ours(digest=None),
        ours(sizes=[1]),
        ours(sizes=[1, -2]),
        ours(sizes=[1, 2.0]),
        ours(sizes=[1, True]),
        ours(sizes=[1, "2"]),
        ours(sizes=[1, 2**63]),
        ours(sizes=None),
        ours(sha256=["a" * 64]),
        ours(sha256=["a" * 64, "B" * 64]),
        ours(sha256=["a" * 64, "b" * 63]),
        ours(sha256=["a" * 64, "b" * 64 + "\n"]),
        ours(sha256=["a" * 64, 7]),
        good_meta() | {"is_directory": False},  # a file of two files
    ],
)
def test_a_meta_of_the_wrong_shape_is_damaged(document: dict[str, Any]) -> None:
    with pytest.raises(DamagedError, match=KEY):
        parse_meta(json.dumps(document).encode(), key=KEY)


@pytest.mark.parametrize(
    "contents",
    [
        ["../../../x"],
        ["/etc/passwd"],
        ["a", "a/../../b"],
        ["a\\b"],
        ["C:/x"],
        ["a\nb"],
        ["a\x1b[2J"],
        ["\ud800"],
        [""],
        ["a/"],
        ["a", "A"],
        ["e\u0301", "\u00e9"],
        ["a", "a/b"],
        ["a", "a"],
    ],
)
def test_a_meta_that_could_not_be_written_to_disk_safely_is_refused(contents: list[str]) -> None:
    document = {"push_date": "2022-05-01T00:00:00+00:00", "is_directory": True, "contents": contents}
    with pytest.raises(DamagedError, match=f"`{KEY}` is refused") as caught:
        parse_meta(json.dumps(document).encode(), key=KEY)
    assert caught.value.message == printable(caught.value.message)


def test_a_meta_of_a_newer_format_says_so() -> None:
    with pytest.raises(DamagedError, match="newer assetsync"):
        parse_meta(json.dumps(ours(format=2, digest="blake3:…")).encode(), key=KEY)


def test_keys_of_later_versions_of_this_format_are_no_hindrance() -> None:
    assert parse_meta(json.dumps(ours(tags=["x"])).encode(), key=KEY).tree is not None


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"tool": "t", "commit": 5, "dirty": "yes", "who": "x"}, Provenance("t")),
        ({"commit": "abc"}, Provenance("unknown", commit="abc")),
        ("someone", None),
        (None, None),
    ],
)
def test_provenance_that_is_wrong_is_left_out_and_nothing_fails(found: object, expected: Provenance | None) -> None:
    assert parse_meta(json.dumps(ours(provenance=found)).encode(), key=KEY).provenance == expected


@given(st.lists(texts, unique=True))
def test_versions_read_as_they_were_written(versions: list[str]) -> None:
    data = render_versions(versions)
    assert parse_versions(data, key="x.versions") == tuple(versions)
    assert list(json.loads(data)) == ["versions"]


def test_a_version_that_is_listed_twice_is_told_twice() -> None:
    assert parse_versions(b'{"versions": ["1.1", "1.0", "1.1"]}', key="x.versions") == ("1.1", "1.0", "1.1")


@pytest.mark.parametrize(
    "data", [b'{"versions": {}}', b'{"versions": [1.0]}', b'{"versions": null}', b"{}", b'["1.0"]']
)
def test_versions_of_the_wrong_shape_are_damaged(data: bytes) -> None:
    with pytest.raises(DamagedError, match=r"x\.versions"):
        parse_versions(data, key="x.versions")


def test_more_versions_than_anyone_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assetsync.remote.documents.MAX_VERSIONS", 2)
    with pytest.raises(DamagedError, match="holds more than 2"):
        parse_versions(b'{"versions": ["1.2", "1.1", "1.0"]}', key="x.versions")


claims = st.builds(
    Claim,
    id=st.uuids().map(lambda one: one.hex),
    digest=hashes.map("sha256:{}".format),
    is_directory=st.booleans(),
    who=st.just("ada@laptop"),
    when=st.just("2026-01-31T09:00:00+00:00"),
)


@given(claims)
def test_a_claim_reads_as_it_was_written(claim: Claim) -> None:
    assert parse_claim(render_claim(claim), key="x/1.0.claim") == claim


def good_claim(**changes: object) -> bytes:
    claim = Claim("0" * 32, "sha256:" + "a" * 64, False, "ada", "now")
    return json.dumps(json.loads(render_claim(claim)) | changes).encode()


@pytest.mark.parametrize(
    "data",
    [
        good_claim(id="../../../home/ada/.ssh/config"),
        good_claim(id=""),
        good_claim(id="a" * 65),
        good_claim(id=7),
        good_claim(digest="a" * 64),
        good_claim(digest="sha256:xyz"),
        good_claim(digest="sha256:sha256:" + "a" * 64),
        good_claim(is_directory=0),
        good_claim(who=None),
        good_claim(when=5),
    ],
)
def test_a_claim_of_the_wrong_shape_is_damaged(data: bytes) -> None:
    with pytest.raises(DamagedError, match=r"x/1\.0\.claim"):
        parse_claim(data, key="x/1.0.claim")


def test_who_claims_can_do_nothing_to_a_terminal() -> None:
    claim = parse_claim(good_claim(who="\x1b[2Jeve" + "!" * 1000, when="\n\n"), key="x/1.0.claim")
    assert claim.who.startswith("\\x1b[2Jeve")
    assert len(claim.who) == 200
    assert claim.when == "\\n\\n"


PARSERS: list[Callable[..., object]] = [parse_meta, parse_versions, parse_claim]


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \n",
        b"not json",
        b"[]",
        b"null",
        b'"x"',
        b"1" * 5000,  # more digits than int() takes
        b"NaN",
        b'{"versions": NaN, "push_date": Infinity, "digest": NaN}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b'{"push_date": "x"',
        b'{"versions": ["1.0"], "versions": 5, "is_directory": true, "push_date": "x", "push_date": 1}',
    ],
)
def test_what_is_no_document_is_damaged_and_no_crash(parse: Callable[..., object], data: bytes) -> None:
    with pytest.raises(DamagedError, match="some/key"):
        parse(data, key="some/key")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
known_keys = st.sampled_from(
    [
        "push_date",
        "is_directory",
        "contents",
        "assetsync",
        "format",
        "digest",
        "sizes",
        "sha256",
        "versions",
        "id",
        "who",
    ]
)


@given(st.dictionaries(known_keys, json_values))
def test_any_json_is_read_or_damaged(document: dict[str, Any]) -> None:
    for parse in PARSERS:
        with suppress(DamagedError):
            parse(json.dumps(document).encode(), key="some/key")


@given(st.binary(max_size=50))
def test_any_bytes_are_damaged(data: bytes) -> None:
    for parse in PARSERS:
        with pytest.raises(DamagedError):
            parse(data, key="some/key")
