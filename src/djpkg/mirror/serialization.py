"""Conversions between field values and the columns of `packages`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from djpkg.model.fields import FIELDS, Kind
from djpkg.model.package import category_url, grid_url
from djpkg.times import to_sortable

if TYPE_CHECKING:
    from typing import TypeAlias

    from djpkg.model.fields import Field
    from djpkg.model.merge import Merged, StoredValue
    from djpkg.model.package import Value

    SqlValue: TypeAlias = str | int | None

_TIMES = tuple(field.name for field in FIELDS if field.kind is Kind.TIME)


def to_row(merged: Merged) -> dict[str, SqlValue]:
    """Return the row of `packages` for a merge: lists as JSON, flags as 0 and 1, each time also in UTC."""
    row = {name: to_sql(value) for name, value in merged.values.items()}
    row["suggestion"] = merged.suggestion
    for name in _TIMES:
        row[f"{name}_utc"] = to_sortable(cast("str | None", row[name]))
    return row


def to_sql(value: StoredValue) -> SqlValue:
    """Return the value as SQLite stores it."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list | dict):
        return to_json(value)
    return value


def to_json(value: StoredValue) -> str:
    """Return compact ASCII JSON, which `list --json` prints without parsing it."""
    return json.dumps(value, separators=(",", ":"))


def from_sql(field: Field, stored: SqlValue) -> Value:
    """Return the JSON value of a field from its column."""
    match field.kind:
        case Kind.CATEGORY:
            return category_url(cast("int | None", stored))
        case Kind.GRIDS:
            return [grid_url(number) for number in json.loads(cast("str", stored))]
        case Kind.COUNTS | Kind.NAMES | Kind.MAPPING:
            return cast("Value", json.loads(cast("str", stored)))
        case Kind.FLAG:
            return None if stored is None else bool(stored)
        case _:
            return stored


def to_public(field: Field, value: StoredValue) -> Value:
    """Return the JSON value of a field from its merged value: addresses instead of ids."""
    if field.kind is Kind.CATEGORY:
        return category_url(cast("int | None", value))
    if field.kind is Kind.GRIDS:
        return [grid_url(number) for number in cast("list[int]", value)]
    return value
