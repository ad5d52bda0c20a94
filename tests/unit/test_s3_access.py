"""Where a bucket is, who asks, and how: settings of AWS in, addresses and signatures out. Nothing is sent."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore import UNSIGNED
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import TokenRetrievalError
from botocore.httpsession import get_cert_path

from assetsync.backends.s3.access import Access
from assetsync.backends.s3.store import open_store
from assetsync.errors import DeniedError, UnsupportedError, UsageError
from assetsync.model.manifest import StoreConfig

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture(autouse=True)
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty config file of AWS, and no setting of the machine that runs the tests."""
    path = tmp_path / "config"
    path.write_text("")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in os.environ.keys() - {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"}:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    return path


def _access(
    environ: dict[str, str] | None = None,
    *,
    bucket: str = "bucket",
    endpoint: str | None = None,
    region: str | None = None,
) -> Access:
    return Access(StoreConfig(f"s3://{bucket}/base", endpoint=endpoint, region=region), bucket, environ or {})


# region, bucket, config file, environment of the process -> the bucket's URL and the region to sign for
AWS = [
    (None, "bucket", "", {}, "https://bucket.s3.amazonaws.com", "us-east-1"),
    ("eu-west-1", "bucket", "", {}, "https://bucket.s3.eu-west-1.amazonaws.com", "eu-west-1"),
    ("eu-west-1", "buc.ket", "", {}, "https://s3.eu-west-1.amazonaws.com/buc.ket", "eu-west-1"),
    ("cn-north-1", "bucket", "", {}, "https://bucket.s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ("us-gov-west-1", "bucket", "", {"AWS_USE_FIPS_ENDPOINT": "true"},
     "https://bucket.s3-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
    ("eu-west-1", "bucket", "", {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
     "https://bucket.s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1"),
    ("eu-west-1", "bucket", "[default]\ns3 =\n  addressing_style = path\n", {},
     "https://s3.eu-west-1.amazonaws.com/bucket", "eu-west-1"),
    ("eu-west-1", "bucket", "[default]\ns3 =\n  use_accelerate_endpoint = true\n", {},
     "https://bucket.s3-accelerate.amazonaws.com", "eu-west-1"),
    (None, "bucket", "[default]\nregion = eu-north-1\n", {},
     "https://bucket.s3.eu-north-1.amazonaws.com", "eu-north-1"),
    ("eu-west-1", "Bucket_x", "", {}, "https://s3.eu-west-1.amazonaws.com/Bucket_x", "eu-west-1"),
]  # fmt: skip


@pytest.mark.parametrize(("region", "bucket", "file", "process", "url", "signed_for"), AWS)
def test_a_bucket_of_aws_is_where_botocore_says(
    profile: Path,
    monkeypatch: pytest.MonkeyPatch,
    region: str | None,
    bucket: str,
    file: str,
    process: dict[str, str],
    url: str,
    signed_for: str,
) -> None:
    profile.write_text(file)
    for name, value in process.items():
        monkeypatch.setenv(name, value)
    location = _access(bucket=bucket, region=region).location
    assert (location.url, location.region) == (url, signed_for)
    assert (location.custom, location.configured) == (False, None)


PLAIN = {**KEYS, "AWS_REGION": "eu-west-1"}


@pytest.mark.parametrize(
    "more",
    [
        {"AWS_PROFILE": "default"},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_CREDENTIAL_EXPIRATION": "2030-01-01T00:00:00Z"},
        {"AWS_SECURITY_TOKEN": "token"},
        {"AWS_NO_SIGN_REQUEST": "true"},
    ],
)
def test_boto3_decides_where_a_setting_is_rarely_made(
    profile: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
) -> None:
    profile.unlink()
    monkeypatch.delenv("AWS_CONFIG_FILE")
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("HOME", str(profile.parent))
    assert _access(PLAIN)._is_plain
    assert _access(PLAIN).frozen() == (*KEYS.values(), None)
    assert not _access({**PLAIN, **more})._is_plain


@pytest.mark.parametrize("name", ["config", "credentials"])
def test_boto3_decides_where_there_is_a_file(profile: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for variable in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(variable)
    home = profile.parent / "home"
    monkeypatch.setenv("HOME", str(home))
    assert _access(PLAIN)._is_plain
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / name).touch()
    assert not _access(PLAIN)._is_plain


def test_authorities_are_those_of_botocore(profile: Path) -> None:
    assert _access().authorities == get_cert_path(True)


PROFILE = """[default]
endpoint_url = http://of-profile
[profile other]
services = lab
[services lab]
s3 =
  endpoint_url = http://of-service
"""

# environment, endpoint of the manifest -> endpoint
ENDPOINTS = [
    ({}, None, "http://of-profile"),
    ({"AWS_PROFILE": "other"}, None, "http://of-service"),
    ({"AWS_ENDPOINT_URL": "http://of-aws"}, None, "http://of-aws"),
    ({"AWS_ENDPOINT_URL": "http://of-aws", "AWS_ENDPOINT_URL_S3": "http://of-s3"}, None, "http://of-s3"),
    ({"AWS_ENDPOINT_URL_S3": "http://of-s3", "S3_ENDPOINT": "http://of-modelkit"}, None, "http://of-modelkit"),
    ({"S3_ENDPOINT": "http://of-modelkit"}, "http://of-manifest:9000/", "http://of-manifest:9000"),
    ({"AWS_ENDPOINT_URL": "http://of-aws", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None, "https://bucket.s3"),
]


@pytest.mark.parametrize(("environ", "given", "endpoint"), ENDPOINTS)
def test_the_nearest_endpoint_counts(profile: Path, environ: dict[str, str], given: str | None, endpoint: str) -> None:
    profile.write_text(PROFILE)
    location = _access(environ, endpoint=given).location
    assert location.endpoint.startswith(endpoint)


def test_a_configured_endpoint_is_addressed_by_path() -> None:
    location = _access(endpoint="http://localhost:9000/base", bucket="buc.ket").location
    assert location.url == "http://localhost:9000/base/buc.ket"
    assert location.endpoint == "http://localhost:9000"
    assert location.custom
    assert location.region == "us-east-1"


def test_a_configured_endpoint_is_addressed_by_host_when_asked(profile: Path) -> None:
    profile.write_text("[default]\ns3 =\n  addressing_style = virtual\n")
    assert _access(endpoint="https://store.example:9000").location.url == "https://bucket.store.example:9000"


@pytest.mark.parametrize("host", ["s3.eu-west-1.amazonaws.com", "bucket.vpce-1a.s3.eu-west-1.vpce.amazonaws.com"])
def test_a_configured_endpoint_of_aws_is_no_custom_one(host: str) -> None:
    location = _access(endpoint=f"https://{host}").location
    assert location.configured
    assert not location.custom


@pytest.mark.parametrize("host", ["amazonaws.com.evil.example", "notamazonaws.com"])
def test_what_only_looks_like_aws_is_custom(host: str) -> None:
    assert _access(endpoint=f"https://{host}").location.custom


@pytest.mark.parametrize(
    "endpoint", ["ftp://host", "host:9000", "http://", "http://host:x", "http://[::1", "http://h?q"]
)
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(UsageError, match="is no endpoint"):
        _ = _access(endpoint=endpoint).location


def test_an_endpoint_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(UsageError) as caught:
        _ = _access(endpoint="http://user:hunter2@host").location
    assert "hunter2" not in caught.value.message


# manifest's region, environment -> region
REGIONS = [
    ("eu-west-1", {"AWS_REGION": "eu-west-2"}, "eu-west-1"),
    (None, {"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-2"),
    (None, {"AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
    (None, {}, "eu-north-1"),
    (None, {"AWS_PROFILE": "other"}, "us-east-1"),
]


@pytest.mark.parametrize(("given", "environ", "region"), REGIONS)
def test_the_nearest_region_counts(profile: Path, given: str | None, environ: dict[str, str], region: str) -> None:
    profile.write_text("[default]\nregion = eu-north-1\n[profile other]\noutput = json\n")
    assert _access(environ, endpoint="http://localhost:9000", region=given).location.region == region


def test_a_region_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="eu west"):
        _ = _access(region="eu west 1").location


def test_a_directory_bucket_is_not_supported() -> None:
    with pytest.raises(UnsupportedError, match="directory bucket"):
        _ = _access(bucket="name--use1-az4--x-s3").location


def test_a_bucket_elsewhere_is_followed() -> None:
    access = _access(region="eu-west-1")
    assert access.move("eu-west-3")
    assert access.location.url == "https://bucket.s3.eu-west-3.amazonaws.com"
    assert access.location.region == "eu-west-3"
    assert access.move("eu-west-3")  # a thread that was told the same a moment later
    assert access.location.region == "eu-west-3"


def test_a_bucket_elsewhere_never_leads_away_from_a_configured_endpoint() -> None:
    access = _access(endpoint="http://localhost:9000")
    assert access.move("garage")
    assert (access.location.url, access.location.region) == ("http://localhost:9000/bucket", "garage")
    assert not access.move("evil.example/#")


def _key(access: Access) -> str:
    return access.frozen()[0]


def test_a_session_token_goes_along() -> None:
    access = _access({**KEYS, "AWS_SESSION_TOKEN": "token"}, endpoint="http://localhost:9000")
    assert access.frozen() == (KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], "token")
    assert access.source == "the environment"


def test_the_given_environment_counts_before_files(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n")
    assert _key(_access(KEYS, endpoint="http://localhost:9000")) == "AKIDEXAMPLE"
    from_file = _access(endpoint="http://localhost:9000")
    assert _key(from_file) == "FILE"
    assert from_file.source == "the shared credentials file"


def test_a_profile_is_chosen_by_the_given_environment(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = TEAM\naws_secret_access_key = s\n")
    access = _access({"AWS_PROFILE": "team"}, endpoint="http://localhost:9000")
    assert _key(access) == "TEAM"


def test_credentials_are_renewed_while_running() -> None:
    access = _access(endpoint="http://localhost:9000")
    made = iter(["FIRST", "SECOND"])

    def fresh() -> dict[str, str]:
        return {
            "access_key": next(made),
            "secret_key": "s",
            "token": "t",
            "expiry_time": (datetime.now(UTC) + timedelta(minutes=5)).isoformat(),
        }

    # They expire in five minutes, which is soon enough for botocore to renew them at each use.
    access._credentials = RefreshableCredentials.create_from_metadata(fresh(), fresh, "assume-role")
    assert _key(access) == "SECOND"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "no credentials for `s3://bucket/base`"),
        ({"AWS_PROFILE": "nowhere"}, "nowhere"),
        ({"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"}, "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_missing_credentials_are_said(environ: dict[str, str], said: str) -> None:
    access = _access(environ, endpoint="http://localhost:9000")
    with pytest.raises(DeniedError) as caught:
        _key(access)
    assert said in caught.value.message
    assert "AWS_PROFILE" in (caught.value.hint or "")
    assert "\n" not in caught.value.message


def test_a_profile_that_is_missing_is_said_before_anything_is_sent() -> None:
    with pytest.raises(DeniedError, match="nowhere"):
        _ = _access({"AWS_PROFILE": "nowhere"}).location


def test_a_profile_may_ignore_its_endpoint(profile: Path) -> None:
    profile.write_text("[default]\nendpoint_url = http://of-profile\nignore_configured_endpoint_urls = true\n")
    assert _access().location.url == "https://bucket.s3.amazonaws.com"


def test_credentials_that_can_not_be_renewed_are_said() -> None:
    def broken() -> dict[str, str]:
        raise TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed")

    access = _access(endpoint="http://localhost:9000")
    over = datetime.now(UTC) - timedelta(minutes=5)
    access._credentials = RefreshableCredentials("A", "s", "t", over, broken, "sso")
    with pytest.raises(DeniedError, match="Token has expired") as caught:
        _key(access)
    assert "aws sso login" in (caught.value.hint or "")


def test_a_public_bucket_is_read_without_credentials() -> None:
    access = _access({"AWS_NO_SIGN_REQUEST": "true"}, endpoint="http://localhost:9000")
    assert vars(access.client.meta.config)["signature_version"] is UNSIGNED
    assert "AWS_NO_SIGN_REQUEST" in access.source
    access.close()


@pytest.mark.parametrize(
    ("url", "bucket_url", "root"),
    [
        ("s3://bucket/base/", "http://h/bucket", "s3://bucket/base"),
        ("s3://bucket", "http://h/bucket", "s3://bucket"),
        ("s3://my.bucket.name/a/b", "http://h/my.bucket.name", "s3://my.bucket.name/a/b"),
    ],
)
def test_a_url_is_a_bucket_and_a_prefix(url: str, bucket_url: str, root: str) -> None:
    store = open_store(StoreConfig(url, endpoint="http://h"), {})
    assert store.url == root
    assert store._access.location.url == bucket_url


@pytest.mark.parametrize("url", ["s3://", "s3:///key", "s3://-b/x", "s3://a b/x", "s3://user:pw@bucket/x", "s3://b?x"])
def test_what_is_no_url_of_a_bucket_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="no S3 store"):
        open_store(StoreConfig(url), {})


def test_a_proxy_is_the_one_for_the_endpoint() -> None:
    proxies = {"HTTPS_PROXY": "http://user:p%40ss@proxy.example:3128", "http_proxy": "plain.example:80"}
    assert _access(proxies).proxy == "http://user:p%40ss@proxy.example:3128"
    assert _access(proxies, endpoint="http://store.example").proxy == "http://plain.example:80"
    assert _access({**proxies, "NO_PROXY": "store.example"}, endpoint="http://store.example").proxy is None


def test_authorities_come_from_the_nearest_setting(profile: Path) -> None:
    profile.write_text("[default]\nca_bundle = /of/profile\n")
    assert _access({"AWS_CA_BUNDLE": "/of/aws"}).authorities == "/of/aws"
    assert _access({"REQUESTS_CA_BUNDLE": "/of/requests"}).authorities == "/of/profile"
    profile.write_text("")
    assert _access({"REQUESTS_CA_BUNDLE": "/of/requests"}).authorities == "/of/requests"
    assert os.path.isfile(_access().authorities)


def test_a_missing_file_of_authorities_is_said() -> None:
    store = open_store(StoreConfig("s3://bucket", endpoint="https://h"), {**KEYS, "AWS_CA_BUNDLE": "/no/such/file"})
    for call in (lambda: store.read("a"), store.list):
        with pytest.raises(UsageError, match="/no/such/file"):
            call()


def test_a_profile_that_is_not_there_is_not_answered_with_naming_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    with pytest.raises(DeniedError, match="nope") as caught:
        _access().frozen()
    assert "names a profile that is not there" in str(caught.value.hint)
