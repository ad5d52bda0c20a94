"""What the environment says, and what it can't."""

from __future__ import annotations

import pytest

from assetsync.errors import UsageError
from assetsync.manifest import settings
from assetsync.model.manifest import StoreConfig


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
    assert settings.overridden(config, {"ASSETSYNC_STORE": "s3://other"}) == StoreConfig("s3://other")
    assert settings.overridden(config, {"ASSETSYNC_STORE": "s3://bkt/p/"}) == config
