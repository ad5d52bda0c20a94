"""Settings from the environment: assetsync's own variables, and modelkit's where nothing else says.

Precedence: flag > `ASSETSYNC_*` > assets.yaml > modelkit's variables and the SDKs' > defaults. The environment comes in
as a mapping; credentials are left to each SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assetsync.errors import UsageError
from assetsync.manifest.store_url import check_store_url
from assetsync.model.guards import MANY_FILES
from assetsync.model.manifest import StoreConfig
from assetsync.model.versioning import DEFAULT

DEFAULT_PREFIX = "modelkit-assets"
_SCHEMES = {"s3": "s3", "gcs": "gs", "az": "az"}
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


def boolean(environ: Mapping[str, str], name: str) -> bool:
    """A variable as a strict boolean: unset and `false` are False, anything unknown is a UsageError."""
    value = environ.get(name, "").strip().lower()
    if value not in _TRUE | _FALSE:
        raise UsageError(f"`{name}={environ[name]}` is neither true nor false", hint="write `true` or `false`")
    return value in _TRUE


def default_store(environ: Mapping[str, str]) -> StoreConfig | None:
    """The store that modelkit's variables name, for when nothing else names one. UsageError."""
    provider = environ.get("MODELKIT_STORAGE_PROVIDER")
    if not provider:
        return None
    bucket = environ.get("MODELKIT_STORAGE_BUCKET")
    if not bucket:
        raise UsageError(
            f"`MODELKIT_STORAGE_PROVIDER={provider}` names no bucket", hint="set `MODELKIT_STORAGE_BUCKET`"
        )
    prefix = environ.get("MODELKIT_STORAGE_PREFIX") or DEFAULT_PREFIX
    if provider == "local":
        # Relative ones are relative to where modelkit is started. It joins folder names, so that empty ones vanish.
        folder = bucket if bucket.startswith(("/", "./", "../")) else f"./{bucket}"
        return StoreConfig("/".join([folder.rstrip("/"), *filter(None, prefix.split("/"))]) or "/")
    if provider not in _SCHEMES:
        known = ", ".join(f"`{name}`" for name in (*_SCHEMES, "local"))
        raise UsageError(f"unknown `MODELKIT_STORAGE_PROVIDER={provider}`", hint=f"modelkit knows {known}")
    _check_prefix(prefix)
    return StoreConfig(f"{_SCHEMES[provider]}://{bucket}/{prefix}")


def _check_prefix(prefix: str) -> None:
    """UsageError for a prefix that gives modelkit other keys than assetsync can have, so that neither sees the other's.

    modelkit puts the prefix, a slash and the name together as they are.
    """
    if "" in prefix.split("/"):
        raise UsageError(
            f"`MODELKIT_STORAGE_PREFIX={prefix}` gives modelkit keys such as `{prefix}/NAME`, with an empty part, and "
            "assetsync has no such keys",
            hint=f"set it to `{'/'.join(filter(None, prefix.split('/'))) or DEFAULT_PREFIX}` for both; what modelkit "
            "has stored under the other keys must be moved there",
        )


def given_store(environ: Mapping[str, str], flag: str | None = None) -> StoreConfig | None:
    """The store that a flag or the environment names, for when there is no manifest, or none in it.

    UsageError, InvalidError.
    """
    url = flag or environ.get("ASSETSYNC_STORE")
    return StoreConfig(check_store_url(url)) if url else default_store(environ)


def assets_dir(environ: Mapping[str, str]) -> str | None:
    """Where `fetch` puts assets."""
    return environ.get("ASSETSYNC_ASSETS_DIR") or environ.get("MODELKIT_ASSETS_DIR") or None


def max_files(environ: Mapping[str, str], guard: int | None = None) -> int:
    """How many files an asset may have before a person is asked whether it should. UsageError.

    `guard` is the `max_files` of assets.yaml: it has been thought about, so nobody asks below it.
    """
    text = environ.get("ASSETSYNC_MAX_FILES", "").strip()
    if text and not (text.isascii() and text.isdigit()):
        raise UsageError(f"`ASSETSYNC_MAX_FILES={text}` is not a number of files", hint="write one, such as `50`")
    return int(text) if text else guard or MANY_FILES


def default_versioning(environ: Mapping[str, str]) -> str:
    """The versioning system where no manifest names one."""
    return environ.get("ASSETSYNC_VERSIONING") or environ.get("MODELKIT_ASSETS_VERSIONING_SYSTEM") or DEFAULT


def overridden(config: StoreConfig, environ: Mapping[str, str], store: str | None = None) -> StoreConfig:
    """`config` as the flag `store` and the `ASSETSYNC_*` variables change it.

    Another URL is another store: the settings that the manifest has for its own do not go along with it.
    """
    given = store or environ.get("ASSETSYNC_STORE")
    if given and check_store_url(given) != config.url:
        config = StoreConfig(check_store_url(given))
    changes: dict[str, str | bool] = {}
    for name in ("endpoint", "region", "kms_key_id"):
        value = environ.get(f"ASSETSYNC_{name.upper()}")
        if value:
            changes[name] = value
    if environ.get("ASSETSYNC_CONDITIONAL_WRITES"):
        changes["conditional_writes"] = boolean(environ, "ASSETSYNC_CONDITIONAL_WRITES")
    return replace(config, **changes)  # type: ignore[arg-type]  # the names are those of its fields


def completed(config: StoreConfig, environ: Mapping[str, str]) -> StoreConfig:
    """`config` with what the SDKs' own variables say of settings that are not set yet."""
    if config.url.startswith("s3://"):
        return replace(
            config,
            endpoint=config.endpoint or environ.get("S3_ENDPOINT") or None,
            kms_key_id=config.kms_key_id or environ.get("AWS_KMS_KEY_ID") or None,
        )
    if config.url.startswith("gs://"):
        return replace(config, endpoint=config.endpoint or environ.get("STORAGE_EMULATOR_HOST") or None)
    return config
