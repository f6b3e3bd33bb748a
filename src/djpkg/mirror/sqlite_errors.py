"""SQLite's error codes as messages for users."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from djpkg.errors import MirrorBusy, MirrorDamaged, MirrorError
from djpkg.mirror import files
from djpkg.mirror.files import OTHER_FILE

if TYPE_CHECKING:
    from pathlib import Path

INVALID_TEXT = "it contains text that is not valid UTF-8"
RESTORE = "djpkg doctor shows what is damaged; restore a backup, or move it aside and fetch again"
_FREE_SPACE = "free some space and run the command again"


def translate_code(error: sqlite3.DatabaseError, path: Path) -> MirrorError | None:
    """Return the error for an error code of SQLite; None for one that is not about the file."""
    name = getattr(error, "sqlite_errorname", "")
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return MirrorError(f"{path} is not a mirror: not a SQLite file", hint=OTHER_FILE)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_TOOBIG | sqlite3.SQLITE_CONSTRAINT | sqlite3.SQLITE_MISMATCH:
            return damaged_error(path, str(error))
        case sqlite3.SQLITE_FULL:
            return MirrorError(f"the disk is full; the mirror {path} is unchanged", hint=_FREE_SPACE)
        case sqlite3.SQLITE_IOERR:
            return MirrorError(f"disk error while using the mirror {path} ({name})", hint=_FREE_SPACE)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return MirrorBusy(f"the mirror {path} is locked by another program", hint="try again when it has finished")
        case sqlite3.SQLITE_READONLY if name.endswith("DBMOVED"):
            return files.moved_error(path)
        case sqlite3.SQLITE_READONLY if name.endswith("ROLLBACK"):
            return MirrorError(
                f"permission denied: the mirror {path} contains an unfinished write that must be rolled back",
                hint="run djpkg once as a user with write permission",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return MirrorError(f"permission denied: cannot write the mirror {path}", hint=OTHER_FILE)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_AUTH:
            return MirrorError(
                f"cannot open the mirror {path}: permission denied, or its folder does not exist", hint=OTHER_FILE
            )
    return None


def translate_text(text: str, path: Path) -> MirrorError | None:
    """Translate causes that have no error code of their own."""
    if text.startswith(("unsupported file format", "invalid fts5 file format")):
        return damaged_error(path, text)
    if text == "malformed JSON":
        return damaged_error(path, "it contains invalid JSON")
    if text.startswith("Could not decode to UTF-8"):
        return damaged_error(path, INVALID_TEXT)
    if "no such module: fts5" in text:
        return MirrorError("this Python's SQLite has no FTS5, which djpkg needs")
    return None


def damaged_error(path: Path, reason: str, *, can_recover: bool = True) -> MirrorDamaged:
    """Return the error for a file that SQLite or djpkg cannot use."""
    return MirrorDamaged(f"the mirror {path} is damaged: {reason}", hint=RESTORE, can_recover=can_recover)
