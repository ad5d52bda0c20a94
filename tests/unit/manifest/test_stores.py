"""`stores` of assets.yaml: several stores under names."""

from __future__ import annotations

import jsonschema
import pytest
from ruamel.yaml import YAML

from assetsync.errors import ManifestError
from assetsync.manifest.parse import parse_manifest
from assetsync.model.manifest import StoreConfig
from tests.unit.manifest.test_parse import SCHEMA

DEV = StoreConfig("s3://dev-bucket/p", name="dev")
PROD = StoreConfig(
    "s3://prod-bucket/p",
    region="eu-west-1",
    name="prod",
    storage_class="STANDARD_IA",
    object_tags=(("team", "nlp"), ("cost", "42")),
)
BOTH = """
stores:
  dev: s3://dev-bucket/p
  prod:
    url: s3://prod-bucket/p
    region: eu-west-1
    storage_class: STANDARD_IA
    object_tags: {team: nlp, cost: "42"}
"""


URLS = "a store is `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, `./DIR` or `/DIR`"
NAMES = "a name is lower-case letters, digits and, inside, `-`"


def problems_of(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text)
    return [f"{problem.line}:{problem.column}: {problem.message}" for problem in caught.value.problems]


def test_store_names_the_default_of_stores() -> None:
    for name, expected in (("dev", DEV), ("prod", PROD)):
        manifest = parse_manifest(f"store: {name}{BOTH}")
        assert (manifest.store, manifest.stores, manifest.home) == (expected, (DEV, PROD), None)
        jsonschema.validate(YAML(typ="safe").load(f"store: {name}{BOTH}"), SCHEMA, cls=jsonschema.Draft7Validator)


def test_the_default_need_not_have_a_name() -> None:
    manifest = parse_manifest(f"store: ./here{BOTH}")
    assert (manifest.store, manifest.stores) == (StoreConfig("./here"), (DEV, PROD))


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("store: prdo" + BOTH, ["1:8: `prdo` is not among `stores`; did you mean `prod`?"]),
        ("store: x" + BOTH, ["1:8: `x` is not among `stores`; `stores` has `dev`, `prod`"]),
        (BOTH, ["3:3: `store` must say which of `stores` is the default: `store: dev`"]),
        (
            "store: ./s\nstores: []",
            ["2:9: `stores` must be a mapping of names to stores, such as `stores: {prod: s3://BUCKET}`"],
        ),
        ("store: ./s\nstores:\n  Prod: ./p", [f"3:3: `Prod` can't name a store: {NAMES}"]),
        ("store: ./s\nstores:\n  a: ./p\n  b: ./p/", ["4:3: `b` is the same store as `a`"]),
        ("store: ./s\nstores:\n  a: {region: x}", ["3:6: `a` needs a `url`"]),
        ("store: ./s\nstores:\n  a: https://x", [f"3:6: `https://` is not the scheme of a store; {URLS}"]),
        ("store: {url: ./s, storage_class: a b}", ["1:34: `storage_class` must be a word such as `STANDARD_IA`"]),
        ("store: {url: ./s, object_tags: {'aws:a': b}}", ["1:33: `aws:a` can't name a tag of objects"]),
        ("store: {url: ./s, object_tags: {a: 'é'}}", ["1:36: `é` can't be the value of a tag of objects"]),
    ],
)
def test_problems_of_stores(text: str, problems: list[str]) -> None:
    assert problems_of(text) == problems


def test_a_store_in_a_directory_may_not_overlap_with_an_asset_whichever_it_is() -> None:
    text = "store: ./here\nstores: {prod: ./there}\nassets: {a: there/x, b: here}"
    assert problems_of(text) == [
        "3:10: `there/x` overlaps with the directory of the store, `./there`",
        "3:22: `here` overlaps with the directory of the store, `./here`",
    ]


def test_credentials_in_a_named_store_are_refused_like_those_of_any() -> None:
    (problem,) = problems_of("store: ./s\nstores:\n  a: {url: s3://bucket, secret_access_key: hunter2}")
    assert "it belongs into the environment" in problem
    assert "hunter2" not in problem
