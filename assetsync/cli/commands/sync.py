"""plan, apply, sync, pull and upgrade: one plan, shown, confirmed and carried out."""

from __future__ import annotations

import os
import re
import sys
import time
from functools import partial

import click
from msgspec import Struct
from msgspec.structs import replace

from assetsync.cli.commit import CommitOptions, Committing, commit_options
from assetsync.cli.completing import assets, files
from assetsync.cli.console import Console
from assetsync.cli.filters import filter_options
from assetsync.cli.options import Common, command
from assetsync.cli.stores import say_settings
from assetsync.cli.traffic import traffic_options
from assetsync.errors import AssetsyncError, ConflictError, UsageError
from assetsync.escape import printable
from assetsync.model.files import LOCK
from assetsync.model.labels import Filter
from assetsync.plan.plan import KIND, Action, Create, Plan, Pull, Update
from assetsync.plan.request import Purpose, Request
from assetsync.project.project import Project
from assetsync.project.result import Result, problems_error
from assetsync.render.plan_text import plan_text
from assetsync.render.units import duration, plural, size
from assetsync.traffic import UNLIMITED, Traffic

EXIT_DIFFERENCE = 2

names_argument = click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=assets)
yes_option = click.option("-y", "--yes", is_flag=True, help="Go on without asking.")
_of_assets = partial(click.option, multiple=True, metavar="NAME", shell_complete=assets)
bump_option = _of_assets("--bump-major", help="Publish NAME as the first version of the next major, once.")
supersede_option = _of_assets(
    "--supersede",
    help="Publish NAME on top of a version that someone else published, or with the content of an older one.",
)
discard_option = _of_assets("--discard-local", help="Give up what is at NAME's path for the store's version.")


def load(common: Common, traffic: Traffic = UNLIMITED) -> Project:
    """The project that the common options mean."""
    project = Project.load(common.directory or ".", manifest_file=common.manifest, store=common.store, traffic=traffic)
    say_settings(common, project.manifest.store)
    return project


