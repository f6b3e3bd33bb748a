"""Reading many packages for `list` with plain sqlite3: nothing heavy is imported, nothing is written.

First all ids are read in order, then the rows page by page. Each page is read completely before it is printed, so that
a slow reader of the output (a pager) never blocks a fetch.
"""

from __future__ import annotations

import json
import re
import sqlite3
from difflib import get_close_matches
from functools import cache, partial
from itertools import chain
from json.encoder import encode_basestring_ascii
from types import NoneType
from typing import TYPE_CHECKING, cast

from djpkg.errors import UsageError
from djpkg.mirror import resolve
from djpkg.mirror.damage import damaged_error, find_damaged, text_or_none
from djpkg.mirror.read import columns_sql, distinct_fields, span_end
from djpkg.mirror.serialization import NOT_NULL, from_sql
from djpkg.model.fields import Kind
from djpkg.model.package import PUBLIC_API, grid_url
from djpkg.model.pypi_project import DJANGO
from djpkg.query.columns import is_computed
from djpkg.query.grid_names import GridName, GridNames, find_by_word_start, lower_ascii
from djpkg.query.order_clause import VERSION_FIELD, VERSION_RANK, order_clause, parts_in_order
from djpkg.query.text_match import split_star
from djpkg.query.where_clause import REQUIRES_FIELD, own_text_sql, required_texts, unknown_names, where_clause
from djpkg.text import is_text, quote_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from djpkg.mirror.damage import DamagedRow
    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.fields import Column, Field
    from djpkg.model.package import Values
    from djpkg.query.parser import Query, Sort

_PAGE_SIZE = 250
_MAX_SUGGESTIONS = 3
# No JSON text may contain a line break, so values that are parsed together cannot complete each other.
_JSON_BREAK = ",\n"
# Matching all lists of a page takes an eighth of the time of parsing them, which would be a tenth of `list --json`.
_COUNT = r"(?:0|[1-9][0-9]{0,17})"
_COUNTS = rf"\[(?:{_COUNT}(?:,{_COUNT})*+)?\]"
_COLUMN_OF_COUNTS = rf"{_COUNTS}(?:{_JSON_BREAK}{_COUNTS})*+"


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
    found: list[int] = []
    for part in parts_in_order(sorts, query):
        sql = f"SELECT packages.id FROM packages WHERE {condition} AND {part} ORDER BY {order}"
        if limit:  # LIMIT -1 would slow down sorting
            sql += f" LIMIT {limit - len(found):d}"
        found += [number for (number,) in db.execute(sql, (*values, *order_values))]
    return found


def _define_version_order(db: sqlite3.Connection) -> None:
    """Define the SQL function that returns a version's position among all versions of the mirror."""
    from djpkg.model import pypi_project  # noqa: PLC0415 - only for this order

    rows = db.execute("SELECT DISTINCT pypi_version FROM packages WHERE pypi_version <> ''")
    versions = (text for (text,) in rows if is_text(text))
    # The function gets bytes, because Python's sqlite3 fails on arguments that are not valid UTF-8.
    positions = {text.encode(): position for position, text in enumerate(pypi_project.sort_versions(versions))}
    db.create_function(VERSION_RANK, 1, positions.get, deterministic=True)


def check_names(db: sqlite3.Connection, query: Query) -> None:
    """Raise UsageError with the nearest known names if a category, grid or required package is unknown."""
    if not any(
        item.field.holds_category or item.field.holds_grids or item.field.name == REQUIRES_FIELD
        for item in query.filters
    ):
        return
    names = _get_names(db, query)
    for field, text in unknown_names(query, names):
        if field.name == REQUIRES_FIELD:
            raise _unknown_package(db, text)
        if field.holds_category:
            raise _unknown_name("category", "categories", text, names.categories)
        raise _unknown_name("grid", "grids", text, names.grids)


def _unknown_name(notion: str, plural: str, text: str, known: Sequence[GridName]) -> UsageError:
    slugs = [name.slug for name in known if name.slug]
    if not slugs:
        message = f"unknown {notion} {quote_input(text)}; no names of {plural} are known yet"
        return UsageError(message, hint="run djpkg fetch --all")
    near = get_close_matches(lower_ascii(text), slugs, n=_MAX_SUGGESTIONS, cutoff=0.6)
    hint = f"did you mean {', '.join(near)}?" if near else "djpkg grids lists them"
    return UsageError(f"unknown {notion} {quote_input(text)}", hint=hint)


def _unknown_package(db: sqlite3.Connection, text: str) -> UsageError:
    if resolve.normalize_slug(text) == DJANGO:
        message = f"{quote_input(text)} is not a package of the catalog"
        return UsageError(message, hint="django_requires:any finds what requires Django")
    near = resolve.suggest_slugs(db, text, catalog=PUBLIC_API)
    return UsageError(
        f"package {quote_input(text)} not found in the mirror", hint=near or "djpkg list WORD searches for packages"
    )


