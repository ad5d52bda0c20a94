"""yank: a version that turned out bad is no longer handed out."""

from __future__ import annotations

import click

from assetsync.cli.completing import assets
from assetsync.cli.console import Console
from assetsync.cli.options import Common, command
from assetsync.cli.stores import STORE_HELP, open_store, prefix_option
from assetsync.escape import printable


@command("yank", epilog=STORE_HELP)
@click.argument("spec", metavar="NAME:VERSION", shell_complete=assets)
@click.option("-m", "--message", metavar="WHY", help="Why it is bad; shown to whoever has locked it.")
@click.option("--republish", metavar="OLD", help="First publish OLD's content once more, as a newer version.")
@click.option("--undo", is_flag=True, help="Take the yank back: the version is listed again.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@prefix_option
def yank_command(
    common: Common,
    spec: str,
    message: str | None,
    republish: str | None,
    undo: bool,
    yes: bool,
    storage_prefix: str | None,
) -> int:
    """Mark a version as bad. It leaves the index, so whoever asks for the newest no longer gets it, nor does modelkit.

    Its data stays, so whoever pinned it still does; projects that have locked it are told by plan, pull and `check
    --remote`. Its number is never used again. The newest version of a line is yanked together with a newer one:
    `--republish 1.2` has the store copy the content of 1.2 as the next version first.
    """
    if undo and republish is not None:
        raise click.UsageError("`--undo` publishes nothing: leave `--republish` out")
    if not undo and not message:
        raise click.UsageError("say why with `--message`: it is shown to whoever has locked the version")
    console = Console(common)
    with open_store(common, storage_prefix) as store:
        store.check_yank(spec, republish=republish, undo=undo)
        if undo:
            console.confirm(f"List `{spec}` in {store.url} again?", yes=yes)
            done = store.undo_yank(spec, message=message)
            console.say(f"`{done.name}:{done.version}` is listed again")
            return 0
        again = f" after publishing the content of `{republish}` once more" if republish else ""
        console.confirm(f"Yank `{spec}` in {store.url}{again}?", yes=yes)
        with console.progress() as reporter:
            done = store.yank(spec, message=message or "", republish=republish, reporter=reporter)
    console.say(f"`{done.name}:{done.version}` is yanked: {printable(done.why or '')}; `--undo` takes that back")
    if done.republished is not None:
        console.data(f"{done.name}:{done.republished}\n")
    return 0
