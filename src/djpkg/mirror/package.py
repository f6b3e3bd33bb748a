"""Reading one package with everything that `show` prints: values, upstream values, origins and lookups."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from djpkg.mirror import facts_json
from djpkg.mirror.read import get_values
from djpkg.mirror.serialization import to_public
from djpkg.model import fields
from djpkg.model.merge import merge
from djpkg.model.package import Package, Provenance
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from datetime import datetime

    from djpkg.model.merge import FactsRow, Merged, StoredValue


def get_package(
    db: sqlite3.Connection, number: int, *, forges: Mapping[str, SourceName], now: datetime | None = None
) -> Package:
    """Return one package; see `get_values` for `now`. Raises PackageNotFound for an unknown id."""
    values = get_values(db, number, fields.ALL_COLUMNS, now=now)
    merged, facts = get_merged(db, number, forges=forges)
    coordinates = {merged.project, merged.repository.coordinate if merged.repository else None}
    return Package(
        values=values,
        category=_category_title(db, number),
        grids=_grid_titles(db, number),
        upstream={
            field.name: to_public(field, merged.upstream[field.name])
            for field in fields.FIELDS
            if field.name in merged.upstream
        },
        origins=merged.origins,
        upstream_origins=merged.upstream_origins,
        sources=tuple(
            Provenance(row.source.value, row.coordinate, row.asked, row.answered, row.outcome, row.error)
            for row in facts
            if row.source is SourceName.CATALOG or row.coordinate in coordinates
        ),
        suggestion=merged.suggestion,
    )


def get_merged(
    db: sqlite3.Connection, number: int, *, forges: Mapping[str, SourceName]
) -> tuple[Merged, list[FactsRow]]:
    """Return a package's merge and the facts behind it. Raises MirrorError for invalid facts."""
    try:
        return _merge(db, number, forges)
    except ValueError as error:
        raise facts_json.invalid_facts_error(f"of package {number}", error) from error


def _merge(db: sqlite3.Connection, number: int, forges: Mapping[str, SourceName]) -> tuple[Merged, list[FactsRow]]:
    facts = [
        facts_json.parse_facts_row(row)
        for row in db.execute(
            "SELECT source, coordinate, asked, answered, outcome, error, facts FROM facts WHERE package_id = ?"
            " ORDER BY source",
            (number,),
        )
    ]
    rows = db.execute("SELECT field, value, edited FROM overrides WHERE package_id = ?", (number,)).fetchall()
    overrides: dict[str, StoredValue] = {field: json.loads(value) for field, value, _ in rows}
    edited = {field: time for field, _, time in rows}
    (state,) = db.execute("SELECT catalog_state FROM packages WHERE id = ?", (number,)).fetchone()
    return merge(facts, overrides, edited=edited, listed=state == "listed", forges=forges), facts


def _category_title(db: sqlite3.Connection, number: int) -> str | None:
    row = db.execute(
        "SELECT coalesce(title, CAST(categories.id AS TEXT)) FROM categories"
        " WHERE categories.id = (SELECT category FROM packages WHERE packages.id = ?)",
        (number,),
    ).fetchone()
    return row[0] if row else None


def _grid_titles(db: sqlite3.Connection, number: int) -> tuple[str, ...]:
    rows = db.execute(
        "SELECT coalesce(title, CAST(grids.id AS TEXT)) FROM package_grids JOIN grids ON grids.id = grid_id"
        " WHERE package_id = ? ORDER BY position",
        (number,),
    )
    return tuple(title for (title,) in rows)
