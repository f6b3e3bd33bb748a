"""Reading one package: plain sqlite3, nothing heavy, no writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.errors import PackageNotFound
from djpkg.mirror.serialization import from_sql
from djpkg.query.columns import column_sql

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from djpkg.model.fields import Column, Field
    from djpkg.model.package import Value


def get_values(db: sqlite3.Connection, package: int, columns: Iterable[Column]) -> dict[str, Value]:
    """The values of the columns' fields for one package, by field name. PackageNotFound where the id is not there."""
    fields = distinct(columns)
    row = db.execute(
        f"SELECT {', '.join(column_sql(field) for field in fields)} FROM packages WHERE id = ?", (package,)
    ).fetchone()
    if row is None:
        raise PackageNotFound(f"there is no package {package} in the mirror")
    return {field.name: from_sql(field, kept) for field, kept in zip(fields, row, strict=True)}


def distinct(columns: Iterable[Column]) -> list[Field]:
    """The fields that columns need, each once."""
    return list({column.field.name: column.field for column in columns}.values())
