"""``djpkg compare``: packages against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from djpkg.cli import options, output, selection, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsCsv, AsJson, Db, Fields
from djpkg.errors import UsageError
from djpkg.mirror import categories, listing
from djpkg.model import fields
from djpkg.render.compare import BESIDE, COMPARED, comparison_markdown, comparison_rows
from djpkg.render.delimited import csv_line, tsv_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from djpkg.model.fields import Column
    from djpkg.model.package import Values

app = options.new_app()


@app.command(
    epilog=options.examples(
        "djpkg compare django-todo django-helpdesk",
        "djpkg compare --grid forms -f stars,updated,license",
        "djpkg compare --in requirements.txt --markdown",
        "djpkg compare --grid forms --json | jq '.[].slug'",
        more="Into a pipe goes TSV with a header, a package a line. --json gives records as list --json does.",
    )
)
def compare(
    packages: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PACKAGE]...",
            help="As show takes them.",
            autocompletion=candidates.when_completing(candidates.packages),
        ),
    ] = None,
    *,
    grid: Annotated[
        str | None,
        typer.Option(
            "--grid",
            metavar="GRID",
            help="Also every package of a grid, by its slug, title or id.",
            autocompletion=candidates.when_completing(candidates.grids),
        ),
    ] = None,
    manifest: Annotated[str | None, options.manifest("Also what")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    names: Fields = None,
    db: Db = None,
) -> None:
    """Set packages side by side.

    Those that are named, those of a grid, those that a project stands on: all of them, however many.
    """
    options.exclude(as_json=as_json, as_csv=as_csv, as_markdown=as_markdown)
    if not packages and grid is None and manifest is None:
        message = "nothing to compare: name packages, --grid or --in"
        raise UsageError(message, hint="for example: djpkg compare django-todo django-helpdesk")
    wanted = fields.parse_columns(names) if names is not None else None
    required = selection.read(manifest) if manifest is not None else None
    with options.reading(db) as mirror:
        ids = [options.find_package(mirror, text) for text in packages or ()]
        if grid is not None:
            ids += categories.find_members(mirror, categories.get_grid(mirror, grid))
        if required is not None:
            ids += selection.find_reported(mirror, required)
        ids = list(dict.fromkeys(ids))
        if as_json:
            output.write_json(mirror, ids, wanted or fields.RECORD_COLUMNS, array=True)
            return
        columns = _without_slug(wanted or COMPARED)
        found = list(listing.get_rows(mirror, ids, (*_SLUG, *columns, *BESIDE)))
    if as_markdown:
        terminal.write_stdout(comparison_markdown(found, columns))
    elif as_csv or not terminal.is_terminal():
        line = csv_line if as_csv else tsv_line
        for row in comparison_rows(found, columns):
            terminal.write_stdout(line(row))
    else:
        _draw(found, columns)


_SLUG = fields.parse_columns("slug")


def _without_slug(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The slug heads each package anyway."""
    return tuple(column for column in columns if column.field.name != "slug")


def _draw(found: Sequence[Values], columns: Sequence[Column]) -> None:
    if not found:
        terminal.write_stderr("no package to compare")
        return
    from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
    from djpkg.render.table import comparison

    screen.draw(comparison(found, columns, now=options.now(), width=terminal.width(), ascii_only=screen.ascii_only()))
