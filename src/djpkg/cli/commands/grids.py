"""``djpkg grids``: the catalog's categories and grids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.cli import options, output, terminal
from djpkg.cli.options import AsJson, Db
from djpkg.mirror import categories
from djpkg.render.rows import RowList

if TYPE_CHECKING:
    from djpkg.mirror.categories import GridCount

SCHEMA = 1

app = options.new_app()


@app.command(
    cls=options.Command,
    epilog=options.examples(
        "djpkg grids",
        "djpkg grids | cut -f 1,3",
        "djpkg grids --json | jq '.grids[].slug'",
    ),
)
def grids(*, as_json: AsJson = False, db: Db = None) -> None:
    """List the categories and grids.

    Those with most packages first; packages that are no longer listed are not counted. A terminal shows 30 of each
    kind. A pipe gets all, one line each, with tabs: slug, category or grid, packages, title, id.
    """
    with options.read_mirror(db) as mirror:
        found = {"category": categories.get_categories(mirror), "grid": categories.get_grids(mirror)}
    if as_json:
        lists = {"categories": found["category"], "grids": found["grid"]}
        output.write_object({"schema": SCHEMA, **{name: list(map(to_json, counts)) for name, counts in lists.items()}})
    elif terminal.is_terminal():
        _draw(found)
    else:
        rows = [
            (_slug(grid), kind, grid.packages, grid.title, grid.id) for kind, counts in found.items() for grid in counts
        ]
        output.write_rows(RowList(("slug", "type", "packages", "title", "id"), rows), "plain")


def to_json(grid: GridCount) -> dict[str, str | int | None]:
    """Return one category or grid; slug and title are null until a fetch reads them."""
    return {"id": grid.id, "slug": grid.slug, "title": grid.title, "packages": grid.packages}


def _slug(grid: GridCount) -> str:
    return grid.slug or str(grid.id)


def _draw(found: dict[str, list[GridCount]]) -> None:
    """Draw a table for each kind; on a terminal the largest ones, and how many are hidden on stderr."""
    from djpkg.render.small_tables import grids_table

    separator = ""
    most = options.row_limit(None, machine_readable=False)
    for kind, counts in found.items():
        rows = [(_slug(grid), grid.title or "", grid.packages) for grid in counts[: most or None]]
        if rows:
            terminal.write_stdout(separator)
            separator = "\n"
            table = grids_table(rows, heading=kind.upper(), width=terminal.width(), ascii_only=terminal.ascii_only())
            terminal.print_renderable(table)
    terminal.flush()
    for kind, counts in found.items():
        if most and len(counts) > most and terminal.stderr_is_terminal():
            plural = "categories" if kind == "category" else "grids"
            terminal.write_stderr(f"showing {most} of {len(counts):,} {plural}; djpkg grids | cat shows all")
