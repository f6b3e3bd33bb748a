"""A small mirror in memory with four packages, and searches in it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from djpkg.mirror import listing
from djpkg.mirror.connection import create_in_memory
from djpkg.mirror.damage import decode_text
from djpkg.model import fields
from djpkg.query import parser

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)

Row = dict[str, object]
Name = tuple[int, str | None, str | None]

CATEGORIES: list[Name] = [(1, "apps", "App"), (2, "frameworks", "Framework")]
GRIDS: list[Name] = [
    (53, "forms", "Forms"),
    (62, "todo-lists", "Task management"),
    (7, "platforms", "Platforms"),
    (9, None, None),
]

TODO: Row = {
    "slug": "django-todo",
    "title": "Django Todo",
    "category": 1,
    "grids": "[53,62]",
    "repo_url": "https://github.com/shacker/django-todo",
    "repo_description": "A multi-user ticketing system. Includes CSV import.",
    "repo_watchers": 845,
    "pypi_version": "2.5.0",
    "participants": '["shacker","dependabot[bot]","Zo\\u00eb","a,b"]',
    "participant_count": 4,
    "last_updated_utc": "2022-01-01T00:00:00.000000Z",
    "released_utc": "2021-06-01T00:00:00.000000Z",
    "archived": 0,
    "forge": "github",
    "repository": "shacker/django-todo",
    "repo_state": "ok",
    "commits_last_year": 0,
    "pypi_name": "django-todo",
    "pypi_state": "ok",
    "yanked": 0,
    "license": "BSD-3-Clause",
    "development_status": "5 - Production/Stable",
    "python_versions": '["3.8","3.13"]',
    "checked": '{"github":"2026-03-01T00:00:00Z"}',
    "edited": '["documentation_url"]',
    "documentation_url": "https://todo.readthedocs.io",
    "note": "Used by Billing",
    "tags": '["prod","to do"]',
}
ALLAUTH: Row = {
    "slug": "django-allauth",
    "title": "django-allauth",
    "category": 1,
    "grids": "[9]",
    "repo_description": "Addresses authentication, registration. A todo? No: Wörter",
    "repo_watchers": 9_000,
    "last_updated_utc": "2026-03-30T00:00:00.000000Z",
    "archived": 0,
    "repo_state": "ok",
    "commits_last_year": 300,
    "license": "MIT License",
    "django_versions": '["4.2","5.0","5.2"]',
    "requires_python": ">=3.8",
}
BARE: Row = {"slug": "bare_thing", "title": "100% bare", "category": None}
OLD: Row = {
    "slug": "old",
    "title": "Old",
    "category": 2,
    "repo_watchers": 3,
    "archived": 1,
    "repo_state": "gone",
    "pypi_state": "gone",
    "catalog_state": "removed",
    "moved_to": "new/old",
    "yanked": 1,
    "released_utc": "2026-03-01T00:00:00.000000Z",
    "last_updated_utc": "2026-03-01T00:00:00.000000Z",
    "license": "GPLv3 (MIT parts)",
    "django_versions": '["4.10"]',
    "python_versions": '["3"]',
    "failed": '{"github":"say \\"pypi\\": no"}',
}
ROWS = [TODO, ALLAUTH, BARE, OLD]


@cache
def _empty_mirror() -> bytes:
    with closing(create_in_memory()) as db:
        return db.serialize()


def memory_mirror(rows: Iterable[Row], *, categories: Iterable[Name] = CATEGORIES) -> sqlite3.Connection:
    """Return a mirror in memory with those packages, with ids from 1."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.text_factory = decode_text
    db.deserialize(_empty_mirror())
    db.executemany("INSERT INTO categories (id, slug, title) VALUES (?, ?, ?)", categories)
    db.executemany("INSERT INTO grids (id, slug, title) VALUES (?, ?, ?)", GRIDS)
    for number, row in enumerate(rows, start=1):
        names = ["id", *row]
        marks = ", ".join("?" * len(names))
        db.execute(f"INSERT INTO packages ({', '.join(names)}) VALUES ({marks})", (number, *row.values()))
        for position, grid in enumerate(json.loads(str(row.get("grids", "[]")))):
            db.execute("INSERT INTO package_grids VALUES (?, ?, ?)", (number, grid, position))
        for tag in json.loads(str(row.get("tags", "[]"))):
            db.execute("INSERT INTO tags VALUES (?, ?, ?)", (number, tag, NOW.isoformat()))
        if "note" in row:
            db.execute("INSERT INTO notes VALUES (?, ?, ?)", (number, row["note"], NOW.isoformat()))
    return db


def find_slugs(db: sqlite3.Connection, *terms: str, sort: str = "") -> list[str]:
    """Return the slugs of the matching packages, in order."""
    found = listing.find_ids(db, parser.parse_query(terms, now=NOW), parser.parse_sort([sort] if sort else []), now=NOW)
    return [str(row["slug"]) for row in listing.get_rows(db, found, fields.parse_columns("slug"))]


def find_slugs_in(rows: Iterable[Row], *terms: str, sort: str = "") -> list[str]:
    """Return the matching slugs, in order, in a mirror with only those packages."""
    with closing(memory_mirror(rows)) as db:
        return find_slugs(db, *terms, sort=sort)


ALL_SLUGS = {"django-todo", "django-allauth", "bare_thing", "old"}
