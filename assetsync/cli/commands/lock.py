"""lock: conflicts in assets.lock, settled by asset; and git's merge driver for it."""

from __future__ import annotations

import os

import click

from assetsync.cli.console import Console
from assetsync.cli.options import Common, command
from assetsync.git.merge import drive, resolve
from assetsync.model.files import LOCK
from assetsync.project.locate import find_manifest


@command("lock")
@click.option("--resolve", "resolving", is_flag=True, help="Settle the conflicts that a merge left in assets.lock.")
@click.option(
    "--merge-driver", nargs=3, metavar="BASE OURS THEIRS", help="Merge three files into OURS; for git to call."
)
def lock_command(common: Common, resolving: bool, merge_driver: tuple[str, str, str] | None) -> int:
    """Resolve merge conflicts in assets.lock, asset by asset.

    An asset that one side changed is taken from that side; where both published, the newer version of a line wins. Two
    lines of one asset, or two stores, are for a person to decide. Without a conflict, a file that was edited by hand is
    written anew.
    """
    console = Console(common)
    if resolving == bool(merge_driver):
        raise click.UsageError("give either `--resolve` or `--merge-driver`")
    if merge_driver:
        drive(*merge_driver, os.environ)
        return 0
    # Not from a loaded project: the merge may have left conflicts in assets.yaml too.
    manifest = os.path.join(common.directory or ".", common.manifest) if common.manifest else None
    folder = os.path.dirname(os.path.abspath(manifest)) if manifest else None
    lock_file = os.path.join(folder or os.path.dirname(find_manifest(common.directory or ".")), LOCK)
    if resolve(lock_file, os.environ):
        console.say("assets.lock is resolved: `git add assets.lock`, and see `assetsync plan`.")
    else:
        console.say("There is nothing to resolve in assets.lock.")
    return 0
