"""The command line: options in, one call, an answer on stdout, talk on stderr, an exit code."""

# Imports make no garbage, and what they make stays to the end: a start is a tenth shorter where the collector rests
# meanwhile and never looks at that again (gc.freeze, below).
# ruff: noqa: E402

from __future__ import annotations

import gc

_COLLECTING = gc.isenabled()
gc.disable()

import os
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from djpkg.cli import complete, terminal
from djpkg.errors import INTERRUPTED, TERMINATED, DjpkgError

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

# The modules of the commands, in the order in which --help lists them. Each is imported when it is called.
COMMANDS = {
    "show": "djpkg.cli.show",
    "list": "djpkg.cli.list",
    "compare": "djpkg.cli.compare",
    "fetch": "djpkg.cli.fetch",
    "edit": "djpkg.cli.edit",
    "changes": "djpkg.cli.changes",
    "grids": "djpkg.cli.grids",
    "fields": "djpkg.cli.fields",
    "status": "djpkg.cli.status",
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
        if os.environ.get(complete.VARIABLE):
            from djpkg.cli import shells  # noqa: PLC0415 - for a key press alone

            shells.prepare()
        super()._main_shell_completion(ctx_args, prog_name, complete.VARIABLE)

    def make_context(self, *arguments: object, **settings: object) -> object:  # type: ignore[override] # see above
        """Read the options of the program itself: --help, --version and those for completion answer here already."""
        with _told():
            return super().make_context(*arguments, **settings)  # type: ignore[arg-type] # as they came

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override] # see above
        """Run the command."""
        with _told():
            result = super().invoke(ctx)
            terminal.flush()
            return result


@contextmanager
def _told() -> Iterator[None]:
    """Whatever a user, a disk or a network caused ends as one line and an exit code."""
    try:
        try:
            yield
        except OSError as error:
            if error.filename is not None:
                raise
            # Typer writes help by itself; what has no file's name is a stream that is closed or full.
            raise terminal.outcome(error) from error
    except DjpkgError as error:
        terminal.complain(error)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        terminal.say("interrupted")
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

        terminal.answer(f"djpkg {__version__}\n")
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
            terminal.leave(ending.code)
        raise


if _COLLECTING:
    gc.freeze()
    # Packages come by the thousand and hold no cycles: to look for some at each 700 objects finds nothing.
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
