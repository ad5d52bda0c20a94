"""Declarative, immutable, versioned assets beside a git repo.

`Project` is a repo with its assets.yaml and assets.lock; `AssetStore` is a store without them. Both are imported at
first use, because the command line must start fast.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

__all__ = ["Options", "Plan", "Project", "__version__"]

_WHERE = {"Project": "project", "Plan": "plan", "Options": "decide"}


def __getattr__(name: str) -> object:
    if name in _WHERE:
        return getattr(import_module(f"assetsync.{_WHERE[name]}"), name)
    raise AttributeError(f"module `assetsync` has no attribute `{name}`")
