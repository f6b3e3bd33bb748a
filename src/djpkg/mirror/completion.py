"""Names from the mirror for shell completion.

Completion must be fast and silent: nothing here waits for a lock, and the caller treats any error (a locked, damaged,
older or missing mirror) as "no candidates".
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from djpkg.mirror import files
from djpkg.mirror.damage import decode_text
from djpkg.mirror.resolve import NORMALIZED_SLUG, normalize_slug
from djpkg.text import is_text

if TYPE_CHECKING:
    from pathlib import Path

MAX_CANDIDATES = 50
_BUSY_SECONDS = 0.2  # long enough for a fetch that commits a page
# Shells evaluate candidates, so only names without special characters are offered.
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def find_slugs(path: Path, prefix: str) -> list[str]:
    """Return the slugs of packages with this prefix, in any case, sorted. Raises sqlite3.Error."""
    low = normalize_slug(prefix)
    slugs = _query(
        path,
        f"SELECT slug FROM packages WHERE {NORMALIZED_SLUG} >= ? AND {NORMALIZED_SLUG} < ?"
        f" ORDER BY {NORMALIZED_SLUG} LIMIT {MAX_CANDIDATES}",
        (low, low + "\U0010ffff"),
    )
    # A shell accepts only candidates that begin with the typed text, so a slug in another case is offered normalized.
    return [slug if slug.startswith(prefix) else normalize_slug(slug) for slug in slugs]


def find_grids(path: Path, prefix: str) -> list[str]:
    """Return the slugs of grids with this prefix, sorted. Raises sqlite3.Error."""
    return _query(path, _slugs_sql("grids"), (f"{prefix}*",))


def find_categories(path: Path, prefix: str) -> list[str]:
    """Return the slugs of categories with this prefix, sorted. Raises sqlite3.Error."""
    return _query(path, _slugs_sql("categories"), (f"{prefix}*",))


def _slugs_sql(table: str) -> str:
    return f"SELECT slug FROM {table} WHERE slug GLOB ? ORDER BY slug LIMIT {MAX_CANDIDATES}"


def _query(path: Path, sql: str, values: tuple[str, ...]) -> list[str]:
    files.check_path(path)
    with closing(sqlite3.connect(files.file_uri(path, "ro"), uri=True, timeout=_BUSY_SECONDS)) as db:
        db.text_factory = decode_text
        return [name for (name,) in db.execute(sql, values) if is_text(name) and _SAFE_NAME.fullmatch(name)]
