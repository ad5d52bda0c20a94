"""Edits of assets.yaml: what they mean, and that nothing but the lines of the entry changes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from assetsync.errors import InvalidError, ManifestError
from assetsync.manifest.edit import add_entries, default_name, new_manifest, remove_entry, set_version
from assetsync.manifest.parse import parse_manifest
from assetsync.model.manifest import Entry, StoreConfig

STORE = "store: ./s\n"


def add_entry(text: str, name: str, path: str, *, default_versioning: str = "major_minor", **fields: Any) -> str:
    return add_entries(text, [Entry(name, path, **fields)], default_versioning=default_versioning)


def entries_of(text: str) -> list[Entry]:
    manifest = parse_manifest(text, default_store=StoreConfig("./s"))
    return [replace(entry, line=1, column=1) for entry in manifest.entries]


# --- adding


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "assets:\n  new: p\n"),
        ("assets:\n", "assets:\n  new: p\n"),
        ("assets: {}\n", "assets:\n  new: p\n"),
        ("assets: {}  # none yet\n", "assets:  # none yet\n  new: p\n"),
        ("assets: {}", "assets:\n  new: p\n"),
        ("assets: ~\n", "assets:\n  new: p\n"),
        ("assets:\n  {}\nversioning: major_minor\n", "assets:\n  new: p\nversioning: major_minor\n"),
        ("assets:\n  # a: b\n# end\n", "assets:\n  # a: b\n  new: p\n# end\n"),
        ("assets:\n  a: b\n", "assets:\n  a: b\n  new: p\n"),
        ("assets:\n  a: b", "assets:\n  a: b\n  new: p\n"),
        ("assets:\n a: b\n\n# end\n", "assets:\n a: b\n new: p\n\n# end\n"),
        ("assets:\r\n    a: b\r\n", "assets:\r\n    a: b\r\n    new: p\r\n"),
        (
            "assets:\n  a:\n     path: b\n     # version: '1'\n  # end\nversioning: major_minor\n",
            "assets:\n  a:\n     path: b\n     # version: '1'\n  new: p\n  # end\nversioning: major_minor\n",
        ),
        ("assets: {a: b}\n", "assets: {a: b, new: p}\n"),
        ("assets: {a: b,}\n", "assets: {a: b, new: p,}\n"),
        ('assets: {"a": "b"}\n', 'assets: {"a": "b", "new": "p"}\n'),
        ("assets: {\n  a: b  # c\n}\n", "assets: {\n  a: b,  # c\n  new: p\n}\n"),
        ("assets: {\n  a: b,  # c\n}\n", "assets: {\n  a: b,  # c\n  new: p,\n}\n"),
        ("assets: {\n  a: b}\n", "assets: {\n  a: b, new: p}\n"),
        ("assets: { # c\n}\n", "assets: {new: p # c\n}\n"),
    ],
)
def test_a_new_entry_stands_behind_the_others_in_their_style(before: str, after: str) -> None:
    assert add_entry(STORE + before, "new", "./p/") == STORE + after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{store: ./s}\n", "{store: ./s, assets: {new: p}}\n"),
        ("{store: ./s, assets: {}}\n", "{store: ./s, assets: {new: p}}\n"),
        ("{store: ./s, assets: ~}\n", "{store: ./s, assets: {new: p}}\n"),
        ("  store: ./s\n", "  store: ./s\n  assets:\n    new: p\n"),
        ("store: ./s\n...\n", "store: ./s\nassets:\n  new: p\n...\n"),
        ("\ufeffassets: {}\n", "\ufeffassets:\n  new: p\n"),
        ("versioning: major_minor\n", "versioning: major_minor\nassets:\n  new: p\n"),
    ],
)
def test_whatever_the_whole_file_looks_like(before: str, after: str) -> None:
    assert add_entry(before, "new", "p") == after


def test_the_long_form_is_indented_as_the_file_does_it() -> None:
    text = STORE + "assets:\n  a:\n     path: b\n"
    assert add_entry(text, "new", "p", version="1", exclude=("*.tmp", "x/"), description='A "B"') == text + (
        '  new:\n     path: p\n     version: "1"\n     exclude: ["*.tmp", "x/"]\n     description: "A \\"B\\""\n'
    )
    assert add_entry(STORE + "assets: {a: b}\n", "new", "p", version="1.2", readonly=True).endswith(
        'assets: {a: b, new: {path: p, version: "1.2", readonly: true}}\n'
    )


@pytest.mark.parametrize(
    "text",
    ["true", "No", "n", "1", "1e3", "0x1f", "2026-01-01", ".5", "aa: b", "a #b", "é", '"', "{a}", "a,b", "[x", "-x"],
)
@pytest.mark.parametrize("assets", ["assets: {a: b}\n", "assets:\n  a: b\n"])
def test_names_and_paths_are_quoted_where_yaml_would_take_them_for_something_else(text: str, assets: str) -> None:
    assert entries_of(add_entry(STORE + assets, "new", text))[-1].path == text
    if text.isascii() and text.isalnum():
        assert f'"{text}": "{text}"' in add_entry(STORE + assets, text, text)


@pytest.mark.parametrize(
    ("name", "path", "message"),
    [
        ("a", "p", "`a` is in assets.yaml already, in line 3"),
        ("A", "p", "`A` differs from `a` (line 3) only in case"),
        ("n", "b/c", "`b/c` lies inside `b`, the path of `a` (line 3)"),
        ("n", "../x", "`../x` leaves the manifest's directory"),
        ("1.0", "p", "`1.0` can't be a name: `1.0` is a version, so it would lie among another asset's versions"),
        ("n\x1b", "p", "`n\\x1b` is not a valid name: segments are letters, digits and `._-` inside, joined by `/`"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_not_added(name: str, path: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        add_entry(STORE + "assets:\n  a: b\n", name, path)
    assert not isinstance(caught.value, ManifestError)
    assert caught.value.message == message


# --- removing and changing

TEXT = """\
store: ./s
assets:
  # NLP

  # about a
  # more about a
  a: x  # xx

  b:
    path: y
    version: '1'  # one
    # end of b
  # about c
  c: {path: z, readonly: true}
  d:
    w/w
  e:
    path: v
    description: |
      long

      text

