"""Which account it is, and who asks: the variables of the `az` command line, else what azure-identity finds.

In this order: `AZURE_STORAGE_CONNECTION_STRING`, which is modelkit's variable too; `endpoint` of the store or
`AZURE_STORAGE_ACCOUNT`, with `AZURE_STORAGE_KEY` or `AZURE_STORAGE_SAS_TOKEN`; the same with the default identity
(environment, workload, managed identity, `az login`), whose package is imported only then.

Tokens go to Azure's own hosts, or where the environment says, and only over TLS; a key signs, and is not sent.

A container's name is unique within its account only. Hence an `endpoint` in the manifest is binding: credentials that
belong to another account are refused, and a token is never sent to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from azure.storage.blob import ContainerClient

from assetsync.backends.http import may_see_token
from assetsync.errors import DeniedError, UsageError
from assetsync.model.manifest import StoreConfig

CONNECTION_STRING = "AZURE_STORAGE_CONNECTION_STRING"
ACCOUNT = "AZURE_STORAGE_ACCOUNT"
KEY = "AZURE_STORAGE_KEY"
SAS_TOKEN = "AZURE_STORAGE_SAS_TOKEN"  # noqa: S105 - the name of a variable

SCOPE = "https://storage.azure.com/.default"
DEFAULT_HOST = "blob.core.windows.net"
WAYS_IN = (
    f"set `{CONNECTION_STRING}`, or `{ACCOUNT}` with `{KEY}` or `{SAS_TOKEN}`; without a key or token, `az login` or a "
    "managed identity counts"
)


# Of the public cloud, of China and of the governments.
_AZURE_HOST = re.compile(
    r"(?:[a-z0-9-]+\.)+(?:core\.windows\.net|storage\.azure\.net|core\.chinacloudapi\.cn|core\.usgovcloudapi\.net)"
)


class Access(NamedTuple):
    """A client of the container, the account's URL, and where the credentials come from, in words."""

    container: ContainerClient
    endpoint: str
    source: str


class _Identity(NamedTuple):
    """A credential as the SDK takes it, and where it comes from, in words."""

    credential: Any
    source: str


class _ForStorage:
    """Tokens of an identity that are good for storage, whatever a reply asks for.

    The SDK lets a 401 name the resource that it wants a token for: an endpoint could ask for one that governs the
    whole subscription.
    """

    def __init__(self, identity: Any) -> None:
        self._identity = identity

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """A token, for SCOPE and nothing else. ClientAuthenticationError."""
        return self._identity.get_token(SCOPE, **options)

    def close(self) -> None:
        """Close the connections of the identity."""
        self._identity.close()


def open_container(config: StoreConfig, container: str, environ: Mapping[str, str], **options: Any) -> Access:
    """A client of the container that sends nothing yet; `options` are those of ContainerClient.

    DeniedError where variables are missing or can't be understood; UsageError for an endpoint that can't be used.
    """
    endpoint = _endpoint(config)
    text = environ.get(CONNECTION_STRING)
    if text:
        return _by_connection_string(config, container, text, endpoint, options)
    account = environ.get(ACCOUNT)
    if endpoint is None:
        if not account:
            raise DeniedError(f"cannot open `{config.url}`: nothing says which storage account it is in", hint=WAYS_IN)
        endpoint = f"https://{account}.{DEFAULT_HOST}"
    identity = _key(environ) or _token(config, endpoint, environ)
    try:
        client = ContainerClient(endpoint, container, credential=identity.credential, **options)
    except ValueError as error:
        # The SDK could not tell the account's name from the URL; a key is of no use without.
        raise DeniedError(
            f"cannot open `{config.url}`: `{endpoint}` does not show the name of the storage account",
            hint=f"set `{ACCOUNT}` beside `{KEY}`",
        ) from error
    return Access(client, endpoint, identity.source)


