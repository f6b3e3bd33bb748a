"""Reading one package with plain sqlite3: nothing heavy is imported, nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.errors import PackageNotFound
from djpkg.mirror.damage import damaged_error, find_damaged
from djpkg.mirror.serialization import from_sql
from djpkg.query.columns import column_sql
from djpkg.times import format_sortable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from datetime import datetime

    from djpkg.model.fields import Column, Field
    from djpkg.model.package import Value


def get_values(
    db: sqlite3.Connection, package: int, columns: Iterable[Column], *, now: datetime | None = None
) -> dict[str, Value]:
    """Return the JSON values of one package by field name.

    `now` is where spans such as "in the last 90 days" end; None is the current time. Raises PackageNotFound for an
    unknown id, and MirrorError for a damaged row.
    """
    fields = distinct_fields(columns)
    row = db.execute(f"SELECT {columns_sql(fields, now)} FROM packages WHERE id = ?", (package,)).fetchone()
    if row is None:
        raise PackageNotFound(f"package {package} not found in the mirror")
    try:
        return {field.name: from_sql(field, stored) for field, stored in zip(fields, row, strict=True)}
    except ValueError as error:
        raise damaged_error(find_damaged(db, package, str(error))) from error


def columns_sql(fields: Iterable[Field], now: datetime | None) -> str:
    """Return the expressions of these fields, for SELECT."""
    return ", ".join(column_sql(field, today=span_end(now)) for field in fields)


def span_end(now: datetime | None) -> str:
    """Return where spans end, in SQLite's terms."""
    return "now" if now is None else format_sortable(now)


def distinct_fields(columns: Iterable[Column]) -> list[Field]:
    """Return the fields of the columns, each once."""
    return list({column.field.name: column.field for column in columns}.values())
