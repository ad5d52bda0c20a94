"""completion: the script that lets a shell complete commands, options and names of assets."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from assetsync.cli.console import Console
from assetsync.cli.options import Common, command


@command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(common: Common, shell: str) -> int:
    """Print the script by which SHELL completes commands, options, and names of assets in assets.yaml and assets.lock.

    No store is asked. A new shell reads it from the start-up file; the examples say how it gets there.
    """
    from assetsync.cli.app import cli

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click has all three
    Console(common).data(kind(cli, {}, "assetsync", "_ASSETSYNC_COMPLETE").source())
    return 0
