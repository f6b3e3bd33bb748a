"""The command line: options in, one call, an answer on stdout, talk on stderr, an exit code."""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from djpkg.cli import terminal
from djpkg.cli.completion import candidates
from djpkg.errors import INTERRUPTED, TERMINATED, DjpkgError

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

# The modules of the commands, in the order in which --help lists them. Each is imported when it is called.
COMMANDS = {
    "show": "djpkg.cli.commands.show",
    "list": "djpkg.cli.commands.list",
    "compare": "djpkg.cli.commands.compare",
    "fetch": "djpkg.cli.commands.fetch",
    "edit": "djpkg.cli.commands.edit",
    "changes": "djpkg.cli.commands.changes",
    "grids": "djpkg.cli.commands.grids",
    "fields": "djpkg.cli.commands.fields",
    "status": "djpkg.cli.commands.status",
}


class Commands(TyperGroup):
    """Loads a command's module only when the command is wanted, and says errors in one place."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override] # Click's own, vendored
        """The names, as --help lists them."""
        return [*COMMANDS]  # `list` is here the module of that command, once it is loaded

    def get_command(self, ctx: typer.Context, cmd_name: str) -> object:  # type: ignore[override] # see above
        """The command of that name, None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(import_module(COMMANDS[cmd_name]).app)
        command.name = cmd_name
        return command

    def _main_shell_completion(
        self, ctx_args: MutableMapping[str, object], prog_name: str, complete_var: str | None = None
    ) -> None:
        """Answer a shell that asks for completions, in our own ways where they are better."""
        if os.environ.get(candidates.VARIABLE):
            from djpkg.cli.completion import shells  # noqa: PLC0415 - for a key press alone

            shells.prepare()
        super()._main_shell_completion(ctx_args, prog_name, candidates.VARIABLE)

    def make_context(self, *arguments: object, **settings: object) -> object:  # type: ignore[override] # see above
        """Read the options of the program itself: --help, --version and those for completion answer here already."""
        with translate_errors():
            return super().make_context(*arguments, **settings)  # type: ignore[arg-type] # as they came

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override] # see above
        """Run the command."""
        with translate_errors():
            result = super().invoke(ctx)
            terminal.flush()
            return result


@contextmanager
def translate_errors() -> Iterator[None]:
    """Whatever a user, a disk or a network caused ends as one line and an exit code."""
    try:
        try:
            yield
        except OSError as error:
            if error.filename is not None:
                raise
            # Typer writes help by itself; what has no file's name is a stream that is closed or full.
            raise terminal.output_error(error) from error
    except DjpkgError as error:
        terminal.print_error(error)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        terminal.write_stderr("interrupted")
        raise typer.Exit(INTERRUPTED) from error
    except terminal.OutputClosed as error:
        terminal.discard()
        raise typer.Exit(0) from error


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        from djpkg import __version__  # noqa: PLC0415 - reading metadata takes time

        terminal.write_stdout(f"djpkg {__version__}\n")
        terminal.flush()
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
]


@app.callback()
def djpkg(*, version: Version = False) -> None:
    """Keep a local mirror of the Django Packages directory, and read it at any time.

    Reading never waits for a network and never writes: fetch is the only door to the network, and edit writes nothing
    but your own values.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    terminal.prepare()
    try:
        app(arguments, prog_name="djpkg")
    except SystemExit as ending:
        if ending.code in (INTERRUPTED, TERMINATED):
            terminal.exit_now(ending.code)
        raise
