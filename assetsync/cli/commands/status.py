"""status: where every asset stands, in one table."""

from __future__ import annotations

import sys

import click

from assetsync.cli.commands.sync import load, names_argument, narrowed
from assetsync.cli.console import Console
from assetsync.cli.filters import filter_options
from assetsync.cli.options import Common, command, format_option
from assetsync.cli.traffic import traffic_options
from assetsync.model.labels import Filter
from assetsync.plan.request import Request
from assetsync.render.status import status_json, status_text
from assetsync.traffic import Traffic


@command("status")
@names_argument
@filter_options
@click.option("--offline", is_flag=True, help="Compare with assets.lock alone; ask no store.")
@format_option
@traffic_options
def status_command(
    common: Common, traffic: Traffic, names: tuple[str, ...], labels: Filter, offline: bool, format: str
) -> int:
    """Show for each asset what is here, which version is locked, which is the newest in the store, and what comes next.

    It is the plan in a line for each asset: `assetsync plan` says why. Only reads, and always exits with 0.
    """
    console = Console(common)
    with load(common, traffic) as project:
        request = narrowed(project, Request(names), labels)
        with console.progress() as reporter:
            plan = project.plan(request, offline=offline, reporter=reporter)
        lock = project.lock()
        paths = {entry.name: entry.path for entry in project.manifest.entries}
    locked = lock.assets if lock is not None else {}
    if format == "json":
        console.data(status_json(plan, locked, paths))
    else:
        console.page(status_text(plan, locked, paint=console.paint(sys.stdout)))
    return 0
