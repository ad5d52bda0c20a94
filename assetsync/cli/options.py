"""Options that every command understands, before and after its name; and the decorator that makes a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Common:
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
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(outer, **{name: value for name, value in given.items() if value not in (None, 0)})


def common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `Common`, handed to the function as `common`."""

    @wraps(function)
    def collected(*args: Any, **kwargs: Any) -> Any:
        own = Common(**{field.name: kwargs.pop(field.name) for field in fields(Common)})
        outer = click.get_current_context().obj
        return function(*args, common=own.over(outer) if isinstance(outer, Common) else own, **kwargs)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


_OPTIONS = [
    click.option("-C", "directory", metavar="DIR", help="Work as if started in DIR."),
    click.option("--manifest", metavar="FILE", help="Use FILE instead of the assets.yaml found upward."),
    click.option(
        "--store", metavar="URL", help="s3://…, gs://…, az://… or a directory, instead of the configured one."
    ),
    click.option("-q", "--quiet", is_flag=True, default=None, help="Say nothing but errors and data."),
    click.option("-v", "--verbose", count=True, help="Say more: every file, every unchanged asset."),
    click.option("--progress/--no-progress", default=None, help="Progress bars; by default on a terminal."),
    click.option("--color", type=click.Choice(["auto", "always", "never"]), help="Colours; by default on a terminal."),
]


_COMMON_NAMES = frozenset(field.name for field in fields(Common))


class _Command(click.Command):
    """A command whose help shows its own options first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                (common if parameter.name in _COMMON_NAMES else own).append(record)
        with formatter.section("Options"):
            formatter.write_dl(own)
        with formatter.section("Options of every command"):
            formatter.write_dl(common)


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command with the common options. Its function returns the exit code."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        made: click.Command = click.command(name, cls=_Command, **settings)(common_options(function))
        return made

    return decorate
