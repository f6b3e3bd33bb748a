"""Opening the mirror: checks of the file, permissions, and SQLite errors as messages for users.

A new mirror has a rollback journal, SQLite's default, and not WAL: one file at rest, readable from a read-only folder,
safe to copy between runs, and free of the WAL-reset fault of SQLite 3.7.0 to 3.51.2 (sqlite.org/wal.html). The journal
mode of an existing mirror is never changed: tools that replicate a file may need WAL.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from glob import escape
from json import JSONDecodeError
from operator import itemgetter
from typing import TYPE_CHECKING

from djpkg.errors import DjpkgError, MirrorError, MirrorMissing
from djpkg.mirror import files, schema, sqlite_errors
from djpkg.mirror.damage import decode_text
from djpkg.mirror.files import OTHER_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

# The first with STRICT tables.
MIN_SQLITE = (3, 37, 0)
BUSY_SECONDS = 10.0
COPIES_KEPT = 2


@contextmanager
def open_read(path: Path, *, busy_seconds: float | None = None) -> Iterator[sqlite3.Connection]:
    """Open the mirror for reading only. Raises MirrorMissing and MirrorError.

    SQLite opens the file for writing under `query_only` where it may, so that it can roll back what a killed process
    left. A mirror of an older version is read from an upgraded copy in memory. Each statement waits `busy_seconds` for
    other programs, by default `BUSY_SECONDS`; callers that repeat their work wait less.
    """
    with translate_errors(path):
        _check_file(path)
        db = _connect(path, busy_seconds)
        try:
            if _get_version(db, path) < schema.VERSION:
                db = _upgraded_copy(db, path)
            db.execute("PRAGMA query_only = ON")
            yield db
        finally:
            db.close()


@contextmanager
def open_as_stored(path: Path, *, busy_seconds: float | None = None) -> Iterator[sqlite3.Connection]:
    """Open the mirror for reading only, in the version that it has. Raises MirrorMissing and MirrorError."""
    with translate_errors(path):
        _check_file(path)
        with closing(_connect(path, busy_seconds)) as db:
            db.execute("PRAGMA query_only = ON")
            _get_version(db, path)
            yield db


@contextmanager
def open_copy(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a temporary copy of the mirror as it is now: reading it for long blocks no other program.

    Raises MirrorMissing and MirrorError.
    """
    with open_read(path) as db, closing(copy_database(db, "")) as copy:
        yield copy


@contextmanager
def open_write(path: Path, *, busy_seconds: float | None = None) -> Iterator[sqlite3.Connection]:
    """Open the mirror in autocommit mode; write inside `transaction`. Raises MirrorMissing and MirrorError.

    For `busy_seconds` see `open_read`.
    """
    with translate_errors(path):
        _check_file(path)
        files.check_single_name(path)
        with closing(_open(path, "rw", busy_seconds)) as db:
            if _get_version(db, path) < schema.VERSION:
                raise MirrorError(f"the mirror {path} has an older version", hint="djpkg fetch upgrades it")
            db.execute("PRAGMA foreign_keys = ON")
            yield db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Run the block in one ``BEGIN IMMEDIATE`` … ``COMMIT``; any exception rolls back.

    Only BEGIN waits for other programs. COMMIT fails at once with SQLITE_BUSY while one reads: a waiting COMMIT keeps
    new readers out. `busy.retry` writes again.
    """
    (timeout,) = db.execute("PRAGMA busy_timeout").fetchone()
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("PRAGMA busy_timeout = 0")
        yield
        db.execute("COMMIT")
    except BaseException:
        # After some errors (a full disk) SQLite has already rolled back, and a second ROLLBACK would hide the cause.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    finally:
        db.execute(f"PRAGMA busy_timeout = {timeout}")


@contextmanager
def busy_timeout(db: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Let statements of the block wait at most so long for other programs."""
    (before,) = db.execute("PRAGMA busy_timeout").fetchone()
    db.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
    try:
        yield
    finally:
        db.execute(f"PRAGMA busy_timeout = {before}")


