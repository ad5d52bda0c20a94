"""Options that every command understands, before and after its name; and the decorator that makes a command."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from itertools import pairwise
from typing import Any, NamedTuple

import click

from assetsync.cli.completing import files, folders, stores
from assetsync.errors import NoFileError
from assetsync.escape import printable


class Common(NamedTuple):
    """The options of every command. None or 0: not given."""

    directory: str | None = None
    manifest: str | None = None
    store: str | None = None
    quiet: bool | None = None
    verbose: int = 0
    progress: bool | None = None
    color: str | None = None

    def over(self, outer: Common) -> Common:
        """These options, and where one is not given, that of `outer`."""
        return outer._replace(**{name: value for name, value in self._asdict().items() if value not in (None, 0)})


class Session:
    """One run of the program.

    `common` are the options before the command's name. `wants_json`: `--format json` was given. `answered`: data went
    to stdout.
    """

    def __init__(self) -> None:
        self.common = Common()
        self.wants_json = False
        self.answered = False


def session() -> Session:
    """That of this run; a new one outside of any."""
    context = click.get_current_context(silent=True)
    return context.obj if context is not None and isinstance(context.obj, Session) else Session()


def common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `Common`, handed to the function as `common`."""

    @wraps(function)
    def collected(*args: Any, **kwargs: Any) -> Any:
        own = Common(**{name: kwargs.pop(name) for name in Common._fields})
        common = own.over(session().common)
        if not common.verbose:
            return function(*args, common=common, **kwargs)
        from assetsync.cli.console import Console
        from assetsync.cli.requests import requests_told

        with requests_told(Console(common).say, each=common.verbose > 1):
            return function(*args, common=common, **kwargs)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


_OPTIONS = [
    click.option("-C", "directory", metavar="DIR", shell_complete=folders, help="Work as if started in DIR."),
    click.option(
        "--manifest", metavar="FILE", shell_complete=files, help="Use FILE instead of the assets.yaml found upward."
    ),
    click.option(
        "--store",
        metavar="STORE",
        shell_complete=stores,
        help="Another store than the default: a name of `stores`, s3://…, gs://…, az://… or a directory.",
    ),
    click.option("-q", "--quiet", is_flag=True, default=None, help="Say nothing but errors and data."),
    click.option(
        "-v",
        "--verbose",
        count=True,
        help="Say more: every file, every unchanged asset, what was excluded, where settings come from, how many"
        " requests were made; -vv: each of them.",
    ),
    click.option("--progress/--no-progress", default=None, help="Progress bars; by default on a terminal."),
    click.option("--color", type=click.Choice(["auto", "always", "never"]), help="Colours; by default on a terminal."),
]


format_option = click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)

_COMMON_NAMES = frozenset(Common._fields)


def write_examples(name: str, formatter: click.HelpFormatter) -> None:
    """The examples of a command, for its help page. A line is not wrapped: it is to be copied."""
    from assetsync.cli.examples import EXAMPLES

    with formatter.section("Examples"):
        formatter.write("\n".join(f"  # {purpose}\n  {line}\n" for purpose, line in EXAMPLES[name]))


class _Command(click.Command):
    """A command whose help shows examples and its own options; those of every command, it only names."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Here and not when the option is parsed: a mistake elsewhere in the command line is answered in JSON as well.
        if any(parameter.name == "format" for parameter in self.params):
            session().wants_json = "--format=json" in args or ("--format", "json") in pairwise(args)
        ctx.allow_extra_args = True  # to say it ourselves
        try:
            extra = super().parse_args(ctx, list(args))
        except click.UsageError as error:
            from assetsync.cli.usage import as_typed

            raise as_typed(error, args, ctx) from None
        if extra and not ctx.resilient_parsing:
            from assetsync.cli.usage import too_many

            raise too_many(extra, ctx)
        return extra

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.name or "", formatter)
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        records = [option.get_help_record(ctx) for option in options if option.name not in _COMMON_NAMES]
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record is not None])
        common = ", ".join(_usage(option) for option in options if option.name in _COMMON_NAMES)
        formatter.write_paragraph()
        formatter.write_text(f"Options of every command, which `assetsync --help` explains: {common}.")


def _usage(option: click.Option) -> str:
    """How an option is given, in short: `-C DIR`."""
    return f"{option.opts[0]} {option.metavar}" if option.metavar else option.opts[0]


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command with the common options. Its function returns the exit code."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        made: click.Command = click.command(name, cls=_Command, **settings)(common_options(_in_directory(function)))
        return made

    return decorate


def _in_directory(function: Callable[..., int]) -> Callable[..., int]:
    """`function`, after a look at whether the directory of `-C` is there. NoFileError."""

    @wraps(function)
    def checked(*args: Any, common: Common, **kwargs: Any) -> int:
        directory = common.directory
        if directory is not None and not os.path.isdir(directory):
            problem = "is not a directory" if os.path.exists(directory) else "does not exist"
            raise NoFileError(f"the directory `{printable(directory)}` of `-C` {problem}")
        return function(*args, common=common, **kwargs)

    return checked
