"""The record in every new mirror, from which `show` and `list` also answer while there is no mirror.

Its rows are packaged ready to insert (`python -m tests.seed` writes the file): merging them at run time would import
most of the program for a result that never changes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from djpkg.mirror.connection import create_in_memory

if TYPE_CHECKING:
    import sqlite3

SEED_FILE = Path(__file__).parent.parent / "data" / "seed.json"


def open_seed(*, writable: bool = False) -> sqlite3.Connection:
    """Return a mirror in memory that contains only the seed record, for reading only unless `writable`."""
    db = create_in_memory()
    store_seed(db)
    if not writable:
        db.execute("PRAGMA query_only = ON")
    return db


def store_seed(db: sqlite3.Connection) -> None:
    """Insert the seed record and the categories into an empty mirror."""
    for table, rows in json.loads(SEED_FILE.read_text(encoding="ascii")).items():
        for row in rows:
            placeholders = ", ".join("?" * len(row))
            db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({placeholders})", tuple(row.values()))