@contextmanager
def savepoint(db: sqlite3.Connection) -> Iterator[None]:
    """Run the block as a part of the transaction that an exception undoes alone."""
    db.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK TO part")
            db.execute("RELEASE part")
        raise
    db.execute("RELEASE part")


def execute_each(db: sqlite3.Connection, sql: str, rows: Iterable[Sequence[str | int | None]]) -> None:
    """Run a statement with each row of values, except where a damaged row of the mirror does not allow it."""
    rows = list(rows)
    try:
        with savepoint(db):
            db.executemany(sql, rows)
    except sqlite3.IntegrityError:
        for row in rows:
            with suppress(sqlite3.IntegrityError), savepoint(db):
                db.execute(sql, row)


def upsert(
    db: sqlite3.Connection, table: str, rows: Sequence[Mapping[str, str | int | None]], *, key: Sequence[str]
) -> None:
    """Insert rows, which all have the same columns; of rows whose `key` is stored already, update those columns."""
    if not rows:
        return
    names = list(rows[0])
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    db.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}",
        map(itemgetter(*names), rows),
    )


def find_version(path: Path, *, busy_seconds: float | None = None) -> int | None:
    """Return the version of the mirror, or None if there is none yet.

    Raises MirrorError for a file that is not a mirror, or that a newer djpkg made. For `busy_seconds` see `open_read`.
    """
    with translate_errors(path):
        try:
            _check_file(path)
            with closing(_connect(path, busy_seconds)) as db:
                return _get_version(db, path)
        except MirrorMissing:
            return None


