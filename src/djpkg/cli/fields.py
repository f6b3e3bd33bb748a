"""``djpkg fields``: what a package can be asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from djpkg.cli import options, terminal
from djpkg.cli.options import AsJson, Db
from djpkg.fields import FIELDS
from djpkg.render.separated import tsv_line

if TYPE_CHECKING:
    from djpkg.fields import Field
    from djpkg.record import Value

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
    told = [_told(field) for field in FIELDS]
    if as_json:
        terminal.answer(json.dumps(told, indent=4) + "\n")
    elif terminal.is_terminal():
        from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
        from djpkg.render.overview import fields_table

        screen.draw(fields_table(width=terminal.width(), ascii_only=screen.ascii_only()))
    else:
        terminal.answer(tsv_line(list(told[0])))
        for one in told:
            row = dict(one, aliases=",".join(_texts(one["aliases"])))
            terminal.answer(tsv_line(list(row.values())))


def _told(field: Field) -> dict[str, Value]:
    """One field as `--json` tells it; every field can be asked for in a query, which `example` shows."""
    return {
        "name": field.name,
        "aliases": list(field.aliases),
        "type": field.kind.value,
        "source": field.owner.value,
        "record": field.in_record,
        "editable": field.editable,
        "sortable": field.sortable,
        "queryable": True,
        "example": field.example,
        "about": field.about,
    }


def _texts(value: Value) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
