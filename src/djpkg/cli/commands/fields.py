"""``djpkg fields``: the fields of a package."""

from __future__ import annotations

from djpkg.cli import options, output, terminal
from djpkg.cli.options import AsJson, Db
from djpkg.model.fields import FIELDS
from djpkg.render import field_docs
from djpkg.render.rows import RowList

SCHEMA = 1

app = options.new_app()


@app.command(
    epilog=options.examples(
        "djpkg fields",
        "djpkg fields | cut -f 1,9",
        "djpkg fields --json | jq '.fields[] | select(.editable)'",
    )
)
def fields(*, as_json: AsJson = False, db: Db = None) -> None:
    """List the fields.

    Each with its aliases, type and source, whether edit and --sort take it, and an example of a filter. The mirror is
    not read.
    """
    if as_json:
        output.write_object({"schema": SCHEMA, "fields": [field_docs.field_json(field) for field in FIELDS]})
    elif terminal.is_terminal():
        from djpkg.render.small_tables import fields_table

        terminal.print_renderable(fields_table(width=terminal.width(), ascii_only=terminal.ascii_only()))
    else:
        rows = [dict(field_docs.field_json(field), aliases=",".join(field.aliases)) for field in FIELDS]
        output.write_rows(RowList(list(field_docs.HEADINGS), [list(row.values()) for row in rows]), "tsv")
