"""``djpkg grids``: the catalog's grids and categories."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from djpkg.cli import options, terminal
from djpkg.cli.options import AsJson, Db
from djpkg.mirror import categories
from djpkg.render.delimited import tsv_line

if TYPE_CHECKING:
    from djpkg.mirror.categories import GridCount

app = options.new_app()


@app.command(
    epilog=options.examples(
        "djpkg grids",
        "djpkg grids | cut -f 1,3",
        "djpkg grids --json | jq '.[].slug'",
    )
)
def grids(*, as_json: AsJson = False, db: Db = None) -> None:
    """List the categories and grids.

    Each with how many listed packages it holds. Into a pipe: slug, category or grid, how many packages, title, id; one
    a line.
    """
    with options.reading(db) as mirror:
        named, found = categories.get_categories(mirror), categories.get_grids(mirror)
    if as_json:
        told = [_told("category", one) for one in named] + [_told("grid", one) for one in found]
        terminal.write_stdout(json.dumps(told, indent=4) + "\n")
    elif terminal.is_terminal():
        _draw(named, found)
    else:
        for what, rows in (("category", named), ("grid", found)):
            for one in rows:
                terminal.write_stdout(tsv_line([one.slug or str(one.id), what, one.packages, one.title, one.id]))


def _told(what: str, one: GridCount) -> dict[str, str | int | None]:
    return {"type": what, "id": one.id, "slug": one.slug, "title": one.title, "packages": one.packages}


def _draw(categories: list[GridCount], found: list[GridCount]) -> None:
    from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
    from djpkg.render.small_tables import GridRow, grids_table

    between = ""
    for head, places_found in (("CATEGORY", categories), ("GRID", found)):
        rows = [GridRow(one.slug or str(one.id), one.title or "", one.packages) for one in places_found]
        if rows:
            terminal.write_stdout(between)
            between = "\n"
            screen.draw(grids_table(rows, head=head, width=terminal.width(), ascii_only=screen.ascii_only()))
