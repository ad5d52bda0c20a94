"""Settings from the environment: assetsync's own variables, and modelkit's where nothing else says.

Precedence: flag > `ASSETSYNC_*` > assets.yaml > modelkit's variables and the SDKs' > defaults. The environment comes in
as a mapping; credentials are left to each SDK.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from assetsync.errors import UsageError
from assetsync.escape import printable, redacted
from assetsync.manifest.store_url import check_store_url, is_store_name
from assetsync.model.guards import MANY_FILES
from assetsync.model.manifest import Manifest, StoreConfig
from assetsync.model.versioning import DEFAULT
from assetsync.suggest import did_you_mean

DEFAULT_PREFIX = "modelkit-assets"
_SCHEMES = {"s3": "s3", "gcs": "gs", "az": "az"}
_MODELKIT = "MODELKIT_STORAGE_PROVIDER"
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
        url = "/".join([folder.rstrip("/"), *filter(None, prefix.split("/"))]) or "/"
        return StoreConfig(url, origins={"url": _MODELKIT})
    if provider not in _SCHEMES:
        known = ", ".join(f"`{name}`" for name in (*_SCHEMES, "local"))
        raise UsageError(f"unknown `MODELKIT_STORAGE_PROVIDER={provider}`", hint=f"modelkit knows {known}")
    _check_prefix(prefix)
    return StoreConfig(f"{_SCHEMES[provider]}://{bucket}/{prefix}", origins={"url": _MODELKIT})


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
    url, origin = _given(environ, flag)
    return at(url, origin) if url else default_store(environ)


def _given(environ: Mapping[str, str], flag: str | None) -> tuple[str | None, str]:
    """The store that a flag or the environment gives, by URL or name, and which of them does."""
    return (flag, "--store") if flag else (environ.get("ASSETSYNC_STORE") or None, "ASSETSYNC_STORE")


def at(url: str, origin: str) -> StoreConfig:
    """The store at a URL. InvalidError; UsageError for a name, where nothing names stores."""
    if is_store_name(url):
        raise UsageError(
            f"`{url}` is no URL of a store, and there is no assets.yaml here whose `stores` name one so",
            hint="give a URL, or run it in the project",
        )
    return StoreConfig(check_store_url(url), origins={"url": origin})


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


def chosen(manifest: Manifest, environ: Mapping[str, str], flag: str | None = None) -> Manifest:
    """`manifest` with the store that `flag` or ASSETSYNC_STORE names, by its name in `stores` or its URL, and with what
    the other `ASSETSYNC_*` variables change of it.

    Another URL than those of assets.yaml is another store: the settings that it has for its own do not go along, and
    neither does the lock. UsageError for a name that it does not have.
    """
    given, origin = _given(environ, flag)
    if given is None:
        return replace(manifest, store=overridden(manifest.store, environ))
    config = store_called(manifest, given, origin)
    home = manifest.store if config.name and config.url != manifest.store.url else None
    return replace(manifest, store=overridden(config, environ), home=home)


def store_called(manifest: Manifest, given: str, origin: str) -> StoreConfig:
    """The store of a name or a URL, as assets.yaml has it, or else one without settings. UsageError, InvalidError."""
    if is_store_name(given):
        for config in manifest.stores:
            if config.name == given:
                return _called_for(config, origin)
        names = [config.name or "" for config in manifest.stores]
        listed = "they are " + ", ".join(f"`{name}`" for name in names) if names else "name some there, or give a URL"
        raise UsageError(
            f"`{printable(given)}` is not among the `stores` of assets.yaml", hint=did_you_mean(given, names) or listed
        )
    url = check_store_url(given)
    for config in (manifest.store, *manifest.stores):
        if config.url == url:
            return _called_for(config, origin)
    return at(url, origin)


def _called_for(config: StoreConfig, origin: str) -> StoreConfig:
    known = config.origins.get("url", "")
    return replace(config, origins={**config.origins, "url": known if known == origin else f"{known}, by {origin}"})


def overridden(config: StoreConfig, environ: Mapping[str, str]) -> StoreConfig:
    """`config` as the `ASSETSYNC_*` variables change it: those that end in its name before those for any store."""
    changes: dict[str, str | bool] = {}
    origins = dict(config.origins)
    named = environ_of(config, environ)
    for name in ("endpoint", "region", "kms_key_id", "storage_class"):
        variable = f"ASSETSYNC_{name.upper()}"
        if named.get(variable):
            changes[name] = named[variable]
            origins[name] = _variable(config, environ, variable)
    if named.get("ASSETSYNC_CONDITIONAL_WRITES"):
        changes["conditional_writes"] = boolean(named, "ASSETSYNC_CONDITIONAL_WRITES")
        origins["conditional_writes"] = _variable(config, environ, "ASSETSYNC_CONDITIONAL_WRITES")
    return replace(config, origins=origins, **changes)


# Of one store, by its name: `ASSETSYNC_ENDPOINT_PROD`.
OF_A_STORE = ("ENDPOINT", "REGION", "KMS_KEY_ID", "STORAGE_CLASS", "CONDITIONAL_WRITES")


def environ_of(config: StoreConfig, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment as it is for one store: the variables that end in its name stand in for the plain ones.

    This decides too which endpoint may get credentials: one of `ASSETSYNC_ENDPOINT_PROD` is good for `prod`.
    """
    if config.name is None:
        return environ
    suffix = "_" + config.name.upper().replace("-", "_")
    own = {f"ASSETSYNC_{one}": environ.get(f"ASSETSYNC_{one}{suffix}") for one in OF_A_STORE}
    return {**environ, **{name: value for name, value in own.items() if value}}


def _variable(config: StoreConfig, environ: Mapping[str, str], plain: str) -> str:
    own = f"{plain}_{(config.name or '').upper().replace('-', '_')}"
    return own if config.name and environ.get(own) else plain


def completed(config: StoreConfig, environ: Mapping[str, str]) -> StoreConfig:
    """`config` with what the SDKs' own variables say of settings that are not set yet."""
    wanted = _OF_SDKS.get(config.url.partition("://")[0], {})
    found = {name: variable for name, variable in wanted.items() if not getattr(config, name) and environ.get(variable)}
    values: dict[str, str] = {name: environ[variable] for name, variable in found.items()}
    return replace(config, origins={**found, **config.origins}, **values)


_OF_SDKS = {
    "s3": {"endpoint": "S3_ENDPOINT", "kms_key_id": "AWS_KMS_KEY_ID"},
    "gs": {"endpoint": "STORAGE_EMULATOR_HOST"},
}


def described(config: StoreConfig, environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The settings of a store that are set, for a person: name, value, and where that comes from. No secret."""
    known = completed(config, environ)
    rows = [("store", f"{known.name}, {known.url}" if known.name else known.url, known.origins.get("url", ""))]
    for name in ("endpoint", "region", "kms_key_id", "storage_class", "object_tags", "conditional_writes"):
        value = getattr(known, name)
        if name in known.origins or value not in (None, (), True):
            shown = ", ".join(f"{tag}={text}" for tag, text in value) if isinstance(value, tuple) else str(value)
            shown = shown.lower() if isinstance(value, bool) else redacted(shown)
            rows.append((name, shown, known.origins.get(name, "")))
    return rows
