"""The program `assetsync`: its commands, loaded when they are called for, and the one error handler."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from assetsync import __version__
from assetsync.cli.options import Common, Session, common_options, session, write_examples
from assetsync.cli.output import echo
from assetsync.errors import AssetsyncError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

EXIT_USAGE = 64
EXIT_INTERRUPTED = 130
# New objects after which Python looks for cycles among them. By itself it looks every 700, which takes a twentieth of
# the time of a transfer, for little: what a command makes lives until it ends, or goes without being looked for.
OBJECTS_A_CYCLE = 100_000
_INTERRUPTED = "interrupted; nothing is lost: the same command goes on where this one stopped"

# Name -> module and one line of help, so that `--help` and `--version` import no command.
_COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Every day": {
        "status": ("status", "Where every asset stands: here, in assets.lock, in the store."),
        "plan": ("sync", "Show what sync and apply would do; write nothing."),
        "apply": ("sync", "Publish what changed and save assets.lock."),
        "sync": ("sync", "Both directions: publish what changed, get what is missing."),
        "pull": ("sync", "Make local paths what assets.lock says."),
        "upgrade": ("sync", "Move assets.lock to the newest versions, and pull them."),
        "check": ("check", "Is assets.lock right? Offline; for hooks and CI."),
    },
    "assets.yaml": {
        "init": ("edit", "Write a commented assets.yaml."),
        "add": ("edit", "Add assets to assets.yaml."),
        "adopt": ("adopt", "Make a project of a store: find what is here of it."),
        "remove": ("edit", "Take an asset out of assets.yaml."),
        "lock": ("lock", "Resolve merge conflicts in assets.lock."),
    },
    "From dev to production": {
        "promote": ("promote", "Bring versions from one store to another."),
        "alias": ("alias", "Name a version, such as `production`; show and undo moves."),
        "yank": ("yank", "Mark a version as bad: nothing resolves to it any more."),
    },
    "Looking into a store": {
        "list": ("browse", "Assets and versions in the store, beside what is locked."),
        "log": ("browse", "The versions of an asset: when, who, from which commit."),
        "show": ("browse", "All that is known of one version, or a saved plan."),
        "diff": ("browse", "What differs between two versions, or a version and a path."),
        "verify": ("health", "Is every object of a version there and right?"),
        "doctor": ("health", "Find what is wrong with a store, and mend it."),
    },
    "Without assets.yaml": {
        "new": ("direct", "Publish a path as a new asset."),
        "update": ("direct", "Publish a path as the next version of an asset."),
        "fetch": ("direct", "Get versions, or a part of one, and print their paths."),
    },
    "For your shell": {
        "completion": ("completion", "Let bash, zsh or fish complete commands, options and names."),
    },
}


class _Commands(click.Group):
    """A group that imports the module of a command when the command is called for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for commands in _COMMANDS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for commands in _COMMANDS.values():
            if cmd_name in commands:
                module = import_module(f"assetsync.cli.commands.{commands[cmd_name][0]}")
                command: click.Command = getattr(module, f"{cmd_name}_command")
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from assetsync.cli.usage import no_such_command

            raise no_such_command(args[0], self.list_commands(ctx), ctx) from error

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As click's own, without importing the modules of the commands."""
        from click.shell_completion import CompletionItem

        named = [
            CompletionItem(name, help=text)
            for commands in _COMMANDS.values()
            for name, (_, text) in commands.items()
            if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples("assetsync", formatter)
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in _COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()])


@click.group(
    cls=_Commands,
    invoke_without_command=True,  # to show the help, and not a lack of COMMAND
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done, 1 error, 2 difference, 3 conflict, 4 partly applied, 64 wrong usage, 130 interrupted.",
)
@click.version_option(__version__, prog_name="assetsync", message="%(prog)s %(version)s")
@common_options
@click.pass_context
def cli(ctx: click.Context, common: Common) -> int:
    """Immutable, versioned assets beside a git repo: models, tokenizers and data in S3, GCS, Azure or a directory.

    assets.yaml says which path is which asset; `assetsync plan` shows what would be published, `assetsync apply` does
    it, and assets.lock, committed, records the versions.
    """
    session().common = common
    if ctx.invoked_subcommand is not None:
        return 0
    echo(ctx.get_help(), err=True)
    return EXIT_USAGE


def main(argv: list[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    gc.set_threshold(OBJECTS_A_CYCLE)
    # CI systems cancel with SIGTERM: leave things as ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Python would look for garbage among all that is left when it ends: a sixth of the time of a short command.
    atexit.register(gc.freeze)
    sys.exit(_run(argv))


def _run(argv: list[str] | None) -> int:
    session = Session()
    try:
        code: Any = cli.main(argv, prog_name="assetsync", standalone_mode=False, obj=session)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        return _usage(error, session)
    except (KeyboardInterrupt, click.Abort):
        _leave_interrupted(session)
    except BrokenPipeError:
        # The reader of our output has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _failed(error, session)


def _failed(error: Exception, session: Session) -> int:
    from assetsync.cli.failure import report
    from assetsync.render.document import error_code

    exit_code = report(error)
    if isinstance(error, AssetsyncError):
        _answer(session, error_code(type(error)), error.message, error.hint, exit_code)
    else:
        _answer(session, "system" if isinstance(error, OSError) else "unexpected", str(error), None, exit_code)
    return exit_code


def _usage(error: click.ClickException, session: Session) -> int:
    from assetsync.cli.failure import show
    from assetsync.cli.usage import explained

    message, hint = explained(error)
    context = getattr(error, "ctx", None)
    if context is not None:
        echo(context.get_usage(), err=True)
    show(UsageError(message, hint=hint))
    _answer(session, "usage", message, hint, EXIT_USAGE)
    return EXIT_USAGE


def _leave_interrupted(session: Session) -> NoReturn:
    echo(f"\n{_INTERRUPTED}", err=True)
    _answer(session, "interrupted", _INTERRUPTED, None, EXIT_INTERRUPTED)
    sys.stdout.flush()
    # Not sys.exit: it would wait for requests that are under way, up to their time-outs.
    os._exit(EXIT_INTERRUPTED)


def _answer(session: Session, code: str, message: str, hint: str | None, exit_code: int) -> None:
    """The document of a failure, for a program that waits for one on stdout."""
    if session.wants_json and not session.answered:
        from assetsync.render.document import error_json

        echo(error_json(code, message, hint, exit_code), nl=False)
