"""What a branch and a store bring, as functions of bytes. Each raises AssertionError for a defect.

A parser may return a value or raise an error of assetsync; its messages must be short and printable, and what it
returns must keep what its callers rely on.
"""

from __future__ import annotations

import json

from assetsync.escape import printable, redacted
from assetsync.lock.text import block_lines, parse_lock, render_lock
from assetsync.manifest import settings
from assetsync.manifest.edit import add_entries
from assetsync.manifest.parse import parse_manifest
from assetsync.manifest.store_url import check_endpoint, check_store_url
from assetsync.model.manifest import Entry, StoreConfig
from assetsync.model.names import name_problem, parse_spec
from assetsync.model.paths import part_problem, parts_problem
from assetsync.model.patterns import parse_pattern, pattern_problem
from assetsync.remote.documents import parse_claim, parse_marks, parse_meta, parse_versions, render_marks, render_meta
from assetsync.render.saved_plan import parse_saved_plan
from tests.fuzz.register import target

_MANIFEST = (
    b"store: {url: 's3://b/p', endpoint: 'http://h:9'}\nversioning: major_minor\nassets:\n  a/b: c\n"
    b"  d:\n    path: e/f\n    version: \"1\"\n    readonly: true\n    exclude: ['*.tmp', '!k[a-z]/**']\n"
    b"    description: >\n      x\n  g: {path: h, exclude: &x [i]}\n  j: {path: k, exclude: *x}\n"
)
_LOCK = (
    b'# Written by assetsync. Commit this file; do not edit it.\nlock_version: 1\nstore: "s3://b/p"\n'
    b'versioning: "major_minor"\nassets:\n  "a":\n    version: "1.0"\n    digest: "sha256:' + b"0" * 64 + b'"\n'
    b'    size: 1\n    files: 1\n    is_directory: false\n    path: "x"\n    # end\n'
)
_META = json.dumps(
    {
        "push_date": "2026-01-31T09:00:00+00:00",
        "is_directory": True,
        "contents": ["a", "b/c"],
        "assetsync": {
            "format": 1,
            "digest": "sha256:aeab9e3e4e5d8b34bb5da8c44fc6d0ae86fd9eb5aaeb35ac10d2cd1d4b3f39f4",
            "sizes": [1, 2],
            "sha256": ["0" * 64, "1" * 64],
            "provenance": {"tool": "assetsync", "dirty": False},
        },
    }
).encode()
_MARKS = (
    b'{"format": 1, "aliases": {"production": [{"version": "1.0", "who": "a", "when": "b", "message": "c"},'
    b' {"version": null, "back": true, "who": "a", "when": "b"}]},'
    b' "yanked": [{"version": "0.9", "who": "a", "when": "b", "undone": {"who": "a", "when": "b"}}]}'
)
_PLAN = json.dumps(
    {
        "format_version": 1, "store": "s", "fingerprint": "f", "actions": [], "problems": [],
        "basis": {"names": [], "options": {}, "dated": False, "manifest": None, "lock": None, "assets": {}},
    }
).encode()  # fmt: skip


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


@target(_MANIFEST, b"store: ./s\nassets: {a: b}\n")
def manifest(data: bytes) -> None:
    found = parse_manifest(data, default_store=StoreConfig("memory://fuzz"))
    for entry in found.entries:
        assert name_problem(entry.name) is None
        assert part_problem(entry.path) is None
        for pattern in entry.exclude:
            assert pattern_problem(pattern) is None


@target(_MANIFEST, b"store: ./s\nassets: {a: b}\n", b"assets:\n", b"{assets: {}}")
def edits(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    edited = add_entries(text, [Entry("fuzz/added", "fuzz/added.bin", "1")])
    before = parse_manifest(text, default_store=StoreConfig("memory://fuzz"))
    after = parse_manifest(edited, default_store=StoreConfig("memory://fuzz"))
    assert [entry.name for entry in after.entries] == [*(entry.name for entry in before.entries), "fuzz/added"]


@target(_LOCK)
def lock(data: bytes) -> None:
    block_lines(data)
    found = parse_lock(data)
    assert parse_lock(render_lock(found)) == found
    for name, entry in found.assets.items():
        assert name_problem(name) is None
        assert part_problem(entry.path) is None


@target(_META)
def meta(data: bytes) -> None:
    found = parse_meta(data, key="x/1.0.meta")
    assert not found.is_directory or parts_problem(found.paths) is None
    if found.tree is not None:
        assert parse_meta(render_meta(found), key="x/1.0.meta").tree == found.tree


@target(b'{"versions": ["1.1", "1.0"]}')
def versions(data: bytes) -> None:
    parse_versions(data, key="x.versions")


@target(
    b'{"format": 1, "id": "a", "is_directory": false, "who": "a", "when": "b", "digest": "sha256:' + b"0" * 64 + b'"}'
)
def claim(data: bytes) -> None:
    found = parse_claim(data, key="x/1.0.claim")
    assert printable(found.who) == found.who
    assert found.id.isascii()


@target(_MARKS)
def marks(data: bytes) -> None:
    found = parse_marks(data, key="x.marks")
    again = parse_marks(render_marks(found), key="x.marks")
    assert again.aliases == found.aliases
    assert again.yanked.keys() == found.yanked.keys()
    for alias, version in found.aliases.items():
        assert parse_spec(f"x@{alias}").version == f"@{alias}"
        assert parse_spec(f"x:{version}").version == version
    for yank in found.yanks:
        assert printable(yank.why) == yank.why


@target(b"a/b:1.2[c/d]", b"a:1", b"a@production[c]")
def spec(data: bytes) -> None:
    found = parse_spec(text_of(data))
    assert parse_spec(str(found)) == found


@target(b"*a[!b-d]*\\e/**/f\0x/aa", b"!/k?/\0k1")
def pattern(data: bytes) -> None:
    text, _, path = text_of(data).partition("\0")
    if pattern_problem(text) is None:
        parse_pattern(text).matches(path, path.rpartition("/")[2], False)


@target(_PLAN)
def saved_plan(data: bytes) -> None:
    parse_saved_plan(text_of(data))


@target(b"s3://bucket/prefix", b"./dir", b"file:///x", b"az://c")
def store_url(data: bytes) -> None:
    url = check_store_url(text_of(data))
    assert check_store_url(url) == url
    assert "@" not in url.partition("://")[2].partition("/")[0]


@target(b"https://host:9/x")
def endpoint(data: bytes) -> None:
    url = check_endpoint(text_of(data))
    assert check_endpoint(url) == url


@target(b"true", b"7", b"./x")
def variables(data: bytes) -> None:
    """The variables that settings read, with one value for all."""
    value = text_of(data).replace("\0", "")
    names = (
        "ASSETSYNC_STORE", "ASSETSYNC_ENDPOINT", "ASSETSYNC_CONDITIONAL_WRITES", "ASSETSYNC_MAX_FILES",
        "MODELKIT_STORAGE_PROVIDER", "MODELKIT_STORAGE_BUCKET", "MODELKIT_STORAGE_PREFIX",
    )  # fmt: skip
    environ = dict.fromkeys(names, value)
    environ["MODELKIT_STORAGE_PROVIDER"] = "local"
    for read in (settings.given_store, settings.default_store, settings.max_files):
        read(environ)
    settings.overridden(StoreConfig("s3://bucket"), environ)


@target(b"https://u:p@h/?token=x Authorization: Basic y AccountKey=z;")
def secrets(data: bytes) -> None:
    text = text_of(data)
    assert len(redacted(text)) <= len(text) + text.count("=") + text.count(":") + 10