def create(path: Path, *, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Create the folder and a mirror with what `fill` writes. Needs the fetch lock. Raises MirrorError.

    The mirror is made in memory and copied in one transaction, so a kill never leaves one without its first packages.
    """
    with translate_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(create_in_memory()) as made, closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as db:
            made.execute("PRAGMA foreign_keys = ON")
            with transaction(made):
                fill(made)
            made.backup(db, progress=fail_if_locked)


def upgrade(path: Path, *, steps: tuple[str, ...] = schema.STEPS) -> Path:
    """Migrate an older mirror and return the path of the copy made before. Needs the fetch lock.

    Raises MirrorBusy at once while another program reads, as `transaction` does.
    """
    with translate_errors(path), closing(_open(path, "rw")) as db:
        db.execute("PRAGMA busy_timeout = 0")
        db.execute("BEGIN EXCLUSIVE")  # no copy for nothing
        db.execute("ROLLBACK")
        copy = _keep_copy(db, files.real_path(path))
        _migrate(db, path, steps)
    return copy


def create_in_memory() -> sqlite3.Connection:
    """Return an empty mirror in memory, in autocommit mode."""
    _check_sqlite()
    db = _tolerant(sqlite3.connect(":memory:", isolation_level=None))
    schema.migrate(db)
    return db


def _connect(path: Path, busy_seconds: float | None) -> sqlite3.Connection:
    """Open for writing where permissions allow it, else for reading."""
    db = _open(path, "rw", busy_seconds)
    try:
        db.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        db.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        db = _open(path, "ro", busy_seconds)
    return db


def _open(path: Path, mode: str, busy_seconds: float | None = None) -> sqlite3.Connection:
    uri = files.file_uri(path, mode)
    timeout = BUSY_SECONDS if busy_seconds is None else busy_seconds
    return _tolerant(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=timeout))


def _tolerant(db: sqlite3.Connection) -> sqlite3.Connection:
    """Let text that is not valid UTF-8 harm only the row that contains it."""
    db.text_factory = decode_text
    return db


def _check_sqlite() -> None:
    if sqlite3.sqlite_version_info < MIN_SQLITE:
        raise MirrorError(
            f"this Python has SQLite {sqlite3.sqlite_version}, but djpkg needs 3.37 or newer",
            hint="use a Python with a newer SQLite",
        )


def _check_file(path: Path) -> None:
    _check_sqlite()
    files.check_file(path)


def _get_version(db: sqlite3.Connection, path: Path) -> int:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables and not application and not version:
        raise files.missing_error(path)
    if application != schema.APPLICATION_ID or not isinstance(version, int):
        raise MirrorError(f"{path} is a SQLite file, but not a mirror of djpkg", hint=OTHER_FILE)
    if not tables:
        raise sqlite_errors.damaged_error(path, "it has no tables")
    if version < 1:
        raise sqlite_errors.damaged_error(path, "it has no version")
    if version > schema.VERSION:
        raise MirrorError(
            f"the mirror {path} was made by a newer djpkg (version {version}; this djpkg supports {schema.VERSION})",
            hint="upgrade djpkg; the file is unchanged",
        )
    return version


def copy_database(db: sqlite3.Connection, name: str = ":memory:") -> sqlite3.Connection:
    """Return a copy of an open mirror, in autocommit mode and without checks of foreign keys.

    It is in memory, or with the name "" in a temporary file that SQLite deletes.
    """
    copy = _tolerant(sqlite3.connect(name, isolation_level=None))
    try:
        db.backup(copy, progress=fail_if_locked)
    except BaseException:
        copy.close()
        raise
    return copy


def _upgraded_copy(db: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Close `db` and return an upgraded copy in memory."""
    copy = copy_database(db)
    try:
        db.close()
        _migrate(copy, path, schema.STEPS)
    except BaseException:
        copy.close()
        raise
    return copy


def _migrate(db: sqlite3.Connection, path: Path, steps: tuple[str, ...]) -> None:
    """Migrate an existing mirror; a statement that only this file does not allow is an error of the file."""
    db.execute("PRAGMA foreign_keys = OFF")  # rows of packages that do not exist are kept
    try:
        schema.migrate(db, steps=steps)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR or not _has_own_tables(
            path
        ):
            raise
        raise MirrorError(f"cannot upgrade the mirror {path}: {error}", hint=sqlite_errors.RESTORE) from error


def fail_if_locked(status: int, _remaining: int, _total: int) -> None:
    """Progress callback of `backup`, which would otherwise retry forever on a locked file."""
    if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = status
        raise error


def _keep_copy(db: sqlite3.Connection, path: Path) -> Path:
    """Copy the file before an upgrade, and delete all but the newest copies."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    copy = path.with_name(f"{path.name}.v{version}.bak")
    copy.unlink(missing_ok=True)
    db.execute("VACUUM INTO CAST(? AS TEXT)", (os.fsencode(copy),))
    copies = sorted(path.parent.glob(f"{escape(path.name)}.v*.bak"), key=lambda file: file.stat().st_mtime)
    for old in copies[:-COPIES_KEPT]:
        old.unlink()
    return copy


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Raise SQLite and system errors as MirrorError. Programming errors pass."""
    try:
        yield
    except DjpkgError:
        raise
    except sqlite3.DatabaseError as error:
        translated = sqlite_errors.translate_code(error, path) or sqlite_errors.translate_text(str(error), path)
        if translated is None and isinstance(error, sqlite3.OperationalError) and not _has_own_tables(path):
            translated = sqlite_errors.damaged_error(path, "its tables were changed", can_recover=False)
        if translated is None:
            raise
        raise translated from error
    except JSONDecodeError as error:
        raise sqlite_errors.damaged_error(path, "it contains invalid JSON") from error
    except UnicodeDecodeError as error:  # SQLite quotes damaged names in its messages
        raise sqlite_errors.damaged_error(path, sqlite_errors.INVALID_TEXT) from error
    except OSError as error:
        raise MirrorError(f"cannot use the mirror {path}: {error.strerror or error}") from error


def _has_own_tables(path: Path) -> bool:
    """Return whether the file has all tables of its version; if not, a failed statement is not a programming error."""
    # As blobs: damaged text may be no valid UTF-8.
    created = "SELECT CAST(name AS BLOB), CAST(sql AS BLOB) FROM sqlite_master WHERE sql IS NOT NULL"
    with closing(_open(path, "ro")) as db, closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        db.text_factory = lambda text: text.decode(errors="replace")  # a damaged schema
        (version,) = db.execute("PRAGMA user_version").fetchone()
        schema.migrate(fresh, steps=schema.STEPS[:version])
        return set(fresh.execute(created)) <= set(db.execute(created))
