"""Answers for a shell that completes a line: names of assets, files, folders. Offline, and silent about errors."""

from __future__ import annotations

import os

import click
from click.shell_completion import CompletionItem

from assetsync.errors import AssetsyncError


def assets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of the assets in assets.yaml and assets.lock that begin with `incomplete`."""
    folder, manifest = _given(ctx, "directory") or ".", _given(ctx, "manifest")
    try:
        names = _names(folder, manifest)
    except (AssetsyncError, OSError, UnicodeDecodeError):
        return []
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def assets_or_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of assets; files where none begins so."""
    return assets(ctx, param, incomplete) or files(ctx, param, incomplete)


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders, which the shell itself looks up."""
    return [CompletionItem(incomplete, type="file")]


def folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders, which the shell itself looks up."""
    return [CompletionItem(incomplete, type="dir")]


def _given(ctx: click.Context, name: str) -> str | None:
    """A common option, before or after the command's name."""
    value = ctx.params.get(name) or (ctx.parent.params.get(name) if ctx.parent else None)
    return value if isinstance(value, str) else None


def _names(folder: str, manifest_file: str | None) -> set[str]:
    from assetsync.lock.text import parse_lock
    from assetsync.manifest.edit import entries_of
    from assetsync.model.files import LOCK
    from assetsync.project.locate import find_manifest
    from assetsync.reading import read_file

    path = os.path.join(folder, manifest_file) if manifest_file else find_manifest(folder)
    names = {entry.name for entry in entries_of((read_file(path) or b"").decode())}
    lock = read_file(os.path.join(os.path.dirname(path), LOCK))
    return names | (set(parse_lock(lock).assets) if lock is not None else set())
