"""Where a bucket is and who asks: a session of boto3 knows profiles, roles, SSO, regions and endpoints.

`environ` is asked first. The session itself looks up files, roles and metadata services, by the environment of the
process. Where none of these can say anything, as mostly in CI, boto3 is not imported before it is called: that takes as
long as a hundred requests.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from assetsync.backends.http import proxy_for
from assetsync.errors import DeniedError, StoreError, UnsupportedError, UsageError
from assetsync.escape import printable
from assetsync.manifest.settings import boolean
from assetsync.model.manifest import StoreConfig

if TYPE_CHECKING:
    import boto3
    import botocore.session
    from botocore.credentials import Credentials
    from mypy_boto3_s3 import S3Client

    from assetsync.backends.s3.sending import Sender

DEFAULT_REGION = "us-east-1"
# Variables that are read here, or that say nothing of where a bucket is and who asks.
_PLAIN_VARIABLES = {
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_EXECUTION_ENV",
    "AWS_KMS_KEY_ID",
    "AWS_PAGER",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
}
_FILES = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}

_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_AWS_HOST = re.compile(r".*\.amazonaws\.(?:com|com\.cn|eu)")
_ENDPOINT_VARIABLES = ("S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_SOURCES = {
    "env": "the environment",
    "explicit": "the environment",
    "shared-credentials-file": "the shared credentials file",
    "config-file": "the AWS config file",
    "iam-role": "the instance's role",
    "container-role": "the container's role",
}


class Location(Struct, frozen=True):
    """Where a bucket is: its URL, without a trailing slash, and the region to sign for.

    `configured` is the endpoint that was given rather than found; `custom` says that it is not AWS.
    """

    url: str
    region: str
    configured: str | None = None
    custom: bool = False

    @property
    def endpoint(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


class Access:
    """Session, credentials, location and client for one bucket. Nothing is looked up before it is needed."""

    def __init__(self, config: StoreConfig, bucket: str, environ: Mapping[str, str]) -> None:
        self._config = config
        self._bucket = bucket
        self._environ = environ
        self._lock = threading.RLock()
        self._settings: botocore.session.Session | None = None
        self._location: Location | None = None
        self._credentials: Credentials | None = None
        self._clients: dict[Location, S3Client] = {}
        self._senders: dict[Location, Sender] = {}
        self._closing = ExitStack()
        self.anonymous = boolean(environ, "AWS_NO_SIGN_REQUEST")

    @property
    def location(self) -> Location:
        """Where the bucket is, as far as it is known. UsageError, DeniedError."""
        with self._lock:
            if self._location is None:
                self._location = self._find()
            return self._location

    @property
    def source(self) -> str:
        """Where the credentials come from, in words."""
        if self.anonymous:
            return "nowhere: `AWS_NO_SIGN_REQUEST` is set"
        if self._keys is not None:
            return _SOURCES["env"]
        method = self._credentials.method if self._credentials else None
        return _SOURCES.get(method or "", f"`{method}`")

    @property
    def authorities(self) -> str:
        """The file of certificate authorities to trust: AWS_CA_BUNDLE, the profile's, or those that boto3 brings."""
        given = (
            self._environ.get("AWS_CA_BUNDLE")
            or self._variable("ca_bundle")
            or self._environ.get("REQUESTS_CA_BUNDLE")
            or _bundled_authorities()
        )
        return str(given)

    @property
    def proxy(self) -> str | None:
        """The URL of the proxy to the endpoint, or None."""
        return proxy_for(self.location.endpoint, self._environ)

    @property
    def credentials(self) -> Credentials:
        """Found once, by the chain of boto3. DeniedError."""
        with self._lock:
            if self._credentials is None:
                self._credentials = self._find_credentials()
            return self._credentials

    @property
    def client(self) -> S3Client:
        """A client of boto3 for the rare calls, which tries each once. UsageError, DeniedError."""
        with self._lock:
            location = self.location
            if location not in self._clients:
                self._clients[location] = self._open_client(location)
            return self._clients[location]

    def sender(self, location: Location) -> Sender:
        """Sends requests to a location. UsageError."""
        from assetsync.backends.s3.sending import Sender

        with self._lock:
            if location not in self._senders:
                if location.url.startswith("https:"):
                    read_authorities(self.authorities)  # botocore would notice too late
                sender = self._senders[location] = Sender(self.authorities, self.proxy)
                self._closing.callback(sender.close)
            return self._senders[location]

    def frozen(self) -> tuple[str, str, str | None]:
        """Access key, secret key and session token, renewed by botocore where they are about to expire. DeniedError."""
        if self._keys is not None:
            return self._keys
        try:
            frozen = self.credentials.get_frozen_credentials()
        except _failures() as error:
            raise self.no_credentials(error) from error
        return frozen.access_key or "", frozen.secret_key or "", frozen.token

    def no_credentials(self, error: Exception | None = None) -> StoreError:
        """The error for credentials that are not there, or can't be renewed."""
        why = f": {printable(str(error))}" if error else ""
        hint = (
            "set `AWS_PROFILE`, or `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or run `aws sso login`; "
            "`AWS_NO_SIGN_REQUEST=true` reads a public bucket"
        )
        if type(error).__name__ == "ProfileNotFound":
            hint = "`AWS_PROFILE` names a profile that is not there: `aws configure list-profiles` shows those that are"
        return DeniedError(f"no credentials for `{self._config.url}`{why}", hint=hint)

    def move(self, region: str) -> bool:
        """Go to the region where a reply says that the bucket is, unless another thread has; False for nonsense."""
        if not _REGION.fullmatch(region):
            return False
        with self._lock:
            before = self.location
            if region != before.region:
                self._location = replace(before, region=region) if before.configured else self._found(None, region)
        return True

    def region_of_bucket(self) -> str:
        """The region of the bucket, asked for; empty where the store does not tell."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self.client.head_bucket(Bucket=self._bucket).get("BucketRegion", "")
        except ClientError as error:
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
            return str(headers.get("x-amz-bucket-region", ""))
        except BotoCoreError:
            return ""

    def close(self) -> None:
        """Close the clients. Closing twice is no error."""
        with self._lock:
            self._closing.close()
            self._clients.clear()
            self._senders.clear()

    @cached_property
    def _is_plain(self) -> bool:
        """Whether a session of boto3 knows nothing about this that `environ` does not tell: no file, no profile."""
        process = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        files = (os.path.expanduser(self._environ.get(name) or usual) for name, usual in _FILES.items())
        return (
            process.items() <= self._environ.items()
            and self.variables.keys() <= _PLAIN_VARIABLES
            and not any(map(os.path.exists, files))
        )

    @cached_property
    def _keys(self) -> tuple[str, str, str | None] | None:
        """The credentials, where the environment has them and they do not expire that anybody knew; else None."""
        access_key, secret_key = (self._environ.get(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
        if not self._is_plain or not access_key or not secret_key:
            return None
        return access_key, secret_key, self._environ.get("AWS_SESSION_TOKEN") or None

    def _find_credentials(self) -> Credentials:
        from botocore.credentials import EnvProvider

        try:
            found = EnvProvider(environ=dict(self._environ)).load() or self._session.get_credentials()
        except _failures() as error:
            raise self.no_credentials(error) from error
        if found is None:
            raise self.no_credentials()
        return found

    def _find(self) -> Location:
        config, environ = self._config, self._environ
        region = config.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        endpoint = config.endpoint or next(filter(None, map(environ.get, self._variables())), None)
        return self._found(endpoint, region or self._variable("region") or DEFAULT_REGION)

    def _variables(self) -> tuple[str, ...]:
        """modelkit's variable, then those of AWS, unless they are to be ignored."""
        ignored = self._environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
        return _ENDPOINT_VARIABLES[:1] if ignored else _ENDPOINT_VARIABLES

    def _found(self, endpoint: str | None, region: str) -> Location:
        """Where the session says that the bucket is: an unsigned, presigned URL is just its address."""
        if self._bucket.endswith("--x-s3"):
            raise UnsupportedError(f"`{self._config.url}` is a directory bucket", hint="use a general purpose bucket")
        if endpoint is not None:
            return self._configured(endpoint.rstrip("/"), region)
        from botocore import UNSIGNED

        client = self._make(region, None, signature_version=UNSIGNED)
        url = client.generate_presigned_url("head_bucket", Params={"Bucket": self._bucket}).rstrip("/")
        client.close()
        if not _AWS_HOST.fullmatch(urlsplit(url).hostname or ""):
            return self._configured(client.meta.endpoint_url, region)  # by the profile
        return Location(url, client.meta.region_name)

    def _configured(self, endpoint: str, region: str) -> Location:
        parts = _endpoint(endpoint)
        url = f"{endpoint}/{self._bucket}"
        if (self._variable("s3") or {}).get("addressing_style") == "virtual":
            url = f"{parts.scheme}://{self._bucket}.{parts.netloc}{parts.path}"
        return Location(url, region, endpoint, not _AWS_HOST.fullmatch(parts.hostname or ""))

    def _open_client(self, location: Location) -> S3Client:
        from botocore import UNSIGNED

        options = {"signature_version": UNSIGNED} if self.anonymous else {}
        client = self._make(location.region, location.configured, **options)
        client.meta.events.register("before-send.s3", self.sender(location).answer)
        self._closing.callback(client.close)
        return client

    def is_like(self, other: Access) -> bool:
        """Whether `other` asks the same service as the same identity, as far as that can be told without asking."""
        mine, theirs = self.location, other.location
        same_service = mine.endpoint == theirs.endpoint if mine.custom else not theirs.custom
        return same_service and self.variables == other.variables and not self.anonymous

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables that decide who asks."""
        return {name: value for name, value in self._environ.items() if name.startswith("AWS_")}

    def _make(self, region: str, endpoint: str | None, **options: Any) -> S3Client:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        # A presigned URL is global instead of regional, unless the addressing style is "virtual".
        style = (self._variable("s3") or {}).get("addressing_style") or ("path" if endpoint else "virtual")
        options |= {
            "user_agent_extra": "assetsync",
            "retries": {"total_max_attempts": 1, "mode": "standard"},
            # We say which checksum goes with a request; it is signed, so the body need not be.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            "s3": {"addressing_style": style, "payload_signing_enabled": False},
        }
        if self._variables() == _ENDPOINT_VARIABLES[:1]:
            options["ignore_configured_endpoint_urls"] = True
        keys: dict[str, Any] = {}
        if not self.anonymous and "signature_version" not in options and self.credentials.method == "env":
            access_key, secret_key, token = self.frozen()
            keys = {
                "aws_access_key_id": access_key,
                "aws_secret_access_key": secret_key,
                "aws_session_token": token,
            }
        try:
            client = self._session.client(
                "s3",
                region_name=region,
                endpoint_url=endpoint,
                verify=self.authorities,
                config=Config(**options),
                **keys,
            )
        except (BotoCoreError, ValueError) as error:
            raise UsageError(
                f"`{self._config.url}` can't be located: {printable(str(error))}", hint="check `store` and its `region`"
            ) from error
        return client

    def _variable(self, name: str) -> Any:
        """A setting of the profile, or the environment's."""
        if self._is_plain:
            return None
        try:
            return self._of_profile().get_config_variable(name)
        except _failures() as error:
            raise self.no_credentials(error) from error

    def _of_profile(self) -> botocore.session.Session:
        """The settings of the profile that `environ` names, below the session."""
        import botocore.session

        with self._lock:
            if self._settings is None:
                name = self._environ.get("AWS_DEFAULT_PROFILE") or self._environ.get("AWS_PROFILE")
                self._settings = botocore.session.Session(profile=name)
            return self._settings

    @cached_property
    def _session(self) -> boto3.Session:
        """DeniedError when there is no profile of that name."""
        import boto3

        try:
            return boto3.Session(botocore_session=self._of_profile())
        except _failures() as error:
            raise self.no_credentials(error) from error


def _failures() -> tuple[type[Exception], ...]:
    """Exceptions of botocore; a role that can't be assumed is a ClientError of its own request."""
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


def _bundled_authorities() -> str:
    """The file that botocore trusts: that of certifi, where it is installed, else its own."""
    try:
        from certifi import where
    except ImportError:
        found = find_spec("botocore")
        return os.path.join(os.path.dirname(found.origin or ""), "cacert.pem") if found else ""
    return where()


def read_authorities(path: str) -> bytes:
    """The certificates to trust. UsageError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(
            f"`{path}` can't be read as certificate authorities: {error.strerror}",
            hint="check `AWS_CA_BUNDLE`, `REQUESTS_CA_BUNDLE`, and `ca_bundle` of the AWS profile",
        ) from error


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
