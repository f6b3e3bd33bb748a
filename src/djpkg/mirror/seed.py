"""The record that every new mirror starts with, and that `show` and `list` answer from while there is no mirror.

Its rows are packaged as the merge gives them (`python -m tests.starter` writes the file): making them anew would load
most of the program for an answer that is always the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from djpkg.mirror.connection import in_memory

if TYPE_CHECKING:
    import sqlite3

SEED_FILE = Path(__file__).parent.parent / "data" / "starter.json"


def open_seed() -> sqlite3.Connection:
    """A mirror in memory that holds the starter record alone, not to be written to."""
    db = in_memory()
    store_seed(db)
    db.execute("PRAGMA query_only = ON")
    return db


def store_seed(db: sqlite3.Connection) -> None:
    """Write the starter record and the categories into an empty mirror, in plain SQL: no reader waits for a library."""
    for table, rows in json.loads(SEED_FILE.read_text(encoding="ascii")).items():
        for row in rows:
            marks = ", ".join("?" * len(row))
            db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
