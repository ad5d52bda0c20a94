"""Wrong usage, as a person is told of it: the thing that is wrong, and what to type instead.

People come from git, DVC and Terraform, and type what those would take.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

import click

from assetsync.cli.examples import EXAMPLES
from assetsync.errors import ContentError
from assetsync.escape import printable
from assetsync.suggest import did_you_mean

# What other tools call it -> the line to type here, and what that does.
_COMMANDS_HERE = {
    "push": ("apply", "publishes what changed here"),
    "upload": ("apply", "publishes what changed here"),
    "publish": ("apply", "publishes what changed here"),
    "deploy": ("apply", "publishes what changed here"),
    "commit": ("apply --commit", "publishes what changed here, and commits assets.lock"),
    "bump": ("apply --bump-major NAME", "opens the next major line of an asset"),
    "download": ("pull", "gets what assets.lock names"),
    "checkout": ("pull", "gets what assets.lock names"),
    "restore": ("pull", "gets what assets.lock names"),
    "install": ("sync", "gets what assets.lock names, and publishes what changed here"),
    "get": ("fetch SPEC", "gets a version into an assets directory"),
    "clone": ("adopt", "makes a project of a store"),
    "import": ("adopt", "makes a project of a store"),
    "track": ("add PATH", "adds an asset to assets.yaml"),
    "rm": ("remove NAME", "takes an asset out of assets.yaml"),
    "delete": ("remove NAME", "takes an asset out of assets.yaml; a published version is never deleted"),
    "destroy": ("remove NAME", "takes an asset out of assets.yaml; a published version is never deleted"),
    "ls": ("list", "shows the assets and versions in the store"),
    "search": ("list PATTERN", "shows the assets and versions in the store"),
    "history": ("log NAME", "shows the versions of an asset"),
    "versions": ("log NAME", "shows the versions of an asset"),
    "info": ("show NAME", "shows all that is known of a version"),
    "validate": ("check", "says whether assets.lock is right"),
    "fsck": ("verify", "says whether every object of a version is there and right"),
    "repair": ("doctor --repair", "mends a store, after asking"),
    "version": ("--version", "shows the version of assetsync"),
    "help": ("--help", "lists the commands"),
}

# What other tools call it -> options here, of which a command has at most one.
_OPTIONS_HERE = {
    "--force": ("--supersede", "--discard-local", "--force-new-version"),
    "-f": ("--supersede", "--discard-local", "--force-new-version"),
    "--auto-approve": ("--yes",),
    "--assume-yes": ("--yes",),
    "--no-input": ("--yes",),
    "--json": ("--format",),
    "--out": ("--output",),
    "--major": ("--bump-major",),
    "--concurrency": ("--jobs",),
    "--bwlimit": ("--limit-rate",),
    "--target": (),
}
# Options that are commands here, or arguments.
_LINES_HERE = {
    "--dry-run": "`assetsync plan` shows what would be done, and does none of it",
    "--target": "name assets behind the command: `assetsync {command} NAME`",
    "--download": "leave it out: what is not here is got, and `--force` compares what is here with the store",
    "--force": "nothing published is ever replaced",
}
# An argument as an option stands for it in a usage line of click: `'FOO'`.
_QUOTED = re.compile(r"'([^']*)'")


def explained(error: click.ClickException) -> tuple[str, str | None]:
    """An error of the command line as a message and a hint."""
    message, _, hint = error.format_message().partition("\nhint: ")
    context = error.ctx if isinstance(error, click.UsageError) else None
    match error:
        case click.NoSuchOption():
            return f"no such option `{printable(error.option_name)}`", _option_hint(error.option_name, context)
        case click.MissingParameter() if error.param is not None and context is not None:
            missing = error.param.make_metavar(context).strip("[].")
            return f"`{context.info_name}` needs {missing}", _example(context)
        case click.BadOptionUsage():
            return _ours(message), _option_use(error.option_name, context)
        case click.BadParameter() if error.param is not None:
            return f"`{error.param.opts[0]}`: {_ours(error.message)}", hint or None
        case _:
            return message, hint or None


def no_such_command(name: str, known: Sequence[str], context: click.Context) -> click.UsageError:
    """The error for a command that does not exist; it names the one that was meant, as far as that can be told."""
    here = _COMMANDS_HERE.get(name)
    if here is not None:
        hint = f"`assetsync {here[0]}` {here[1]}"
    else:
        hint = did_you_mean(name, known, prefix="assetsync ") or "`assetsync --help` lists the commands"
    return click.UsageError(f"no such command `{printable(name)}`\nhint: {hint}", context)


def too_many(extra: Sequence[str], context: click.Context) -> click.UsageError:
    """The error for arguments that a command has no use for."""
    shown = ", ".join(f"`{printable(text)}`" for text in extra)
    return click.UsageError(f"`{context.info_name}` has no use for {shown}\nhint: {_example(context)}", context)


def as_typed(error: click.UsageError, args: Iterable[str], context: click.Context) -> click.UsageError:
    """`error` of a command, with the option as it was typed: click takes `-yes` for `-y -e -s`, and knows no `-e`."""
    error.ctx = error.ctx or context
    if not isinstance(error, click.NoSuchOption) or error.option_name.startswith("--"):
        return error
    letter = error.option_name[1:]
    typed = next((text for text in args if re.match(r"-[^-]", text) and letter in text), error.option_name)
    return click.NoSuchOption(typed, ctx=error.ctx)


def check_there(command: str, path: str, name: str | None, directory: str, hint: str | None = None) -> None:
    """ContentError when there is nothing at PATH, with a path that is near to it, or else `hint`.

    UsageError when PATH and NAME were given the other way round: NAME is one that is there.
    """
    place = os.path.join(directory, path)
    if "://" in path or os.path.lexists(place):
        return
    if name is not None and os.path.lexists(os.path.join(directory, name)):
        raise click.UsageError(
            f"`{printable(path)}` does not exist, and `{printable(name)}` does: the path comes before the name\n"
            f"hint: `assetsync {command} {printable(name)} {printable(path)}`"
        )
    raise ContentError(f"`{printable(path)}` does not exist", hint=_near(place, path) or hint)


def _near(place: str, given: str) -> str | None:
    folder, last = os.path.split(os.path.normpath(place))
    try:
        there = os.listdir(folder)
    except OSError:
        return None
    return did_you_mean(last, there, prefix=os.path.join(os.path.dirname(os.path.normpath(given)), ""))


def _option_hint(name: str, context: click.Context | None) -> str | None:
    if context is None:
        return None
    options = {text: one for one in context.command.params if isinstance(one, click.Option) for text in one.opts}
    for here in (*_OPTIONS_HERE.get(name, ()), f"-{name}"):
        if here in options:
            return _told(here, options[here])
    line = _LINES_HERE.get(name)
    if line is not None:
        return line.format(command=context.info_name)
    page = f"assetsync {context.info_name}" if context.parent is not None else "assetsync"
    return did_you_mean(name, options) or f"`{page} --help` lists the options"


def _told(name: str, option: click.Option) -> str:
    """`--supersede NAME`: what it does, as the help page says."""
    if isinstance(option.type, click.Choice):
        return f"`{name} {'|'.join(map(str, option.type.choices))}`"
    use = f"`{name} {option.metavar}`" if option.metavar else f"`{name}`"
    return f"{use}: {option.help.rstrip('.')}" if option.help else use


def _option_use(name: str, context: click.Context | None) -> str | None:
    if context is None:
        return None
    found = [one for one in context.command.params if isinstance(one, click.Option) and name in one.opts]
    return _told(name, found[0]) if found else None


def _example(context: click.Context) -> str:
    lines = EXAMPLES.get(context.info_name or "", ())
    return f"such as `{lines[0][1]}`" if lines else f"`assetsync {context.info_name} --help` says more"


def _ours(message: str) -> str:
    """A message of click's, in our quotes and without a period."""
    text = _QUOTED.sub(r"`\1`", message).rstrip(".")
    return text[:1].lower() + text[1:]
