"""Reading many packages for `list`: plain sqlite3, nothing heavy, no writes.

A list is first the ids in order, then one page of rows after another, each taken whole before it is printed, so that a
reader who stands still in a pager holds up no fetch.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, cast

from djpkg import query_sql
from djpkg.fields import Kind
from djpkg.mirror.read import distinct
from djpkg.mirror.rows import value
from djpkg.record import category_address, grid_address

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from djpkg.fields import Column, Field
    from djpkg.mirror.rows import SqlValue
    from djpkg.query import Query, Sort
    from djpkg.record import Values

_PAGE = 500


def count(db: sqlite3.Connection, query: Query) -> int:
    """How many packages a query matches."""
    condition, values = query_sql.where(query)
    (number,) = db.execute(f"SELECT count(*) FROM packages WHERE {condition}", values).fetchone()
    return cast("int", number)


def find_ids(db: sqlite3.Connection, query: Query, sorts: Sequence[Sort], *, limit: int = 0) -> list[int]:
    """The ids that a query matches, in order; `limit` 0 takes all."""
    condition, values = query_sql.where(query)
    order, order_values = query_sql.order_by(sorts, query)
    rows = db.execute(
        f"SELECT packages.id FROM packages WHERE {condition} ORDER BY {order} LIMIT ?",
        (*values, *order_values, limit or -1),
    )
    return [number for (number,) in rows]


def get_rows(db: sqlite3.Connection, ids: Sequence[int], columns: Iterable[Column]) -> Iterator[Values]:
    """The values of the columns' fields for each id, in the order of the ids."""
    fields = distinct(columns)
    for page in _pages(db, ids, fields):
        for row in page:
            yield {field.name: value(field, kept) for field, kept in zip(fields, row, strict=True)}


def get_json(db: sqlite3.Connection, ids: Sequence[int], columns: Sequence[Column]) -> Iterator[list[str]]:
    """The same as compact JSON objects, page by page, without a detour through Python's values.

    What the mirror keeps as JSON is ASCII already and is handed on; texts are escaped by the C encoder of `json`.
    """
    fields = [column.field for column in columns]
    template = "{" + ",".join(f"{json.dumps(column.key).replace('%', '%%')}:%s" for column in columns) + "}"
    encoders = [_encoder(field) for field in fields]
    for page in _pages(db, ids, fields):
        yield [template % tuple([encode(kept) for encode, kept in zip(encoders, row, strict=True)]) for row in page]


def _pages(db: sqlite3.Connection, ids: Sequence[int], fields: Sequence[Field]) -> Iterator[list[tuple[SqlValue, ...]]]:
    expressions = ", ".join(field.column for field in fields)
    for start in range(0, len(ids), _PAGE):
        wanted = json.dumps(list(ids[start : start + _PAGE]))
        yield db.execute(
            f"SELECT {expressions} FROM json_each(?) AS wanted CROSS JOIN packages ON packages.id = wanted.value"
            " ORDER BY wanted.key",
            (wanted,),
        ).fetchall()


def _encoder(field: Field) -> Callable[[SqlValue], str]:
    match field.kind:
        case Kind.INTEGER:
            return _integer
        case Kind.FLAG:
            return _flag
        case Kind.CATEGORY:
            return _remembered(lambda kept: json.dumps(category_address(cast("int | None", kept))))
        case Kind.GRIDS:
            return _remembered(_grids)
        case Kind.NAMES if field.expression:  # made by SQLite, which leaves other alphabets as they are
            return _remembered(lambda kept: json.dumps(json.loads(cast("str", kept)), separators=(",", ":")))
        case Kind.COUNTS | Kind.NAMES | Kind.MAPPING:
            return cast("Callable[[SqlValue], str]", str)
        case _:
            return _text


def _text(kept: SqlValue) -> str:
    return "null" if kept is None else encode_basestring_ascii(cast("str", kept))


def _integer(kept: SqlValue) -> str:
    return "null" if kept is None else str(kept)


def _flag(kept: SqlValue) -> str:
    return "null" if kept is None else "true" if kept else "false"


def _grids(kept: SqlValue) -> str:
    return json.dumps([grid_address(number) for number in json.loads(cast("str", kept))], separators=(",", ":"))


def _remembered(encode: Callable[[SqlValue], str]) -> Callable[[SqlValue], str]:
    """Few categories and sets of grids serve thousands of packages."""
    known: dict[SqlValue, str] = {}

    def recall(kept: SqlValue) -> str:
        if kept not in known:
            known[kept] = encode(kept)
        return known[kept]

    return recall
