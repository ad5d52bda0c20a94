"""modelkit's StorageProvider, on the publish protocol of assetsync: no version is overwritten, and none gets lost.

This adds modelkit's signatures, settings and errors to `AssetStore`; nothing is decided here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from os import PathLike
from typing import Any

from assetsync.errors import (
    ConflictError,
    DamagedError,
    InvalidError,
    NoStoreError,
    NotFoundError,
    TakenError,
    UsageError,
)
from assetsync.escape import printable
from assetsync.manifest.settings import boolean, default_store, default_versioning
from assetsync.model.names import name_problem
from assetsync.model.versioning import is_valid
from assetsync.modelkit.errors import (
    AssetAlreadyExistsError,
    AssetDoesNotExistError,
    InvalidAssetSpecError,
    InvalidNameError,
    InvalidVersionError,
    Kinds,
    MissingFolderError,
    NoConfiguredProviderError,
    ObjectDoesNotExistError,
    StorageDriverError,
    UnknownDriverError,
    as_modelkit,
    told,
)
from assetsync.plan.plan import Keep, Plan
from assetsync.project.asset_store import AssetStore
from assetsync.remote.documents import Meta

Path = str | PathLike[str]

_PROVIDERS = ("s3", "gcs", "az", "local")
# What the drivers of modelkit take as arguments, and the variables that say the same.
_VARIABLES = {
    "bucket": "MODELKIT_STORAGE_BUCKET",
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
    "aws_default_region": "AWS_DEFAULT_REGION",
    "s3_endpoint": "S3_ENDPOINT",
    "aws_kms_key_id": "AWS_KMS_KEY_ID",
    "service_account_path": "GOOGLE_APPLICATION_CREDENTIALS",
    "connection_string": "AZURE_STORAGE_CONNECTION_STRING",
}
_IGNORED = frozenset({"lazy_driver"})  # connections are always opened at first use
_TAKEN: Kinds = {TakenError: AssetAlreadyExistsError, ConflictError: AssetAlreadyExistsError}
_REFUSED: Kinds = {DamagedError: StorageDriverError, InvalidError: InvalidAssetSpecError}


class StorageProvider:
    """The store that the arguments name, or the variables of modelkit.

    `provider` is `s3`, `gcs`, `az` or `local`; `prefix` is `modelkit-assets` by default; the other settings are those
    of modelkit's drivers, such as `bucket`. `client` is refused: assetsync opens its own. `timeout_s` is kept, and
    nothing depends on it. NoConfiguredProviderError, UnknownDriverError, UsageError; FileNotFoundError where a local
    store has no directory.
    """

    def __init__(
        self,
        timeout_s: int | None = None,
        prefix: str | None = None,
        force_download: bool | None = None,
        provider: str | None = None,
        client: Any | None = None,
        **driver_settings: Any,
    ) -> None:
        if client is not None:
            raise UsageError("a client can't be brought along", hint="give its settings, such as `s3_endpoint`")
        environ = _environ(provider, prefix, driver_settings)
        self.timeout = timeout_s or int(environ.get("MODELKIT_STORAGE_TIMEOUT_S") or 300)
        self.force_download = force_download or boolean(environ, "MODELKIT_STORAGE_FORCE_DOWNLOAD")
        self.provider = environ["MODELKIT_STORAGE_PROVIDER"]
        config = default_store(environ)
        if config is None:
            raise told(NoConfiguredProviderError, "no provider is configured")
        bucket = environ["MODELKIT_STORAGE_BUCKET"]
        if self.provider == "local" and not os.path.isdir(bucket):
            raise MissingFolderError(f"the directory `{printable(bucket)}` does not exist", hint="make it first")
        self.prefix = environ.get("MODELKIT_STORAGE_PREFIX") or "modelkit-assets"
        self._assets = AssetStore(config.url, versioning=default_versioning(environ), environ=environ)

    def __enter__(self) -> StorageProvider:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the connections. Nothing is lost by not calling it."""
        self._assets.close()

    @property
    def store(self) -> AssetStore:
        """The same store, for all that modelkit has no word for."""
        return self._assets

    def new(self, asset_path: Path, name: str, version: str, dry_run: bool = False) -> None:
        """Publish `asset_path` as the first version of a new asset.

        AssetAlreadyExistsError, InvalidNameError, InvalidVersionError, StorageDriverError; ContentError for a path
        that can't be published. Killed and run again, it goes on where it stopped.
        """
        self._check(name, version)
        with self._errors({**_TAKEN, **_REFUSED}):
            self._publish(self._assets.plan_new(asset_path, name=name, version=version), dry_run)

    def update(self, asset_path: Path, name: str, version: str, dry_run: bool = False) -> None:
        """Publish `asset_path` as `version` of an asset that exists.

        AssetDoesNotExistError; AssetAlreadyExistsError when there is that version; and as `new`.
        """
        self._check(name, version)
        with self._errors({**_TAKEN, **_REFUSED, NotFoundError: AssetDoesNotExistError}):
            self._publish(self._assets.plan_update(asset_path, name=name, version=version), dry_run)

    def iterate_assets(self) -> Iterator[tuple[str, list[str]]]:
        """All assets by name, with their versions, newest first, those of other versioning systems at the end."""
        with self._errors({}):
            found = [] if self._assets.store.is_to_be_made else self._assets.list()
        for asset in found:
            yield asset.name, [*asset.versions, *asset.foreign]

    def get_versions_info(self, name: str) -> list[str]:
        """The versions of an asset, newest first. ObjectDoesNotExistError, InvalidAssetSpecError."""
        with self._errors(_REFUSED):
            return list(self._assets.versions(name))

    def get_asset_meta(self, name: str, version: str) -> dict[str, Any]:
        """`push_date`, as a datetime, `is_directory`, and for a directory `contents`: the paths of its files.

        ObjectDoesNotExistError, InvalidAssetSpecError.
        """
        self._check(name, version)
        with self._errors(_REFUSED):
            return _as_dict(self._assets.meta(f"{name}:{version}"))

    def download(self, name: str, version: str, destination: Path) -> dict[str, Any]:
        """Get a version into DESTINATION/NAME/VERSION; its `path` and its `meta`. ObjectDoesNotExistError."""
        self._check(name, version)
        with self._errors(_REFUSED):
            spec = f"{name}:{version}"
            path = self._assets.fetch(spec, assets_dir=destination, force=bool(self.force_download))
            return {"path": path, "meta": _as_dict(self._assets.meta(spec))}

    def _errors(self, kinds: Kinds) -> AbstractContextManager[None]:
        """`as_modelkit`, where a local store of which only the bucket is there is an empty one, as modelkit has it."""
        if self.provider == "local":
            kinds = {**kinds, NoStoreError: kinds.get(NotFoundError, ObjectDoesNotExistError)}
        return as_modelkit(kinds)

    def _check(self, name: str, version: str) -> None:
        system = self._assets.versioning
        if not is_valid(system, version) and is_valid(system, name):
            raise told(
                InvalidVersionError,
                f"`{printable(version)}` is a name, where a version should be, and `{name}` the other way round",
                "the order is `asset_path, name, version`",
            )
        problem = name_problem(name)
        if problem is not None:
            raise told(InvalidNameError, problem)
        if not is_valid(system, version):
            what = "a name, where a version should be" if "/" in version else "no complete version"
            hint = f"under `{self._assets.versioning_name}`, one is `{self._assets.initial_version()}`"
            raise told(InvalidVersionError, f"`{printable(version)}` is {what}", hint)

    def _publish(self, plan: Plan, dry_run: bool) -> None:
        """Carry out the plan. A version that is there with the same content is one that was to be made, and is not."""
        for problem in plan.problems:
            raise problem.error()
        (action,) = plan.actions
        if isinstance(action, Keep):
            raise TakenError(f"`{action.asset}:{action.to}` exists already", hint="it has this very content")
        if not dry_run:
            self._assets.publish(plan)


