"""Which store a command works with that needs no assets.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from assetsync.cli.console import Console
from assetsync.cli.options import Common
from assetsync.errors import NoFileError
from assetsync.escape import printable
from assetsync.manifest import settings
from assetsync.manifest.settings import default_store
from assetsync.model.manifest import StoreConfig
from assetsync.project.locate import find_manifest
from assetsync.traffic import UNLIMITED, Traffic

if TYPE_CHECKING:
    from assetsync.project.asset_store import AssetStore

STORE_HELP = (
    "The store is that of `--store` or ASSETSYNC_STORE; else that of the assets.yaml found upward; else what"
    " modelkit's variables say (MODELKIT_STORAGE_PROVIDER, _BUCKET, _PREFIX)."
)

prefix_option = click.option(
    "--storage-prefix", metavar="PREFIX", help="Instead of MODELKIT_STORAGE_PREFIX; with modelkit's variables only."
)


def open_store(common: Common, storage_prefix: str | None = None, traffic: Traffic = UNLIMITED) -> AssetStore:
    """The store that the common options mean, in any directory. UsageError, ManifestError."""
    from assetsync.project.asset_store import AssetStore  # with all that publishes, which `pull` may not need

    directory = common.directory or "."
    store = common.store if storage_prefix is None else _with_prefix(common, storage_prefix)
    manifest_file = common.manifest or _manifest(directory)
    opened = AssetStore(store, directory=directory, manifest_file=manifest_file, traffic=traffic)
    say_settings(common, opened.config)
    return opened


def _manifest(directory: str) -> str | None:
    try:
        return os.path.abspath(find_manifest(directory))
    except NoFileError:
        return None


def _with_prefix(common: Common, prefix: str) -> str:
    if common.store is not None:
        raise click.UsageError("a store's URL brings its prefix: give no `--storage-prefix` beside `--store`")
    # Like modelkit's own option, an empty one is none.
    environ: Mapping[str, str] = {**os.environ, **({"MODELKIT_STORAGE_PREFIX": prefix} if prefix else {})}
    config = default_store(environ)
    if config is None:
        raise click.UsageError(
            "`--storage-prefix` goes with modelkit's variables, and MODELKIT_STORAGE_PROVIDER is not set;"
            " write the prefix into the URL of `--store`"
        )
    return config.url


def say_settings(common: Common, config: StoreConfig) -> None:
    """With `-v`: the settings of the store, each with where it comes from."""
    if not common.verbose:
        return
    rows = settings.described(config, os.environ)
    width = max(len(value) for _, value, _ in rows)
    for name, value, origin in rows:
        Console(common).say(f"{name:<18}  {printable(value):<{width}}  {printable(origin)}".rstrip())
