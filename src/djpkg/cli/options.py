"""Options that several commands take, and the mirror that they name."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg import config
from djpkg.cli import terminal
from djpkg.errors import MirrorMissing
from djpkg.mirror.connection import open_read

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

Db = Annotated[
    Path | None,
    typer.Option("--db", metavar="PATH", help="The mirror's file; else DJPKG_DB, else a file in your data folder."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON of a fixed shape.")]
Fields = Annotated[
    str | None,
    typer.Option("-f", "--fields", metavar="A,B,…", help="The fields to give, in this order; all gives every one."),
]


def new_app() -> typer.Typer:
    """What each command's module hangs its one function on."""
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def now() -> datetime:
    """The one place where commands read the clock."""
    return datetime.now(UTC)


@contextmanager
def reading(db: Path | None) -> Iterator[sqlite3.Connection]:
    """The mirror, for reading; where there is none yet, the packaged record in its place, which stderr is told."""
    path = config.mirror_path(os.environ, db)
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(open_read(path))
        except MirrorMissing as missing:
            from djpkg.mirror.starter import open_starter  # noqa: PLC0415 - only without a mirror

            terminal.say(f"{missing}; this is the packaged record. djpkg fetch --all brings the directory")
            connection = stack.enter_context(closing(open_starter()))
        yield connection
