"""One package with everything that can be told of it: names, what lies beneath edits, who stated what, and when."""

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

    from djpkg.model.merge import FactsRow, Merged, StoredValue


def get_package(db: sqlite3.Connection, number: int, *, forges: Mapping[str, SourceName]) -> Package:
    """The whole of one package. PackageNotFound where the id is not there."""
    values = get_values(db, number, fields.ALL_COLUMNS)
    merged, facts = get_merged(db, number, forges=forges)
    known = {field.name: field for field in fields.FIELDS}
    pointed = {None, merged.project, merged.place.coordinate if merged.place else None}
    return Package(
        values=values,
        category=_category(db, number),
        grids=_grids(db, number),
        upstream={name: to_public(known[name], kept) for name, kept in merged.upstream.items() if name in known},
        origins=merged.origins,
        beneath=merged.beneath,
        sources=tuple(
            Provenance(row.source.value, row.coordinate, row.asked, row.answered, row.outcome, row.error)
            for row in facts
            if row.source is SourceName.CATALOG or row.coordinate in pointed
        ),
        suggestion=merged.suggestion,
    )


def get_merged(
    db: sqlite3.Connection, number: int, *, forges: Mapping[str, SourceName]
) -> tuple[Merged, list[FactsRow]]:
    """The merge that a package's row was made of, and the facts behind it. MirrorError on facts of nobody's."""
    try:
        return _merge_of(db, number, forges)
    except ValueError as error:
        raise facts_json.unreadable(f"of package {number}", error) from error


def _merge_of(db: sqlite3.Connection, number: int, forges: Mapping[str, SourceName]) -> tuple[Merged, list[FactsRow]]:
    facts = [
        facts_json.facts_row(row)
        for row in db.execute(
            "SELECT source, coordinate, asked, answered, outcome, error, said FROM facts WHERE package_id = ?"
            " ORDER BY source",
            (number,),
        )
    ]
    rows = db.execute("SELECT field, value, edited FROM overrides WHERE package_id = ?", (number,)).fetchall()
    overrides: dict[str, StoredValue] = {field: json.loads(value) for field, value, _ in rows}
    edited = {field: at for field, _, at in rows}
    (state,) = db.execute("SELECT catalog_state FROM packages WHERE id = ?", (number,)).fetchone()
    return merge(facts, overrides, edited=edited, listed=state == "listed", forges=forges), facts


def _category(db: sqlite3.Connection, number: int) -> str | None:
    row = db.execute(
        "SELECT coalesce(title, CAST(categories.id AS TEXT)) FROM categories"
        " WHERE categories.id = (SELECT category FROM packages WHERE packages.id = ?)",
        (number,),
    ).fetchone()
    return row[0] if row else None


def _grids(db: sqlite3.Connection, number: int) -> tuple[str, ...]:
    rows = db.execute(
        "SELECT coalesce(title, CAST(grids.id AS TEXT)) FROM package_grids JOIN grids ON grids.id = grid_id"
        " WHERE package_id = ? ORDER BY position",
        (number,),
    )
    return tuple(title for (title,) in rows)
