"""Reading many packages for `list`: plain sqlite3, nothing heavy, no writes.

A list is first the ids in order, then one page of rows after another, each taken whole before it is printed, so that a
reader who stands still in a pager holds up no fetch.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, cast

from djpkg.mirror.read import distinct
from djpkg.mirror.serialization import from_sql
from djpkg.model.fields import Kind
from djpkg.model.package import category_address, grid_address
from djpkg.query import sql
from djpkg.query.columns import column_sql, is_computed
from djpkg.query.grid_names import GridName, GridNames, lower_ascii
from djpkg.text import quote_input

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.fields import Column, Field
    from djpkg.model.package import Values
    from djpkg.query.parser import Query, Sort

# Small enough for the processor to have a page at hand while it is written down (measured).
_PAGE = 100


def count(db: sqlite3.Connection, query: Query) -> int:
    """How many packages a query matches."""
    condition, values = sql.where(query, get_names(db))
    (number,) = db.execute(f"SELECT count(*) FROM packages WHERE {condition}", values).fetchone()
    return cast("int", number)


def find_ids(db: sqlite3.Connection, query: Query, sorts: Sequence[Sort], *, limit: int = 0) -> list[int]:
    """The ids that a query matches, in order; `limit` 0 takes all."""
    names = get_names(db)
    condition, values = sql.where(query, names)
    order, order_values = sql.order_by(sorts, query, names)
    if any(item.field.name == sql.VERSION for item in sorts):
        _place_versions(db)
    # A LIMIT, even one of all, costs SQLite its quick way of sorting. The ids are handed over as one text, which takes
    # half the time of as many rows; SQLite keeps a subquery's order for an aggregate.
    cut = "LIMIT ?" if limit else ""
    (found,) = db.execute(
        "SELECT json_group_array(id) FROM"
        f" (SELECT packages.id AS id FROM packages WHERE {condition} ORDER BY {order} {cut})",
        (*values, *order_values, *([limit] if limit else [])),
    ).fetchone()
    return cast("list[int]", json.loads(found))


def _place_versions(db: sqlite3.Connection) -> None:
    """Let SQL order by versions: a place for each costs less than to compare them pair by pair."""
    from djpkg.model import pypi_project  # noqa: PLC0415 - for this order alone

    versions = (text for (text,) in db.execute("SELECT DISTINCT pypi_version FROM packages WHERE pypi_version <> ''"))
    places = {text: place for place, text in enumerate(pypi_project.sort_versions(versions))}
    db.create_function(sql.VERSION_PLACE, 1, places.get, deterministic=True)


def unknown_names(db: sqlite3.Connection, query: Query) -> list[str]:
    """A sentence on each value of the query that names no category or grid, with the nearest one."""
    if not any(item.field.of_category or item.field.of_grids for item in query.filters):
        return []
    names = get_names(db)
    return [
        _no_such(
            "category" if field.of_category else "grid", text, names.categories if field.of_category else names.grids
        )
        for field, text in sql.unknown_names(query, names)
    ]


def _no_such(notion: str, text: str, known: Sequence[GridName]) -> str:
    slugs = [one.slug for one in known if one.slug]
    near = get_close_matches(lower_ascii(text), slugs, n=1, cutoff=0.6)
    next_step = f"did you mean {near[0]}?" if near else "djpkg grids lists them"
    return f"there is no {notion} {quote_input(text)} in the mirror; {next_step}"


def get_names(db: sqlite3.Connection) -> GridNames:
    """All categories and grids."""
    return GridNames(*(_named(db, table) for table in ("categories", "grids")))


def _named(db: sqlite3.Connection, table: str) -> tuple[GridName, ...]:
    return tuple(GridName(*row) for row in db.execute(f"SELECT id, slug, title FROM {table} ORDER BY id"))


def get_rows(db: sqlite3.Connection, ids: Sequence[int], columns: Iterable[Column]) -> Iterator[Values]:
    """The values of the columns' fields for each id, in the order of the ids."""
    fields = distinct(columns)
    for page in _pages(db, ids, fields):
        for row in page:
            yield {field.name: from_sql(field, kept) for field, kept in zip(fields, row, strict=True)}


def get_json(db: sqlite3.Connection, ids: Sequence[int], columns: Sequence[Column]) -> Iterator[list[str]]:
    """The same as compact JSON objects, page by page, without a detour through Python's values.

    What the mirror keeps as JSON is ASCII already and is handed on; texts are escaped by the C encoder of `json`.
    """
    fields = [column.field for column in columns]
    template = "{" + ",".join(f"{json.dumps(column.key).replace('%', '%%')}:%s" for column in columns) + "}"
    encoders = [_encoder(field) for field in fields]
    for page in _pages(db, ids, fields):
        # Column by column: a call for each value costs more than the encoding.
        by_column = [encode(kept) for encode, kept in zip(encoders, zip(*page, strict=True), strict=False)]
        yield [template % row for row in zip(*by_column, strict=True)]


def _pages(db: sqlite3.Connection, ids: Sequence[int], fields: Sequence[Field]) -> Iterator[list[tuple[SqlValue, ...]]]:
    expressions = ", ".join(column_sql(field) for field in fields)
    for start in range(0, len(ids), _PAGE):
        wanted = json.dumps(list(ids[start : start + _PAGE]))
        # SQLite never turns a CROSS JOIN's loops round, so that the rows come as the ids do: to order them would only
        # copy each once more.
        yield db.execute(
            f"SELECT {expressions} FROM json_each(?) AS wanted CROSS JOIN packages ON packages.id = wanted.value",
            (wanted,),
        ).fetchall()


def _encoder(field: Field) -> Callable[[Sequence[SqlValue]], Iterable[object]]:
    """What makes of a column's values what a template writes as JSON."""
    match field.kind:
        case Kind.INTEGER:
            return _integers
        case Kind.FLAG:
            return _Known(lambda kept: "null" if kept is None else "true" if kept else "false").all
        case Kind.CATEGORY:
            return _Known(lambda kept: json.dumps(category_address(cast("int | None", kept)))).all
        case Kind.GRIDS:
            return _Known(_grids).all
        case Kind.NAMES if is_computed(field):  # made by SQLite, which leaves other alphabets as they are
            return _Known(lambda kept: json.dumps(json.loads(cast("str", kept)), separators=(",", ":"))).all
        case Kind.COUNTS | Kind.NAMES | Kind.MAPPING:
            return iter
        case _:
            return _texts


def _texts(column: Sequence[SqlValue]) -> list[str]:
    return ["null" if kept is None else encode_basestring_ascii(kept) for kept in cast("Sequence[str | None]", column)]


def _integers(column: Sequence[SqlValue]) -> list[object]:
    return ["null" if kept is None else kept for kept in column]


def _grids(kept: SqlValue) -> str:
    return json.dumps([grid_address(number) for number in json.loads(cast("str", kept))], separators=(",", ":"))


class _Known(dict["SqlValue", str]):
    """Few categories and sets of grids serve thousands of packages: each is encoded once."""

    def __init__(self, encode: Callable[[SqlValue], str]) -> None:
        super().__init__()
        self._encode = encode

    def __missing__(self, kept: SqlValue) -> str:
        return self.setdefault(kept, self._encode(kept))

    def all(self, column: Sequence[SqlValue]) -> Iterable[str]:
        """Each value of a column encoded."""
        return map(self.__getitem__, column)
