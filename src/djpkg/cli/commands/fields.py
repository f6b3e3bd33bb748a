"""``djpkg fields``: what a package can be asked for."""

from __future__ import annotations

import json

from djpkg.cli import options, terminal
from djpkg.cli.options import AsJson, Db
from djpkg.model.fields import FIELDS
from djpkg.render import field_docs
from djpkg.render.delimited import tsv_line

app = options.new_app()


@app.command(
    epilog=options.examples(
        "djpkg fields",
        "djpkg fields | cut -f 1,9",
        "djpkg fields --json | jq '.[] | select(.editable)'",
    )
)
def fields(*, as_json: AsJson = False, db: Db = None) -> None:
    """Say which fields there are.

    With their other names, type and source, whether you can edit them and sort by them, and an example of a filter.
    The mirror is not read.
    """
    if as_json:
        terminal.write_stdout(json.dumps([field_docs.field_json(field) for field in FIELDS], indent=4) + "\n")
    elif terminal.is_terminal():
        from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
        from djpkg.render.small_tables import fields_table

        screen.draw(fields_table(width=terminal.width(), ascii_only=screen.ascii_only()))
    else:
        terminal.write_stdout(tsv_line(list(field_docs.HEADS)))
        for field in FIELDS:
            row = dict(field_docs.field_json(field), aliases=",".join(field.aliases))
            terminal.write_stdout(tsv_line(list(row.values())))
