"""--commit and --push: what apply and sync do after the store has everything."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import click
from msgspec import Struct

from assetsync.cli.console import Console
from assetsync.errors import AssetsyncError, PartialError
from assetsync.escape import printable
from assetsync.project.project import Project
from assetsync.project.result import Result


class CommitOptions(Struct, frozen=True):
    """Whether to commit and push, and the first line of the message."""

    commit: bool
    push: bool
    subject: str | None


def commit_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `CommitOptions`, handed to the function as `commit`."""

    @wraps(function)
    def collected(*args: Any, commit: bool, push: bool, subject: str | None, **kwargs: Any) -> Any:
        if subject is not None and not (commit or push):
            raise click.UsageError(
                "`-m` is the message of a commit: give it with `--commit`\n"
                "hint: `--message TEXT` is kept with the versions themselves"
            )
        return function(*args, commit=CommitOptions(commit or push, push, subject), **kwargs)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


_OPTIONS = [
    click.option("--commit", is_flag=True, help="Commit assets.lock to git, and nothing else."),
    click.option("--push", is_flag=True, help="Commit it and push the branch."),
    click.option("-m", "subject", metavar="MSG", help="First line of the commit's message, instead of the versions."),
]


class Committing:
    """A commit to come. Made before anything is published, so that what would be in its way is told then."""

    def __init__(self, project: Project, options: CommitOptions) -> None:
        self._project = project
        self._options = options
        # Imported here, because few runs commit.
        from assetsync.git.commit import Checkout

        self._checkout = Checkout.open(project.manifest_file, project.lock_file, environ=os.environ)
        if options.push:
            self._checkout.target()

    def finish(self, console: Console, result: Result | None = None) -> None:
        """Commit what `result` led to, or what an earlier run left, and push. PartialError where only some is done."""
        done = ["published"] if result is not None and result.published else []
        step = "committed"
        try:
            commit = self._commit(result)
            if commit is not None:
                done.append(f"committed as {commit[:10]}")
                console.say(f"Committed {commit[:10]}: {self._named()}.")
            step = "pushed"
            self._push(console)
        except AssetsyncError as error:
            if not done:
                raise
            raise PartialError(f"{' and '.join(done)}, but not {step}: {error.message}", hint=error.hint) from error

    def _commit(self, result: Result | None) -> str | None:
        lines = result.lines if result is not None else {}
        return self._checkout.commit(
            subject=self._options.subject,
            published=result.published if result is not None else (),
            rewrite=partial(self._project.with_lines, lines=lines) if lines else None,
        )

    def _named(self) -> str:
        if self._checkout.is_dirty():
            return "assets.lock; assets.yaml has changes that are not committed"
        return f"assets.lock on `{printable(self._checkout.branch)}`"

    def _push(self, console: Console) -> None:
        if not self._options.push:
            return
        pushed = self._checkout.push()
        if pushed is None:
            console.say("Nothing to commit or push.")
            return
        console.say(f"Pushed {pushed.commit[:10]} to `{printable(pushed.branch)}` on `{printable(pushed.remote)}`.")
        if not pushed.followed:
            console.say(
                "The branch had moved there. The one here could not follow, because of changes that are not committed: "
                "commit them, then run `git pull --rebase`."
            )