@command("plan")
@names_argument
@filter_options
@click.option(
    "-o", "--output", metavar="FILE", shell_complete=files, help="Save the plan, for `assetsync apply --plan FILE`."
)
@click.option("--format", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to do.")
@click.option("--offline", is_flag=True, help="Compare with assets.lock alone; ask no store.")
@click.option("--summary", is_flag=True, help="Append the plan as markdown to $GITHUB_STEP_SUMMARY too.")
@bump_option
@supersede_option
@traffic_options
def plan_command(
    common: Common,
    traffic: Traffic,
    names: tuple[str, ...],
    labels: Filter,
    output: str | None,
    format: str,
    detailed_exitcode: bool,
    offline: bool,
    summary: bool,
    bump_major: tuple[str, ...],
    supersede: tuple[str, ...],
) -> int:
    """Show which assets would be created, updated, locked or pulled, at which versions and why.

    Compares the files here with assets.lock and with the store, for all assets or those called NAME. Only reads: no
    store, manifest or lock is written.
    """
    console = Console(common)
    request = Request(names, bump_major=frozenset(bump_major), supersede=frozenset(supersede))
    with load(common, traffic) as project:
        request = narrowed(project, request, labels)
        with console.progress() as reporter:
            plan = project.plan(request, offline=offline, reporter=reporter)
        if output is not None:
            project.save_plan(plan, output, request)
        if summary or format != "text":
            plan = project.compared(plan)
    if summary:
        _append_summary(plan)
    if format == "json":
        from assetsync.render.plan_json import plan_json

        console.data(plan_json(plan, files=console.verbose))
    elif format == "markdown":
        from assetsync.render.plan_markdown import plan_markdown

        console.data(plan_markdown(plan))
    else:
        console.data(plan_text(plan, paint=console.paint(sys.stdout), verbose=console.verbose))
    error = problems_error(plan.problems)
    if error is not None:
        return error.exit_code
    return EXIT_DIFFERENCE if detailed_exitcode and plan.changes else 0


@command("apply")
@names_argument
@filter_options
@click.option(
    "--plan",
    "plan_file",
    metavar="FILE",
    shell_complete=files,
    help="Do exactly what a saved plan says, or refuse; asks nothing.",
)
@click.option("--expect", metavar="FINGERPRINT", help="Go on only when the plan still has this fingerprint.")
@yes_option
@click.option("--message", metavar="TEXT", help="Why: kept with each published version.")
@bump_option
@supersede_option
@commit_options
@traffic_options
def apply_command(
    common: Common,
    traffic: Traffic,
    names: tuple[str, ...],
    labels: Filter,
    plan_file: str | None,
    expect: str | None,
    yes: bool,
    message: str | None,
    bump_major: tuple[str, ...],
    supersede: tuple[str, ...],
    commit: CommitOptions,
) -> int:
    """Publish new and changed assets, record them in assets.lock, and drop from it what assets.yaml no longer names.

    Shows the plan and asks. Never pulls: what is not here is left alone, so that a CI job needs no data.
    """
    check_fingerprint(expect)
    request = Request(names, bump_major=frozenset(bump_major), supersede=frozenset(supersede))
    console = Console(common)
    with load(common, traffic) as project:
        committing = Committing(project, commit) if commit.commit else None
        if plan_file is not None:
            if names or bump_major or supersede or labels:
                raise click.UsageError("a saved plan brings its names and options: give none beside `--plan`")
            with console.progress() as reporter:
                plan = project.load_plan(plan_file, reporter=reporter)
        else:
            request = narrowed(project, request, labels)
            with console.progress() as reporter:
                plan = project.plan(request, reporter=reporter)
        _check_expected(plan, expect)
        job = _Job(
            project=project,
            console=console,
            pulls=False,
            yes=yes or plan_file is not None,
            message=message,
            commit=committing,
        )
        return job.carry_out(plan)


@command("sync")
@names_argument
@filter_options
@yes_option
@click.option("--message", metavar="TEXT", help="Why: kept with each published version.")
@bump_option
@supersede_option
@discard_option
@commit_options
@traffic_options
def sync_command(
    common: Common,
    traffic: Traffic,
    names: tuple[str, ...],
    labels: Filter,
    yes: bool,
    message: str | None,
    bump_major: tuple[str, ...],
    supersede: tuple[str, ...],
    discard_local: tuple[str, ...],
    commit: CommitOptions,
) -> int:
    """Publish what changed here, pull what is missing here, and save assets.lock: one plan, one question.

    A fresh clone and `assetsync sync` give exactly the files that assets.lock names.
    """
    request = Request(
        names,
        bump_major=frozenset(bump_major),
        supersede=frozenset(supersede),
        discard_local=frozenset(discard_local),
    )
    return _work(common, traffic, request, labels, yes=yes, message=message, commit=commit)


@command("pull")
@names_argument
@filter_options
@yes_option
@discard_option
@traffic_options
def pull_command(
    common: Common, traffic: Traffic, names: tuple[str, ...], labels: Filter, yes: bool, discard_local: tuple[str, ...]
) -> int:
    """Make local paths exactly what assets.lock says. Publishes nothing.

    Downloads only files that differ, and refuses to lose content that the lock did not put there. It asks only before
    local content is given up.
    """
    request = Request(names, Purpose.PULL, discard_local=frozenset(discard_local))
    return _work(common, traffic, request, labels, yes=yes or not discard_local)


@command("upgrade")
@names_argument
@filter_options
@yes_option
@discard_option
@traffic_options
def upgrade_command(
    common: Common, traffic: Traffic, names: tuple[str, ...], labels: Filter, yes: bool, discard_local: tuple[str, ...]
) -> int:
    """Move assets.lock to the newest version of each asset's line, and pull. Publishes nothing."""
    request = Request(names, Purpose.UPGRADE, discard_local=frozenset(discard_local))
    return _work(common, traffic, request, labels, yes=yes)


def _work(
    common: Common,
    traffic: Traffic,
    request: Request,
    labels: Filter,
    *,
    yes: bool,
    message: str | None = None,
    commit: CommitOptions | None = None,
) -> int:
    console = Console(common)
    with load(common, traffic) as project:
        committing = Committing(project, commit) if commit is not None and commit.commit else None
        request = narrowed(project, request, labels)
        with console.progress() as reporter:
            plan = project.plan(request, reporter=reporter)
        return _Job(
            project=project, console=console, pulls=True, yes=yes, message=message, commit=committing
        ).carry_out(plan)


def narrowed(project: Project, request: Request, labels: Filter) -> Request:
    """`request`, about the assets alone that `labels` keeps. A saved plan has their names, not the labels."""
    return replace(request, names=project.select(request.names, labels)) if labels else request


def _append_summary(plan: Plan) -> None:
    from assetsync.render.plan_markdown import plan_markdown

    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        raise UsageError("`--summary` needs $GITHUB_STEP_SUMMARY, which GitHub Actions sets", hint="leave it out here")
    with open(path, "a", encoding="utf-8") as file:
        file.write(plan_markdown(plan) + "\n")


def check_fingerprint(text: str | None) -> None:
    """UsageError when the text is not a fingerprint."""
    if text is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise click.UsageError(
            f"`--expect {printable(text)}`: a fingerprint is `sha256:` and 64 hex digits, as `assetsync plan` shows it"
        )


def _check_expected(plan: Plan, expected: str | None) -> None:
    if expected is not None and expected != plan.fingerprint:
        raise ConflictError(
            f"the plan is not the expected one: its fingerprint is {plan.fingerprint}, expected was {expected}",
            hint="look at `assetsync plan`, and approve that",
        )


class _Job(Struct, frozen=True, kw_only=True):
    """A plan shown, confirmed, carried out and committed."""

    project: Project
    console: Console
    pulls: bool
    yes: bool
    message: str | None
    commit: Committing | None

    def carry_out(self, plan: Plan) -> int:
        console = self.console
        kept = plan.actions if self.pulls else tuple(a for a in plan.actions if not isinstance(a, Pull))
        shown = replace(plan, actions=kept)
        if kept or plan.problems or not plan.actions:
            console.say(plan_text(shown, paint=console.paint(sys.stderr), verbose=console.verbose).rstrip("\n"))
        if not self.pulls and plan.pulls:
            console.say(f"{plural(len(plan.pulls), 'asset')} to pull, which apply leaves alone: `assetsync pull`.")
        error = problems_error(plan.problems)
        if error is not None:
            raise error
        if not (plan.changes if self.pulls else plan.publishes):
            if self.commit is not None:
                self.commit.finish(console)
            return 0
        console.confirm(_question(shown), yes=self.yes)
        todo = plan.changes if self.pulls else plan.publishes
        began = time.monotonic()
        with console.progress([action.asset for action in todo], sum(map(_work_of, todo))) as reporter:
            result = self.project.apply(plan, pulls=self.pulls, message=self.message, reporter=reporter)
        return self._report(result, time.monotonic() - began)

    def _report(self, result: Result, seconds: float) -> int:
        from assetsync.cli.failure import show

        for outcome in result.failed:
            if outcome.error is not None and outcome.error is not result.error:
                show(outcome.error, subject=f"{outcome.action.asset}: ")
        error = result.error
        if error is None and self.commit is None:
            self.console.say(f"{_done(result, seconds)}{self._to_commit(result)}")
            return 0
        if result.done:
            self.console.say(_done(result, seconds))
        if self.commit is not None and result.done:
            try:
                self.commit.finish(self.console, result)
            except AssetsyncError as unfinished:
                if error is None:
                    raise
                show(unfinished)
        if error is not None:
            raise error
        return 0

    def _to_commit(self, result: Result) -> str:
        if not result.changed_lock:
            return ""
        if any(outcome.entry for outcome in result.done) and self.project.ignores_lock():
            return f" assets.lock changed, and git ignores it: add `!{LOCK}` to .gitignore, and commit it."
        return " assets.lock changed: commit it."


def _work_of(action: Action) -> int:
    """The bytes of an action that a reporter hears of."""
    content = action.content if isinstance(action, Create | Update) else None
    return content.size if content is not None else action.transfer.download


_DONE = {"create": "published", "update": "published", "lock": "locked", "pull": "pulled", "forget": "forgotten"}


def _done(result: Result, seconds: float) -> str:
    """How much was done, in which time, and the bytes that it took."""
    actions = [outcome.action for outcome in result.done]
    kinds = [_DONE[KIND[type(action)]] for action in actions]
    counts = ", ".join(f"{kinds.count(kind):,} {kind}" for kind in dict.fromkeys(kinds))
    sent = sum(action.transfer.upload for action in actions)
    received = sum(action.transfer.download for action in actions)
    moved = ", ".join(f"{size(count)} {word}" for count, word in ((sent, "sent"), (received, "received")) if count)
    return f"Done: {counts} in {duration(seconds)}{f' ({moved})' if moved else ''}."


def _question(plan: Plan) -> str:
    parts = []
    publishing = plan.count("create") + plan.count("update")
    if publishing:
        parts.append(f"publish {plural(publishing, 'asset')} to {plan.store}")
    if plan.pulls:
        parts.append(f"pull {plural(len(plan.pulls), 'asset')}")
    if plan.count("lock") or plan.count("forget"):
        parts.append("update assets.lock")
    text = ", ".join(parts)
    return text[:1].upper() + text[1:] + "?"
