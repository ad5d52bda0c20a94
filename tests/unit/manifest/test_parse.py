"""assets.yaml: what it can say, and each problem at its place."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

import assetsync
from assetsync.errors import InvalidError, Located, ManifestError
from assetsync.lock.text import parse_lock, render_lock
from assetsync.manifest.parse import parse_manifest, path_problem
from assetsync.model.manifest import Entry, Manifest, StoreConfig

PACKAGE = Path(assetsync.__file__).parent
SCHEMA = json.loads((PACKAGE / "manifest.schema.json").read_text())
DOCS = PACKAGE.parent / "docs" / "manifest.md"

FULL = """\
store:
  url: s3://bucket/prefix/
  endpoint: http://127.0.0.1:9000
  region: eu-west-3
  kms_key_id: alias/assets
  conditional_writes: false
versioning: major_minor
assets:
  nlp/tokenizer: ./models/tokenizer/
  nlp/sentiment:
    path: models/sentiment.bin
    version: '1'
    description: |
      Sentiment
    exclude: ["*.tmp", checkpoints/]
  shared/embeddings: {path: data/embeddings, version: "3.2", readonly: true}
"""


NO_SECRETS = "credentials belong into the environment, where each cloud's own tools find them"
NO_CREDENTIAL = "if it is a credential, it belongs into the environment, never into a manifest"
NO_NAME = "is not a valid name: segments are letters, digits and `._-` inside, joined by `/`"
AMONG_VERSIONS = "is a version, so it would lie among another asset's versions"
MAPPING = "must be a mapping of names to paths, such as `nlp/model: models/nlp.bin`"


def problems_of(text: str, **options: Any) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text, **options)
    return [f"{line}:{column}: {message}" for line, column, message in caught.value.problems]


def asset_problems(lines: str, **options: Any) -> list[str]:
    """The problems of a manifest whose assets are these lines, placed as if `assets:` were line 0."""
    found = problems_of(f"assets:\n{lines}\n", default_store=StoreConfig("s3://bucket"), **options)
    return [re.sub(r"^\d+|(?<=line )\d+", lambda line: str(int(line[0]) - 1), problem) for problem in found]


def test_both_forms_of_everything() -> None:
    assert parse_manifest(FULL) == Manifest(
        StoreConfig("s3://bucket/prefix", "http://127.0.0.1:9000", "eu-west-3", "alias/assets", False),
        "major_minor",
        (
            Entry("nlp/tokenizer", "models/tokenizer", line=9, column=3),
            Entry(
                "nlp/sentiment",
                "models/sentiment.bin",
                version="1",
                exclude=("*.tmp", "checkpoints/"),
                description="Sentiment\n",
                line=10,
                column=3,
            ),
            Entry("shared/embeddings", "data/embeddings", version="3.2", readonly=True, line=16, column=3),
        ),
    )


def test_bytes_and_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    expected = parse_manifest(FULL)
    assert parse_manifest(FULL.encode()) == expected
    assert parse_manifest(b"\xef\xbb\xbf" + FULL.encode()) == expected
    assert parse_manifest(FULL.replace("\n", "\r\n")) == expected


@pytest.mark.parametrize("assets", ["", "assets:\n", "assets: {}\n", "assets: ~\n", "assets:\n  # a: b\n"])
def test_there_may_be_no_assets(assets: str) -> None:
    assert parse_manifest(f"store: ./store\n{assets}") == Manifest(StoreConfig("./store"), "major_minor", ())


def test_defaults_stand_for_what_the_file_leaves_out_and_never_for_what_it_says() -> None:
    default = StoreConfig("s3://elsewhere", region="r")
    assert parse_manifest("assets: {}", default_store=default, default_versioning="simple_date") == Manifest(
        default, "simple_date", ()
    )
    said = parse_manifest("store: ./s\nversioning: major_minor\n", default_store=default, default_versioning="x")
    assert said == Manifest(StoreConfig("./s"), "major_minor", ())


def test_aliases_save_writing_a_list_again() -> None:
    text = "store: ./s\nassets:\n  a: {path: a, exclude: &junk ['*.tmp']}\n  b: {path: b, exclude: *junk}\n"
    assert [entry.exclude for entry in parse_manifest(text).entries] == [("*.tmp",), ("*.tmp",)]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["1:1: the file is empty; `assetsync init` writes one that explains itself"]),
        ("# only this\n", ["1:1: the file is empty; `assetsync init` writes one that explains itself"]),
        ("- store: ./s\n", ["1:1: the file must be a mapping with the keys `store` and `assets`"]),
        ("store\n", ["1:1: the file must be a mapping with the keys `store` and `assets`"]),
        (
            "assets: {}\n",
            ["1:1: `store` is missing: it says where the assets live, such as `store: s3://BUCKET/PREFIX`"],
        ),
        (
            "stroe: ./s\nassets: {a: ../a}\n",
            [
                "1:1: `store` is missing: it says where the assets live, such as `store: s3://BUCKET/PREFIX`",
                "1:1: unknown key `stroe`; did you mean `store`?",
                "2:13: `../a` leaves the manifest's directory",
            ],
        ),
        (
            "store: ./s\nowner: me\n",
            ["2:1: unknown key `owner`; the keys here are `store`, `stores`, `versioning`, `guards`, `assets`"],
        ),
        ("store: ./s\nversioning: 1\n", ['2:13: `versioning` must be a string: write `versioning: "1"`']),
        ("store:\nassets: {}\n", ["1:1: `store` must be a string"]),
        ("store: ''\n", ["1:8: `store` is empty"]),
        ("store: [s3://bucket]\n", ["1:8: `store` must be a string"]),
        (
            "store: s3://key:secret@bucket\n",
            [
                f"1:8: a store URL can't hold a user, a password, a query or a fragment; {NO_SECRETS}",
            ],
        ),
        ("store: {region: eu}\n", ["1:8: `store` needs a `url`"]),
        (
            "store:\n  url: ./s\n  secret_key: abc\n  regoin: eu\n  conditional_writes: 'false'\n  endpoint: 5\n",
            [
                f"3:3: unknown key `secret_key`; {NO_CREDENTIAL}",
                "4:3: unknown key `regoin`; did you mean `region`?",
                "5:23: `conditional_writes` must be `true` or `false`, without quotes",
                '6:13: `endpoint` must be a string: write `endpoint: "5"`',
            ],
        ),
        (
            "store: {url: ./s, endpoint: 'minio:9000'}\n",
            ["1:29: an endpoint is a URL such as `https://HOST:PORT`"],
        ),
        ("store: ./s\nassets: [a]\n", [f"2:9: `assets` {MAPPING}"]),
        (
            "store: ./s\nassets: {a: s, b: s/c, c: t}\n",
            [
                "2:10: `s` overlaps with the directory of the store, `./s`",
                "2:16: `s/c` lies inside `s`, the path of `a` (line 2)",
                "2:16: `s/c` overlaps with the directory of the store, `./s`",
            ],
        ),
        ("store: ./s/t\nassets: {a: s}\n", ["2:10: `s` overlaps with the directory of the store, `./s/t`"]),
        ("store: ./\nassets: {a: s}\n", ["2:10: `s` overlaps with the directory of the store, `.`"]),
    ],
)
def test_problems_outside_the_entries(text: str, problems: list[str]) -> None:
    assert problems_of(text) == problems


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        ("  a:", ["1:3: `a` needs a path, or a mapping with the key `path`"]),
        ("  a: [b]", ["1:6: `a` needs a path, or a mapping with the key `path`"]),
        ("  a: 2024", ['1:6: a path must be a string: write `"2024"`']),
        ("  a: {version: '1'}", ["1:3: `a` has no `path`"]),
        ("  a: {path: 12}", ['1:13: `path` must be a string: write `path: "12"`']),
        ("  a: {path: }", ["1:7: `path` must be a string"]),
        ("  a: {path: b, verison: '1'}", ["1:16: unknown key `verison`; did you mean `version`?"]),
        ("  a: {path: b, Exclude: []}", ["1:16: unknown key `Exclude`; did you mean `exclude`?"]),
        ("  a: {<<: {path: b}, path: c}", ["1:7: merge keys (`<<`) can't stand here; write the keys out"]),
        ("  a: {path: b, readonly: yes}", ["1:26: `readonly` must be `true` or `false`, without quotes"]),
        ("  a: {path: b, readonly: 'true'}", ["1:26: `readonly` must be `true` or `false`, without quotes"]),
        ("  a: {path: b, readonly: 1}", ["1:26: `readonly` must be `true` or `false`, without quotes"]),
        ("  a: {path: b, readonly: }", ["1:16: `readonly` must be `true` or `false`, without quotes"]),
        ("  a: {path: b, description: [x]}", ["1:29: `description` must be a string"]),
        (
            "  a: {path: b, exclude: '*.tmp'}",
            ['1:25: `exclude` must be a list of strings, such as `exclude: ["*.tmp"]`'],
        ),
        (
            "  a: {path: b, exclude: [1, [x]]}",
            ["1:26: an item of `exclude` must be a string", "1:29: an item of `exclude` must be a string"],
        ),
        (
            "  a: {path: b, exclude: ['', '!', '[z-a]']}",
            [
                "1:26: `` is not a pattern",
                "1:30: `!` is not a pattern",
                "1:35: `[z-a]` is not a pattern in gitignore syntax: a range in `[]` is backwards",
            ],
        ),
        (
            "  a: {path: b, exclude: ['x\\']}",
            ["1:26: `x\\` is not a pattern in gitignore syntax: a `[` has no `]`, or a `\\` nothing behind it"],
        ),
        (
            "  a: {path: b, exclude: ['#x']}",
            ["1:26: `#x` is a comment in gitignore syntax; write `\\#x` for a name that begins with `#`"],
        ),
        ('  a: {path: b, exclude: ["a\\nb"]}', ["1:26: the pattern `a\\nb` holds a control character"]),
    ],
)
def test_problems_of_one_entry(lines: str, problems: list[str]) -> None:
    assert asset_problems(lines) == problems


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (".", "a path can't be the manifest's own directory"),
        ("./", "a path can't be the manifest's own directory"),
        ("..", "`..` leaves the manifest's directory"),
        ("../x", "`../x` leaves the manifest's directory"),
        ("./../x", "`../x` leaves the manifest's directory"),
        ("x/../../y", "`x/../../y` has an empty, `.` or `..` segment"),
        ("x/./y", "`x/./y` has an empty, `.` or `..` segment"),
        ("x//y", "`x//y` has an empty, `.` or `..` segment"),
        ("/", "`/` is absolute; a path is relative to the manifest and uses `/`"),
        ("/etc/passwd", "`/etc/passwd` is absolute; a path is relative to the manifest and uses `/`"),
        ("C:/x", "`C:/x` is absolute"),
        ("x\\\\y", "`x\\y` holds a backslash"),
        ("x\\ny", "`x\\ny` holds a control character, an invisible one, or invalid UTF-8"),
        ("assets.yaml", "`assets.yaml` can't be an asset: it belongs to assetsync"),
        ("Assets.Lock", "`Assets.Lock` can't be an asset: it belongs to assetsync"),
        (".assetsync/cache", "`.assetsync/cache` can't be an asset: it belongs to assetsync"),
        (".git", "`.git` can't be an asset: it belongs to git"),
    ],
)
def test_paths_stay_inside_the_directory_of_the_manifest(path: str, problem: str) -> None:
    short, long = asset_problems(f'  a: "{path}"'), asset_problems(f'  a:\n    path: "{path}"')
    assert [found.partition(": ")[2].partition(problem)[1] for found in short + long] == [problem, problem]
    assert [found.partition(": ")[0] for found in short + long] == ["1:6", "2:11"]


def test_a_manifest_of_another_name_is_no_asset_either() -> None:
    text = "store: ./s\nassets: {a: prod.yaml, b: prod.txt}\n"
    message = "`prod.yaml` can't be an asset: it belongs to assetsync"
    assert problems_of(text, filename="sub/prod.yaml") == [f"2:13: {message}"]


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        ("  a: x\n  b: x", ["2:3: `x` is the path of `a` (line 1) already"]),
        ("  a: x\n  b: ./x/", ["2:3: `x` is the path of `a` (line 1) already"]),
        ("  a: x\n  b: X", ["2:3: `X` is the path of `a` (line 1) already"]),
        ("  a: x\n  b: x/y/z", ["2:3: `x/y/z` lies inside `x`, the path of `a` (line 1)"]),
        ("  a: x/y/z\n  b: x", ["2:3: `x` contains `x/y/z`, the path of `a` (line 1)"]),
        ("  a/b: x\n  A/b: y", ["2:3: `A/b` differs from `a/b` (line 1) only in case"]),
        ("  a: x\n  a: y", ["2:3: `a` is here a second time; the first is in line 1"]),
        ("  a: x\n  a/1.0: y", [f"2:3: `a/1.0` can't be a name: `1.0` {AMONG_VERSIONS}"]),
        ("  a.meta: x", ["1:3: `a.meta` can't be a name: no segment may end in `.meta`"]),
        ("  a//b: x", ["1:3: `a//b` has an empty segment"]),
        ('  "a\\e[31m/": x', [f"1:3: `a\\x1b[31m/` {NO_NAME}"]),
        ("  ../a: x", [f"1:3: `../a` {NO_NAME}"]),
    ],
)
def test_problems_between_entries_stand_at_the_later_one(lines: str, problems: list[str]) -> None:
    assert asset_problems(lines) == problems


def test_neighbours_that_only_look_alike_are_fine() -> None:
    text = "store: ./s\nassets: {a: x/y, a/b: x/yz, b: x/y.bin, c: sx}\n"
    assert len(parse_manifest(text).entries) == 4


class Semver:
    """A plug-in with lines: MAJOR.MINOR.PATCH."""

    def initial(self, *, now: datetime) -> str:
        return "0.0.0"

    def check(self, version: str) -> None:
        if not re.fullmatch(r"\d+\.\d+\.\d+", version):
            raise InvalidError(f"`{version}` is not MAJOR.MINOR.PATCH")

    def sort(self, versions: Iterable[str]) -> list[str]:
        return sorted(versions, reverse=True)

    def next(self, versions: Iterable[str], *, now: datetime) -> str:
        return "0.0.1"

    def line_of(self, version: str) -> str:
        return version.partition(".")[0]

    def check_line(self, line: str) -> None:
        if not line.isdigit():
            raise InvalidError(f"`{line}` is not a major version")

    def sort_lines(self, lines: Iterable[str]) -> list[str]:
        return sorted(lines, reverse=True)

    def next_line(self, line: str) -> str:
        return str(int(line) + 1)

    def first_of_line(self, line: str) -> str:
        return f"{line}.0.0"


QUOTE = "`version` must be a quoted string: write `version: "
NAMES_ITS_LINE = "is a complete version, and an asset that is published names its line: write `version: "
NO_LINES = "these versions have no lines to publish into: leave `version` out, or add `readonly: true` to pin one"


@pytest.mark.parametrize(
    ("versioning", "readonly", "version", "problem"),
    [
        ("major_minor", False, '"0"', None),
        ("major_minor", False, "'12'", None),
        ("major_minor", False, "1", QUOTE + '"1"`'),
        (
            "major_minor",
            False,
            "1.10",
            f'`version` must be a quoted string, and `1.10` {NAMES_ITS_LINE}"1"`, or add `readonly: true` to pin it',
        ),
        ("major_minor", False, '"1.10"', f'`1.10` {NAMES_ITS_LINE}"1"`, or add `readonly: true` to pin it'),
        ("major_minor", False, '"01"', "`01` is not a major version, such as `1`"),
        ("major_minor", False, '"latest"', "`latest` is not a major version, such as `1`"),
        ("major_minor", False, "latest", QUOTE + '"latest"`'),
        ("major_minor", False, "", '`version` must be a quoted string, such as `version: "1"`'),
        ("major_minor", False, '["1"]', '`version` must be a quoted string, such as `version: "1"`'),
        ("major_minor", False, '""', "`` is not a version: versions are letters, digits and `._-` inside"),
        ("major_minor", False, '"1/2"', "`1/2` is not a version: versions are letters, digits and `._-` inside"),
        ("major_minor", False, '"\\e1"', "`\\x1b1` is not a version: versions are letters, digits and `._-` inside"),
        ("major_minor", True, '"1"', None),
        ("major_minor", True, '"1.10"', None),
        ("major_minor", True, "1.10", QUOTE + '"1.10"`'),
        ("major_minor", True, '"1.01"', "`1.01` is not a major version, such as `1`, nor a complete version"),
        ("simple_date", False, '"1"', NO_LINES),
        ("simple_date", False, '"2026-01-31T09-00-00Z"', NO_LINES),
        ("simple_date", True, '"2026-01-31T09-00-00Z"', None),
        ("simple_date", True, "2026-01-31T09-00-00Z", QUOTE + '"2026-01-31T09-00-00Z"`'),
        ("simple_date", True, '"2026-02-31T09-00-00Z"', "`2026-02-31T09-00-00Z` is not a UTC date of the form"),
        ("semver", False, '"1"', None),
        ("semver", False, '"1.2.3"', f'`1.2.3` {NAMES_ITS_LINE}"1"`'),
        ("semver", True, '"1.2.3"', None),
        ("semver", True, '"1.2"', "`1.2` is not a major version, nor a complete version"),
        ("unknown", False, '"1.2.3"', None),
        ("unknown", False, "1", QUOTE + '"1"`'),
    ],
)
def test_version_declares_a_line_or_pins(versioning: str, readonly: bool, version: str, problem: str | None) -> None:
    text = f"store: ./s\nversioning: {versioning}\nassets:\n  a:\n    readonly: {str(readonly).lower()}\n    path: a\n"
    text += f"    version: {version}\n"
    plugin = (lambda name: Semver()) if versioning == "semver" else None
    if problem is None:
        assert parse_manifest(text, plugin=plugin).entries[0].version == version.strip("\"'")
    else:
        found = problems_of(text, plugin=plugin)
        column = 14 if version else 5
        assert [part.startswith(f"7:{column}: {problem}") for part in found] == [True], found


def test_names_may_not_hold_the_versions_of_a_plugin_either() -> None:
    text = "store: ./s\nversioning: semver\nassets: {a/1.2.3: x}\n"
    assert problems_of(text, plugin=lambda name: Semver()) == ["3:10: `a/1.2.3` can't be a name: `1.2.3` is a version"]
    assert (
        parse_manifest(text.replace("semver", "major_minor"), plugin=lambda name: Semver()).entries[0].name == "a/1.2.3"
    )


def test_the_message_of_the_error_lists_every_problem_with_file_line_and_column() -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest("store: ./s\nassets:\n  b: /x\n  a: {path: y, version: 1}\n", filename="sub/assets.yaml")
    assert caught.value.message.splitlines() == [
        "sub/assets.yaml:3:6: `/x` is absolute; a path is relative to the manifest and uses `/`",
        'sub/assets.yaml:4:25: `version` must be a quoted string: write `version: "1"`',
    ]


@given(st.text(st.sampled_from("ab./\\:~\0\n A")) | st.text())
def test_a_path_without_a_problem_stays_below_and_is_written_one_way_only(path: str) -> None:
    if path_problem(path) is None:
        segments = path.split("/")
        assert not {"", ".", "..", ".git", ".assetsync"} & {*segments[:1]}
        assert not {"", ".", ".."} & {*segments}
        assert path.isprintable() or not path.isascii()


keys = st.sampled_from(["store", "assets", "versioning", "path", "version", "exclude", "url", "a", "b/c", "1.0", ""])
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 20) | st.sampled_from(["./s", "s3://b", "x", "x/y", "../z", "1", "1.2"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(keys, values), st.booleans())
def test_any_yaml_is_a_manifest_or_a_list_of_problems_inside_it(document: object, flow: bool) -> None:
    writer, stream = YAML(typ="safe", pure=True), io.StringIO()
    writer.default_flow_style = flow
    writer.dump(document, stream)
    text = stream.getvalue()
    problems: tuple[Located, ...] = ()
    try:
        assert parse_manifest(text).store.url
    except ManifestError as error:
        problems = error.problems
    lines = text.count("\n") + 1
    assert all(1 <= problem.line <= lines and "\n" not in problem.message for problem in problems)
    assert problems or jsonschema.Draft7Validator(SCHEMA).is_valid(document)


# --- the schema

BAD_NAMES = ("", "/a", "a/", "a//b", ".a", "a b", "a.meta/b", "1.0", "a/2026-01-31T09-00-00Z/b")
BAD_PATHS = ("", ".", "./", "..", "../x", "x/../y", "x//y", "/x", "C:/x", "x\\y", ".git", ".assetsync/x", "assets.yaml")


@pytest.mark.parametrize(
    "text",
    [
        FULL,
        "store: ./store\n",
        "store: /\nassets:\n",
        "store: file:///a/b/\nversioning: simple_date\n",
        "versioning: simple_date\nstore: /a\nassets: {a: {path: b, version: '2026-01-31T09-00-00Z', readonly: true}}\n",
        "store: gs://bucket\nassets: {A1/b_c-d.e/f: ./x y/é.bin/, '0': .hidden/file}\n",
        "store: az://container/p@q\nassets: {a: {path: ..x/...}}\n",
        "store: ../elsewhere\nassets: {a: {path: b, exclude: [], readonly: false}}\n",
        "store: memory://x\nassets: {a: {path: b, exclude: ['!keep', ' x', '/top', '**/deep']}}\n",
    ],
)
def test_the_schema_accepts_what_the_parser_accepts(text: str) -> None:
    parse_manifest(text)
    jsonschema.validate(YAML(typ="safe", pure=True).load(text), SCHEMA, cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "stores: ./s",
        "store: 5",
        "store: s3://key:secret@bucket",
        "store: s3://bucket/p?sig=x",
        "store: s3://",
        "store: s3://bucket/../x",
        "store: s3://bucket//x",
        "store: s3://bucket\\x",
        "store: https://bucket/x",
        "store: file://host/x",
        "store: file:///",
        "store: models",
        "store: {}",
        "store: {url: models}",
        "store: {url: ./s, secret: x}",
        "store: {url: ./s, endpoint: 'minio:9000'}",
        "store: {url: ./s, endpoint: 'https://u:p@minio'}",
        "store: {url: ./s, region: ''}",
        "store: {url: ./s, conditional_writes: 'no'}",
        "stores: {dev: ./s}",
        "{store: ./s, stores: {}}",
        "{store: ./s, stores: {Dev: ./d}}",
        "{store: ./s, stores: {dev: {}}}",
        "{store: {url: ./s, storage_class: ''}}",
        "{store: {url: ./s, object_tags: [a]}}",
        "{store: {url: ./s, object_tags: {'aws:x': a}}}",
        "{store: {url: ./s, object_tags: {a: 1}}}",
        "{store: ./s, versioning: 1}",
        "{store: ./s, assets: []}",
        "{store: ./s, assets: {a: }}",
        "{store: ./s, assets: {a: 1}}",
        "{store: ./s, assets: {a: [b]}}",
        "{store: ./s, assets: {a: {}}}",
        "{store: ./s, assets: {a: {path: b, pth: c}}}",
        "{store: ./s, assets: {a: {path: b, version: 1}}}",
        "{store: ./s, assets: {a: {path: b, version: 1.10}}}",
        "{store: ./s, assets: {a: {path: b, version: '1 '}}}",
        "{store: ./s, assets: {a: {path: b, readonly: 'true'}}}",
        "{store: ./s, assets: {a: {path: b, exclude: '*.tmp'}}}",
        "{store: ./s, assets: {a: {path: b, exclude: [1]}}}",
        "{store: ./s, assets: {a: {path: b, exclude: ['']}}}",
        "{store: ./s, assets: {a: {path: b, exclude: ['#x']}}}",
        "{store: ./s, assets: {a: {path: b, description: ''}}}",
        *(f"{{store: ./s, assets: {{'{name}': x}}}}" for name in BAD_NAMES),
        *(f"{{store: ./s, assets: {{a: '{path}'}}}}" for path in BAD_PATHS),
        '{store: ./s, assets: {a: "x\\n"}}',
    ],
)
def test_the_schema_refuses_what_the_parser_refuses(text: str) -> None:
    assert problems_of(text)
    assert not jsonschema.Draft7Validator(SCHEMA).is_valid(YAML(typ="safe", pure=True).load(text))


def test_the_schema_knows_the_same_keys_as_the_parser() -> None:
    def known(text: str) -> set[str]:
        listed = next(problem for problem in problems_of(text) if "the keys here are" in problem)
        return set(re.findall(r"`(\w+)`", listed.partition("the keys here are")[2]))

    top = SCHEMA["properties"]
    entry = top["assets"]["additionalProperties"]["oneOf"][1]["properties"]
    assert known("zzzz: 1") == set(top)
    assert known("store: {zzzz: 1}") == set(SCHEMA["definitions"]["store"]["oneOf"][1]["properties"])
    assert known("guards: {zzzz: 1}") == set(top["guards"]["properties"])
    assert known("assets: {a: {zzzz: 1}}") == set(entry)


def test_the_examples_of_the_reference_are_valid() -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    locks = [example for example in examples if "lock_version" in example]
    assert [render_lock(parse_lock(lock)) for lock in locks] == locks
    manifests = [example for example in examples if example not in locks]
    assert [len(parse_manifest(manifest).entries) for manifest in manifests] == [3, 0, 0, 2]
    for manifest in manifests:
        jsonschema.validate(YAML(typ="safe", pure=True).load(manifest), SCHEMA, cls=jsonschema.Draft7Validator)
