"""Values <-> columns: how the mirror writes down what a merge gives, and how a field is read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from djpkg.model.fields import FIELDS, Kind
from djpkg.model.package import category_address, grid_address
from djpkg.times import sortable

if TYPE_CHECKING:
    from typing import TypeAlias

    from djpkg.model.fields import Field
    from djpkg.model.merge import Merged, StoredValue
    from djpkg.model.package import Value

    SqlValue: TypeAlias = str | int | None

_encode = json.JSONEncoder(separators=(",", ":")).encode
_EMPTY: dict[type, str] = {list: "[]", dict: "{}"}
_TIMES = tuple(field.name for field in FIELDS if field.kind is Kind.TIME)


def to_row(merged: Merged) -> dict[str, SqlValue]:
    """The row of `packages` for a merge: lists as JSON, flags as 0 and 1, each time also as a UTC instant."""
    row = {name: to_sql(value) for name, value in merged.values.items()}
    row["suggestion"] = merged.suggestion
    for name in _TIMES:
        row[f"{name}_utc"] = sortable(cast("str | None", row[name]))
    return row


def to_sql(value: StoredValue) -> SqlValue:
    """One value as SQLite keeps it."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list | dict):
        return to_json(value) if value else _EMPTY[type(value)]
    return value


def to_json(value: StoredValue) -> str:
    """Compact ASCII JSON, so that `list --json` can hand it on as it is."""
    return _encode(value)


def from_sql(field: Field, kept: SqlValue) -> Value:
    """What JSON shows for a field whose column holds `kept`."""
    match field.kind:
        case Kind.CATEGORY:
            return category_address(cast("int | None", kept))
        case Kind.GRIDS:
            return [grid_address(number) for number in json.loads(cast("str", kept))]
        case Kind.COUNTS | Kind.NAMES | Kind.MAPPING:
            return cast("Value", json.loads(cast("str", kept)))
        case Kind.FLAG:
            return None if kept is None else bool(kept)
        case _:
            return kept


def to_public(field: Field, kept: StoredValue) -> Value:
    """What JSON shows for a field whose merged value is `kept`: addresses in place of ids."""
    if field.kind is Kind.CATEGORY:
        return category_address(cast("int | None", kept))
    if field.kind is Kind.GRIDS:
        return [grid_address(number) for number in cast("list[int]", kept)]
    return kept
