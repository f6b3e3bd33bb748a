"""Options that several commands take, and the mirror that they name."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from djpkg import config
from djpkg.cli import terminal
from djpkg.cli.completion import candidates
from djpkg.errors import MirrorMissing, UsageError
from djpkg.mirror import resolve
from djpkg.mirror.connection import open_read
from djpkg.model import forge_servers

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from typer.models import OptionInfo

_MOST_ROWS = 10**9

Db = Annotated[
    Path | None,
    # What is wrong with the file is said by whoever opens it, whichever way it was named.
    typer.Option(
        "--db",
        metavar="PATH",
        readable=False,
        help="The mirror's file; else DJPKG_DB, else a file in your data folder.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON of a fixed shape.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")]
Fields = Annotated[
    str | None,
    typer.Option(
        "-f",
        "--fields",
        metavar="A,B,...",
        help="The fields to give, in this order; all gives every one.",
        autocompletion=candidates.when_completing(candidates.columns),
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "-n",
        "--limit",
        metavar="N",
        min=0,
        max=_MOST_ROWS,
        help="At most N rows, 0 for all; by default 30 on a terminal, else all.",
    ),
]

PACKAGED = "this is the packaged record"
# What fits a screen; a pipe gets everything.
ROWS_ON_TERMINAL = 30


def manifest(what: str) -> OptionInfo:
    """``--in FILE``; `what` it does to a command."""
    files = "requirements.txt, pyproject.toml, a lock file, or - for pip freeze"
    return typer.Option("--in", metavar="FILE", help=f"{what} this project stands on: {files}.")  # type: ignore[no-any-return]


class Command(TyperCommand):
    """A command whose usage names what must be given plainly: Typer's braces mean a choice elsewhere."""

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override] # vendored Click's
        """``PACKAGE`` in place of ``{PACKAGE}``."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


def new_app() -> typer.Typer:
    """What each command's module hangs its one function on."""
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def examples(*commands: str, more: str = "") -> str:
    """The end of a command's help: example lines that no terminal's width rewraps, and paragraphs before them."""
    lines = "\n".join(f"  {command}" for command in commands)
    return f"{more}\n\n\b\nExamples:\n{lines}".strip("\n")


def now() -> datetime:
    """The one place where commands read the clock."""
    return datetime.now(UTC)


def row_limit(asked: int | None, *, machine: bool) -> int:
    """How many rows to print, 0 for all: what was asked for, else a screenful on a terminal."""
    if asked is not None:
        return asked
    # FORCE_COLOR asks for colour, not for less: who reads a pipe gets everything.
    return ROWS_ON_TERMINAL if terminal.is_terminal(sys.stdout) and not machine else 0


def exclude(**chosen: bool) -> None:
    """UsageError where more than one of these options was given; ``as_json`` is named ``--json``."""
    given = [f"--{name.removeprefix('as_')}" for name, is_given in chosen.items() if is_given]
    if len(given) > 1:
        message = f"{', '.join(given[:-1])} and {given[-1]} exclude each other"
        raise UsageError(message)


@contextmanager
def reading(db: Path | None, *, missing: str = PACKAGED) -> Iterator[sqlite3.Connection]:
    """The mirror, for reading; where there is none yet, the packaged record in its place.

    What is `missing` then is told to stderr; nothing where it is empty.
    """
    path = config.mirror_path(os.environ, db)
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(open_read(path))
        except MirrorMissing as error:
            from djpkg.mirror.seed import open_seed  # noqa: PLC0415 - only without a mirror

            if missing:
                terminal.write_stderr(f"{error}; {missing}. djpkg fetch --all brings the directory")
            connection = stack.enter_context(closing(open_seed()))
        yield connection


def find_package(mirror: sqlite3.Connection, text: str) -> int:
    """The id of the one package that PACKAGE names. PackageNotFound where there is none, or several."""
    return resolve.get_id(
        mirror, text, catalog=config.catalog_address(os.environ), forges=forge_servers.forge_servers(os.environ)
    )
