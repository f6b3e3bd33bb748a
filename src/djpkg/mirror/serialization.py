"""Conversions between field values and the columns of `packages`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from djpkg.mirror.damage import is_integer
from djpkg.model.fields import FIELDS, Kind
from djpkg.model.package import category_url, grid_url
from djpkg.query.columns import is_computed
from djpkg.text import is_text, quote_input
from djpkg.times import to_sortable

if TYPE_CHECKING:
    from typing import TypeAlias, TypeGuard

    from djpkg.model.fields import Field
    from djpkg.model.merge import Merged, StoredValue
    from djpkg.model.package import Value

    SqlValue: TypeAlias = str | int | None

NOT_NULL = frozenset(("id", "slug", "title", "repo_url", "repo_description", "pypi_url", "catalog_state", "state"))
_compact = json.JSONEncoder(separators=(",", ":"))  # json.dumps would make one for each value
_TIMES = tuple(field.name for field in FIELDS if field.kind is Kind.TIME and not is_computed(field))


def to_row(merged: Merged) -> dict[str, SqlValue]:
    """Return the row of `packages` for a merge: lists as JSON, flags as 0 and 1, each time also in UTC."""
    row = {name: to_sql(value) for name, value in merged.values.items()}
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
    return _compact.encode(value)


def from_sql(field: Field, stored: SqlValue) -> Value:
    """Return the JSON value of a field from its column. Raises ValueError for what djpkg never writes there."""
    if is_computed(field) and isinstance(stored, str):  # a damaged name of a grid harms none of its packages
        stored = stored.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    match field.kind:
        case Kind.GRIDS | Kind.COUNTS | Kind.NAMES | Kind.MAPPING:
            return _from_json(field, stored)
        case Kind.CATEGORY if stored is None or is_integer(stored):
            return category_url(stored)
        case Kind.FLAG if stored is None or (is_integer(stored) and stored in (0, 1)):
            return None if stored is None else bool(stored)
        case Kind.INTEGER if is_integer(stored) or (stored is None and field.name not in NOT_NULL):
            return stored
        case Kind.TEXT | Kind.TIME | Kind.URL | Kind.PROJECT:
            if is_text(stored) or (stored is None and field.name not in NOT_NULL):
                return stored
    raise _invalid_value(field, stored)


def _from_json(field: Field, stored: SqlValue) -> Value:
    match field.kind:
        case Kind.GRIDS:
            return [grid_url(number) for number in _parse_integers(field, stored)]
        case Kind.COUNTS:
            return _parse_integers(field, stored)
        case Kind.NAMES:
            names = _parse_json(field, stored)
            if isinstance(names, list) and _are_texts(names):
                return names
        case Kind.MAPPING:
            mapping = _parse_json(field, stored)
            if isinstance(mapping, dict) and _are_texts([*mapping, *mapping.values()]):
                return mapping
    raise _invalid_value(field, stored)


def _parse_json(field: Field, stored: SqlValue) -> object:
    try:
        parsed: object = json.loads(cast("str", stored))
    except (TypeError, ValueError, RecursionError) as error:
        raise _invalid_value(field, stored) from error
    return parsed


def _parse_integers(field: Field, stored: SqlValue) -> list[int]:
    numbers = _parse_json(field, stored)
    if not isinstance(numbers, list) or not set(map(type, numbers)) <= {int}:
        raise _invalid_value(field, stored)
    if numbers and not (is_integer(min(numbers)) and is_integer(max(numbers))):
        raise _invalid_value(field, stored)
    return numbers


def _are_texts(items: list[object]) -> TypeGuard[list[str]]:
    return set(map(type, items)) <= {str} and is_text("".join(cast("list[str]", items)))


def _invalid_value(field: Field, stored: object) -> ValueError:
    return ValueError(f"invalid {field.name} {quote_input(str(stored))}")


def to_public(field: Field, value: StoredValue) -> Value:
    """Return the JSON value of a field from its merged value: addresses instead of ids."""
    if field.kind is Kind.CATEGORY:
        return category_url(cast("int | None", value))
    if field.kind is Kind.GRIDS:
        return [grid_url(number) for number in cast("list[int]", value)]
    return value
