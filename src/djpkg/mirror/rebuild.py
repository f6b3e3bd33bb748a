"""Write anew what follows from facts and the user's values: effective values, indexes and the index for words.

What the user set (overrides, notes, tags) is read and never written. What sources stated and cannot be read is dropped,
as a fetch does, so that the next one asks for it.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from glob import escape
from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror import busy, files, lock
from djpkg.mirror.backup import backup
from djpkg.mirror.columns import find_columns
from djpkg.mirror.connection import COPIES_KEPT, create_in_memory, find_version, open_write, transaction
from djpkg.mirror.dependencies import update_dependencies
from djpkg.mirror.merging import merge_packages
from djpkg.mirror.repair import delete_damaged_rows, reset_damaged_rows
from djpkg.mirror.upgrade_repair import reset_columns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from djpkg.mirror.damage import DamagedRow
    from djpkg.source_name import SourceName

USER_TABLES = ("overrides", "notes", "tags")
"""What these contain is the user's: nothing in this module writes to them."""
# Packages that are merged at once: their facts are in memory.
_PAGE = 500
_WORDS = "packages_fts"
_NAMES = ("categories", "grids")
_OF_FETCHES = ("runs", "snapshots", "sources", "sweeps")


class SchemaObject(NamedTuple):
    """A table, index or trigger; `sql` is its definition as SQLite stores it."""

    type: str
    name: str
    sql: str

    @property
    def is_derived(self) -> bool:
        """Whether it can be made anew without loss: an index, a trigger, the index for words."""
        return self.type in ("index", "trigger") or self.name == _WORDS


class Rebuilt(NamedTuple):
    """The copy made before, the number of packages that were merged, and those that could not be."""

    copy: Path
    packages: int
    damaged: dict[int, DamagedRow]


def rebuild(path: Path, *, forges: Mapping[str, SourceName], now: datetime) -> Rebuilt:
    """Rebuild the mirror at `path` in one transaction under the fetch lock, after a copy was made beside it.

    An older mirror is upgraded. The last copies stay. Raises FetchRunning, MirrorMissing and MirrorError; `busy.retry`
    waits for other programs.
    """
    if find_version(path, busy_seconds=busy.ATTEMPT) is None:
        raise files.missing_error(path)
    with lock.fetch_lock(path):
        copy = _new_copy(path, now)
        backup(path, copy, busy_seconds=busy.ATTEMPT)
        try:
            lock.ensure_locked(path)
            with open_write(path, busy_seconds=busy.ATTEMPT) as db:
                db.execute("PRAGMA foreign_keys = OFF")  # rows with damaged keys are found only without its checks
                with transaction(db):
                    packages, damaged, _ = rewrite(db, forges=forges)
        except BaseException:
            copy.unlink(missing_ok=True)  # nothing was changed
            raise
        _delete_old_copies(path)
    return Rebuilt(copy, packages, damaged)


def rewrite(db: sqlite3.Connection, *, forges: Mapping[str, SourceName]) -> tuple[int, dict[int, DamagedRow], set[int]]:
    """Rebuild an open mirror inside the caller's transaction, without checks of foreign keys.

    Returns the number of merged packages, those that keep their rows because their facts are damaged, and those with
    rows that could not be read before.
    """
    _restore_derived(db)
    db.execute("REINDEX")
    _rebuild_words(db)  # a damaged index would not let rows be written
    unreadable = reset_damaged_rows(db, None)
    delete_damaged_rows(db)
    _reset_other_rows(db)
    _delete_orphans(db)
    numbers = [number for (number,) in db.execute("SELECT id FROM packages ORDER BY id")]
    merged = 0
    damaged: dict[int, DamagedRow] = {}
    for start in range(0, len(numbers), _PAGE):
        result = merge_packages(db, numbers[start : start + _PAGE], forges=forges)
        merged += len(result.merges)
        damaged |= result.damaged
    update_dependencies(db)
    _add_missing_names(db)
    _rebuild_words(db)  # the trigger does not see a value that was null
    return merged, damaged, unreadable


def read_schema(db: sqlite3.Connection) -> dict[str, SchemaObject]:
    """Return the tables, indexes and triggers by name, without those that SQLite makes itself."""
    rows = db.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    objects = [SchemaObject(kind, str(name), str(sql)) for kind, name, sql in rows]
    own = [one for one in objects if one.type != "table" or not one.name.startswith(f"{_WORDS}_")]
    return {one.name: one for one in own}


