"""The command line: the program's own options, loading of commands, and errors to exit codes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer
from typer._click.exceptions import UsageError as BadUsage
from typer.core import TyperGroup

from djpkg.cli import terminal
from djpkg.cli.completion import candidates
from djpkg.errors import INTERRUPTED, TERMINATED, DjpkgError, UsageError
from djpkg.text import strip_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

# The modules of the commands, in the order of --help. Each is imported only when it is called.
COMMANDS = {
    "show": "djpkg.cli.commands.show",
    "list": "djpkg.cli.commands.list",
    "compare": "djpkg.cli.commands.compare",
    "check": "djpkg.cli.commands.check",
    "fetch": "djpkg.cli.commands.fetch",
    "edit": "djpkg.cli.commands.edit",
    "changes": "djpkg.cli.commands.changes",
    "grids": "djpkg.cli.commands.grids",
    "fields": "djpkg.cli.commands.fields",
    "status": "djpkg.cli.commands.status",
    "doctor": "djpkg.cli.commands.doctor",
    "backup": "djpkg.cli.commands.backup",
    "snapshot": "djpkg.cli.commands.snapshot",
    "help": "djpkg.cli.commands.help",
}


class Commands(TyperGroup):
    """Imports a command's module when the command is called, and reports errors in one place."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override] # Click's own, vendored
        """Return the names in the order of --help."""
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> object:  # type: ignore[override] # see above
        """Return a command, None if the name is unknown."""
        if cmd_name not in COMMANDS:
            return None
        return _load(cmd_name)

    def _main_shell_completion(
        self, ctx_args: MutableMapping[str, object], prog_name: str, complete_var: str | None = None
    ) -> None:
        """Print completions, with our own classes for bash, zsh and fish."""
        if os.environ.get(candidates.COMPLETE_VARIABLE):
            _register_shells()
        super()._main_shell_completion(ctx_args, prog_name, candidates.COMPLETE_VARIABLE)

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # see above
        """Parse the program's own options; without any argument print the help."""
        if not args and not ctx.resilient_parsing:
            terminal.write_stdout(f"{ctx.get_help()}\n")
            terminal.flush()
            raise typer.Exit
        if not {"--install-completion", "--show-completion"}.isdisjoint(args):
            _register_shells()
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> tuple[object, object, list[str]]:  # type: ignore[override] # see above
        """Return the command, or raise the error for an unknown one with the nearest names."""
        try:
            return super().resolve_command(ctx, args)
        except BadUsage as error:
            from difflib import get_close_matches  # noqa: PLC0415 - typing errors only

            near = get_close_matches(args[0].lower(), COMMANDS, n=3, cutoff=0.6)
            error.message = error.message.rstrip(".") + (f"; did you mean {', '.join(near)}?" if near else "")
            raise

    def make_context(self, *arguments: object, **settings: object) -> object:  # type: ignore[override] # see above
        """Parse the program's own options; --help and --version print and exit here."""
        with translate_errors():
            return super().make_context(*arguments, **settings)  # type: ignore[arg-type] # passed through

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override] # see above
        """Run the command."""
        with translate_errors(ctx):
            result = super().invoke(ctx)
            terminal.flush()
            return result


@cache
def _load(name: str) -> object:
    """Import a command and read its parameters, which do not change."""
    command = typer.main.get_command(import_module(COMMANDS[name]).app)
    command.name = name
    return command


@contextmanager
def translate_errors(ctx: typer.Context | None = None) -> Iterator[None]:
    """Turn errors caused by a user, a file or a network into a message and an exit code.

    `ctx` is the program's context, once there is one.
    """
    try:
        try:
            yield
        except OSError as error:
            if error.filename is not None:
                raise
            # Typer writes help itself. An error without a file name comes from a stream that is closed or full.
            raise terminal.output_error(error) from error
    except BadUsage as error:
        terminal.print_error(_to_usage_error(error, ctx))
        raise typer.Exit(error.exit_code) from error
    except DjpkgError as error:
        terminal.print_error(error)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        terminal.write_stderr("interrupted")
        raise typer.Exit(INTERRUPTED) from error
    except terminal.OutputClosed as error:
        terminal.discard()
        raise typer.Exit(0) from error


def _to_usage_error(error: BadUsage, ctx: typer.Context | None) -> UsageError:
    """Return an error of Typer's parser in the form of our own.

    Typer quotes what was typed, with the passwords in it; `terminal` escapes the rest.
    """
    if possibilities := getattr(error, "possibilities", None):
        error.message += f"; did you mean {', '.join(sorted(possibilities))}?"
        error.possibilities = None  # type: ignore[attr-defined] # of an unknown option
    message = strip_credentials(error.format_message()).removesuffix(".")
    if error.ctx is not None:
        command = error.ctx.command_path
    else:  # an option without its value
        command = f"djpkg {ctx.invoked_subcommand}" if ctx is not None and ctx.invoked_subcommand else "djpkg"
    return UsageError(message[:1].lower() + message[1:], hint=f"for help: {command} --help")


_BEGIN = """
Begin with djpkg fetch --all: it gets the catalog, and then what GitHub, other forges and PyPI state about each package.
It can be interrupted and run again.

GitHub allows 60 requests an hour without a token, and with one enough for everything: set GITHUB_TOKEN, or log in with
gh auth login. No other token is needed.

The manual: djpkg help lists topics; djpkg help TOPIC and djpkg help COMMAND show them. The rest is at
https://github.com/djpkg/djpkg.

\b
Examples:
  djpkg show django-todo
  djpkg list forms is:active stars:100..
  djpkg list -r requirements.txt
  djpkg compare django-filter django-tables2
  djpkg edit django-todo tags+=prod
"""

app = typer.Typer(
    cls=Commands,
    epilog=_BEGIN,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _register_shells() -> None:
    from djpkg.cli.completion import shells  # noqa: PLC0415 - for completion alone

    shells.register()


def _print_version(requested: bool) -> None:  # noqa: FBT001 - Typer's signature
    if requested:
        from djpkg import __version__  # noqa: PLC0415 - reading metadata is slow

        terminal.write_stdout(f"djpkg {__version__}\n")
        terminal.flush()
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("-V", "--version", callback=_print_version, is_eager=True, help="Print the version.")
]


def _log_requests() -> None:
    import logging  # noqa: PLC0415 - takes time

    class StderrHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            terminal.write_stderr(self.format(record))

    logger = logging.getLogger("djpkg.http")
    logger.addHandler(StderrHandler())
    logger.setLevel(logging.DEBUG)


Debug = Annotated[bool, typer.Option("--debug", help="Log each request to stderr.")]


@app.callback()
def djpkg(*, debug: Debug = False, version: Version = False) -> None:
    """Search, compare and edit a local mirror of Django Packages.

    Only fetch uses the network. Your edits, notes and tags are kept when packages are fetched again.
    """
    if debug:
        _log_requests()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    terminal.prepare()
    try:
        app(arguments, prog_name="djpkg")
    except SystemExit as ending:
        if ending.code in (INTERRUPTED, TERMINATED):
            terminal.exit_now(ending.code)
        raise
