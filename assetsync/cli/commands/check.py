"""check: is assets.lock right? For people, hooks and CI. Imports little: a hook that is slow gets switched off."""

from __future__ import annotations

import os
from contextlib import nullcontext

import click

from assetsync.cli.completing import assets
from assetsync.cli.console import Console
from assetsync.cli.filters import filter_options
from assetsync.cli.options import Common, command
from assetsync.errors import ManifestError
from assetsync.manifest.store_url import is_store_name
from assetsync.model.labels import Filter
from assetsync.project.check import Inspection, inspect
from assetsync.render.findings import findings_github, findings_json, findings_text, problems_github

EXIT_DIFFERENCE = 2


@command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=assets)
@filter_options
@click.option("--staged", is_flag=True, help="Check both files as git's index has them: what `git commit` would take.")
@click.option("--content", is_flag=True, help="Also: is what is here what the lock says? Absent content is fine.")
@click.option(
    "--remote",
    is_flag=True,
    help="Also: has the store, or the one of `--store NAME`, the locked versions, with these digests?",
)
@click.option("--format", type=click.Choice(["text", "github", "json"]), default="text", show_default=True)
def check_command(
    common: Common, names: tuple[str, ...], labels: Filter, staged: bool, content: bool, remote: bool, format: str
) -> int:
    """Check that assets.lock is right for assets.yaml: present, unedited, of this store, with every asset at the
    version and path that assets.yaml wants. Reads two files and asks no store. Exits with 2 when it is not right.

    Each finding names the command that mends it. Settings from flags and variables are ignored, so that none can make
    a wrong lock pass.
    """
    if common.store is not None and not (remote and is_store_name(common.store)):
        raise click.UsageError(
            "a check takes stores from assets.yaml alone: leave out `--store`, or name one of its `stores`"
            " together with `--remote`"
        )
    console = Console(common)
    try:
        with console.progress() if content else nullcontext() as reporter:
            inspection = inspect(
                common.directory or ".",
                manifest_file=common.manifest,
                names=names,
                labels=labels,
                staged=staged,
                content=content,
                remote=remote,
                store=common.store,
                environ=os.environ,
                reporter=reporter,
            )
    except ManifestError as error:
        if format == "github":
            console.commands(problems_github(error.filename, error.problems))
        raise
    render = {"text": findings_text, "github": findings_github, "json": findings_json}[format]
    show = console.commands if format == "github" else console.data
    show(render(inspection.findings))
    if inspection.findings:
        return EXIT_DIFFERENCE
    console.say(_all_right(inspection, staged=staged))
    return 0


def _all_right(inspection: Inspection, *, staged: bool) -> str:
    if not inspection.projects:
        return "There is no assets.yaml in git's index: nothing to check."
    count = inspection.assets
    return f"assets.lock is right{' in the index' if staged else ''}: {count} asset{'s' if count != 1 else ''}."