def _environ(provider: str | None, prefix: str | None, settings: dict[str, Any]) -> dict[str, str]:
    """The environment of the process with what the arguments say instead."""
    unknown = sorted(settings.keys() - _VARIABLES.keys() - _IGNORED)
    if unknown:
        raise UsageError(f"`{unknown[0]}` is no setting of a store", hint=f"there are {', '.join(sorted(_VARIABLES))}")
    given = {"MODELKIT_STORAGE_PROVIDER": provider, "MODELKIT_STORAGE_PREFIX": prefix}
    given.update({_VARIABLES[name]: value for name, value in settings.items() if name in _VARIABLES})
    environ = {**os.environ, **{name: str(value) for name, value in given.items() if value}}
    named = environ.get("MODELKIT_STORAGE_PROVIDER")
    if not named:
        raise told(
            NoConfiguredProviderError,
            "no provider is configured",
            "give `provider` and `bucket`, or set `MODELKIT_STORAGE_PROVIDER` and `_BUCKET`",
        )
    if named not in _PROVIDERS:
        known = ", ".join(f"`{one}`" for one in _PROVIDERS)
        raise told(UnknownDriverError, f"unknown provider `{printable(named)}`", f"there are {known}")
    return environ


def _as_dict(meta: Meta) -> dict[str, Any]:
    found: dict[str, Any] = {"push_date": datetime.fromisoformat(meta.push_date), "is_directory": meta.is_directory}
    if meta.is_directory:
        found["contents"] = list(meta.paths)
    return found
