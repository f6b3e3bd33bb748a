"""Opening the mirror: which file is one, who may write, and what SQLite's errors mean to a user.

A new mirror has a rollback journal, as SQLite makes it, not WAL: one file at rest, readable from a read-only folder and
safe to copy between runs, and free of the WAL-reset fault of SQLite 3.7.0 to 3.51.2 that distributions ship
(sqlite.org/wal.html). The mode of a mirror that is there is its owner's: what replicates a file may need WAL.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from glob import escape
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from djpkg.errors import DjpkgError, MirrorError, MirrorMissing
from djpkg.mirror import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# STRICT tables.
OLDEST_SQLITE = (3, 37, 0)
BUSY_SECONDS = 10.0
COPIES_KEPT = 2
_ELSEWHERE = "name another file with --db or DJPKG_DB"
_NO_TEXT = "the mirror {} is damaged: it holds bytes that are no text"
_RESTORE = "restore a copy, or move it aside and fetch anew"


@contextmanager
def open_read(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write, for as long as the block runs.

    The file is opened for writing under `query_only`, because a journal that a kill left behind must be able to roll
    back; for reading alone only where the folder cannot be written. A mirror of an older version is read from an
    upgraded copy in memory. Raises MirrorMissing and MirrorError.
    """
    with _told(path):
        _check_file(path)
        db = _connect(path)
        try:
            version = _version(db, path)
            if version < schema.VERSION:
                db = _upgraded_copy(db)
            db.execute("PRAGMA query_only = ON")
            with _as_made(db, path):
                yield db
        finally:
            db.close()


