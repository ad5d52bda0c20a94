"""The keys of assets.yaml about guards, in the parser and in the schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

import assetsync
from assetsync.errors import ManifestError
from assetsync.manifest.parse import parse_manifest
from assetsync.model.guards import Guards

SCHEMA = json.loads((Path(assetsync.__file__).parent / "manifest.schema.json").read_text())
HEAD = "store: ./store\n"


def is_right_by_schema(text: str) -> bool:
    return not [*jsonschema.Draft7Validator(SCHEMA).iter_errors(YAML(typ="safe", pure=True).load(text))]


@pytest.mark.parametrize(
    ("guards", "expected"),
    [
        ("{}", Guards()),
        ("{secrets: off}", Guards(secrets="off")),
        ("{secrets: 'warn'}", Guards(secrets="warn")),
        ("{max_upload: 5 GiB, max_files: 10000}", Guards(max_upload=5 * 1024**3, max_files=10000)),
        ("{max_upload: 1500}", Guards(max_upload=1500)),
        ("{max_upload: 1.5 kB, majors: manifest}", Guards(max_upload=1500, majors="manifest")),
    ],
)
def test_guards_are_read(guards: str, expected: Guards) -> None:
    text = f"{HEAD}guards: {guards}\n"
    assert parse_manifest(text).guards == expected
    assert is_right_by_schema(text)


def test_without_guards_secrets_block() -> None:
    assert parse_manifest(HEAD).guards == Guards(secrets="block", max_upload=None, max_files=None, majors="any")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("guards: on", "`guards` must be a mapping"),
        ("guards: {secret: off}", "unknown key `secret`; did you mean `secrets`?"),
        ("guards: {secrets: no}", "`secrets` must be `block` or `warn` or `off`"),
        ("guards: {majors: []}", "`majors` must be `any` or `manifest`"),
        ("guards: {max_upload: 5 XB}", "`max_upload` must be a number of bytes with its unit"),
        ("guards: {max_upload: -1}", "`max_upload` must be a number of bytes with its unit"),
        ("guards: {max_files: 1.5}", "`max_files` must be a whole number from 1 on"),
        ("guards: {max_files: '5'}", "`max_files` must be a whole number from 1 on"),
        ("guards: {max_files: 0}", "`max_files` must be a whole number from 1 on"),
        ("assets: {a: {path: b, owner: 5}}", "`owner` must be a string"),
        ("assets: {a: {path: b, owner: ' '}}", "`owner` is empty"),
        ("assets: {a: {path: b, tags: nlp}}", "`tags` must be a list of strings"),
        ("assets: {a: {path: b, tags: [1]}}", "an item of `tags` must be a string"),
        ("assets: {a: {path: b, allow_secrets: ['../x']}}", "a path of `allow_secrets` is relative to the asset"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(f"{HEAD}{text}\n")
    assert said in str(caught.value)
    assert not is_right_by_schema(f"{HEAD}{text}\n")


def test_the_keys_of_an_entry() -> None:
    text = HEAD + "assets: {a: {path: b, owner: 'Team NLP', tags: [nlp, fr, nlp], allow_secrets: [./t/key.pem, t/]}}\n"
    (entry,) = parse_manifest(text).entries
    assert (entry.owner, entry.tags, entry.allow_secrets) == ("Team NLP", ("nlp", "fr"), ("t/key.pem", "t"))
    assert is_right_by_schema(text)


def test_a_store_has_a_price() -> None:
    text = "store: {url: ./store, price_per_gb_month: 0.023}\n"
    assert parse_manifest(text).store.price_per_gb_month == 0.023
    assert is_right_by_schema(text)
    with pytest.raises(ManifestError, match="must be a number"):
        parse_manifest("store: {url: ./store, price_per_gb_month: -1}\n")
