"""Which account a container is in, and with which credentials; nothing is sent."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import azure.identity
import pytest
from azure.core.exceptions import ClientAuthenticationError

from assetsync.backends.azure.access import Access, open_container
from assetsync.backends.azure.store import AzureBackend, open_store
from assetsync.backends.opening import open_backend
from assetsync.errors import DeniedError, StoreError, UsageError
from assetsync.model.manifest import StoreConfig

URL = "az://box/base"
ACCOUNT = {"AZURE_STORAGE_ACCOUNT": "acc"}
KEY = {"AZURE_STORAGE_KEY": "U0VDUkVU"}
SAS = {"AZURE_STORAGE_SAS_TOKEN": "?sv=2024-01-01&sp=rl&sig=SECRET%3D"}
NAMED = {"ASSETSYNC_ENDPOINT": "https://custom.example"}
DEFAULT = "https://acc.blob.core.windows.net"


def _connection(**settings: str) -> dict[str, str]:
    return {"AZURE_STORAGE_CONNECTION_STRING": ";".join(f"{name}={value}" for name, value in settings.items())}


FULL = _connection(AccountName="acc", AccountKey="U0VDUkVU", EndpointSuffix="core.windows.net")


@contextmanager
def _opened(environ: Mapping[str, str], endpoint: str | None = None) -> Iterator[Access]:
    access = open_container(StoreConfig(URL, endpoint=endpoint), "box", environ)
    with access.container:
        yield access


@pytest.mark.parametrize(
    ("environ", "endpoint", "found", "source"),
    [
        (FULL, None, DEFAULT, "CONNECTION_STRING"),
        (FULL, DEFAULT + "/", DEFAULT, "CONNECTION_STRING"),
        ({**FULL, **KEY, **SAS, "AZURE_STORAGE_ACCOUNT": "other"}, None, DEFAULT, "CONNECTION_STRING"),
        (
            _connection(AccountName="acc", AccountKey="U0VDUkVU", BlobEndpoint="http://127.0.0.1:1/acc"),
            None,
            "http://127.0.0.1:1/acc",
            "CONNECTION_STRING",
        ),
        (
            _connection(BlobEndpoint=DEFAULT, SharedAccessSignature="sv=2024-01-01&sig=SECRET"),
            None,
            DEFAULT,
            "CONNECTION_STRING",
        ),
        ({**ACCOUNT, **KEY}, None, DEFAULT, "KEY"),
        ({**ACCOUNT, **KEY, **SAS}, None, DEFAULT, "KEY"),
        (KEY, DEFAULT, DEFAULT, "KEY"),
        ({**ACCOUNT, **KEY}, "https://custom.example", "https://custom.example", "KEY"),
        ({**ACCOUNT, **SAS}, None, DEFAULT, "SAS_TOKEN"),
        ({**SAS, **NAMED}, "https://custom.example/", "https://custom.example", "SAS_TOKEN"),
        (SAS, "https://acc.blob.core.usgovcloudapi.net", "https://acc.blob.core.usgovcloudapi.net", "SAS_TOKEN"),
        ({**SAS, "ASSETSYNC_ENDPOINT": "http://127.0.0.1:1"}, "http://127.0.0.1:1", "http://127.0.0.1:1", "SAS_TOKEN"),
        (ACCOUNT, None, DEFAULT, "default identity"),
        (NAMED, "https://custom.example", "https://custom.example", "default identity"),
    ],
)
def test_the_account_and_its_credentials(
    environ: Mapping[str, str], endpoint: str | None, found: str, source: str
) -> None:
    with _opened(environ, endpoint) as access:
        assert access.endpoint == found
        assert f"{access.container.scheme}://{access.container.primary_hostname}" == found
        assert source in access.source
        assert "SECRET" not in f"{access.endpoint}{access.source}"


@pytest.mark.parametrize(
    ("environ", "endpoint", "said", "hinted"),
    [
        ({}, None, "which storage account", "AZURE_STORAGE_CONNECTION_STRING"),
        (KEY, None, "which storage account", "AZURE_STORAGE_ACCOUNT"),
        (KEY, "https://custom.example", "name of the storage account", "AZURE_STORAGE_ACCOUNT"),
        ({"AZURE_STORAGE_CONNECTION_STRING": "SECRET"}, None, "not a connection string", "show-connection-string"),
        ({"AZURE_STORAGE_CONNECTION_STRING": "AccountKey=SECRET"}, None, "not a connection string", "portal"),
        (_connection(AccountName="acc"), None, "no `AccountKey`", "portal"),
        (FULL, "https://other.blob.core.windows.net", "belongs to `https://acc.", "correct"),
        ({**ACCOUNT, "AZURE_STORAGE_SAS_TOKEN": "SECRET"}, None, "not a SAS token", "generate-sas"),
        (ACCOUNT, "http://127.0.0.1:1/acc", "not `https`", "AZURE_STORAGE_KEY"),
        # What only assets.yaml names gets no token, nor does what looks like Azure.
        (SAS, "https://custom.example", "only assets.yaml names", "ASSETSYNC_ENDPOINT"),
        ({}, "https://custom.example", "only assets.yaml names", "ASSETSYNC_ENDPOINT"),
        (SAS, "https://acc.blob.core.windows.net.evil.example", "only assets.yaml names", "ASSETSYNC_ENDPOINT"),
        (SAS, "https://evil.example#core.windows.net", "only assets.yaml names", "ASSETSYNC_ENDPOINT"),
        (SAS, "http://acc.blob.core.windows.net", "not `https`", "AZURE_STORAGE_KEY"),
        ({**SAS, "ASSETSYNC_ENDPOINT": "http://custom.example"}, "http://custom.example", "not `https`", "STORAGE_KEY"),
        (
            _connection(BlobEndpoint="http://plain.example", SharedAccessSignature="sv=2024-01-01&sig=SECRET"),
            None,
            "without TLS",
            "`https`",
        ),
    ],
)
def test_credentials_that_will_not_do(environ: Mapping[str, str], endpoint: str | None, said: str, hinted: str) -> None:
    with pytest.raises(DeniedError) as caught, _opened(environ, endpoint):
        pass
    assert URL in caught.value.message
    assert said in caught.value.message
    assert hinted in (caught.value.hint or "")
    assert "SECRET" not in f"{caught.value.message}{caught.value.hint}"


@pytest.mark.parametrize(
    "endpoint", ["acc", "https://", "ftp://acc", "https://acc?sig=SECRET", "https://me:SECRET@acc"]
)
def test_an_endpoint_that_is_no_account_is_refused(endpoint: str) -> None:
    with pytest.raises(UsageError) as caught, _opened(KEY, endpoint):
        pass
    assert "SECRET" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    ["az://", "az:///base", "az://Box", "az://b", "az://a--b", "az://-ab", "az://ab-", "az://a_b", "az://" + "a" * 64],
)
def test_a_container_that_can_not_be_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="names no container"):
        open_store(StoreConfig(url), FULL)


@pytest.mark.parametrize("url", ["az://box", "az://box/base", "az://box/base/", "az://3-4-5/a/b", "az://$root"])
def test_a_store_opens_without_a_request(url: str) -> None:
    backend = open_backend(StoreConfig(url), FULL)
    assert isinstance(backend, AzureBackend)
    assert backend.url == url.rstrip("/")
    backend.close()


def test_a_prefix_that_azure_would_change_is_refused() -> None:
    with pytest.raises(UsageError, match="dot"):
        open_store(StoreConfig("az://box/base./more"), FULL)


@pytest.mark.parametrize("key", ["arn:aws:kms:eu-west-3:1:key/2", "ab", "a--b", "-abc", "https://vault/keys/k"])
def test_a_kms_key_that_is_no_encryption_scope_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="encryption scope"):
        open_store(StoreConfig(URL, kms_key_id=key), FULL)


def test_no_identity_is_denied_and_names_the_ways_in(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class NoIdentity:
        def get_token(self, *scopes: str, **options: object) -> None:
            logging.getLogger("azure.identity").warning("a page of reasons")
            raise ClientAuthenticationError("no identity to be found\nand a page of reasons")

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", NoIdentity)
    backend = open_store(StoreConfig(URL), ACCOUNT)
    with pytest.raises(DeniedError) as caught:
        backend.list()
    backend.close()
    error: StoreError = caught.value
    assert "no identity to be found" in error.message
    for way in ("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN", "az login"):
        assert way in (error.hint or "")
    assert capfd.readouterr() == ("", "")
