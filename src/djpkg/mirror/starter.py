"""The record that every new mirror starts with, and that `show` and `list` answer from while there is no mirror."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING, cast

from djpkg.facts import CatalogFacts, Category, Outcome, SourceName
from djpkg.merge import Stored, merge
from djpkg.mirror.connection import in_memory
from djpkg.mirror.rows import columns

if TYPE_CHECKING:
    import sqlite3

# The catalog's categories have not changed since 2020; a fetch brings their present names.
CATEGORIES = (
    Category(id=1, slug="apps", title="App", title_plural="Apps"),
    Category(id=2, slug="frameworks", title="Framework", title_plural="Frameworks"),
    Category(id=3, slug="projects", title="Project", title_plural="Projects"),
    Category(id=4, slug="other", title="Other", title_plural="Others"),
    Category(id=5, slug="starter-projects", title="Starter Project", title_plural="Starter Projects"),
)


def facts() -> Stored:
    """The packaged record as the catalog's facts. It was asked for by nobody, so it bears no time of asking."""
    said = json.loads((files("djpkg") / "data" / "django-todo.json").read_text(encoding="ascii"))
    said["category"] = _number(said["category"])
    for name in ("grids", "commits_over_52", "participants"):
        said[name] = tuple(_number(item) if name == "grids" else item for item in said[name])
    record = CatalogFacts(**said)
    return Stored(SourceName.CATALOG, str(record.id), None, None, Outcome.UPDATED.value, None, record)


def open_starter() -> sqlite3.Connection:
    """A mirror in memory that holds the starter record alone, not to be written to."""
    db = in_memory()
    store_starter(db)
    db.execute("PRAGMA query_only = ON")
    return db


def store_starter(db: sqlite3.Connection) -> None:
    """Write the starter record and the categories into an empty mirror, in plain SQL: no reader waits for a library."""
    stored = facts()
    merged = merge([stored], {})
    db.executemany(
        "INSERT INTO categories (id, slug, title, title_plural, description) VALUES (?, ?, ?, ?, ?)",
        [(c.id, c.slug, c.title, c.title_plural, c.description) for c in CATEGORIES],
    )
    row = columns(merged)
    db.execute(f"INSERT INTO packages ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    record = cast("CatalogFacts", stored.said)
    db.execute(
        "INSERT INTO facts (package_id, source, coordinate, outcome, said) VALUES (?, ?, ?, ?, ?)",
        (record.id, stored.source.value, stored.coordinate, stored.outcome, json.dumps(asdict(record))),
    )
    db.executemany("INSERT INTO grids (id) VALUES (?)", [(number,) for number in record.grids])
    db.executemany(
        "INSERT INTO package_grids (package_id, grid_id, position) VALUES (?, ?, ?)",
        [(record.id, number, position) for position, number in enumerate(record.grids)],
    )


def _number(address: str) -> int:
    return int(address.rstrip("/").rpartition("/")[2])
