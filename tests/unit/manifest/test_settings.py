"""What the environment says, and what it can't."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from assetsync.backends.http import may_see_token
from assetsync.errors import UsageError
from assetsync.manifest import settings
from assetsync.manifest.parse import parse_manifest
from assetsync.model.manifest import Manifest, StoreConfig


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        *((value, True) for value in ("true", "1", " Yes ", "on")),
        *((value, False) for value in ("false", "False", "0", "no", "off", "")),
    ],
)
def test_a_boolean_is_strict(value: str, meaning: bool) -> None:
    assert settings.boolean({"FLAG": value}, "FLAG") is meaning


def test_a_boolean_that_is_not_set_is_false() -> None:
    assert settings.boolean({}, "FLAG") is False


@pytest.mark.parametrize("value", ["fasle", "2", "none", "y e s"])
def test_what_is_neither_true_nor_false_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match=f"`FLAG={value}` is neither true nor false"):
        settings.boolean({"FLAG": value}, "FLAG")


@pytest.mark.parametrize(
    ("provider", "bucket", "prefix", "url"),
    [
        ("s3", "models", None, "s3://models/modelkit-assets"),
        ("gcs", "models", "other", "gs://models/other"),
        ("az", "models", "a/b", "az://models/a/b"),
        ("s3", "dotted.name", "", "s3://dotted.name/modelkit-assets"),
        ("local", "/data", None, "/data/modelkit-assets"),
        ("local", "data", "x", "./data/x"),
        ("local", "../data/", "", "../data/modelkit-assets"),
        ("local", "data", "/pre/", "./data/pre"),
        ("local", "data", "/", "./data"),
        ("local", "/", "//pre", "/pre"),
        ("local", "/", "/", "/"),
    ],
)
def test_the_variables_of_modelkit_name_a_store(provider: str, bucket: str, prefix: str | None, url: str) -> None:
    environ = {"MODELKIT_STORAGE_PROVIDER": provider, "MODELKIT_STORAGE_BUCKET": bucket}
    if prefix is not None:
        environ["MODELKIT_STORAGE_PREFIX"] = prefix
    assert settings.given_store(environ) == StoreConfig(url)
    assert settings.given_store({**environ, "ASSETSYNC_STORE": "gs://mine"}) == StoreConfig("gs://mine")
    assert settings.given_store({**environ, "ASSETSYNC_STORE": "gs://mine"}, "s3://flag") == StoreConfig("s3://flag")


@pytest.mark.parametrize("environ", [{"MODELKIT_STORAGE_BUCKET": "b"}, {"MODELKIT_STORAGE_PROVIDER": ""}, {}])
def test_without_a_provider_they_name_none(environ: dict[str, str]) -> None:
    assert settings.given_store(environ) is None


@pytest.mark.parametrize("provider", ["s3", "gcs", "az"])
@pytest.mark.parametrize("prefix", ["pre/", "/pre", "a//b", "/"])
def test_a_prefix_that_gives_modelkit_other_keys_than_ours_is_refused(provider: str, prefix: str) -> None:
    environ = {
        "MODELKIT_STORAGE_PROVIDER": provider,
        "MODELKIT_STORAGE_BUCKET": "models",
        "MODELKIT_STORAGE_PREFIX": prefix,
    }
    with pytest.raises(UsageError, match=f"gives modelkit keys such as `{prefix}/NAME`") as caught:
        settings.given_store(environ)
    assert "must be moved" in str(caught.value.hint)


@pytest.mark.parametrize(("provider", "bucket", "said"), [("ftp", "b", "unknown"), ("s3", "", "names no bucket")])
def test_what_modelkit_would_not_take_is_refused(provider: str, bucket: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        settings.given_store({"MODELKIT_STORAGE_PROVIDER": provider, "MODELKIT_STORAGE_BUCKET": bucket})


def test_variables_change_the_store_of_the_manifest() -> None:
    config = StoreConfig("s3://b/p", endpoint="http://old", region="eu-west-1")
    environ = {"ASSETSYNC_ENDPOINT": "http://new", "ASSETSYNC_CONDITIONAL_WRITES": "false", "ASSETSYNC_REGION": ""}
    changed = settings.overridden(config, environ)
    assert changed == StoreConfig("s3://b/p", endpoint="http://new", region="eu-west-1", conditional_writes=False)


def test_the_settings_of_a_store_do_not_go_along_to_another_one() -> None:
    config = StoreConfig("s3://bkt/p", endpoint="http://old", kms_key_id="key")
    manifest = Manifest(config, "major_minor", ())
    assert settings.chosen(manifest, {"ASSETSYNC_STORE": "s3://other"}).store == StoreConfig("s3://other")
    assert settings.chosen(manifest, {"ASSETSYNC_STORE": "s3://bkt/p/"}).store == config


DEV = StoreConfig("s3://dev-bucket/p", region="eu-west-1", name="dev", origins={"url": "assets.yaml"})
PROD = StoreConfig("s3://prod-bucket/p", endpoint="https://s3.example.com", name="prod", origins={"url": "assets.yaml"})
NAMED = Manifest(DEV, "major_minor", (), stores=(DEV, PROD))


def test_a_flag_or_a_variable_picks_a_store_by_name_or_by_url_and_the_lock_stays_that_of_the_default() -> None:
    assert settings.chosen(NAMED, {}) == NAMED
    for picked in (
        settings.chosen(NAMED, {}, "prod"),
        settings.chosen(NAMED, {}, PROD.url),
        settings.chosen(NAMED, {"ASSETSYNC_STORE": "prod"}),
    ):
        assert (picked.store, picked.home, picked.lock_store) == (PROD, DEV, DEV.url)
    assert settings.chosen(NAMED, {"ASSETSYNC_STORE": "prod"}, "dev").home is None


def test_another_url_is_no_store_of_the_project_and_has_a_lock_of_its_own() -> None:
    elsewhere = settings.chosen(NAMED, {}, "s3://elsewhere")
    assert (elsewhere.store, elsewhere.lock_store) == (StoreConfig("s3://elsewhere"), "s3://elsewhere")


@pytest.mark.parametrize(
    ("manifest", "name", "hint"),
    [
        (NAMED, "prdo", "did you mean `prod`?"),
        (NAMED, "x", "they are `dev`, `prod`"),
        (Manifest(StoreConfig("./s"), "x", ()), "x", "or give a URL"),
    ],
)
def test_an_unknown_name_of_a_store_says_what_there_is(manifest: Manifest, name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"`{name}` is not among the `stores`") as caught:
        settings.chosen(manifest, {}, name)
    assert hint in str(caught.value.hint)


def test_a_variable_of_one_store_goes_before_that_of_all() -> None:
    environ = {"ASSETSYNC_ENDPOINT": "https://all", "ASSETSYNC_ENDPOINT_PROD": "https://prod", "ASSETSYNC_REGION": "r"}
    assert settings.overridden(PROD, environ).endpoint == "https://prod"
    assert settings.overridden(DEV, environ).endpoint == "https://all"
    assert settings.overridden(PROD, environ).region == "r"
    # What decides which endpoint may get credentials sees the same.
    assert settings.environ_of(PROD, environ)["ASSETSYNC_ENDPOINT"] == "https://prod"
    assert settings.environ_of(DEV, environ)["ASSETSYNC_ENDPOINT"] == "https://all"


def test_a_variable_of_one_store_does_not_vouch_for_the_endpoint_of_another() -> None:
    hosts = re.compile("cloud")
    environ = {"ASSETSYNC_ENDPOINT_PROD": "https://s3.example.com"}
    for config, allowed in ((PROD, True), (replace(PROD, name="stage"), False), (replace(PROD, name=None), False)):
        assert may_see_token(PROD.endpoint or "", settings.environ_of(config, environ), hosts) is allowed


def test_each_setting_is_described_with_its_origin() -> None:
    environ = {"ASSETSYNC_REGION_PROD": "eu-west-3", "AWS_KMS_KEY_ID": "alias/a"}
    (store,) = parse_manifest(
        "store: prod\nstores:\n  prod: {url: 's3://bucket', endpoint: 'https://e', object_tags: {team: nlp}}\n"
    ).stores
    picked = settings.chosen(Manifest(DEV, "major_minor", (), stores=(store,)), environ, "prod").store
    assert settings.described(picked, environ) == [
        ("store", "prod, s3://bucket", "assets.yaml, by --store"),
        ("endpoint", "https://e", "assets.yaml"),
        ("region", "eu-west-3", "ASSETSYNC_REGION_PROD"),
        ("kms_key_id", "alias/a", "AWS_KMS_KEY_ID"),
        ("object_tags", "team=nlp", "assets.yaml"),
    ]
