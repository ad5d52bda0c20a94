"""new, update and fetch: what `modelkit assets` does, in any directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from assetsync.cli.completing import assets, files, folders
from assetsync.cli.console import Console
from assetsync.cli.failure import show
from assetsync.cli.options import Common, command
from assetsync.cli.stores import STORE_HELP, open_store, prefix_option
from assetsync.cli.traffic import traffic_options
from assetsync.cli.usage import check_there
from assetsync.errors import UsageError
from assetsync.escape import printable
from assetsync.manifest.settings import max_files as configured_max_files
from assetsync.model.history import History
from assetsync.model.marks import alias_in
from assetsync.model.names import parse_spec
from assetsync.model.versioning import Lines, is_valid
from assetsync.plan.guards import many_files
from assetsync.plan.plan import Action, Create, Keep, Plan, Update
from assetsync.progress import Reporter
from assetsync.project.asset_store import AssetStore
from assetsync.render.history import lines_text
from assetsync.render.plan_text import plan_text
from assetsync.traffic import Traffic

URL_HELP = (
    "PATH is a file, a directory, or the s3://, gs:// or az:// URL of an object or a prefix. Objects at a URL are"
    " downloaded once, to learn what they are (also for `--dry-run`), and published from there. The store copies them"
    " instead, without a download, where they lie in its own bucket and each has a SHA-256 kept with it, as those have"
    " that assetsync wrote."
)

# Seconds that a reader who gets one object after the other waits for each.
_SECONDS_EACH = 0.05


def _publishing(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of both commands that publish."""
    options = (
        click.option("-n", "--dry-run", is_flag=True, help="Show the plan; ask nothing, publish nothing."),
        click.option("-y", "--yes", is_flag=True, help="Go on without asking."),
        click.option("--message", metavar="TEXT", help="Why: kept with the version."),
        click.option(
            "--max-files",
            type=click.IntRange(min=0),
            metavar="N",
            help="Ask once more above N files; ASSETSYNC_MAX_FILES, the `max_files` of assets.yaml, or 50.",
        ),
        prefix_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


@command(
    "new",
    epilog=STORE_HELP,
    help=f"Publish PATH as the first version of the new asset NAME, after showing the plan and asking.\n\n{URL_HELP}"
    "\n\n`NAME:1` begins with 1.0 instead of 0.0. Prints the spec of what was published.",
)
@click.argument("path", shell_complete=files)
@click.argument("name", metavar="NAME[:MAJOR]", shell_complete=assets)
@_publishing
@traffic_options
def new_command(
    common: Common,
    traffic: Traffic,
    path: str,
    name: str,
    dry_run: bool,
    yes: bool,
    message: str | None,
    max_files: int | None,
    storage_prefix: str | None,
) -> int:
    """Publish PATH as the first version of the new asset NAME; its help is assembled from the options above."""
    check_there("new", path, name, common.directory or ".")
    asset, line = _split(name)

    def plan(store: AssetStore, reporter: Reporter) -> Plan:
        return store.plan_new(path, name=asset, version=_checked_line(store, line), reporter=reporter)

    with open_store(common, storage_prefix, traffic) as store:
        return _run(Console(common), store, plan, dry_run=dry_run, yes=yes, message=message, max_files=max_files)


@command(
    "update",
    epilog=STORE_HELP,
    help="Publish PATH as the next version of the asset NAME, after showing its versions and the plan, and asking."
    f"\n\n{URL_HELP}\n\nThe next version is the next minor of the newest line: with 0.1 and 1.1 it is 1.2, `NAME:0`"
    " makes it 0.2, and `--bump-major` 2.0. Dated versions are the current UTC time. Content that the newest version"
    " has already is not published again. Prints the spec of the version that has the content then.",
)
@click.argument("path", shell_complete=files)
@click.argument("name", metavar="NAME[:MAJOR]", shell_complete=assets)
@click.option("--bump-major", is_flag=True, help="Open the next major line.")
@click.option("--force-new-version", is_flag=True, help="Publish although the content is unchanged.")
@_publishing
@traffic_options
def update_command(
    common: Common,
    traffic: Traffic,
    path: str,
    name: str,
    bump_major: bool,
    force_new_version: bool,
    dry_run: bool,
    yes: bool,
    message: str | None,
    max_files: int | None,
    storage_prefix: str | None,
) -> int:
    """Publish PATH as the next version of the asset NAME; its help is assembled from the options above."""
    check_there("update", path, name, common.directory or ".")
    asset, line = _split(name)

    def plan(store: AssetStore, reporter: Reporter) -> Plan:
        return store.plan_update(
            path,
            name=asset,
            version=_checked_line(store, line),
            bump_major=bump_major,
            force=force_new_version,
            reporter=reporter,
        )

    with open_store(common, storage_prefix, traffic) as store:
        return _run(Console(common), store, plan, dry_run=dry_run, yes=yes, message=message, max_files=max_files)


@command("fetch", epilog=STORE_HELP)
@click.argument("specs", metavar="SPEC...", nargs=-1, shell_complete=assets)
@click.option("--locked", is_flag=True, help="What assets.lock names; SPECs are names then, and none means all.")
@click.option(
    "--assets-dir",
    metavar="DIR",
    shell_complete=folders,
    help="Where to put it, as DIR/NAME/VERSION; else ASSETSYNC_ASSETS_DIR or MODELKIT_ASSETS_DIR.",
)
@click.option("--force", is_flag=True, help="Compare what is there with the store, and get what differs.")
@prefix_option
@traffic_options
def fetch_command(
    common: Common,
    traffic: Traffic,
    specs: tuple[str, ...],
    locked: bool,
    assets_dir: str | None,
    force: bool,
    storage_prefix: str | None,
) -> int:
    """Get versions into an assets directory, and print their paths there, alone on stdout, a line each.

    SPEC is NAME for the newest version, NAME:1 for the newest of line 1, NAME:1.2, NAME@ALIAS, or NAME:1.2[part] for a
    file or a folder of it; NAME may be a pattern, such as 'nlp/*' or '*@production'. A version that is there completely
    is not fetched again. modelkit finds there what was fetched. When some fail, the others are fetched all the same,
    and the exit code is 4.
    """
    if not specs and not locked:
        raise click.UsageError(
            "`fetch` needs SPEC\nhint: name what to fetch, such as `nlp/tokenizer:1.2`, or give `--locked`"
        )
    console = Console(common)
    with open_store(common, storage_prefix, traffic) as store, console.progress() as reporter:
        get = store.fetch_locked if locked else store.fetch_all
        result = get(specs, assets_dir=assets_dir, force=force, reporter=reporter)
    console.data("".join(f"{path}\n" for path in result.paths))
    if len(result.outcomes) > 1:
        for outcome in result.failed:
            if outcome.error is not None:
                show(outcome.error, subject=f"{outcome.spec}: ")
    if result.error is not None:
        raise result.error
    return 0


def _split(name: str) -> tuple[str, str | None]:
    """`NAME[:MAJOR]`. UsageError, InvalidError."""
    spec = parse_spec(name)
    if spec.part is not None:
        raise click.UsageError(f"whole assets are published: leave `[{printable(spec.part)}]` out")
    if alias_in(spec.version) is not None:
        raise click.UsageError(f"an alias is moved by `assetsync alias`: leave `{spec.version}` out")
    return spec.name, spec.version


def _checked_line(store: AssetStore, line: str | None) -> str | None:
    """`line` itself. UsageError for a complete version: a typed number would be a gap, or a race that is lost."""
    if line is not None and is_valid(store.versioning, line):
        lines = isinstance(store.versioning, Lines)
        raise UsageError(
            f"`{line}` is a complete version; the next one is chosen{' by its line' if lines else ''}",
            hint=f"name a line, such as `{line.partition('.')[0]}`" if lines else "leave it out",
        )
    return line


def _run(
    console: Console,
    store: AssetStore,
    make_plan: Callable[[AssetStore, Reporter], Plan],
    *,
    dry_run: bool,
    yes: bool,
    message: str | None,
    max_files: int | None,
) -> int:
    limit = configured_max_files(os.environ, store.guards.max_files) if max_files is None else max_files
    with console.progress() as reporter:
        plan = make_plan(store, reporter)
    _show(console, store, plan, to_stdout=dry_run)
    for problem in plan.problems:
        raise problem.error()
    (action,) = plan.actions
    files = action.local.tree.content.files if isinstance(action, Create | Update) else 0
    if files > limit:
        console.say(_slow_to_fetch(action.asset, files))
    if dry_run:
        return 0
    if not isinstance(action, Keep):
        console.confirm(_question(store, action), yes=yes)
        if files > limit:
            console.confirm("So many files all the same?", yes=yes)
    with console.progress() as reporter:
        version = store.publish(plan, message=message, reporter=reporter)
    if isinstance(action, Keep):
        console.say("`--force-new-version` publishes it all the same.")
    console.data(f"{action.asset}:{version}\n")
    return 0


def _show(console: Console, store: AssetStore, plan: Plan, *, to_stdout: bool) -> None:
    stream = sys.stdout if to_stdout else sys.stderr
    # An unchanged asset is the one that was asked about, so it is shown.
    verbose = console.verbose or not plan.changes
    text = plan_text(plan, paint=console.paint(stream), verbose=verbose, fingerprint=False)
    for name, seen in plan.basis.assets.items():
        if seen.remote:
            head, _, rest = text.partition("\n\n")
            text = f"{head}\n\n{lines_text(name, History(store.versioning, seen.remote))}\n{rest}"
    if to_stdout:
        console.data(text)
    else:
        console.say(text.rstrip("\n"))


def _slow_to_fetch(asset: str, files: int) -> str:
    return (
        f"{many_files(asset, files)}. modelkit fetches one object at a time: at"
        f" {_SECONDS_EACH * 1000:.0f} ms each, its readers wait {max(1, round(files * _SECONDS_EACH))} s."
        " One archive of them, such as a tar file, is one object."
    )


def _question(store: AssetStore, action: Action) -> str:
    bump = f", after `{action.base}`," if action.base else ""
    return f"Publish `{action.asset}:{action.to}`{bump} to {printable(store.url)}?"
