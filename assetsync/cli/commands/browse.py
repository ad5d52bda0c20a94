"""list, log, show and diff: what a store holds, beside what is locked."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import click

from assetsync import __version__
from assetsync.atomic import write_atomically
from assetsync.cli.completing import assets, assets_or_files
from assetsync.cli.console import Console
from assetsync.cli.filters import filter_options
from assetsync.cli.options import Common, command, format_option
from assetsync.cli.stores import STORE_HELP, open_store, prefix_option
from assetsync.errors import UsageError
from assetsync.escape import printable
from assetsync.model.labels import Filter, Labels
from assetsync.model.marks import AT
from assetsync.model.names import Spec
from assetsync.project.asset_store import AssetStore
from assetsync.project.browse import whole
from assetsync.project.naming import is_many
from assetsync.reading import read_existing
from assetsync.remote.documents import Meta
from assetsync.remote.store import ListedAsset
from assetsync.render.document import dump
from assetsync.render.history import Shown, diff_json, diff_text, log_json, log_text, show_json, show_text
from assetsync.render.listing import listing_json, listing_text
from assetsync.render.units import plural

EXIT_DIFFERENCE = 2


@command("list", epilog=STORE_HELP)
@click.argument("pattern", required=False, shell_complete=assets)
@filter_options
@click.option("-l", "--long", is_flag=True, help="Size and date of the newest versions too: one request each.")
@click.option(
    "--format",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
    help="html is one page with every version's origin, for a browser: one request for each version.",
)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE instead of stdout.")
@prefix_option
def list_command(
    common: Common,
    pattern: str | None,
    labels: Filter,
    long: bool,
    format: str,
    output: str | None,
    storage_prefix: str | None,
) -> int:
    """List the assets of the store with their versions, and which version is locked here.

    PATTERN is a name or a glob, such as `nlp/*`. `--tag` and `--owner` ask for what the newest version records: one
    request for each asset.
    """
    if format == "html" and output is None:
        raise UsageError("a page is a file", hint="say which, such as `-o assets.html`")
    console = Console(common)
    with open_store(common, storage_prefix) as store:
        assets = store.list(pattern)
        metas = store.newest_metas(assets) if format != "html" and (long or labels) else None
        if labels:
            assets = _labelled(store, assets, labels, metas)
        text = _page(store, assets) if format == "html" else _listing(store, assets, metas if long else None, format)
        url = store.url
    if output is not None:
        write_atomically(output, text.encode())
        console.say(f"Wrote `{printable(output)}`: {plural(len(assets), 'asset')}")
    elif format == "json":
        console.data(text)
    else:
        console.page(text)
    if not assets and format == "text":
        what = f" that match `{printable(pattern)}`" if pattern else ""
        console.say(f"`{printable(url)}` holds no assets{what}")
    return 0


def _labelled(
    store: AssetStore, assets: Sequence[ListedAsset], labels: Filter, metas: Mapping[str, Meta] | None
) -> Sequence[ListedAsset]:
    metas = store.newest_metas(assets) if metas is None else metas
    known = {name: Labels(meta.owner, meta.tags) for name, meta in metas.items()}
    kept = set(labels.narrowed((), known, f"`{printable(store.url)}`"))
    return [one for one in assets if one.name in kept]


def _listing(store: AssetStore, assets: Sequence[ListedAsset], metas: Mapping[str, Meta] | None, format: str) -> str:
    locked = store.locked()
    return listing_json(store.url, assets, locked, metas) if format == "json" else listing_text(assets, locked, metas)


def _page(store: AssetStore, assets: Sequence[ListedAsset]) -> str:
    from assetsync.render.html.store_page import document, store_page

    locked = store.locked()
    documents = [
        document(asset, versions, locked=locked.get(asset.name)) for asset, versions in store.histories(assets)
    ]
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    return store_page(store.url, documents, tool=f"assetsync {__version__}", written=now)


@command("log", epilog=STORE_HELP)
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=assets)
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="The newest N versions of each only.")
@format_option
@prefix_option
def log_command(
    common: Common, names: tuple[str, ...], limit: int | None, format: str, storage_prefix: str | None
) -> int:
    """Show the versions of the asset NAME, newest first: date, size, message, author, commit, branch and CI run.

    NAME@ALIAS begins with the version that the alias is at. NAME may be a pattern, such as 'nlp/*'. modelkit records
    none of that but the date.
    """
    for name in names:
        _check_no_version(name)
    console = Console(common)
    with open_store(common, storage_prefix) as store:
        specs = [spec for name in names for spec in _logged(store, name)]
        logs = {spec.name: store.log(str(spec), limit=limit) for spec in specs}
        url = store.url
    if format == "json":
        console.data(log_json(url, logs, many=_many(names)))
    else:
        console.page(log_text(logs, many=_many(names), paint=console.paint(sys.stdout)))
    return 0


def _check_no_version(name: str) -> None:
    _, colon, version = name.partition(":")
    if colon:
        raise click.UsageError(
            f"`log` shows all versions of an asset, and `{printable(name)}` is one: leave `:{printable(version)}` out\n"
            f"hint: `assetsync show {printable(name)}` shows that version"
        )


def _logged(store: AssetStore, name: str) -> list[Spec]:
    """The assets that a NAME stands for, each with the alias that stands behind it."""
    _, at, alias = name.partition(AT)
    return [Spec(spec.name, at + alias or None) for spec in store.matching([name])]


def _many(given: Sequence[str]) -> bool:
    """Whether the answer is about many, also when only one was found: a script knows beforehand what it gets."""
    return len(given) > 1 or any(map(is_many, given))


@command("show", epilog=STORE_HELP)
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True, shell_complete=assets_or_files)
@format_option
@prefix_option
def show_command(common: Common, specs: tuple[str, ...], format: str, storage_prefix: str | None) -> int:
    """Show all that is recorded of a version: digest, provenance, and every file with its size and sha256.

    SPEC is NAME for the newest version, NAME:1 for the newest of line 1, NAME:1.2, or NAME@ALIAS; NAME may be a
    pattern, such as 'nlp/*' or '*@production'. It may be the file of a plan that `assetsync plan -o FILE` saved: it is
    shown as it was made, stale or not, and no store is asked.
    """
    console = Console(common)
    file = os.path.join(common.directory or ".", specs[0])
    if len(specs) == 1 and os.path.isfile(file):
        return _show_plan(console, common, file, format)
    with open_store(common, storage_prefix) as store:
        shown = [_shown(store, str(whole(spec, "shown"))) for spec in store.matching(specs)]
        url = store.url
    if format == "json":
        console.data(show_json(url, shown, many=_many(specs)))
    else:
        console.page("\n".join(show_text(url, one) for one in shown))
    return 0


def _shown(store: AssetStore, spec: str) -> Shown:
    found = store.resolve(spec)
    return Shown(found.name, found.version or "", store.meta(str(found)), store.marks(found.name))


def _show_plan(console: Console, common: Common, file: str, format: str) -> int:
    from assetsync.project.locate import moved_since
    from assetsync.render.saved_plan_text import parse_shown_plan, saved_plan_text

    text = read_existing(file).decode("utf-8", "replace")
    document = parse_shown_plan(text)
    if format == "json":
        console.data(dump(document))
        return 0
    console.page(saved_plan_text(document, paint=console.paint(sys.stdout), verbose=console.verbose))
    moved = moved_since(document, common.directory or ".", common.manifest)
    if moved:
        console.say(f"It is stale: {' and '.join(moved)} changed since it was made, so `apply --plan` refuses it.")
    return 0


@command("diff", epilog=STORE_HELP)
@click.argument("old", metavar="A", shell_complete=assets_or_files)
@click.argument("new", metavar="B", shell_complete=assets_or_files)
@format_option
@prefix_option
def diff_command(common: Common, old: str, new: str, format: str, storage_prefix: str | None) -> int:
    """Show the files that were added, changed and removed between A and B, with their sizes; exit 2 when they differ.

    Each is a spec (NAME, NAME:1, NAME:1.2, NAME@ALIAS); one of them may be a local path: what begins with `./`, `../`
    or `/`, or what names no version and exists here. A version that modelkit published is read once, because it has no
    checksums.
    """
    console = Console(common)
    with open_store(common, storage_prefix) as store:
        with console.progress() as reporter:
            found = store.diff(old, new, reporter=reporter)
        url = store.url
    if format == "json":
        console.data(diff_json(url, found.old, found.new, found.before, found.after, found.changes))
    else:
        text = diff_text(
            found.old, found.new, found.before, found.after, found.changes, paint=console.paint(sys.stdout)
        )
        console.page(text)
    return 0 if found.is_empty else EXIT_DIFFERENCE
