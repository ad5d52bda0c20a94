"""From the URL of a store to its backend. The SDK of a store is imported here, at first use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from assetsync.backends.contract import Backend
from assetsync.errors import UsageError
from assetsync.model.manifest import StoreConfig

_ROOMS = {"s3": "s3", "gs": "gcs", "az": "azure", "file": "directory", "memory": "memory"}


def open_backend(config: StoreConfig, environ: Mapping[str, str]) -> Backend:
    """Open the store at `config.url`; nothing is sent before it is used.

    `environ` is for what no URL may hold: credentials, in the variables of each SDK. Settings that are no secrets have
    been resolved into `config` before. UsageError for a URL that is not understood or an SDK that is not installed;
    DeniedError for credentials that can't be used.
    """
    scheme, separator, _ = config.url.partition("://")
    room = _ROOMS.get(scheme if separator else "file")
    if room is None:
        known = ", ".join(f"`{name}://`" for name in _ROOMS)
        raise UsageError(f"unknown store `{config.url}`", hint=f"a store is a directory or one of {known}")
    try:
        opened: Backend = import_module(f"assetsync.backends.{room}.store").open_store(config, environ)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"`{config.url}` needs the Python package `{error.name}`",
            hint=f"install it with `pip install 'assetsync[{room}]'`",
        ) from error
    return opened
