"""The names of categories and grids, as a person may write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.errors import PackageNotFound
from djpkg.text import quote_input

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from djpkg.editing.assignments import CategoriesAndGrids

_NEAREST = 3


class GridCount(NamedTuple):
    """A category or grid and how many listed packages it holds; slug and title are None until it is named."""

    id: int
    slug: str | None
    title: str | None
    packages: int


def get_categories_and_grids(db: sqlite3.Connection) -> CategoriesAndGrids:
    """Every category and grid under its slug, its title and its id."""
    from djpkg.editing.assignments import CategoriesAndGrids  # noqa: PLC0415 - for those who edit

    return CategoriesAndGrids(_names(db, "categories"), _names(db, "grids"))


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


def get_grid(db: sqlite3.Connection, text: str) -> int:
    """The id of the grid of that id, slug or title, whatever its case. PackageNotFound names the nearest."""
    known = _names(db, "grids")
    found = known.get(text.strip().lower())
    if found is not None:
        return found
    from difflib import get_close_matches  # noqa: PLC0415 - typing errors only

    slugs = [slug for (slug,) in db.execute("SELECT slug FROM grids WHERE slug IS NOT NULL")]
    near = get_close_matches(text.strip().lower(), known, n=_NEAREST, cutoff=0.6)
    near_slugs = dict.fromkeys(slug for name in near for slug in slugs if known.get(slug.lower()) == known[name])
    hint = f"did you mean {', '.join(near_slugs)}?" if near_slugs else "djpkg grids lists them"
    raise PackageNotFound(f"there is no grid {quote_input(text)} in the mirror", hint=hint)


def find_members(db: sqlite3.Connection, grid: int) -> list[int]:
    """The ids of the listed packages of a grid, most stars first."""
    rows = db.execute(
        "SELECT packages.id FROM package_grids JOIN packages ON packages.id = package_id"
        " WHERE grid_id = ? AND catalog_state = 'listed' ORDER BY repo_watchers DESC NULLS LAST, slug, packages.id",
        (grid,),
    )
    return [number for (number,) in rows]


def has_unnamed(db: sqlite3.Connection, packages: Sequence[int]) -> bool:
    """Whether one of these packages is in a grid or category that is known by its number alone."""
    row = db.execute(
        "SELECT EXISTS (SELECT 1 FROM package_grids JOIN grids ON grids.id = grid_id WHERE grids.slug IS NULL"
        " AND package_id IN (SELECT value FROM json_each(:ids)))"
        " OR EXISTS (SELECT 1 FROM packages JOIN categories ON categories.id = packages.category"
        " WHERE categories.slug IS NULL AND packages.id IN (SELECT value FROM json_each(:ids)))",
        {"ids": str(list(packages))},
    ).fetchone()
    return bool(row[0])


def _names(db: sqlite3.Connection, table: str) -> dict[str, int]:
    """An id is always itself and a slug goes before a title, whatever others are called."""
    rows = db.execute(f"SELECT id, slug, title FROM {table} ORDER BY id").fetchall()
    names = {str(number): number for number, _, _ in rows}
    for column in (1, 2):
        for row in rows:
            if row[column]:
                names.setdefault(row[column].lower(), row[0])
    return names
