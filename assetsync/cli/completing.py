"""Answers for a shell that completes a line: names of assets, files, folders. Offline, and silent about errors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from assetsync.errors import AssetsyncError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def assets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of the assets in assets.yaml and assets.lock that begin with `incomplete`."""
    try:
        names = _names(_manifest(ctx))
    except (AssetsyncError, OSError, UnicodeDecodeError):
        return []
    return [_item(name) for name in sorted(names) if name.startswith(incomplete)]


def assets_or_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of assets; files where none begins so."""
    return assets(ctx, param, incomplete) or files(ctx, param, incomplete)


def stores(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of `stores` in assets.yaml that begin with `incomplete`; folders where none does."""
    from assetsync.manifest.parse import parse_manifest
    from assetsync.model.manifest import StoreConfig

    try:
        data = _read(_manifest(ctx))
        named = parse_manifest(data, default_store=StoreConfig("./store")).stores
    except (AssetsyncError, OSError):
        named = ()
    names = [store.name for store in named if store.name is not None]
    found = [_item(name) for name in names if name.startswith(incomplete)]
    return found or folders(ctx, param, incomplete)


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders, which the shell itself looks up."""
    return [_item(incomplete, "file")]


def folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders, which the shell itself looks up."""
    return [_item(incomplete, "dir")]


def _item(value: str, kind: str = "plain") -> CompletionItem:
    from click.shell_completion import CompletionItem  # for shells alone

    return CompletionItem(value, type=kind)


def _given(ctx: click.Context, name: str) -> str | None:
    """A common option, before or after the command's name."""
    value = ctx.params.get(name) or (ctx.parent.params.get(name) if ctx.parent else None)
    return value if isinstance(value, str) else None


def _manifest(ctx: click.Context) -> str:
    """The path of assets.yaml. NoFileError."""
    from assetsync.project.locate import find_manifest

    folder, file = _given(ctx, "directory") or ".", _given(ctx, "manifest")
    return os.path.join(folder, file) if file else find_manifest(folder)


def _read(path: str) -> bytes:
    from assetsync.reading import read_file

    return read_file(path) or b""


def _names(path: str) -> set[str]:
    from assetsync.lock.text import parse_lock
    from assetsync.manifest.edit import entries_of
    from assetsync.model.files import LOCK

    names = {entry.name for entry in entries_of(_read(path).decode())}
    lock = _read(os.path.join(os.path.dirname(path), LOCK))
    return names | (set(parse_lock(lock).assets) if lock else set())