def expected_schema() -> dict[str, SchemaObject]:
    """Return what a new mirror contains."""
    with closing(create_in_memory()) as fresh:
        return read_schema(fresh)


def _restore_derived(db: sqlite3.Connection) -> None:
    """Create indexes and triggers that are missing or were changed. Tables come first: triggers name them."""
    found = read_schema(db)
    wanted = [one for one in expected_schema().values() if one.is_derived and found.get(one.name) != one]
    for one in sorted(wanted, key=lambda one: one.type == "trigger"):
        if one.name in found:
            db.execute(f"DROP {found[one.name].type} {one.name}")
        db.execute(one.sql)


def _rebuild_words(db: sqlite3.Connection) -> None:
    try:
        db.execute(f"INSERT INTO {_WORDS} ({_WORDS}) VALUES ('rebuild')")
    except sqlite3.DatabaseError:  # its own tables are damaged too, so that SQLite cannot drop it
        db.execute("PRAGMA writable_schema = ON")
        db.execute(f"DELETE FROM sqlite_master WHERE name = '{_WORDS}'")
        db.execute("PRAGMA writable_schema = RESET")
        tables = db.execute(f"SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB '{_WORDS}_*'")
        for (table,) in tables.fetchall():
            db.execute(f"DROP TABLE {table}")
        db.execute(expected_schema()[_WORDS].sql)
        db.execute(f"INSERT INTO {_WORDS} ({_WORDS}) VALUES ('rebuild')")


def _reset_other_rows(db: sqlite3.Connection) -> None:
    """Make damaged rows of the other tables readable: names become unknown, and what fetches stored about themselves
    is deleted.
    """
    for table in _NAMES:
        columns = {column.sql: column for column in find_columns(db, table)}
        checks = {name: column.type_check for name, column in columns.items()}
        reset_columns(db, table, checks, {name: column.default for name, column in columns.items()}, always={})
    for table in _OF_FETCHES:
        db.execute(f"DELETE FROM {table} WHERE {' OR '.join(one.type_check for one in find_columns(db, table))}")


def _delete_orphans(db: sqlite3.Connection) -> None:
    """Delete rows of packages and projects that do not exist, and references to runs that do not, but no user's row."""
    for one in expected_schema().values():
        if one.type != "table" or one.name in USER_TABLES or one.name == _WORDS:
            continue
        for _, _, parent, column, key, _, on_delete, _ in db.execute(f"PRAGMA foreign_key_list({one.name})").fetchall():
            orphan = f"{column} IS NOT NULL AND {column} NOT IN (SELECT {key} FROM {parent})"
            if on_delete == "CASCADE":
                db.execute(f"DELETE FROM {one.name} WHERE {orphan}")
            elif on_delete == "SET NULL":
                db.execute(f"UPDATE {one.name} SET {column} = NULL WHERE {orphan}")


def _add_missing_names(db: sqlite3.Connection) -> None:
    """Add categories and grids that packages name; the next fetch reads their titles."""
    db.execute("INSERT OR IGNORE INTO grids (id) SELECT grid_id FROM package_grids")
    db.execute("INSERT OR IGNORE INTO categories (id) SELECT category FROM packages WHERE category IS NOT NULL")


class _Copy(NamedTuple):
    """A copy that a rebuild made: its second, its number among those of that second, and its file."""

    second: str
    number: int
    file: Path


def _find_copies(path: Path) -> list[_Copy]:
    """Return the copies of a mirror, the oldest first."""
    mirror = files.real_path(path)
    pattern = re.compile(re.escape(mirror.name) + r"\.rebuild-(\d{8}T\d{6}Z)(?:-(\d{1,9}))?\.bak")
    found = [(one, pattern.fullmatch(one.name)) for one in mirror.parent.glob(f"{escape(mirror.name)}.rebuild-*.bak")]
    return sorted(_Copy(match[1], int(match[2] or 1), one) for one, match in found if match)


def _new_copy(path: Path, now: datetime) -> Path:
    """Return a file for a copy that does not exist; the fetch lock keeps other rebuilds from using its name."""
    second = f"{now:%Y%m%dT%H%M%SZ}"
    last = max((copy.number for copy in _find_copies(path) if copy.second == second), default=0)
    return files.real_path(path, f".rebuild-{second}-{last + 1}.bak" if last else f".rebuild-{second}.bak")


def _delete_old_copies(path: Path) -> None:
    for old in _find_copies(path)[:-COPIES_KEPT]:
        old.file.unlink()
