"""Reading many packages for `list` with plain sqlite3: nothing heavy is imported, nothing is written.

First all ids are read in order, then the rows page by page. Each page is read completely before it is printed, so that
a slow reader of the output (a pager) never blocks a fetch.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import cache
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, cast

from djpkg.mirror.read import columns_sql, distinct_fields, span_end
from djpkg.mirror.serialization import from_sql
from djpkg.model.fields import Kind
from djpkg.query.columns import is_computed
from djpkg.query.grid_names import GridName, GridNames, lower_ascii
from djpkg.query.order_clause import VERSION_FIELD, VERSION_RANK, order_clause
from djpkg.query.where_clause import unknown_names, where_clause
from djpkg.text import quote_input

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.fields import Column, Field
    from djpkg.model.package import Values
    from djpkg.query.parser import Query, Sort

_PAGE_SIZE = 250


def count(db: sqlite3.Connection, query: Query, *, now: datetime | None = None) -> int:
    """Return the number of packages that match; `now` is as for `get_values`."""
    condition, values = where_clause(query, _get_names(db, query), today=span_end(now))
    (number,) = db.execute(f"SELECT count(*) FROM packages WHERE {condition}", values).fetchone()
    return cast("int", number)


def find_ids(
    db: sqlite3.Connection, query: Query, sorts: Sequence[Sort], *, limit: int = 0, now: datetime | None = None
) -> list[int]:
    """Return the ids of the packages that match, in order; `limit` 0 means no limit; `now` is as for `get_values`."""
    names, today = _get_names(db, query), span_end(now)
    condition, values = where_clause(query, names, today=today)
    order, order_values = order_clause(sorts, query, names, today=today)
    if any(item.field.name == VERSION_FIELD for item in sorts):
        _define_version_order(db)
    sql = f"SELECT packages.id FROM packages WHERE {condition} ORDER BY {order}"
    if limit:  # LIMIT -1 would slow down sorting
        sql += f" LIMIT {limit:d}"
    rows = db.execute(sql, (*values, *order_values))
    return [number for (number,) in rows]


def _define_version_order(db: sqlite3.Connection) -> None:
    """Define the SQL function that returns a version's position among all versions of the mirror."""
    from djpkg.model import pypi_project  # noqa: PLC0415 - only for this order

    versions = (text for (text,) in db.execute("SELECT DISTINCT pypi_version FROM packages WHERE pypi_version <> ''"))
    positions = {text: position for position, text in enumerate(pypi_project.sort_versions(versions))}
    db.create_function(VERSION_RANK, 1, positions.get, deterministic=True)


def describe_unknown_names(db: sqlite3.Connection, query: Query) -> list[str]:
    """Return a message for each unknown category or grid in the query, with the nearest known one."""
    if not any(item.field.holds_category or item.field.holds_grids for item in query.filters):
        return []
    names = get_grid_names(db)
    return [
        _unknown_name(
            "category" if field.holds_category else "grid",
            text,
            names.categories if field.holds_category else names.grids,
        )
        for field, text in unknown_names(query, names)
    ]


def _unknown_name(notion: str, text: str, known: Sequence[GridName]) -> str:
    slugs = [name.slug for name in known if name.slug]
    near = get_close_matches(lower_ascii(text), slugs, n=1, cutoff=0.6)
    next_step = f"did you mean {near[0]}?" if near else "djpkg grids lists them"
    return f"unknown {notion} {quote_input(text)}; {next_step}"


def _get_names(db: sqlite3.Connection, query: Query) -> GridNames:
    """Return the names that the query may refer to."""
    names = get_grid_names(db)
    if all(item.field.name != "license" for item in query.filters):
        return names
    licenses = db.execute("SELECT DISTINCT license FROM packages WHERE license <> ''")
    return names._replace(licenses=tuple(name for (name,) in licenses))


def get_grid_names(db: sqlite3.Connection) -> GridNames:
    """Return the names of all categories and grids."""
    return GridNames(_names_in(db, "categories"), _names_in(db, "grids"))


def _names_in(db: sqlite3.Connection, table: str) -> tuple[GridName, ...]:
    return tuple(GridName(*row) for row in db.execute(f"SELECT id, slug, title FROM {table} ORDER BY id"))


def get_rows(
    db: sqlite3.Connection, ids: Sequence[int], columns: Iterable[Column], *, now: datetime | None = None
) -> Iterator[Values]:
    """Yield the JSON values of each package by field name, in the order of `ids`; `now` is as for `get_values`."""
    fields = distinct_fields(columns)
    for page in _read_pages(db, ids, fields, now):
        for row in page:
            yield {field.name: from_sql(field, stored) for field, stored in zip(fields, row, strict=True)}


def get_json(
    db: sqlite3.Connection, ids: Sequence[int], columns: Sequence[Column], *, now: datetime | None = None
) -> Iterator[list[str]]:
    """Yield pages of compact JSON objects, one object per package, in the order of `ids`.

    Stored JSON is copied into a template without parsing it: with json.loads and json.dumps of every record,
    `list --json` of 5,800 packages takes twice as long.
    """
    fields = [column.field for column in columns]
    template = "{" + ",".join(f"{json.dumps(column.key).replace('%', '%%')}:%s" for column in columns) + "}"
    encoders = [_json_encoder(field) for field in fields]
    for page in _read_pages(db, ids, fields, now):
        yield [template % tuple([encode(value) for encode, value in zip(encoders, row, strict=True)]) for row in page]


def _read_pages(
    db: sqlite3.Connection, ids: Sequence[int], fields: Sequence[Field], now: datetime | None
) -> Iterator[list[tuple[SqlValue, ...]]]:
    expressions = columns_sql(fields, now)
    for start in range(0, len(ids), _PAGE_SIZE):
        yield db.execute(
            f"SELECT {expressions} FROM json_each(?) AS wanted JOIN packages ON packages.id = wanted.value"
            " ORDER BY wanted.key",
            (json.dumps(ids[start : start + _PAGE_SIZE]),),
        ).fetchall()


def _json_encoder(field: Field) -> Callable[[SqlValue], object]:
    """Return the function from a column's value to its JSON text (or to an integer, which prints the same)."""
    match field.kind:
        case Kind.INTEGER:
            return lambda value: "null" if value is None else value
        case Kind.CATEGORY | Kind.GRIDS:
            # Packages share few categories and sets of grids: the cache saves a seventh of `list --json`.
            return cache(lambda value: json.dumps(from_sql(field, value), separators=(",", ":")))
        case Kind.NAMES if is_computed(field):  # SQLite does not escape to ASCII
            return lambda value: json.dumps(json.loads(cast("str", value)), separators=(",", ":"))
        case Kind.COUNTS | Kind.NAMES | Kind.MAPPING:
            return lambda value: value
        case Kind.FLAG:
            return lambda value: "null" if value is None else "true" if value else "false"
        case _:
            return lambda value: "null" if value is None else encode_basestring_ascii(cast("str", value))
