"""Manifests that were written to keep a check busy. Each is refused for a reason, or checked in no time."""

from __future__ import annotations

import pytest

from assetsync.errors import ManifestError
from assetsync.manifest.nodes import MAX_BYTES, MAX_NODES
from assetsync.manifest.parse import parse_manifest

# Only what would take minutes or more fails by it.
pytestmark = pytest.mark.timeout(120)

STORE = "store: ./s\n"


def only_problem(text: str) -> str:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text)
    assert len(caught.value.problems) == 1, caught.value.message[:500]
    assert len(caught.value.message) < 1000
    return caught.value.problems[0].message


@pytest.mark.parametrize("text", [b"#" * (MAX_BYTES + 1), "#" * (MAX_BYTES + 1)], ids=["bytes", "text"])
def test_a_manifest_of_more_than_a_mebibyte_is_too_large(text: bytes | str) -> None:
    with pytest.raises(ManifestError, match="larger than 1 MiB"):
        parse_manifest(text)
    assert parse_manifest(STORE + "#" * (MAX_BYTES - len(STORE))).entries == ()


@pytest.mark.parametrize(
    "text",
    [
        "store: [" + "1," * MAX_NODES + "1]\n",
        "a: &a [" + "x," * 400 + "x]\n" + f"b: &b [{','.join(['*a'] * 400)}]\n",
        STORE + "assets:\n  a: {path: p, exclude: &e ["
        + ",".join(f"x{number}" for number in range(900)) + "]}\n"
        + "".join(f"  n{number}: {{path: q{number}, exclude: *e}}\n" for number in range(4000)),
    ],
    ids=["list", "aliases of aliases", "4,000 aliased excludes"],
)  # fmt: skip
def test_a_manifest_of_too_many_values_is_too_large(text: str) -> None:
    assert "it holds more than 100,000 values" in only_problem(text)


def test_a_path_longer_than_a_key_is_refused_before_it_is_taken_apart() -> None:
    path = "a/" * 100_000 + "a"
    assert "is longer than 1024 bytes" in only_problem(f"{STORE}assets:\n  x: {path}\n")
    assert "is longer than 1024 bytes" in only_problem(f"{STORE}assets:\n  {path[:899]}: {{path: {path}}}\n")
    # YAML itself takes no plain key of more than 1,024 characters.
    assert "is longer than 1024 bytes" in only_problem(f'{STORE}assets:\n  ? "{path}"\n  : x\n')


def test_many_folders_are_refused() -> None:
    assert "lies in more than 127 folders" in only_problem(f"{STORE}assets:\n  x: {'a/' * 200}a\n")


def test_patterns_are_bounded_in_length_and_number() -> None:
    entry = STORE + "assets:\n  x: {path: p, exclude: [%s]}\n"
    assert "it is longer than 1024 characters" in only_problem(entry % ("a" * 2000))
    assert "more than 1,000 items" in only_problem(entry % ",".join(["x"] * 1001))
    assert parse_manifest(entry % '"*a*a*a*a*a*b"').entries[0].exclude == ("*a*a*a*a*a*b",)


def test_a_description_and_a_store_are_bounded_too() -> None:
    assert "longer than 10,000" in only_problem(f"{STORE}assets:\n  x: {{path: p, description: {'d' * 10_001}}}\n")
    assert "longer than 2048" in only_problem(f"store: ./{'s/' * 2000}\n")
    assert "longer than 2048" in only_problem(f"store: {{url: s3://bucket/x, endpoint: 'http://h/{'s' * 3000}'}}\n")


def test_what_is_nested_without_end_stops_early() -> None:
    for text in ("[" * 500_000, "- " * 500_000, "? " * 500_000, "{a: " * 200_000):
        assert only_problem(text) == "this is nested too deeply"


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"vers{number}: 1\n" for number in range(40_000)),
        "<<<<<<< x\n" * 100_000,
        "".join(f"&a{number} k{number}: 1\n" for number in range(10_000)),
        STORE + "assets:\n" + "".join(f"  A/{number}/: /x{number}\n" for number in range(20_000)),
    ],
    ids=["unknown keys", "conflicts", "anchors", "names"],
)
def test_after_a_hundred_problems_it_is_enough(text: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text)
    assert 100 <= len(caught.value.problems) <= 101


def test_yaml_that_needs_the_slow_parser_is_refused_when_it_is_long() -> None:
    text = "store: {url: s3://bucket}\nassets:\n" + "".join(f"  n{i}: models/m{i}\n" for i in range(10_000))
    assert only_problem(text) == "a value with `:` in it needs quotes here"
    assert parse_manifest(text[:5_000].rpartition("\n")[0]).store.url == "s3://bucket"


def test_long_texts_are_quoted_in_brief() -> None:
    for text in ("k" * 1000 + ": 1", f"store: 1{'0' * 5000}", f"store: !{'t' * 1000} x", f"a: *{'a' * 1000}"):
        with pytest.raises(ManifestError) as caught:
            parse_manifest(text)
        assert len(caught.value.message) < 1000
