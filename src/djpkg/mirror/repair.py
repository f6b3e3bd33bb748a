"""Make rows readable again that another program damaged, before a fetch uses them.

What cannot be read is dropped: the sources are asked for it anew, without validators. Rows of `packages` are then
written anew from facts and overrides. Overrides are never changed here.
"""

from __future__ import annotations

import sqlite3
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from djpkg.mirror import facts_json
from djpkg.mirror.columns import find_columns
from djpkg.mirror.connection import savepoint
from djpkg.mirror.damage import is_integer
from djpkg.model.fields import FIELDS, Kind
from djpkg.source_name import FORGES, SourceName

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from djpkg.mirror.columns import Column

_LISTS = (Kind.COUNTS, Kind.GRIDS, Kind.NAMES)
_VALIDATORS = ("etag", "serial")
# The generated columns are not in `table_info`; the package, source and coordinate are the key of a row of facts.
_KEY = ("package_id", "source", "coordinate")
# The tables besides facts and packages to which answers are written.
_FROM_PYPI = ("releases", "requirements")
_LISTED_ANEW = (*_FROM_PYPI, "projects", "project_releases", "history", "events", "package_grids")

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


class _HasConnection(Protocol):
    @property
    def db(self) -> sqlite3.Connection: ...


_WriterT = TypeVar("_WriterT", bound=_HasConnection)


def reset_damaged_rows(db: sqlite3.Connection, only: Collection[int] | None) -> set[int]:
    """Make the rows of facts and packages of `only`, or of all if None, readable; return the packages to merge."""
    packages = reset_damaged_facts(db, only)
    for number in find_damaged_packages(db, only):
        packages.add(number)
        reset_damaged_package(db, number)
    return packages


