"""``djpkg list``: packages, all or those that match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from djpkg import fields, query
from djpkg.cli import options, terminal
from djpkg.cli.options import AsJson, Db, Fields
from djpkg.errors import UsageError
from djpkg.mirror import listing
from djpkg.render.separated import csv_line, tsv_line

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from djpkg.fields import Column
    from djpkg.query import Query

# What fits a screen; a pipe gets everything.
ROWS_ON_TERMINAL = 30
PIPED = fields.columns("slug,repo_watchers,last_updated,commits_last_year,pypi_version,released,repo_description")

app = options.new_app()


class ListCommand(TyperCommand):
    """Lets a term be excluded with a leading minus (`-is:archived`) without a `--` before it."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # vendored Click's
        """Write such terms with `^`, which excludes just so and is no option."""
        takers = {name for one in self.params if not getattr(one, "is_flag", True) for name in one.opts}
        letters = {name[1] for one in self.params for name in one.opts if len(name) == len("-x")} | {"h"}
        return super().parse_args(ctx, with_carets(args, takers=takers, letters=letters))


def with_carets(args: Sequence[str], *, takers: Collection[str], letters: Collection[str]) -> list[str]:
    """Write each argument that excludes with a minus as one with a caret: ``-is:archived`` -> ``^is:archived``.

    What follows an option in `takers` is its value; what starts with a letter of an option is that option, unless it is
    a filter (a field's name or `is`, and a colon).
    """
    written: list[str] = []
    value = False
    for place, arg in enumerate(args):
        if arg == "--":
            return [*written, *args[place:]]
        name = arg[1:].partition(":")[0]
        is_filter = ":" in arg and (name == "is" or fields.find(name) is not None)
        if not value and arg[:1] == "-" and arg[1:2] not in ("", "-") and (is_filter or arg[1] not in letters):
            written.append(f"^{arg[1:]}")
        else:
            written.append(arg)
        value = not value and arg in takers
    return written


@app.command(cls=ListCommand)
def list_(
    terms: Annotated[
        list[str] | None, typer.Argument(metavar="[TERM]…", help="Words and filters; all must hold.")
    ] = None,
    *,
    sort: Annotated[
        list[str] | None,
        typer.Option(
            "-s", "--sort", metavar="FIELD,…", help="Order by fields, each most or newest first; -FIELD turns it."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "-n", "--limit", metavar="N", min=0, help="At most N rows, 0 for all; 30 on a terminal by default."
        ),
    ] = None,
    as_json: AsJson = False,
    as_lines: Annotated[bool, typer.Option("--jsonl", help="Print one JSON object a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    as_tsv: Annotated[bool, typer.Option("--tsv", help="Print tab-separated values with a header.")] = False,
    names: Fields = None,
    db: Db = None,
) -> None:
    """List packages: all, or those that match every TERM."""
    if as_json + as_lines + as_csv + as_tsv > 1:
        message = "--json, --jsonl, --csv and --tsv exclude each other"
        raise UsageError(message)
    now = options.now()
    asked = query.parse(terms or (), now=now)
    sorts = query.sort(sort or ())
    wanted = fields.columns(names) if names is not None else None
    machine = as_json or as_lines or as_csv or as_tsv
    if limit is None:
        limit = ROWS_ON_TERMINAL if terminal.is_terminal() and not machine else 0
    with options.reading(db) as mirror:
        ids = listing.find_ids(mirror, asked, sorts, limit=limit)
        if as_json or as_lines:
            _write_json(mirror, ids, wanted or fields.RECORD_COLUMNS, array=as_json)
        elif as_csv or as_tsv:
            _write_sheet(mirror, ids, wanted or fields.RECORD_COLUMNS, comma=as_csv)
        elif terminal.is_terminal():
            _draw(mirror, ids, wanted)
        else:
            for row in listing.get_rows(mirror, ids, wanted or PIPED):
                terminal.answer(tsv_line(row[column.field.name] for column in wanted or PIPED))
        terminal.flush()
        _tell_hidden(mirror, asked, shown=len(ids), limit=limit)


def _write_json(mirror: sqlite3.Connection, ids: Sequence[int], columns: Sequence[Column], *, array: bool) -> None:
    """Page by page, as it is read; an array opens and closes on lines of their own."""
    if array:
        terminal.answer("[\n")
    between = ""
    for page in listing.get_json(mirror, ids, columns):
        terminal.answer(between + (",\n" if array else "\n").join(page))
        between = ",\n" if array else "\n"
    if ids:
        terminal.answer("\n")
    if array:
        terminal.answer("]\n")


def _write_sheet(mirror: sqlite3.Connection, ids: Sequence[int], columns: Sequence[Column], *, comma: bool) -> None:
    line = csv_line if comma else tsv_line
    terminal.answer(line([column.key for column in columns]))
    for row in listing.get_rows(mirror, ids, columns):
        terminal.answer(line([row[column.field.name] for column in columns]))


def _draw(mirror: sqlite3.Connection, ids: Sequence[int], columns: Sequence[Column] | None) -> None:
    from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
    from djpkg.render.table import packages_table  # noqa: PLC0415 - as above

    rows = list(listing.get_rows(mirror, ids, columns or fields.ALL_COLUMNS))
    if rows:
        screen.draw(
            packages_table(
                rows,
                columns=columns,
                now=options.now(),
                width=terminal.width(),
                ascii_only=screen.ascii_only(),
            )
        )


def _tell_hidden(mirror: sqlite3.Connection, asked: Query, *, shown: int, limit: int) -> None:
    """What a limit or `is:active` left out is said, so that a short list is not taken for the whole."""
    total = listing.count(mirror, asked) if limit and shown == limit else shown
    if total > shown:
        terminal.say(f"{shown} of {total}, -n 0 for all")
    elif not shown and terminal.is_terminal():
        terminal.say("no package matches")
    everyone = query.without_active(asked)
    if everyone is not None and (hidden := listing.count(mirror, everyone) - total):
        terminal.say(f"{hidden} hidden by is:active")
