"""``djpkg fields``: the fields of a package."""

from __future__ import annotations

from typing import Annotated

import typer

from djpkg.cli import options, output, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsJson, Db
from djpkg.model.fields import FIELDS, get
from djpkg.render import field_docs
from djpkg.render.rows import RowList

SCHEMA = 1

app = options.new_app()


@app.command(
    cls=options.Command,
    epilog=options.examples(
        "djpkg fields",
        "djpkg fields stars updated",
        "djpkg fields | cut -f 1,9",
        "djpkg fields --json | jq '.fields[] | select(.editable)'",
    ),
)
def fields(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="Only these fields, by name or alias.", autocompletion=candidates.field_names
        ),
    ] = None,
    *,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """List the fields.

    Each with its aliases, type and source, whether edit and --sort take it, and an example of a filter. The mirror is
    not read.
    """
    chosen = tuple(dict.fromkeys(map(get, names))) if names else FIELDS
    if as_json:
        output.write_object({"schema": SCHEMA, "fields": [field_docs.field_json(field) for field in chosen]})
    elif terminal.is_terminal():
        from djpkg.render.small_tables import field_blocks, fields_table

        width, ascii_only = terminal.width(), terminal.ascii_only()
        table = field_blocks(chosen, width=width, ascii_only=ascii_only) if names else None
        terminal.print_renderable(table or fields_table(width=width, ascii_only=ascii_only))
    else:
        rows = [dict(field_docs.field_json(field), aliases=",".join(field.aliases)) for field in chosen]
        output.write_rows(RowList(list(field_docs.HEADINGS), [list(row.values()) for row in rows]), "tsv")
