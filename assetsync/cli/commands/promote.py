"""promote: the same versions in another store as well."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from assetsync.cli.commands.sync import check_fingerprint, load
from assetsync.cli.completing import assets, stores
from assetsync.cli.console import Console
from assetsync.cli.filters import filter_options
from assetsync.cli.options import Common, command
from assetsync.cli.traffic import traffic_options
from assetsync.errors import NoFileError
from assetsync.manifest.settings import given_store
from assetsync.model.labels import Filter
from assetsync.model.provenance import Provenance
from assetsync.plan.promotion import PromotionPlan
from assetsync.project.asset_store import AssetStore
from assetsync.project.locate import find_manifest
from assetsync.project.promote import Promotable, Promoting, PromotionResult, problems_of
from assetsync.render.promotion import promotion_json, promotion_markdown, promotion_text
from assetsync.render.units import plural
from assetsync.traffic import Traffic

EXIT_DIFFERENCE = 2


@command("promote")
@click.argument("specs", nargs=-1, metavar="[SPEC]...", shell_complete=assets)
@click.option(
    "--from",
    "source",
    metavar="STORE",
    shell_complete=stores,
    help="Where they are; by default, the store of assets.yaml.",
)
@click.option("--to", "target", metavar="STORE", required=True, shell_complete=stores, help="Where they are to be.")
@filter_options
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan, and ask and do nothing.")
@click.option("--detailed-exitcode", is_flag=True, help="With `--dry-run`: exit with 2 when there is something to do.")
@click.option("--format", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("--expect", metavar="FINGERPRINT", help="Go on only when the plan still has this fingerprint.")
@click.option("-y", "--yes", is_flag=True, help="Go on without asking.")
@click.option("--message", metavar="TEXT", help="Why: kept with each promoted version.")
@traffic_options
def promote_command(
    common: Common,
    traffic: Traffic,
    specs: tuple[str, ...],
    source: str | None,
    target: str,
    labels: Filter,
    dry_run: bool,
    detailed_exitcode: bool,
    format: str,
    expect: str | None,
    yes: bool,
    message: str | None,
) -> int:
    """Bring versions from one store to another, with the same numbers and contents: all that assets.lock names, or
    those of SPEC.

    SPEC is NAME for what is locked, or NAME:1.2, NAME:1 or NAME@ALIAS for a version of the store that they come from;
    NAME may be a pattern, such as 'nlp/*' or '*@staging'. A STORE is a name of `stores` in assets.yaml, or a URL.
    Outside of a project, both are URLs, and NAME is the newest version.

    Shows the plan and asks. Nothing is overwritten: another content under the same number is a conflict. Stores of the
    same service copy by themselves; otherwise the content is streamed through this machine.
    """
    check_fingerprint(expect)
    if detailed_exitcode and not dry_run:
        raise click.UsageError("`--detailed-exitcode` goes with `--dry-run`")
    console = Console(common)
    with _promotion(common, traffic, specs, source, target, labels) as (promoting, promotable, provenance):
        with console.progress() as reporter:
            plan = promoting.plan(promotable(), reporter)
        _show(console, plan, format, is_data=dry_run)
        if dry_run:
            error = problems_of(plan)
            return error.exit_code if error else EXIT_DIFFERENCE if detailed_exitcode and plan.changes else 0
        error = problems_of(plan)
        if error is not None:
            raise error
        plan.check_expected(expect)
        if not plan.changes:
            return 0
        console.confirm(f"Promote {plural(len(plan.changes), 'version')} to {plan.target.shown}?", yes=yes)
        with console.progress() as reporter:
            result = promoting.carry_out(plan, provenance=provenance(message), reporter=reporter)
    return _report(console, plan, result)


_Opened = tuple[Promoting, Callable[[], Sequence[Promotable]], Callable[[str | None], Provenance]]


@contextmanager
def _promotion(
    common: Common, traffic: Traffic, specs: Sequence[str], source: str | None, target: str, labels: Filter
) -> Iterator[_Opened]:
    """Promotion in the project, or without one."""
    if common.manifest is not None or _in_project(common):
        with load(common, traffic) as project, project.promoting(to=target, source=source) as promoting:
            yield promoting, lambda: project.promotable(specs, promoting.source, labels), project.provenance
        return
    if labels:
        raise click.UsageError("`--tag` and `--owner` go by assets.yaml, and there is none here")
    if not specs:
        raise click.UsageError("there is no assets.lock here: name the versions to promote")
    given = source or common.store
    if given is None and given_store(os.environ) is None:
        raise click.UsageError("there is no assets.yaml here: give `--from STORE`")
    opened = AssetStore(given, directory=common.directory or ".", traffic=traffic)
    with opened as store, store.promoting(to=target) as promoting:
        yield promoting, lambda: store.promotable(specs, promoting.source), store.provenance


def _in_project(common: Common) -> bool:
    try:
        find_manifest(common.directory or ".")
    except NoFileError:
        return False
    return True


def _show(console: Console, plan: PromotionPlan, format: str, *, is_data: bool) -> None:
    if format == "json":
        console.data(promotion_json(plan))
    elif format == "markdown":
        console.data(promotion_markdown(plan))
    elif is_data:
        console.data(promotion_text(plan, paint=console.paint(sys.stdout), verbose=console.verbose))
    else:
        text = promotion_text(plan, paint=console.paint(sys.stderr), verbose=console.verbose)
        console.say(text.rstrip("\n"))


def _report(console: Console, plan: PromotionPlan, result: PromotionResult) -> int:
    from assetsync.cli.failure import show

    for outcome in result.failed:
        if outcome.error is not None and outcome.error is not result.error:
            show(outcome.error, subject=f"{outcome.step}: ")
    if result.error is not None:
        raise result.error
    console.say(f"Done: {plural(len(result.done), 'version')} promoted to {plan.target.shown}.")
    return 0
