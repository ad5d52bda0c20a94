"""Where a bucket is and how to sign for it. All that is hard is botocore's: roles, SSO, endpoints, signatures.

No client of botocore is made where an endpoint is configured, because that costs 50 to 100 ms at the start; for AWS
itself one is, once, because nothing else knows partitions, dual stack, FIPS, and addressing styles exactly.

`environ` is asked first. What botocore looks up by itself (files, roles, metadata services) it takes from the
environment of the process.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import SplitResult, urlsplit

import botocore.session
from botocore import UNSIGNED
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials, EnvProvider
from botocore.exceptions import BotoCoreError, ClientError

from assetsync.errors import DeniedError, StoreError, UnsupportedError, UsageError
from assetsync.escape import printable
from assetsync.manifest.settings import boolean
from assetsync.model.manifest import StoreConfig

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
DEFAULT_REGION = "us-east-1"

# What botocore raises; a role that can't be assumed is a ClientError of its own request.
_FAILURES = (BotoCoreError, ClientError)

_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_AWS_HOST = re.compile(r".*\.amazonaws\.(?:com|com\.cn|eu)")
_SOURCES = {
    "env": "the environment",
    "explicit": "the environment",
    "shared-credentials-file": "the shared credentials file",
    "config-file": "the AWS config file",
    "iam-role": "the instance's role",
    "container-role": "the container's role",
}


@dataclass(frozen=True, slots=True)
class Location:
    """Where a bucket is: its URL, without a trailing slash, and the region to sign for.

    `configured` says that the endpoint was given rather than found, `custom` that it is not AWS.
    """

    url: str
    region: str
    configured: bool = False
    custom: bool = False

    @property
    def endpoint(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


class Access:
    """Credentials, location and signatures for one bucket. Nothing is looked up before it is needed."""

    def __init__(self, config: StoreConfig, bucket: str, environ: Mapping[str, str]) -> None:
        self._config = config
        self._bucket = bucket
        self._environ = environ
        self._lock = threading.RLock()
        self._session: botocore.session.Session | None = None
        self._location: Location | None = None
        self._credentials: Credentials | None = None
        self.anonymous = boolean(environ, "AWS_NO_SIGN_REQUEST")

    @property
    def location(self) -> Location:
        with self._lock:
            if self._location is None:
                self._location = self._find()
            return self._location

    @property
    def source(self) -> str:
        """Where the credentials come from, in words."""
        if self.anonymous:
            return "nowhere: `AWS_NO_SIGN_REQUEST` is set"
        method = self._credentials.method if self._credentials else None
        return _SOURCES.get(method or "", f"`{method}`")

    @property
    def ca_bundle(self) -> str | None:
        """The file of certificate authorities to trust instead of the usual ones."""
        return (
            self._environ.get("AWS_CA_BUNDLE")
            or self._variable("ca_bundle")
            or self._environ.get("REQUESTS_CA_BUNDLE")
            or None
        )

    def move(self, region: str) -> bool:
        """Go to the region where a reply says that the bucket is, unless another thread has; False for nonsense."""
        if not _REGION.fullmatch(region):
            return False
        with self._lock:
            before = self.location
            if region != before.region:
                self._location = replace(before, region=region) if before.configured else self._aws(region)
        return True

    def sign(
        self, location: Location, method: str, url: str, headers: Mapping[str, str], sha256: str
    ) -> dict[str, str]:
        """`headers`, and those that say who asks. `sha256` is that of the body: the store verifies it. DeniedError."""
        if self.anonymous:
            return {**headers, "x-amz-content-sha256": sha256}
        request = AWSRequest(method=method, url=url, headers=headers)
        request.context["sha256"] = sha256
        try:
            # Each time anew: credentials that expire are renewed by botocore where that is possible.
            frozen = self.credentials.get_frozen_credentials()
        except _FAILURES as error:
            raise _no_credentials(self._config.url, error) from error
        _Signer(frozen, "s3", location.region).add_auth(request)
        return dict(request.headers)

    @property
    def credentials(self) -> Credentials:
        """Found once, by botocore's chain. DeniedError."""
        with self._lock:
            if self._credentials is None:
                self._credentials = self._find_credentials()
            return self._credentials

    def _find_credentials(self) -> Credentials:
        try:
            found = EnvProvider(environ=dict(self._environ)).load() or self._botocore().get_credentials()
        except _FAILURES as error:
            raise _no_credentials(self._config.url, error) from error
        if found is None:
            raise _no_credentials(self._config.url, None)
        return found

    def _find(self) -> Location:
        config = self._config
        endpoint = config.endpoint or self._configured_endpoint()
        region = config.region or self._environ.get("AWS_REGION") or self._environ.get("AWS_DEFAULT_REGION")
        region = region or self._variable("region") or DEFAULT_REGION
        if endpoint is None:
            return self._aws(region)
        return self._configured(endpoint.rstrip("/"), region)

    def _configured(self, endpoint: str, region: str) -> Location:
        parts = _endpoint(endpoint)
        url = f"{endpoint}/{self._bucket}"
        if self._variable("s3").get("addressing_style") == "virtual":
            url = f"{parts.scheme}://{self._bucket}.{parts.netloc}{parts.path}"
        return Location(url, region, configured=True, custom=not _AWS_HOST.fullmatch(parts.hostname or ""))

    def _aws(self, region: str) -> Location:
        """As a client of botocore would address the bucket: an unsigned, presigned URL is just that address."""
        if self._bucket.endswith("--x-s3"):
            raise UnsupportedError(f"`{self._config.url}` is a directory bucket", hint="use a general purpose bucket")
        try:
            # A presigned URL is global instead of regional, unless the addressing style is "virtual".
            style = "path" if self._variable("s3").get("addressing_style") == "path" else "virtual"
            options: dict[str, Any] = {"ignore_configured_endpoint_urls": True, "s3": {"addressing_style": style}}
            config = Config(signature_version=UNSIGNED, **options)
            client: Any = self._botocore().create_client("s3", region_name=region, config=config)
            url = client.generate_presigned_url("head_bucket", Params={"Bucket": self._bucket})
            signed_for = client.meta.region_name
            client.close()
        except BotoCoreError as error:
            raise UsageError(
                f"`{self._config.url}` can't be located: {printable(str(error))}", hint="check `store` and its `region`"
            ) from error
        return Location(url.rstrip("/"), signed_for)

    def _configured_endpoint(self) -> str | None:
        """modelkit's variable, then those of AWS, then the profile."""
        environ = self._environ
        if endpoint := environ.get("S3_ENDPOINT"):
            return endpoint
        if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
            return None
        if endpoint := environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL"):
            return endpoint
        session = self._botocore()
        try:
            profile = session.get_scoped_config()
            services = session.full_config.get("services", {}).get(profile.get("services", ""), {})
        except _FAILURES as error:
            raise _no_credentials(self._config.url, error) from error
        if self._variable("ignore_configured_endpoint_urls"):
            return None
        return services.get("s3", {}).get("endpoint_url") or profile.get("endpoint_url")

    def _variable(self, name: str) -> Any:
        try:
            value = self._botocore().get_config_variable(name)
        except _FAILURES as error:
            raise _no_credentials(self._config.url, error) from error
        return {} if value is None and name == "s3" else value

    def _botocore(self) -> botocore.session.Session:
        with self._lock:
            if self._session is None:
                profile = self._environ.get("AWS_DEFAULT_PROFILE") or self._environ.get("AWS_PROFILE")
                self._session = botocore.session.Session(profile=profile)
            return self._session


def _endpoint(url: str) -> SplitResult:
    """An endpoint in its parts. UsageError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        parts, usable = SplitResult("", "", "", "", ""), None
    if parts.username or parts.password:
        raise UsageError("the endpoint has credentials in it", hint="put them where AWS tools look for them")
    if not usable or parts.query or parts.fragment:
        raise UsageError(
            f"`{printable(url)}` is no endpoint", hint="write it like `https://host` or `http://host:9000`"
        )
    return parts


class _Signer(S3SigV4Auth):
    """Signs with the sha256 that is known, instead of reading the body for it."""

    def payload(self, request: AWSRequest) -> str:
        sha256: str = request.context["sha256"]
        return sha256


def _no_credentials(url: str, error: Exception | None) -> StoreError:
    why = f": {printable(str(error))}" if error else ""
    return DeniedError(
        f"no credentials for `{url}`{why}",
        hint="set `AWS_PROFILE`, or `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or run `aws sso login`; "
        "`AWS_NO_SIGN_REQUEST=true` reads a public bucket",
    )
