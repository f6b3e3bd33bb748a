"""Categories and grids: their names and their packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.damage import text_or_none
from djpkg.mirror.resolve import NORMALIZED_SLUG
from djpkg.text import is_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from djpkg.editing.assignments import KnownNames


class GridCount(NamedTuple):
    """A category or grid and its number of listed packages; slug and title are None while unknown or damaged."""

    id: int
    slug: str | None
    title: str | None
    packages: int


def get_known_names(db: sqlite3.Connection, package: int) -> KnownNames:
    """Return what an edit of a package can refer to.

    The ids of all categories and grids by slug, title and id (as text), in lower case, and the slugs of other packages.
    """
    from djpkg.editing.assignments import KnownNames  # noqa: PLC0415 - only for edits

    slugs = db.execute(f"SELECT {NORMALIZED_SLUG}, slug FROM packages WHERE id <> ? ORDER BY catalog_state", (package,))
    known = {normalized: slug for normalized, slug in reversed(slugs.fetchall()) if is_text(slug) and slug}
    return KnownNames(_ids_by_name(db, "categories"), _ids_by_name(db, "grids"), known)


def get_categories(db: sqlite3.Connection) -> list[GridCount]:
    """Return all categories, those with most packages first."""
    rows = db.execute(
        "SELECT id, slug, title, (SELECT count(*) FROM packages WHERE packages.category = categories.id"
        " AND catalog_state = 'listed') AS packages FROM categories ORDER BY packages DESC, slug"
    )
    return [_grid_count(*row) for row in rows]


def get_grids(db: sqlite3.Connection) -> list[GridCount]:
    """Return all grids, those with most packages first."""
    rows = db.execute(
        "SELECT grids.id, grids.slug, grids.title, count(packages.id) AS packages FROM grids"
        " LEFT JOIN package_grids ON package_grids.grid_id = grids.id"
        " LEFT JOIN packages ON packages.id = package_grids.package_id AND packages.catalog_state = 'listed'"
        " GROUP BY grids.id ORDER BY packages DESC, grids.slug"
    )
    return [_grid_count(*row) for row in rows]


def has_unnamed(db: sqlite3.Connection, packages: Sequence[int]) -> bool:
    """Return whether any of the packages is in a grid or category of which only the id is known."""
    row = db.execute(
        "SELECT EXISTS (SELECT 1 FROM package_grids JOIN grids ON grids.id = grid_id WHERE grids.slug IS NULL"
        " AND package_id IN (SELECT value FROM json_each(:ids)))"
        " OR EXISTS (SELECT 1 FROM packages JOIN categories ON categories.id = packages.category"
        " WHERE categories.slug IS NULL AND packages.id IN (SELECT value FROM json_each(:ids)))",
        {"ids": str(list(packages))},
    ).fetchone()
    return bool(row[0])


def _grid_count(number: int, slug: object, title: object, packages: int) -> GridCount:
    return GridCount(number, text_or_none(slug), text_or_none(title), packages)


def _ids_by_name(db: sqlite3.Connection, table: str) -> dict[str, int]:
    """Where names collide, an id wins over a slug, and a slug over a title."""
    rows = db.execute(f"SELECT id, slug, title FROM {table} ORDER BY id").fetchall()
    ids = {str(number): number for number, _, _ in rows}
    for column in (1, 2):
        for row in rows:
            if row[column] and is_text(row[column]):
                ids.setdefault(row[column].lower(), row[0])
    return ids
