"""Declarative, immutable, versioned assets beside a git repo.

`Project` is a repo with its assets.yaml and assets.lock; `AssetStore` is a store without them. All is imported at first
use, because the command line must start fast. See docs/python.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Action",
    "Adoption",
    "AssetStore",
    "AssetsyncError",
    "ChangedError",
    "ChecksumError",
    "ConflictError",
    "Content",
    "ContentError",
    "DamagedError",
    "DeniedError",
    "Difference",
    "ExistsError",
    "FetchResult",
    "FileEntry",
    "GitError",
    "InvalidError",
    "ListedAsset",
    "Lock",
    "LockEntry",
    "LockError",
    "Logged",
    "ManifestError",
    "Meta",
    "NoFileError",
    "NoStoreError",
    "NotFoundError",
    "PartialError",
    "Plan",
    "Problem",
    "Project",
    "Provenance",
    "Purpose",
    "Reporter",
    "Request",
    "Result",
    "Search",
    "StoreError",
    "TakenError",
    "Traffic",
    "TransientError",
    "Tree",
    "UnreachableError",
    "UnsupportedError",
    "UsageError",
    "Versioning",
    "__version__",
]

if TYPE_CHECKING:
    from assetsync.errors import (
        AssetsyncError,
        ChangedError,
        ChecksumError,
        ConflictError,
        ContentError,
        DamagedError,
        DeniedError,
        ExistsError,
        GitError,
        InvalidError,
        LockError,
        ManifestError,
        NoFileError,
        NoStoreError,
        NotFoundError,
        PartialError,
        StoreError,
        TakenError,
        TransientError,
        UnreachableError,
        UnsupportedError,
        UsageError,
    )
    from assetsync.model.lock import Lock, LockEntry
    from assetsync.model.provenance import Provenance
    from assetsync.model.tree import Content, FileEntry, Tree
    from assetsync.model.versioning import Versioning
    from assetsync.plan.plan import Action, Plan, Problem
    from assetsync.plan.request import Purpose, Request
    from assetsync.progress import Reporter
    from assetsync.project.adopt import Adoption
    from assetsync.project.asset_store import AssetStore
    from assetsync.project.browse import Difference
    from assetsync.project.fetching import FetchResult
    from assetsync.project.matching import Search
    from assetsync.project.project import Project
    from assetsync.project.result import Result
    from assetsync.remote.documents import Logged, Meta
    from assetsync.remote.store import ListedAsset
    from assetsync.traffic import Traffic
else:
    _WHERE = {
        "model.lock": ("Lock", "LockEntry"),
        "model.provenance": ("Provenance",),
        "model.tree": ("Content", "FileEntry", "Tree"),
        "model.versioning": ("Versioning",),
        "plan.plan": ("Action", "Plan", "Problem"),
        "plan.request": ("Purpose", "Request"),
        "progress": ("Reporter",),
        "project.adopt": ("Adoption",),
        "project.asset_store": ("AssetStore",),
        "project.browse": ("Difference",),
        "project.fetching": ("FetchResult",),
        "project.matching": ("Search",),
        "project.project": ("Project",),
        "project.result": ("Result",),
        "remote.documents": ("Logged", "Meta"),
        "remote.store": ("ListedAsset",),
        "traffic": ("Traffic",),
    }
    _MODULES = {name: module for module, names in _WHERE.items() for name in names}

    def __getattr__(name: str) -> object:
        module = _MODULES.get(name) or ("errors" if name in __all__ else None)
        if module is None:
            raise AttributeError(f"module `assetsync` has no attribute `{name}`")
        return getattr(import_module(f"assetsync.{module}"), name)

    def __dir__() -> list[str]:
        return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