def repairing(method: Callable[Concatenate[_WriterT, P], ResultT]) -> Callable[Concatenate[_WriterT, P], ResultT]:
    """Run a method that writes a page once more where rows of other tables did not allow it, without those rows."""

    @wraps(method)
    def run(writer: _WriterT, /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        try:
            return method(writer, *args, **kwargs)
        except sqlite3.IntegrityError:
            delete_damaged_rows(writer.db)
            return method(writer, *args, **kwargs)

    return run


def delete_damaged_rows(db: sqlite3.Connection) -> None:
    """Delete rows with values of another type than their columns; PyPI is asked anew for what it stated."""
    db.execute("PRAGMA foreign_keys = OFF")  # SQLite does not find rows with such keys while it checks foreign ones
    try:
        for table in _LISTED_ANEW:
            condition = " OR ".join(column.type_check for column in find_columns(db, table))
            if table in _FROM_PYPI:
                db.execute(
                    "UPDATE facts SET etag = NULL, serial = NULL WHERE source = 'pypi'"
                    f" AND package_id IN (SELECT package_id FROM {table} WHERE {condition})"
                )
            db.execute(f"DELETE FROM {table} WHERE {condition}")
        db.executemany(
            "UPDATE projects SET facts = NULL, etag = NULL, serial = NULL WHERE name = ?",
            [(name,) for name in find_damaged_projects(db)],
        )
    finally:
        db.execute("PRAGMA foreign_keys = ON")


def find_damaged_projects(db: sqlite3.Connection) -> list[str]:
    """Return the projects of which the stored facts are a text that cannot be read."""
    rows = db.execute("SELECT name, facts FROM projects WHERE typeof(name) = 'text' AND typeof(facts) = 'text'")
    return [name for name, text in rows if facts_json.find_facts(SourceName.PYPI, text) is None]


def reset_damaged_facts(db: sqlite3.Connection, only: Collection[int] | None) -> set[int]:
    """Drop what cannot be read in the facts of these packages, or of all if None; return the packages."""
    columns = find_columns(db, "facts")
    condition, values = _selection("package_id", only)
    sql = f"SELECT rowid, {', '.join(column.sql for column in columns)} FROM facts WHERE {condition}"
    damaged = [(row[0], found) for row in db.execute(sql, values) if (found := _damaged_facts(columns, row[1:]))]
    packages: set[int] = set()
    for rowid, found in damaged:
        (package,) = db.execute("SELECT package_id FROM facts WHERE rowid = ?", (rowid,)).fetchone()
        if is_integer(package):
            packages.add(package)
        if not found.isdisjoint(_KEY):
            db.execute("DELETE FROM facts WHERE rowid = ?", (rowid,))
        else:
            _set_defaults(db, "facts", [column for column in columns if column.name in found], rowid)
    if damaged:
        # Otherwise a server would answer "unchanged" about a snapshot that has them.
        db.execute("DELETE FROM snapshots")
    return packages


def _damaged_facts(columns: Sequence[Column], row: Sequence[object]) -> set[str]:
    """Return the names of the columns to reset; those of the key if the whole row belongs to nothing."""
    values = dict(zip((column.name for column in columns), row, strict=True))
    damaged = {column.name for column in columns if not column.accepts(values[column.name])}
    source, coordinate = values["source"], values["coordinate"]
    if source == SourceName.CATALOG and coordinate != str(values["package_id"]):
        damaged.add("coordinate")
    if source not in facts_json.SOURCES or not damaged.isdisjoint(_KEY):
        return damaged & set(_KEY)
    if facts_json.find_facts(SourceName(str(source)), values["facts"]) is None:
        if values["facts"] is not None:
            damaged.add("facts")
        # Otherwise the source would answer "unchanged" about facts that are lost.
        damaged.update(name for name in _VALIDATORS if values[name] is not None)
    return damaged


def find_damaged_packages(db: sqlite3.Connection, only: Collection[int] | None) -> list[int]:
    """Return the ids of these packages, or of all if None, with a value of the wrong type or an unknown forge."""
    condition, values = _selection("id", only)
    sql = f"SELECT id FROM packages WHERE {condition} AND ({' OR '.join(_package_conditions(db))})"
    return [number for (number,) in db.execute(sql, values)]


def reset_damaged_package(db: sqlite3.Connection, package: int) -> None:
    """Set the damaged columns of a row of `packages` to what means unknown, so that the row can be written."""
    columns = find_columns(db, "packages")
    names = ", ".join(column.sql for column in columns)
    row = db.execute(f"SELECT {names} FROM packages WHERE id = ?", (package,)).fetchone()
    checks = dict(_json_conditions())
    damaged = [
        column
        for column, value in zip(columns, row, strict=True)
        if not column.accepts(value)
        or (column.name in checks and _is_true(db, checks[column.name], package))
        or (column.name in _FORGE_COLUMNS and _is_true(db, _UNKNOWN_FORGE, package))
    ]
    if damaged:
        _set_defaults(db, "packages", damaged, package)


_FORGE_COLUMNS = ("forge", "repository_key")
_UNKNOWN_FORGE = f"forge IS NOT NULL AND forge NOT IN ({', '.join(repr(forge.value) for forge in FORGES)})"


def _package_conditions(db: sqlite3.Connection) -> Iterator[str]:
    yield from (column.type_check for column in find_columns(db, "packages"))
    yield from (condition for _, condition in _json_conditions())
    yield _UNKNOWN_FORGE


def _json_conditions() -> Iterator[tuple[str, str]]:
    """Yield each JSON column and the condition for a value of another type."""
    for field in FIELDS:
        if field.kind in (*_LISTS, Kind.MAPPING) and field.name != "grid_slugs":
            expected = "object" if field.kind is Kind.MAPPING else "array"
            valid = f"CASE WHEN json_valid({field.name}) THEN json_type({field.name}) END"
            yield field.name, f"{valid} IS NOT '{expected}'"


def _is_true(db: sqlite3.Connection, condition: str, package: int) -> bool:
    return db.execute(f"SELECT 1 FROM packages WHERE id = ? AND {condition}", (package,)).fetchone() is not None


def _set_defaults(db: sqlite3.Connection, table: str, columns: Sequence[Column], rowid: int) -> None:
    changes = ", ".join(f"{column.sql} = {column.default}" for column in columns)
    with savepoint(db):
        db.execute(f"UPDATE {table} SET {changes} WHERE rowid = ?", (rowid,))


def _selection(column: str, only: Collection[int] | None) -> tuple[str, tuple[str, ...]]:
    if only is None:
        return "1", ()
    return f"{column} IN (SELECT value FROM json_each(?))", (str(list(only)),)
