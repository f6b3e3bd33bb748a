"""Reading one package with plain sqlite3: nothing heavy is imported, nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.errors import PackageNotFound
from djpkg.mirror.damage import damaged_error, find_damaged
from djpkg.mirror.serialization import from_sql
from djpkg.query.columns import column_sql

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from djpkg.model.fields import Column, Field
    from djpkg.model.package import Value


def get_values(db: sqlite3.Connection, package: int, columns: Iterable[Column]) -> dict[str, Value]:
    """Return the JSON values of one package by field name.

    Raises PackageNotFound for an unknown id, and MirrorError for a damaged row.
    """
    fields = distinct_fields(columns)
    row = db.execute(
        f"SELECT {', '.join(column_sql(field) for field in fields)} FROM packages WHERE id = ?", (package,)
    ).fetchone()
    if row is None:
        raise PackageNotFound(f"package {package} not found in the mirror")
    try:
        return {field.name: from_sql(field, stored) for field, stored in zip(fields, row, strict=True)}
    except ValueError as error:
        raise damaged_error(find_damaged(db, package, str(error))) from error


def distinct_fields(columns: Iterable[Column]) -> list[Field]:
    """Return the fields of the columns, each once."""
    return list({column.field.name: column.field for column in columns}.values())
