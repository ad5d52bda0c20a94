"""alias: names for versions, which are moved on purpose."""

from __future__ import annotations

import sys

import click

from assetsync.cli.completing import assets
from assetsync.cli.console import Console
from assetsync.cli.options import Common, command, format_option
from assetsync.cli.stores import STORE_HELP, open_store, prefix_option
from assetsync.project.asset_store import AssetStore
from assetsync.render.marks import aliases_json, aliases_text


@command("alias", epilog=STORE_HELP)
@click.argument("name", shell_complete=assets)
@click.argument("alias", required=False)
@click.argument("version", required=False)
@click.option("-m", "--message", metavar="TEXT", help="Why it is moved; kept with the move.")
@click.option("--rollback", is_flag=True, help="Move ALIAS to where it was before; again, one further back.")
@click.option("--remove", is_flag=True, help="Take ALIAS away; its history stays.")
@format_option
@prefix_option
def alias_command(
    common: Common,
    name: str,
    alias: str | None,
    version: str | None,
    message: str | None,
    rollback: bool,
    remove: bool,
    format: str,
    storage_prefix: str | None,
) -> int:
    """Move ALIAS of the asset NAME to VERSION: `NAME@ALIAS` then stands for it in fetch, show, diff and the like, and
    in `version: "@ALIAS"` of a readonly asset in assets.yaml.

    VERSION is a version, a line (`1` for the newest of it), or another alias (`@staging`). Without VERSION, show where
    ALIAS, or every alias of NAME, is and was: when, by whom, from which commit and why.
    """
    _check(alias, version, message, rollback=rollback, remove=remove)
    console = Console(common)
    with open_store(common, storage_prefix) as store:
        if alias is not None and (version is not None or rollback or remove):
            _change(store, console, name, alias, version, message, remove=remove)
        marks = store.marks(name)
        if alias is not None and alias not in marks.moves:
            raise marks.unknown_alias(name, alias)
        shown = [alias] if alias is not None else sorted(marks.moves)
        url = store.url
    if format == "json":
        console.data(aliases_json(url, name, marks, shown))
    else:
        console.page(aliases_text(marks, shown, paint=console.paint(sys.stdout)))
    if not shown:
        console.say(f"`{name}` has no alias; `assetsync alias {name} production VERSION` makes one")
    return 0


def _check(alias: str | None, version: str | None, message: str | None, *, rollback: bool, remove: bool) -> None:
    if alias is None and (rollback or remove):
        raise click.UsageError("name the alias")
    if rollback + remove + (version is not None) > 1:
        raise click.UsageError("give one of VERSION, `--rollback` and `--remove`")
    if message is not None and not (version or rollback or remove):
        raise click.UsageError("`--message` goes with a move: give VERSION, `--rollback` or `--remove`")


def _change(
    store: AssetStore,
    console: Console,
    name: str,
    alias: str,
    version: str | None,
    message: str | None,
    *,
    remove: bool,
) -> None:
    if remove:
        store.remove_alias(name, alias, message=message)
        console.say(f"`{name}@{alias}` is removed; `--rollback` brings it back")
        return
    if version is not None:
        at = store.move_alias(name, alias, version, message=message)
    else:
        at = store.roll_back_alias(name, alias, message=message)
    console.say(f"`{name}@{alias}` is at `{at}`")
