"""modelkit's AssetsManager: versions in an assets directory, from a store or, without one, from what is there."""

from __future__ import annotations

import os
from os import PathLike
from typing import Any

from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.model.names import Spec
from assetsync.modelkit.errors import (
    InvalidAssetSpecError,
    LocalAssetDoesNotExistError,
    MissingFolderError,
    NoConfiguredProviderError,
    StorageDriverError,
    as_modelkit,
    told,
)
from assetsync.modelkit.remote import StorageProvider
from assetsync.modelkit.settings import AssetSpec
from assetsync.transfer.fetch import fetched


class AssetsManager:
    """Fetches into `assets_dir`, by default MODELKIT_ASSETS_DIR or the current directory, which must exist.

    Without a store, the versions that lie there are all there are. `timeout` is kept, and nothing depends on it.
    """

    def __init__(
        self,
        assets_dir: str | PathLike[str] | None = None,
        timeout: int | None = None,
        storage_provider: StorageProvider | None = None,
    ) -> None:
        self.assets_dir = os.fspath(assets_dir or os.environ.get("MODELKIT_ASSETS_DIR") or os.getcwd())
        if not os.path.isdir(self.assets_dir):
            raise MissingFolderError(f"the assets directory `{printable(self.assets_dir)}` does not exist")
        self.timeout = int(timeout or os.environ.get("MODELKIT_ASSETS_TIMEOUT_S") or 10)
        self.storage_provider = storage_provider or _configured()

    def fetch_asset(
        self, spec: AssetSpec | str, return_info: bool = False, force_download: bool | None = None
    ) -> str | dict[str, Any]:
        """The path of a version, or of a part of one; with `return_info`, also `version` and `from_cache`.

        AssetDoesNotExistError, LocalAssetDoesNotExistError, InvalidAssetSpecError, StorageDriverError.
        """
        asked = AssetSpec.from_string(spec) if isinstance(spec, str) else spec
        provider = self.storage_provider
        force = bool(provider and provider.force_download) if force_download is None else force_download
        if provider is None:
            if force:
                raise told(StorageDriverError, "without a store, nothing can be downloaded")
            found = self._here(asked)
        else:
            found = self._fetched(provider, asked, force)
        return found if return_info else str(found["path"])

    def _fetched(self, provider: StorageProvider, asked: AssetSpec, force: bool) -> dict[str, Any]:
        with as_modelkit({InvalidError: InvalidAssetSpecError}):
            spec = provider.store.resolve(str(asked))
            was_here = fetched(spec, provider.store.versioning, self.assets_dir) is not None
            path = provider.store.fetch(str(spec), assets_dir=self.assets_dir, force=force)
            return {"path": path, "version": spec.version, "from_cache": was_here and not force}

    def _here(self, asked: AssetSpec) -> dict[str, Any]:
        versions = asked.get_local_versions(os.path.join(self.assets_dir, asked.name))
        complete = asked.is_version_complete()
        wanted = [one for one in versions if one == asked.version] if complete else _matching(asked, versions)
        if not wanted:
            raise told(
                LocalAssetDoesNotExistError,
                f"`{printable(self.assets_dir)}` has no `{asked}`",
                f"it has {', '.join(versions) or 'no version of it'}; a store is named by `MODELKIT_STORAGE_PROVIDER`",
            )
        spec = Spec(asked.name, wanted[0], asked.sub_part)
        path = fetched(spec, asked.versioning.system, self.assets_dir) or self._path(spec)
        if not os.path.exists(path):
            raise told(LocalAssetDoesNotExistError, f"`{printable(self.assets_dir)}` has no `{asked}`")
        return {"path": path, "version": wanted[0], "from_cache": True}

    def _path(self, spec: Spec) -> str:
        return os.path.join(os.path.abspath(self.assets_dir), *filter(None, (spec.name, spec.version, spec.part)))


def _matching(asked: AssetSpec, versions: list[str]) -> list[str]:
    try:
        return [asked.versioning.get_latest_partial_version(asked.version or "", versions)]
    except InvalidError:
        return []


def _configured() -> StorageProvider | None:
    try:
        return StorageProvider()
    except NoConfiguredProviderError:
        return None
