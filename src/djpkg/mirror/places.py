"""The names of categories and grids, as a person may write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.assignments import Places

if TYPE_CHECKING:
    import sqlite3


class GridCount(NamedTuple):
    """A category or grid and how many listed packages it holds; slug and title are None until it is named."""

    id: int
    slug: str | None
    title: str | None
    packages: int


def get_places(db: sqlite3.Connection) -> Places:
    """Every category and grid under its slug, its title and its id."""
    return Places(_names(db, "categories"), _names(db, "grids"))


def get_categories(db: sqlite3.Connection) -> list[GridCount]:
    """All categories, the fullest first."""
    rows = db.execute(
        "SELECT id, slug, title, (SELECT count(*) FROM packages WHERE packages.category = categories.id"
        " AND catalog_state = 'listed') AS packages FROM categories ORDER BY packages DESC, slug"
    )
    return [GridCount(*row) for row in rows]


def get_grids(db: sqlite3.Connection) -> list[GridCount]:
    """All grids, the fullest first."""
    rows = db.execute(
        "SELECT grids.id, grids.slug, grids.title, count(packages.id) AS packages FROM grids"
        " LEFT JOIN package_grids ON package_grids.grid_id = grids.id"
        " LEFT JOIN packages ON packages.id = package_grids.package_id AND packages.catalog_state = 'listed'"
        " GROUP BY grids.id ORDER BY packages DESC, grids.slug"
    )
    return [GridCount(*row) for row in rows]


def _names(db: sqlite3.Connection, table: str) -> dict[str, int]:
    names: dict[str, int] = {}
    for number, slug, title in db.execute(f"SELECT id, slug, title FROM {table} ORDER BY id"):
        for name in (slug, title, str(number)):
            if name:
                names.setdefault(name.lower(), number)
    return names
