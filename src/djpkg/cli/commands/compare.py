"""``djpkg compare``: packages side by side."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg.cli import options, output, selection, terminal
from djpkg.cli.options import AsCsv, AsJson, Db, Fields
from djpkg.cli.term_arguments import TermCommand
from djpkg.errors import UsageError
from djpkg.mirror import listing
from djpkg.model import fields, forge_servers
from djpkg.render.compare import DEFAULT_COLUMNS, NEEDED_COLUMNS, comparison_table

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from djpkg.mirror.damage import DamagedRow

_SLUG = fields.parse_columns("slug")

app = options.new_app()


@app.command(
    cls=TermCommand,
    epilog=options.examples(
        "djpkg compare django-todo django-helpdesk",
        "djpkg compare grid:forms -is:archived -f stars,updated",
        "djpkg compare -r requirements.txt --markdown",
        "djpkg compare grid:forms --json | jq '.[].slug'",
        more="A terminal shows every state but active. A pipe gets tab-separated values with a header, one line per"
        " package, and every state. --json prints records as list --json does.",
    ),
)
def compare(
    selected: Annotated[list[str] | None, options.selection_argument("The packages to compare.")] = None,
    *,
    manifests: Annotated[list[str] | None, options.requirements_option("Add")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    names: Fields = None,
    db: Db = None,
) -> None:
    """Compare packages side by side.

    Packages and project files add up, and terms narrow them. There is no limit.
    """
    output_format = output.choose_format(json=as_json, csv=as_csv, markdown=as_markdown)
    selected_columns = fields.parse_columns(names) if names is not None else None
    chosen, files = selection.parse_selection(selected, manifests)
    if not chosen.is_given:
        message = "nothing to compare: give packages, terms or --in FILE"
        raise UsageError(message, hint="for example: djpkg compare django-todo django-helpdesk")
    with options.read_mirror(db, named=chosen.is_named) as mirror:
        if files is not None:
            selection.report(mirror, files)
        ids = selection.find_ids(mirror, chosen)
        # The slug is the heading of each package, so it is not also a compared field.
        columns = tuple(column for column in selected_columns or DEFAULT_COLUMNS if column.field.name != "slug")
        damaged: list[DamagedRow] = []
        if output_format == "json":
            output.write_rows(
                output.PackageRows(mirror, ids, selected_columns or fields.RECORD_COLUMNS, damaged), "json"
            )
        elif output_format == "csv" or (output_format is None and not terminal.is_terminal()):
            output.write_rows(output.PackageRows(mirror, ids, (*_SLUG, *columns), damaged), output_format or "tsv")
        else:
            needed = (*_SLUG, *columns, *NEEDED_COLUMNS)
            rows = list(listing.get_rows(mirror, ids, needed, damaged, now=options.now()))
            unfetched = _find_unfetched(mirror, ids)
            if output_format is not None:
                table = comparison_table(rows, columns, now=options.now(), unfetched=unfetched)
                output.write_rows(table, output_format)
            elif rows:
                from djpkg.render.table import comparison

                width, ascii_only = terminal.width(), terminal.ascii_only()
                terminal.print_renderable(
                    comparison(
                        rows,
                        columns if selected_columns else None,
                        now=options.now(),
                        width=width,
                        ascii_only=ascii_only,
                        unfetched=unfetched,
                    )
                )
            else:
                terminal.write_stderr("no packages to compare")
        output.report_damaged(damaged)
        selection.report_hidden(mirror, chosen, shown=len(ids))


def _find_unfetched(mirror: sqlite3.Connection, ids: Sequence[int]) -> dict[str, frozenset[str]]:
    from djpkg.mirror.package import find_unfetched

    return find_unfetched(mirror, ids, forges=forge_servers.forge_servers(os.environ))