# tail
versioning: major_minor
"""


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("a", "\n  # about a\n  # more about a\n  a: x  # xx\n"),
        ("b", "  b:\n    path: y\n    version: '1'  # one\n    # end of b\n"),
        ("c", "  # about c\n  c: {path: z, readonly: true}\n"),
        ("d", "  d:\n    w/w\n"),
        ("e", "  e:\n    path: v\n    description: |\n      long\n\n      text\n"),
    ],
)
def test_an_entry_goes_with_the_comments_above_it_and_inside_it(name: str, gone: str) -> None:
    assert TEXT.count(gone) == 1
    assert remove_entry(TEXT, name) == TEXT.replace(gone, "")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a", "  a: x  # xx\n", '  a:\n    path: x  # xx\n    version: "2"\n'),
        ("b", "version: '1'  # one", "version: '2'  # one"),
        ("c", "{path: z, readonly", '{path: z, version: "2", readonly'),
        ("d", "    w/w\n", '    path: w/w\n    version: "2"\n'),
        ("e", "    path: v\n", '    path: v\n    version: "2"\n'),
    ],
)
def test_a_version_is_changed_in_its_quotes_or_added_below_the_path(name: str, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert set_version(TEXT, name, "2") == TEXT.replace(old, new)


FLOW = """\
store: ./s
assets: {
  a: x,  # about a
  b: {path: y, version: '1'},
  c: z  # about c
}
"""


@pytest.mark.parametrize(
    ("name", "gone"),
    [("a", "  a: x,  # about a\n"), ("b", "  b: {path: y, version: '1'},\n"), ("c", "  c: z  # about c\n")],
)
def test_a_line_of_a_flow_mapping_goes_as_a_whole(name: str, gone: str) -> None:
    assert remove_entry(FLOW, name) == FLOW.replace(gone, "")


@pytest.mark.parametrize(
    ("text", "name", "removed", "changed"),
    [
        ("{a: x, b: y}", "a", "{b: y}", '{a: {path: x, version: "2"}, b: y}'),
        ("{a: x, b: y}", "b", "{a: x}", '{a: x, b: {path: y, version: "2"}}'),
        ("{a: x,}", "a", "{}", '{a: {path: x, version: "2"},}'),
        ("{a: {version: '1', path: x}}", "a", "{}", "{a: {version: '2', path: x}}"),
    ],
)
def test_entries_in_one_line(text: str, name: str, removed: str, changed: str) -> None:
    assert remove_entry(f"{STORE}assets: {text}", name) == f"{STORE}assets: {removed}"
    assert set_version(f"{STORE}assets: {text}", name, "2") == f"{STORE}assets: {changed}"


def test_the_last_entry_leaves_an_empty_mapping() -> None:
    assert remove_entry(STORE + "assets:\n  a: b\n", "a") == STORE + "assets:\n"
    assert remove_entry("assets:\n  b: x\n\n  # last\n  a: b", "a") == "assets:\n  b: x\n"


def test_an_unknown_name_is_an_error_that_suggests_one() -> None:
    with pytest.raises(InvalidError, match=r"`A` is not in assets.yaml"):
        set_version(TEXT, "A", "2")
    with pytest.raises(InvalidError) as caught:
        remove_entry(STORE + "assets: {nlp/sentiment: x}", "nlp/sentimant", filename="other.yaml")
    assert (caught.value.message, caught.value.hint) == (
        "`nlp/sentimant` is not in other.yaml",
        "did you mean `nlp/sentiment`?",
    )


def test_a_version_that_breaks_a_rule_is_not_set() -> None:
    with pytest.raises(InvalidError, match=r"`1\.2` is a complete version"):
        set_version(TEXT, "b", "1.2")


def test_a_manifest_that_is_wrong_is_not_edited() -> None:
    with pytest.raises(ManifestError):
        add_entry("store: 1\n", "new", "p")
    with pytest.raises(ManifestError):
        remove_entry("store: 1\n", "a")
    with pytest.raises(ManifestError):
        set_version("store: 1\n", "a", "2")


def test_versions_are_those_of_the_default_system_where_the_file_names_none() -> None:
    text = STORE + 'assets:\n  a: {path: b, version: "2026-01-31T09-00-00Z", readonly: true}\n'
    assert add_entry(text, "new", "p", default_versioning="simple_date") == text + "  new: p\n"
    with pytest.raises(ManifestError, match="is not a major version"):
        add_entry(text, "new", "p")


@pytest.mark.parametrize(
    ("assets", "name"),
    [
        ('  a: {path: a, version: &v "1"}\n  b: {path: b, version: *v}\n', "a"),
        ("  a: &e\n    path: a\n    exclude: &x ['*.tmp']\n  b: {path: b, exclude: *x}\n", "a"),
    ],
)
def test_an_anchor_that_others_need_stays(assets: str, name: str) -> None:
    with pytest.raises(InvalidError, match="refers to nothing above it"):
        remove_entry(STORE + "assets:\n" + assets, name)


def test_what_can_not_be_edited_alone_is_left_to_a_person() -> None:
    with pytest.raises(InvalidError, match="without touching more") as caught:
        add_entry("{store: ./s, assets}", "new", "p")
    assert caught.value.hint == "edit the file by hand"


def test_an_edit_that_would_change_another_entry_is_refused() -> None:
    """Without the second anchor, the alias would be valid still, and mean the first."""
    versions = {"a": '&v "0"', "b": '&v "1"', "c": "*v"}
    text = STORE + "assets:\n" + "".join(f"  {n}: {{path: {n}, version: {v}}}\n" for n, v in versions.items())
    assert [entry.version for entry in entries_of(text)] == ["0", "1", "1"]
    with pytest.raises(InvalidError, match="without touching more"):
        set_version(text, "b", "2")


# --- properties

QUOTES = st.sampled_from(["", "'", '"'])


@dataclass(frozen=True)
class Style:
    """How a generated manifest looks."""

    indent: int
    step: int
    eol: str
    mark: str
    final_newline: bool
    above: str
    below: str


styles = st.builds(
    Style,
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
    st.booleans(),
    st.sampled_from(["", "# top\n\n", "---\n", "versioning: major_minor\n"]),
    st.sampled_from(["", "\n# tail\n", "# é\nversioning:  'major_minor'  # x\n"]),
)


MORE_FIELDS = [
    "description: >-\n  some\n\n  text",
    "exclude: ['*.tmp',\n  \"x\"]",
    "exclude:\n- a\n# why\n- b",
]


@st.composite
def long_lines(draw: st.DrawFn, path: str, quote: str) -> list[str]:
    version = draw(st.sampled_from([None, 'version: "1"', "version:   '1'  # line"]))
    more = draw(st.lists(st.sampled_from(MORE_FIELDS), max_size=1))
    fields = [f"path: {quote}{path}{quote}", *([version] if version else []), *more]
    fields = draw(st.permutations(fields))
    tail = draw(st.sampled_from(["", "# readonly: true"]))
    return "\n".join([*fields, *([tail] if tail else [])]).split("\n")


@st.composite
def manifests(draw: st.DrawFn) -> str:
    style = draw(styles)
    names = draw(st.lists(st.sampled_from(["a", "b/c", "B-d", "e.f/g", "h1", "true"]), unique=True, max_size=4))
    pad, lines = " " * style.indent, []
    for number, name in enumerate(names):
        quote = draw(QUOTES)
        lines += draw(st.sampled_from([[], [""], [f"{pad}# about"], ["", f"{pad}# one", f"{pad}# two"], ["# far"]]))
        match draw(st.sampled_from(["short", "long", "flow", "below"])):
            case "short":
                lines.append(f"{pad}{quote}{name}{quote}:  models/{number}" + draw(st.sampled_from(["", "  # why"])))
            case "flow":
                lines.append(f"{pad}{name}: {{path: models/{number}, version: '1'}}")
            case "below":
                lines += [f"{pad}{name}:", f"{pad}  models/{number}"]
            case _:
                inner = pad + " " * style.step
                lines.append(f"{pad}{quote}{name}{quote}:" + draw(st.sampled_from(["", "  # long"])))
                lines += [f"{inner}{line}" if line else "" for line in draw(long_lines(f"models/{number}", quote))]
    empty = draw(st.sampled_from(["assets:", "assets: {}", "assets: ~  # none"]))
    body = "\n".join(["assets:", *lines] if names else [empty])
    text = f"{style.above}store: ./s\n{body}\n{style.below}"
    if not style.final_newline:
        text = text.rstrip("\n")
    if style.above.startswith("versioning") and style.below.count("versioning"):
        text = text.removeprefix(style.above)
    return style.mark + text.replace("\n", style.eol)


def replaced_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that differ, on both sides, between the longest common beginning and end."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if old and new and not old[-1].endswith("\n"):  # a file without a final newline may get one
        old[-1] += "\r\n" if "\r\n" in before else "\n"
    if new and not new[-1].endswith("\n"):
        new[-1] += "\r\n" if "\r\n" in before else "\n"
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return old[start : len(old) - end], new[start : len(new) - end]


@given(manifests(), st.booleans())
def test_adding_changes_no_line_and_removing_it_again_gives_back_the_text(text: str, long: bool) -> None:
    new = Entry("new/one", "some where/else", "1" if long else None)
    added = add_entry(text, new.name, new.path, version=new.version)
    assert entries_of(added) == [*entries_of(text), new]
    gone, come = replaced_lines(text, added)
    assert len(come) - len(gone) == (3 if long else 1) + ("assets:" not in text)
    if entries_of(text):
        assert gone == []
        back = remove_entry(added, new.name)
        assert back.rstrip() == text.rstrip()


@given(manifests(), st.data())
def test_removing_takes_one_run_of_lines_and_only_that_entry(text: str, data: st.DataObject) -> None:
    entries = entries_of(text)
    if not entries:
        return
    gone = data.draw(st.sampled_from(entries))
    after = remove_entry(text, gone.name)
    assert entries_of(after) == [entry for entry in entries if entry != gone]
    removed, inserted = replaced_lines(text, after)
    assert inserted == []
    assert not any("far" in line for line in removed[:1] + removed[-1:])
    assert sum(not line.strip() for line in removed) <= 2
    assert all(not line.strip() or line.endswith(("\n", "\r\n")) for line in removed)


@given(manifests(), st.data())
def test_setting_a_version_touches_only_lines_of_the_entry(text: str, data: st.DataObject) -> None:
    manifest = parse_manifest(text)
    if not manifest.entries:
        return
    chosen = data.draw(st.sampled_from(manifest.entries))
    after = set_version(text, chosen.name, "12")
    assert entries_of(after) == [
        replace(entry, version="12") if entry.name == chosen.name else entry for entry in entries_of(text)
    ]
    ends = [entry.line for entry in manifest.entries] + [text.count("\n") + 2]
    end = next(later for earlier, later in pairwise(ends) if earlier == chosen.line)
    lines, edited = text.splitlines(), after.splitlines()
    assert edited[: chosen.line - 1] == lines[: chosen.line - 1]
    assert edited[len(edited) - (len(lines) - end + 1) :] == lines[end - 1 :]
    removed, inserted = replaced_lines(text, after)
    assert len(removed) <= 1
    assert 1 <= len(inserted) <= 3


@given(manifests())
def test_a_crlf_file_stays_one(text: str) -> None:
    for after in (
        add_entry(text, "new", "path", version="1"),
        *(set_version(text, entry.name, "2") for entry in entries_of(text)),
    ):
        assert after.count("\r\n") in (0, after.count("\n"))
        assert ("\r\n" in after) == ("\r\n" in text)


# --- a new manifest


@pytest.mark.parametrize("url", ["s3://bucket/prefix", "./store", "gs://bkt/with space", "/a/#b", "file:///x/é"])
def test_a_new_manifest_is_valid_and_explains_itself(url: str) -> None:
    text = new_manifest(url + "/")
    manifest = parse_manifest(text)
    assert (manifest.store, manifest.entries) == (StoreConfig(url), ())
    assert all(len(line) <= 120 for line in text.splitlines())
    assert entries_of(add_entry(text, "a", "b")) == [Entry("a", "b")]


def test_its_commented_examples_are_valid_entries() -> None:
    text = new_manifest("./store")
    head, _, examples = text.partition("so can you:\n")
    uncommented = "assets:\n" + examples.removesuffix("assets:\n").replace("#   ", "  ").replace("#\n", "\n")
    assert [entry.name for entry in entries_of(f"{head}\n{uncommented}")] == [
        "nlp/tokenizer",
        "nlp/sentiment",
        "shared/embeddings",
    ]


def test_without_a_store_the_new_manifest_says_what_is_missing() -> None:
    with pytest.raises(ManifestError, match="`store` is missing"):
        parse_manifest(new_manifest(None))
    assert parse_manifest(new_manifest(None).replace("# store: s3://BUCKET", "store: s3://bucket")).entries == ()


def test_a_store_with_credentials_is_not_written() -> None:
    with pytest.raises(InvalidError, match="can't hold a user"):
        new_manifest("s3://key:secret@bucket")


@pytest.mark.parametrize(
    ("path", "is_file", "name"),
    [
        ("models/tokenizer", False, "models/tokenizer"),
        ("./models/v1.x/", False, "models/v1.x"),
        ("models/a.tar.gz", True, "models/a"),
        ("a.bin", True, "a"),
        ("Makefile", True, "Makefile"),
    ],
)
def test_a_name_follows_from_a_path(path: str, is_file: bool, name: str) -> None:
    assert default_name(path, is_file=is_file) == name


@pytest.mark.parametrize("path", ["a b.bin", ".hidden", "models/1.0", "naïve.bin"])
def test_a_path_that_makes_no_name_is_told_with_the_command_that_names_it(path: str) -> None:
    with pytest.raises(InvalidError) as raised:
        default_name(path, is_file=not path.endswith("1.0"))
    assert raised.value.hint == f"name it: `assetsync add {path} NAME`"
