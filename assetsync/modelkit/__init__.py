"""modelkit's Python for the assets of a store, on assetsync: change the import, and a script goes on working.

`modelkit.assets.remote`, `.manager`, `.settings`, `.versioning` and `.errors` have their counterparts here, and all
their names are in this package too. modelkit need not be installed. See docs/modelkit.md.
"""

from __future__ import annotations

from assetsync.modelkit import errors
from assetsync.modelkit.errors import (
    AssetAlreadyExistsError,
    AssetDoesNotExistError,
    AssetsManagerError,
    InvalidAssetSpecError,
    InvalidMajorVersionError,
    InvalidNameError,
    InvalidVersionError,
    LocalAssetDoesNotExistError,
    MajorVersionDoesNotExistError,
    NoConfiguredProviderError,
    ObjectDoesNotExistError,
    StorageDriverError,
    UnknownAssetsVersioningSystemError,
    UnknownDriverError,
)
from assetsync.modelkit.manager import AssetsManager
from assetsync.modelkit.remote import StorageProvider
from assetsync.modelkit.settings import AssetSpec
from assetsync.modelkit.versioning import (
    AssetsVersioningSystem,
    MajorMinorAssetsVersioningSystem,
    SimpleDateAssetsVersioningSystem,
)

__all__ = [
    "AssetAlreadyExistsError",
    "AssetDoesNotExistError",
    "AssetSpec",
    "AssetsManager",
    "AssetsManagerError",
    "AssetsVersioningSystem",
    "InvalidAssetSpecError",
    "InvalidMajorVersionError",
    "InvalidNameError",
    "InvalidVersionError",
    "LocalAssetDoesNotExistError",
    "MajorMinorAssetsVersioningSystem",
    "MajorVersionDoesNotExistError",
    "NoConfiguredProviderError",
    "ObjectDoesNotExistError",
    "SimpleDateAssetsVersioningSystem",
    "StorageDriverError",
    "StorageProvider",
    "UnknownAssetsVersioningSystemError",
    "UnknownDriverError",
    "errors",
]
