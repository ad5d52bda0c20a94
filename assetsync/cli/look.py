"""list: what a store holds, beside what is locked."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

import click

from assetsync.cli.console import Console
from assetsync.cli.options import Common, command
from assetsync.cli.work import load
from assetsync.layout import printable
from assetsync.render.listing import listing_json, listing_text


@command("list", short_help="Assets and versions in the store, beside what is locked.")
@click.argument("pattern", required=False)
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_command(common: Common, pattern: str | None, format: str) -> int:
    """List the assets of the store with their versions, and which version is locked here.

    PATTERN is a name or a glob, such as `nlp/*`.
    """
    console = Console(common)
    with load(common) as project:
        lock = project.lock()
        locked: Mapping[str, str] = {name: entry.version for name, entry in lock.assets.items()} if lock else {}
        assets = project.store.list(lambda name: pattern is None or fnmatch.fnmatchcase(name, pattern))
        url = project.manifest.store.url
    if format == "json":
        console.data(listing_json(url, assets, locked))
    else:
        console.data(listing_text(assets, locked))
        if not assets:
            what = f" that match `{printable(pattern)}`" if pattern else ""
            console.say(f"`{url}` holds no assets{what}")
    return 0