@contextmanager
def open_write(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection in autocommit mode that may write; `transaction` is how. Raises MirrorMissing and MirrorError."""
    with _told(path):
        _check_file(path)
        db = _open(path, "rw")
        try:
            if _version(db, path) < schema.VERSION:
                raise MirrorError(f"{path} is a mirror of an older version", hint="djpkg fetch brings it up to date")
            db.execute("PRAGMA foreign_keys = ON")
            with _as_made(db, path):
                yield db
        finally:
            db.close()


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """``BEGIN IMMEDIATE`` … ``COMMIT`` around one page of writes; rolled back on any way out but the ordinary one."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # After a full disk SQLite has rolled back already: a second time would hide the cause.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def find_version(path: Path) -> int | None:
    """Of which version the mirror is, at most the one known here; None where there is none yet.

    Raises MirrorError for what is no mirror, or is newer.
    """
    with _told(path):
        try:
            _check_file(path)
            with closing(_connect(path)) as db:
                return _version(db, path)
        except MirrorMissing:
            return None


def check_place(path: Path) -> None:
    """Raise MirrorError where there is something that can be no mirror: a folder, a device. Nothing is opened."""
    try:
        _check_file(path)
    except MirrorMissing:
        return


def create(path: Path, *, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make the folder and a new mirror with what `fill` writes; for holders of the fetch lock. Raises MirrorError.

    It is made in memory and copied in one transaction: a kill leaves no mirror without its first packages. SQLite lets
    others read a file that it makes, and nobody else write it; a file that is there keeps its owner's mode.
    """
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(in_memory()) as made, closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as db:
            made.execute("PRAGMA foreign_keys = ON")
            with transaction(made):
                fill(made)
            made.backup(db, progress=_give_up)


def upgrade(path: Path, *, steps: tuple[str, ...] = schema.STEPS) -> Path:
    """Migrate an older mirror, keeping a copy of it, whose path is given; for holders of the fetch lock."""
    with _told(path):
        db = _open(path, "rw")
        try:
            copy = _keep_copy(db, path)
            db.execute("PRAGMA foreign_keys = ON")
            schema.apply(db, steps=steps)
        finally:
            db.close()
    return copy


def in_memory() -> sqlite3.Connection:
    """An empty mirror that no file holds, in autocommit mode."""
    _check_sqlite()
    db = sqlite3.connect(":memory:", isolation_level=None)
    schema.apply(db)
    return db


def _connect(path: Path) -> sqlite3.Connection:
    db = _open(path, "rw")
    try:
        db.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        db.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        db = _open(path, "ro")
    return db


def _open(path: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_SECONDS)


def _check_sqlite() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise MirrorError(
            f"this Python comes with SQLite {sqlite3.sqlite_version}, and the mirror needs 3.37 or newer",
            hint="use a newer Python, or one that is linked with a newer SQLite",
        )


def _check_file(path: Path) -> None:
    _check_sqlite()
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise MirrorMissing(f"there is no mirror at {path} yet", hint="djpkg fetch --all makes it") from None
    except OSError as error:
        raise MirrorError(f"the mirror {path} cannot be read: {error.strerror}") from error
    if path.is_dir():
        raise MirrorError(f"{path} is a folder, not a mirror", hint="name a file with --db or DJPKG_DB")
    if not path.is_file():
        raise MirrorError(f"{path} is not a file, so it cannot be a mirror", hint="name a file with --db or DJPKG_DB")
    # Somebody may have made the file (mktemp, touch) before djpkg fills it.
    if size == 0 and not Path(f"{path}-journal").exists():
        raise MirrorMissing(f"there is no mirror in {path} yet", hint="djpkg fetch --all makes it")


def _version(db: sqlite3.Connection, path: Path) -> int:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables and not application and not version:
        raise MirrorMissing(f"there is no mirror in {path} yet", hint="djpkg fetch --all makes it")
    if application != schema.APPLICATION_ID or not isinstance(version, int):
        raise MirrorError(
            f"{path} is a SQLite file, but not a mirror of djpkg", hint="name another with --db or DJPKG_DB"
        )
    if not tables:
        raise MirrorError(f"the mirror {path} is damaged: its tables are gone", hint=_RESTORE)
    if version < 1:
        raise MirrorError(f"the mirror {path} is damaged: it has no version", hint=_RESTORE)
    if version > schema.VERSION:
        raise MirrorError(
            f"the mirror {path} was made by a newer djpkg (version {version}, and {schema.VERSION} is known here)",
            hint="upgrade djpkg; the file is left as it was",
        )
    return version


def _upgraded_copy(db: sqlite3.Connection) -> sqlite3.Connection:
    copy = sqlite3.connect(":memory:", isolation_level=None)
    try:
        db.backup(copy, progress=_give_up)
        db.close()
        schema.apply(copy)
    except BaseException:
        copy.close()
        raise
    return copy


def _give_up(state: int, _left: int, _pages: int) -> None:
    """Python would try for ever to copy from or into a file that is locked."""
    if state in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        locked = sqlite3.OperationalError("database is locked")
        locked.sqlite_errorcode = state
        raise locked


def _keep_copy(db: sqlite3.Connection, path: Path) -> Path:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    copy = path.with_name(f"{path.name}.v{version}.bak")
    copy.unlink(missing_ok=True)
    db.execute("VACUUM INTO ?", (str(copy),))
    copies = sorted(path.parent.glob(f"{escape(path.name)}.v*.bak"), key=lambda file: file.stat().st_mtime)
    for old in copies[:-COPIES_KEPT]:
        old.unlink()
    return copy


@contextmanager
def _as_made(db: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Tell statements that fail because the file has other tables from statements that are wrong."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if _explained(error, path) is None and not _has_our_tables(db):
            raise MirrorError(f"the mirror {path} is damaged: its tables are others", hint=_RESTORE) from error
        raise


def _has_our_tables(db: sqlite3.Connection) -> bool:
    made = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    with closing(in_memory()) as fresh:
        return set(fresh.execute(made)) <= set(db.execute(made))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say SQLite's and the system's errors in a user's words; programming errors pass."""
    try:
        yield
    except DjpkgError:
        raise
    except sqlite3.DatabaseError as error:
        told = _explained(error, path)
        if told is None:
            raise
        raise told from error
    except JSONDecodeError as error:
        raise MirrorError(f"the mirror {path} is damaged: it holds JSON that is none", hint=_RESTORE) from error
    except UnicodeDecodeError as error:  # SQLite quotes damaged names in its messages
        raise MirrorError(_NO_TEXT.format(path), hint=_RESTORE) from error
    except OSError as error:
        raise MirrorError(f"the mirror {path} cannot be used: {error.strerror or error}") from error


def _explained(error: sqlite3.DatabaseError, path: Path) -> MirrorError | None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    detail = getattr(error, "sqlite_errorname", "")
    match code:
        case sqlite3.SQLITE_NOTADB:
            return MirrorError(f"{path} is not a mirror: it is no SQLite file", hint=_ELSEWHERE)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_TOOBIG:
            return MirrorError(f"the mirror {path} is damaged ({error})", hint=_RESTORE)
        case sqlite3.SQLITE_FULL:
            return MirrorError(f"the disk is full: the mirror {path} was left as it was before")
        case sqlite3.SQLITE_IOERR:
            return MirrorError(f"the disk failed while the mirror {path} was used ({detail})")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return MirrorError(
                f"the mirror {path} is locked by another program", hint="try again when that program has let it go"
            )
        case sqlite3.SQLITE_READONLY if detail.endswith("ROLLBACK"):
            return MirrorError(
                f"the mirror {path} holds an unfinished write that cannot be undone without permission to write",
                hint="run djpkg once as somebody who may write there",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return MirrorError(f"no permission to write the mirror {path}", hint=_ELSEWHERE)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_AUTH:
            return MirrorError(
                f"the mirror {path} cannot be opened: no permission, or its folder is missing", hint=_ELSEWHERE
            )
    return _explained_by_text(str(error), path)


def _explained_by_text(text: str, path: Path) -> MirrorError | None:
    """Causes for which SQLite and Python have no code of their own."""
    if text.startswith(("unsupported file format", "invalid fts5 file format")):
        return MirrorError(f"the mirror {path} is damaged ({text})", hint=_RESTORE)
    if text.startswith("Could not decode to UTF-8"):
        return MirrorError(_NO_TEXT.format(path), hint=_RESTORE)
    if "no such module: fts5" in text:
        return MirrorError("this Python's SQLite was built without FTS5, which the mirror needs")
    return None