def _endpoint(config: StoreConfig) -> str | None:
    """`endpoint` of the store: the account's URL. UsageError."""
    if not config.endpoint:
        return None
    parts = urlsplit(config.endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or "@" in parts.netloc:
        raise UsageError(
            f"`endpoint` of `{config.url}` is not the URL of a storage account",
            hint=f"write `https://ACCOUNT.{DEFAULT_HOST}`; credentials go into environment variables",
        )
    return config.endpoint.rstrip("/")


def _by_connection_string(
    config: StoreConfig, container: str, text: str, endpoint: str | None, options: Mapping[str, Any]
) -> Access:
    try:
        client = ContainerClient.from_connection_string(text, container, **options)
    except (ValueError, TypeError, AttributeError):
        # Without the SDK's own words, which might quote a part of it.
        raise DeniedError(
            f"cannot open `{config.url}`: `{CONNECTION_STRING}` is not a connection string",
            hint="copy it from the portal, or from `az storage account show-connection-string`",
        ) from None
    found = f"{client.scheme}://{client.primary_hostname}"
    if client.credential is None and not may_see_token(found, {"ASSETSYNC_ENDPOINT": found}, _AZURE_HOST):
        raise DeniedError(
            f"cannot open `{config.url}`: a SAS token must not be sent to `{found}` without TLS",
            hint=f"write `https` in `{CONNECTION_STRING}`",
        )
    if endpoint not in (None, found):
        raise DeniedError(
            f"cannot open `{config.url}`: `{CONNECTION_STRING}` belongs to `{found}`, `endpoint` is `{endpoint}`",
            hint=f"correct or unset `{CONNECTION_STRING}`, or correct `endpoint` of `store`",
        )
    if client.credential is None and "?" not in client.url:
        raise DeniedError(
            f"cannot open `{config.url}`: `{CONNECTION_STRING}` has no `AccountKey` or `SharedAccessSignature`",
            hint="copy it from the portal, or from `az storage account show-connection-string`",
        )
    return Access(client, found, f"`{CONNECTION_STRING}`")


def _key(environ: Mapping[str, str]) -> _Identity | None:
    key, account = environ.get(KEY), environ.get(ACCOUNT)
    if not key:
        return None
    return _Identity({"account_name": account, "account_key": key} if account else key, f"`{KEY}`")


def _token(config: StoreConfig, endpoint: str, environ: Mapping[str, str]) -> _Identity:
    """A SAS token, or the default identity: good for whoever sees them. DeniedError where nobody there may."""
    found = _sas_token(config, environ)
    if not may_see_token(endpoint, environ, _AZURE_HOST):
        raise DeniedError(
            f"cannot open `{config.url}`: a SAS token or an identity must not be shown to `{endpoint}`, which is not "
            "`https`, or which only assets.yaml names",
            hint=f"name it in `ASSETSYNC_ENDPOINT`, or set `{KEY}`: a key signs, and is not sent",
        )
    return found or _default_identity(config, endpoint)


def _sas_token(config: StoreConfig, environ: Mapping[str, str]) -> _Identity | None:
    token = environ.get(SAS_TOKEN)
    if not token:
        return None
    if "sig=" not in token:  # the SDK would take it for a key
        raise DeniedError(
            f"cannot open `{config.url}`: `{SAS_TOKEN}` is not a SAS token",
            hint="it begins like `sv=` or `?sv=` and has a `sig=`: see `az storage container generate-sas`",
        )
    return _Identity(token, f"`{SAS_TOKEN}`")


def _default_identity(config: StoreConfig, endpoint: str) -> _Identity:
    if not endpoint.startswith("https:"):
        raise DeniedError(
            f"cannot open `{config.url}`: there is no key or SAS token, and an identity must not be shown to "
            f"`{endpoint}`, which is not `https`",
            hint=WAYS_IN,
        )
    from azure.identity import DefaultAzureCredential

    return _Identity(_ForStorage(DefaultAzureCredential()), "the default identity")
