"""adopt: from a store that is there to a project."""

from __future__ import annotations

import click

from assetsync.cli.console import Console
from assetsync.cli.options import Common, command
from assetsync.cli.stores import STORE_HELP, open_store, prefix_option
from assetsync.errors import NotFoundError
from assetsync.escape import printable
from assetsync.model.files import LOCK
from assetsync.project.adopt import Adoption
from assetsync.project.matching import GUESSES, Search
from assetsync.render.adoption import Found, adoption_text
from assetsync.render.units import plural


@command("adopt", epilog=STORE_HELP)
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
@click.option(
    "--path",
    "templates",
    multiple=True,
    metavar="TEMPLATE",
    help=f"Where an asset is looked for first; repeatable. By default {', '.join(GUESSES)}.",
)
@click.option("--all", "everything", is_flag=True, help="Enter what is not here too, as readonly.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what was found; ask nothing, write nothing.")
@click.option("-y", "--yes", is_flag=True, help="Go on without asking.")
@prefix_option
def adopt_command(
    common: Common,
    patterns: tuple[str, ...],
    templates: tuple[str, ...],
    everything: bool,
    dry_run: bool,
    yes: bool,
    storage_prefix: str | None,
) -> int:
    """Find which local files are which version of the assets in the store, and write assets.yaml and assets.lock.

    PATTERN selects assets, such as 'nlp/*'. Files are found by their sizes and digests, under any name; TEMPLATE, such
    as models/{name}, says where to look first. Nothing is published, and an assets.yaml that is there keeps what it
    says. Shows what was found, and asks.
    """
    console = Console(common)
    with open_store(common, storage_prefix) as store:
        with console.progress() as reporter:
            adoption = store.find_local(Search(patterns, templates or GUESSES, everything), reporter=reporter)
        if not adoption.matches and not adoption.present:
            what = f"nothing that matches `{printable(' '.join(patterns))}`" if patterns else "no assets"
            raise NotFoundError(f"`{printable(store.url)}` has {what}", hint="`assetsync list` shows what it has")
        text = adoption_text(_found(adoption), adoption.present)
        if dry_run:
            console.data(text)
            return 0
        console.say(text.rstrip("\n"))
        count = plural(len(adoption.entered), "asset")
        if not adoption.entered:
            console.say("Nothing to write.")
            return 0
        console.confirm(f"Enter {count} in {adoption.filename} and {LOCK}?", yes=yes)
        store.adopt(adoption)
    console.say(f"Entered {count}.")
    unlocked = [match.name for match in adoption.entered if match.content is None]
    if unlocked:
        console.say(f"{plural(len(unlocked), 'asset')} of modelkit: `assetsync sync` gets and locks them.")
    console.say("Next: `assetsync plan`")
    return 0


def _found(adoption: Adoption) -> list[Found]:
    return [
        Found(
            match.name,
            match.newest,
            match.versions,
            match.version,
            match.path,
            match.entry.version if match.entry else None,
            match.entry.readonly if match.entry else False,
        )
        for match in adoption.matches
    ]
