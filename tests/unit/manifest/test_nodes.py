"""Places of nodes, what is no YAML, and that both of ruamel.yaml's parsers give the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetsync.errors import ManifestError
from assetsync.manifest.nodes import Mapping, Node, Scalar, Sequence, _Builder, read

DOCUMENT = """\
# é
store: {url: s3://b/p, 'x': [a, "b"]}
assets: &all
    a: ünï  # comment
    b:
    - |
      block

      text

    # not part of it
    c: 'two
      lines'
empty:
alias: *all
"""

# libyaml knows YAML 1.1, where a plain scalar in `{}` can't hold a colon.
OLD_DOCUMENT = DOCUMENT.replace("s3://b/p", "./p")


def nodes_of(node: Node) -> list[Node]:
    if isinstance(node, Mapping):
        return [node, *(inner for key, value in node.pairs.values() for inner in (key, *nodes_of(value)))]
    if isinstance(node, Sequence):
        return [node, *(inner for item in node.items for inner in nodes_of(item))]
    return [node]


def problems_of(text: str | bytes) -> list[str]:
    try:
        problems = read(text, "f").problems
    except ManifestError as error:
        problems = list(error.problems)
    return [f"{line}:{column}: {message}" for line, column, message in problems]


def test_each_scalar_knows_the_text_that_it_was_written_as() -> None:
    root = read(DOCUMENT, "f").root
    assert isinstance(root, Mapping)
    written = {
        node.text: DOCUMENT[node.start : node.end] for node in nodes_of(root) if isinstance(node, Scalar) and node.text
    }
    assert written.pop("block\n\ntext\n") == "|\n      block\n\n      text"
    assert written.pop("two lines") == "'two\n      lines'"
    assert all(text.strip("'\"") == name for name, text in written.items())


def test_lines_and_columns_count_characters_from_one() -> None:
    root = read(DOCUMENT, "f").root
    assert isinstance(root, Mapping)
    assets = root.get("assets")
    assert isinstance(assets, Mapping)
    key, value = assets.pairs["a"]
    assert (key.line, key.column) == (4, 5)
    assert isinstance(value, Scalar)
    assert (value.line, value.column, value.text) == (4, 8, "ünï")


def test_an_absent_value_stands_at_its_key_and_begins_behind_the_colon() -> None:
    root = read(DOCUMENT, "f").root
    assert isinstance(root, Mapping)
    empty = root.get("empty")
    assert isinstance(empty, Scalar)
    assert (empty.is_null, empty.line, empty.column) == (True, 14, 1)
    assert DOCUMENT[: empty.end].endswith("empty:")


def test_an_alias_is_its_anchor_at_the_place_of_the_alias() -> None:
    root = read(DOCUMENT, "f").root
    assert isinstance(root, Mapping)
    alias, assets = root.get("alias"), root.get("assets")
    assert isinstance(alias, Mapping)
    assert isinstance(assets, Mapping)
    assert (alias.pairs, alias.line) == (assets.pairs, 15)
    assert DOCUMENT[alias.start : alias.end] == "*all"


def test_block_collections_end_with_their_last_item_not_with_the_comments_behind() -> None:
    root = read("a:\n  - x\n  - y: z\n  # comment\n\nb: 1\n", "f").root
    assert isinstance(root, Mapping)
    value = root.get("a")
    assert isinstance(value, Sequence)
    assert value.end == len("a:\n  - x\n  - y: z")


@pytest.mark.parametrize(
    "text",
    [
        OLD_DOCUMENT,
        OLD_DOCUMENT.replace("\n", "\r\n"),
        "{a: , b, c: [x, {y: z}]}",
        "? a\n: b\n? c\n",
        "a: >-\n  x\n  y\n\n\n",
        "a: ~\nb: ''\nc: true\n",
    ],
)
def test_with_and_without_libyaml_the_nodes_are_the_same(text: str) -> None:
    assert _Builder(text, pure=True).document() == _Builder(text, pure=False).document()


def test_what_libyaml_refuses_of_yaml_1_2_is_read_all_the_same() -> None:
    root = read("\ufeffstore: {url: s3://b/p}\n", "f").root
    assert isinstance(root, Mapping)
    store = root.get("store")
    assert isinstance(store, Mapping)
    url = store.get("url")
    assert isinstance(url, Scalar)
    assert (url.text, url.line, url.column) == ("s3://b/p", 1, 14)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a:\n\tb: c\n", "2:1: a tab can't indent YAML; use spaces"),
        ("a: b\n\tc: d\n", "2:1: a tab can't indent YAML; use spaces"),
        ("a: @b\n", "1:4: a value can't begin with `@`; put it in quotes"),
        ("a: b: c\n", "1:5: this `:` can't stand here: a value with `: ` in it needs quotes, a key the indentation"),
        ("a: b\n c: d\n", "2:3: this `:` can't stand here"),
        ("a:\n  b: 1\n c: 2\n", "3:2: this does not belong here: wrong indentation, or text behind a finished value"),
        ("a: 'b' c\n", "1:8: this does not belong here"),
        ("a: 'b\n\n\n", "4:1: this is not YAML: found unexpected end of stream"),
        ("a: [b\n", "2:1: this is not YAML: "),
        ("a: b\0\n", "1:5: the control character U+0000 can't stand here"),
        ("é: é\x1b[31m\n", "1:5: the control character U+001B can't stand here"),
        ("a: b\u2028c: d\n", "1:5: the control character U+2028 can't stand here"),
        ("a: b\rc: d\r", "1:5: a carriage return without a line feed"),
        ("a: \udcff\n", "1:4: this is not UTF-8"),
        ("é: é\nb: ü\n".encode("latin-1"), "1:1: byte 0xe9 is not UTF-8; save the file as UTF-8"),
        ("é: é\nb: ".encode() + b"\xff", "2:4: byte 0xff is not UTF-8"),
        ("a: b".encode("utf-16"), "1:1: the file is UTF-16; save it as UTF-8"),
        ("a: b\n<<<<<<< HEAD\nc: d\n=======\n>>>>>>> x\n", "2:1: a merge conflict begins here"),
        ("a: b\r\n<<<<<<<\r\n", "2:1: a merge conflict begins here"),
        ("a: " + "[" * 500, "1:20: this is nested too deeply"),
        ("a: *b\n", "1:4: `*b` refers to nothing above it"),
        ("a: &b [*b]\n", "1:8: `*b` refers to nothing above it"),
        ("a: b\n---\nc: d\n", "2:1: a second document begins here"),
        ("a: !!str b\n", "1:4: the tag `tag:yaml.org,2002:str` can't stand here"),
        ("a: !!python/object/apply:os.system [x]\n", "1:4: the tag `tag:yaml.org,2002:python/object/apply:os.system`"),
        ("{{ a }}: b\n", "1:2: a key must be plain text; text with `{` or `[` in it needs quotes"),
        ("a: b\nc: d\na: e\n", "3:1: `a` is here a second time; the first is in line 1"),
    ],
)
def test_what_is_no_document_is_one_problem_at_its_place(text: str | bytes, problem: str) -> None:
    problems = problems_of(text)
    assert problems
    assert problems[0].startswith(problem)
    assert all("here a second time" in other or "plain text" in other for other in problems[1:])


def test_aliases_are_shared_and_count_as_all_that_they_stand_for() -> None:
    def nested(depth: int) -> str:
        return "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, depth))

    root = read(nested(12), "f").root
    assert isinstance(root, Mapping)
    assert len(root.pairs) == 12
    with pytest.raises(ManifestError, match="more than 100,000 values"):
        read(nested(60), "f")


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "~\n", "---\n...\n"])
def test_an_empty_document_has_no_root(text: str) -> None:
    assert read(text, "f").root is None


def test_half_a_character_by_an_escape_is_a_problem() -> None:
    assert problems_of('a: "\\ud800"\n') == ["1:4: an escape in this string stands for half a character"]


@given(st.text(st.sampled_from("ab:-?[]{},#&*!|>'\"%@` \n\r\t\ufeffé\0\u2028")) | st.text() | st.binary())
def test_whatever_the_text_reading_gives_a_document_or_places_inside_it(text: str | bytes) -> None:
    try:
        document = read(text, "f")
    except ManifestError as error:
        problems = list(error.problems)
    else:
        problems = document.problems
    lines = (text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")).count(b"\n") + 1
    assert all(1 <= problem.line <= lines + 1 and problem.column >= 1 for problem in problems)