def _get_names(db: sqlite3.Connection, query: Query) -> GridNames:
    """Return the names that the query may refer to."""
    names = get_grid_names(db)
    if texts := required_texts(query):
        names = names._replace(required=_find_projects(db, texts))
    if all(item.field.name != "license" for item in query.filters):
        return names
    licenses = db.execute("SELECT DISTINCT license FROM packages WHERE license <> ''")
    return names._replace(licenses=tuple(name for (name,) in licenses))


def _find_projects(db: sqlite3.Connection, texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the PyPI projects of the packages that each text names; texts that name none are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        if ids := resolve.find_ids(db, text, catalog=PUBLIC_API):
            projects = db.execute(
                "SELECT DISTINCT pypi_name FROM packages WHERE id IN (SELECT value FROM json_each(?))"
                " AND pypi_name IS NOT NULL",
                (json.dumps(ids),),
            )
            found[text] = tuple(name for (name,) in projects if is_text(name))
    return found


def find_name_matches(db: sqlite3.Connection, ids: Sequence[int], query: Query) -> dict[str, str]:
    """Return the packages in whose own texts a word of the query is missing: slug -> ``grid Forms``."""
    found: dict[str, str] = {}
    names = get_grid_names(db)
    for word in query.included_words:
        by_id = [
            {
                one.id: f"{kind} {one.title or one.slug or one.id}"
                for one in find_by_word_start(group, split_star(word)[0])
            }
            for kind, group in (("grid", names.grids), ("category", names.categories))
        ]
        if not any(by_id):
            continue
        condition, values = own_text_sql(word)
        rows = db.execute(
            "SELECT slug, category,"
            " (SELECT json_group_array(grid_id) FROM package_grids WHERE package_id = packages.id)"
            " FROM json_each(?) AS wanted JOIN packages ON packages.id = wanted.value"
            f" WHERE NOT coalesce({condition}, 0) ORDER BY wanted.key",
            (json.dumps(ids), *values),
        )
        for slug, category, grids in rows:
            matching = [by_id[0][number] for number in json.loads(grids) if number in by_id[0]]
            matching += [by_id[1][category]] if category in by_id[1] else []
            if matching and is_text(slug):
                found.setdefault(slug, matching[0])
    return found


def get_grid_names(db: sqlite3.Connection) -> GridNames:
    """Return the names of all categories and grids."""
    return GridNames(_names_in(db, "categories"), _names_in(db, "grids"))


def _names_in(db: sqlite3.Connection, table: str) -> tuple[GridName, ...]:
    rows = db.execute(f"SELECT id, slug, title FROM {table} ORDER BY id")
    return tuple(GridName(number, text_or_none(slug), text_or_none(title)) for number, slug, title in rows)


def get_rows(
    db: sqlite3.Connection,
    ids: Sequence[int],
    columns: Iterable[Column],
    damaged: list[DamagedRow] | None = None,
    *,
    now: datetime | None = None,
) -> Iterator[Values]:
    """Yield the JSON values of each package by field name, in the order of `ids`; `now` is as for `get_values`.

    Packages whose row cannot be read are left out and added to `damaged`; without it they raise MirrorError.
    """
    fields = distinct_fields(columns)
    for numbers, page, _ in _read_pages(db, ids, fields, now):
        for number, row in zip(numbers, page, strict=True):
            try:
                values = {field.name: from_sql(field, stored) for field, stored in zip(fields, row, strict=True)}
            except ValueError as error:
                _leave_out(find_damaged(db, number, str(error)), damaged)
            else:
                yield values


def get_json(
    db: sqlite3.Connection,
    ids: Sequence[int],
    columns: Sequence[Column],
    damaged: list[DamagedRow] | None = None,
    *,
    now: datetime | None = None,
) -> Iterator[list[str]]:
    """Yield pages of compact JSON objects, one object per package, in the order of `ids`; `damaged` as in `get_rows`.

    Stored JSON is copied into a template: with json.loads and json.dumps of every record, `list --json` of 5,800
    packages takes twice as long.
    """
    fields = [column.field for column in columns]
    template = "{" + ",".join(f"{json.dumps(column.key).replace('%', '%%')}:%s" for column in columns) + "}"
    encoders = [_column_encoder(field) for field in fields]
    for numbers, page, is_valid_text in _read_pages(db, ids, fields, now):
        if not is_valid_text:
            yield list(_encode_rows(db, template, fields, zip(numbers, page, strict=True), damaged))
            continue
        try:
            encoded = [encode(values) for encode, values in zip(encoders, zip(*page, strict=True), strict=True)]
            lines = [template % row for row in zip(*encoded, strict=True)]
        except (TypeError, ValueError, RecursionError):
            yield list(_encode_rows(db, template, fields, zip(numbers, page, strict=True), damaged))
        else:
            yield lines


def _leave_out(row: DamagedRow, damaged: list[DamagedRow] | None) -> None:
    if damaged is None:
        raise damaged_error(row)
    damaged.append(row)


def _encode_rows(
    db: sqlite3.Connection,
    template: str,
    fields: Sequence[Field],
    rows: Iterable[tuple[int, tuple[SqlValue, ...]]],
    damaged: list[DamagedRow] | None,
) -> Iterator[str]:
    """Yield the objects of a page that contains an unusual value, each value parsed."""
    for number, row in rows:
        try:
            values = [from_sql(field, stored) for field, stored in zip(fields, row, strict=True)]
        except ValueError as error:
            _leave_out(find_damaged(db, number, str(error)), damaged)
        else:
            yield template % tuple([json.dumps(value, separators=(",", ":")) for value in values])


def _read_pages(
    db: sqlite3.Connection, ids: Sequence[int], fields: Sequence[Field], now: datetime | None
) -> Iterator[tuple[list[int], list[tuple[SqlValue, ...]], bool]]:
    """Yield pages in the order of `ids`: the ids, the rows, and whether all texts are valid UTF-8."""
    expressions = columns_sql(fields, now)
    for start in range(0, len(ids), _PAGE_SIZE):
        # Without ORDER BY: SQLite would copy the whole rows to sort them.
        sql = (
            f"SELECT packages.id, {expressions} FROM json_each(?) AS wanted JOIN packages ON packages.id = wanted.value"
        )
        page = ids[start : start + _PAGE_SIZE]
        wanted = (json.dumps(page),)
        tolerant, db.text_factory = db.text_factory, str  # much faster
        try:
            rows, is_valid_text = db.execute(sql, wanted).fetchall(), True
        except sqlite3.OperationalError:
            db.text_factory = tolerant
            rows, is_valid_text = db.execute(sql, wanted).fetchall(), False
        finally:
            db.text_factory = tolerant
        found = {row[0]: row[1:] for row in rows}
        numbers = [number for number in page if number in found]
        yield numbers, [found[number] for number in numbers], is_valid_text


def _column_encoder(field: Field) -> Callable[[Sequence[SqlValue]], Iterable[object]]:
    """Return the function from a column of a page to its JSON texts (or integers, which print the same).

    It raises TypeError or ValueError for the whole column if a value is unusual; `from_sql` then decides.
    """
    match field.kind:
        case Kind.COUNTS:
            return partial(_check_counts)
        case Kind.GRIDS:
            return partial(_encode_grids)
        case Kind.NAMES if not is_computed(field):
            return partial(_check_json, opening="[", item_type=str)
        case Kind.MAPPING:
            return partial(_check_json, opening="{", item_type=str)
        case Kind.TEXT | Kind.URL | Kind.PROJECT | Kind.TIME:
            return partial(map, encode_basestring_ascii) if field.name in NOT_NULL else _encode_texts
        case Kind.INTEGER:
            return _encode_integers
        case _:
            # Packages share few categories and flags.
            return partial(map, cache(lambda value: json.dumps(from_sql(field, value), separators=(",", ":"))))


def _encode_texts(values: Sequence[SqlValue]) -> list[str]:
    # A call of `cast` for each value would take a thirtieth of `list --json`.
    return ["null" if value is None else encode_basestring_ascii(value) for value in values]  # type: ignore[arg-type] # see above


def _encode_integers(values: Sequence[SqlValue]) -> list[SqlValue]:
    if not set(map(type, values)) <= {int, NoneType}:
        raise TypeError
    return ["null" if value is None else value for value in values]


def _check_counts(values: Sequence[str]) -> Sequence[str]:
    """Return the column if each value is a compact list of integers of at most 18 digits."""
    joined = _JSON_BREAK.join(values)
    if joined.count("\n") != len(values) - 1 or not re.fullmatch(_COLUMN_OF_COUNTS, joined):
        raise ValueError
    return values


def _encode_grids(values: Sequence[str]) -> list[str]:
    """Return the lists of ids as lists of URLs."""
    before, _, after = json.dumps(grid_url(0)).rpartition("0")
    return [
        f"[{before}{value[1:-1].replace(',', f'{after},{before}')}{after}]" if len(value) > 2 else value  # noqa: PLR2004 - "[]"
        for value in _check_counts(values)
    ]


def _check_json(values: Sequence[str], *, opening: str, item_type: type) -> Sequence[str]:
    """Return the column if each value is a compact list, or object, of items of that type: all are parsed at once."""
    joined = f"[{_JSON_BREAK.join(values)}]"
    if not joined.isascii() or not joined.startswith(f"[{opening}"):
        raise ValueError
    if not joined.count("\n") == joined.count(f"{_JSON_BREAK}{opening}") == len(values) - 1:
        raise ValueError
    parsed = json.loads(joined)
    items = chain.from_iterable(one.values() if opening == "{" else one for one in parsed)
    if len(parsed) != len(values) or not set(map(type, items)) <= {item_type}:
        raise ValueError
    return values
