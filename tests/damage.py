"""Damage single values of a mirror, as another program could: any value of any SQL type in any column."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

TABLES = (
    "packages", "facts", "overrides", "package_grids", "events", "categories", "grids", "runs", "sources", "sweeps",
    "history", "releases", "requirements", "projects", "project_releases", "notes", "tags", "snapshots",
)  # fmt: skip
# Most damage is done to the rows of packages.
WEIGHTS = (36, 24, 16, 4, 5, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 3)
# The tables whose rows belong to one package, by the column with its id.
OWNERS = {
    "packages": "id",
    **dict.fromkeys(
        (
            "facts",
            "overrides",
            "package_grids",
            "events",
            "history",
            "releases",
            "requirements",
            "notes",
            "tags",
        ),
        "package_id",
    ),
}
INVALID_UTF8 = "CAST(x'ff4100c3' AS TEXT)"
VALUES: tuple[Any, ...] = (
    None, 0, 1, -1, 2**63 - 1, -(2**63), 1.5, float("inf"), b"", b"\x00\xff", INVALID_UTF8,
    "", " ", "x", "a\x00b", "nonsense", "removed", "listed", "github", "catalog", "gone", "-x", "41", "\U0001f40d" * 3,
    "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "yesterday", "y" * 70_000,
    "null", "true", "1.5", "-7", "1e999", '"x"', "[]", "{}", "[1]", "[1.5]", '["x"]', "[null]", "[[1]]", "[true]",
    '{"a": 1}', '{"github": 5}', '{"state": "ok"}', '{"repository": {"head": []}}', "[99999999999999999999]",
    "99999999999999999999", '["\\ud800"]', '"\\ud800"', "[1,\n2]", "[", "{", "[1", "nope", "NaN", "[" * 3000,
    '{"id": 1, "slug": 5}',
)  # fmt: skip


class Damage(NamedTuple):
    """One damaged value: of the row at that position of a table."""

    table: str
    column: str
    row: int
    value: Any

    def __str__(self) -> str:
        shown = repr(self.value)
        return f"{self.table}.{self.column} of row {self.row} = {shown[:60]}"


def columns_of(path: Path) -> dict[str, list[str]]:
    """Return the columns of each damaged table, without generated ones."""
    with closing(sqlite3.connect(path)) as db:
        found = {table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")] for table in TABLES}
    found["runs"].remove("id")  # nothing refers to it
    return found


def key_of(db: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns of a table's primary key, or its rowid."""
    return _primary_key(db, table) or ["rowid"]


def _primary_key(db: sqlite3.Connection, table: str) -> list[str]:
    columns = sorted(db.execute(f"PRAGMA table_info({table})"), key=lambda row: row[5])
    return [row[1] for row in columns if row[5]]


def generate(path: Path, number: int, *, seed: int) -> list[Damage]:
    """Return that many damages: each column in turn, then by chance."""
    chance = random.Random(seed)  # noqa: S311 - the same damage each time
    columns = columns_of(path)
    places = [(table, column) for table in TABLES for column in columns[table]]
    chance.shuffle(places)
    by_chance = chance.choices(TABLES, WEIGHTS, k=number)
    places += [(table, chance.choice(columns[table])) for table in by_chance]
    with closing(sqlite3.connect(path)) as db:
        rows = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    return [
        Damage(table, column, chance.randrange(max(rows[table], 1)), chance.choice(VALUES))
        for table, column in places[:number]
    ]


def apply(path: Path, damage: Damage) -> bool:
    """Write the value past all types and checks; return False if the key or the row does not allow it."""
    original = _replace_schema(path, damage.table, None)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            keys = ", ".join(key_of(db, damage.table))
            sql = f"SELECT {keys} FROM {damage.table} ORDER BY {keys} LIMIT 1 OFFSET ?"
            row = db.execute(sql, (damage.row,)).fetchone()
            if row is None:
                return False
            where = " AND ".join(f"{key} IS ?" for key in key_of(db, damage.table))
            literal = damage.value == INVALID_UTF8
            sql = f"UPDATE {damage.table} SET {damage.column} = {INVALID_UTF8 if literal else '?'} WHERE {where}"
            try:
                changed = db.execute(sql, (*(() if literal else (damage.value,)), *row))
            except (sqlite3.IntegrityError, sqlite3.OperationalError):  # an INTEGER PRIMARY KEY takes only integers
                return False
            return changed.rowcount == 1
    finally:
        _replace_schema(path, damage.table, original)


def _replace_schema(path: Path, table: str, sql: str | None) -> str:
    """Give a table that definition, or one without types and checks; return the former one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        (before,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        if sql is None:
            sql = _without_checks(db, table, str(before))
        (version,) = db.execute("PRAGMA schema_version").fetchone()
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, table))
        db.execute(f"PRAGMA schema_version = {version + 1}")
    return str(before)


def _without_checks(db: sqlite3.Connection, table: str, before: str) -> str:
    columns = db.execute(f"PRAGMA table_xinfo({table})").fetchall()
    key = _primary_key(db, table)
    is_rowid = len(key) == 1 and "INTEGER PRIMARY KEY" in before
    parts = [f"{row[1]} INTEGER PRIMARY KEY" if is_rowid and row[1] in key else str(row[1]) for row in columns]
    if key and not is_rowid:
        parts.append(f"PRIMARY KEY ({', '.join(key)})")
    return f"CREATE TABLE {table} ({', '.join(parts)}){' WITHOUT ROWID' if 'WITHOUT ROWID' in before else ''}"
