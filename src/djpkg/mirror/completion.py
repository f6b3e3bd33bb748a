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
_COMMON_PREFIX = "django-"
_BUSY_SECONDS = 0.2  # long enough for a fetch that commits a page
# Shells evaluate candidates, so only names without special characters are offered.
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def find_slugs(path: Path, prefix: str) -> list[str]:
    """Return the slugs of packages with this prefix, in any case, sorted; then those with it after ``django-``.

    Raises sqlite3.Error.
    """
    low = normalize_slug(prefix)
    slugs = _find_slugs(path, low)
    # A shell accepts only candidates that contain the typed text, so a slug in another case is offered normalized.
    found = [slug if slug.startswith(prefix) else normalize_slug(slug) for slug in slugs]
    if low and not _COMMON_PREFIX.startswith(low) and not low.startswith(_COMMON_PREFIX):
        slugs = _find_slugs(path, _COMMON_PREFIX + low)
        found += [slug if slug.startswith(_COMMON_PREFIX + prefix) else normalize_slug(slug) for slug in slugs]
    return found


def _find_slugs(path: Path, low: str) -> list[str]:
    return _query(
        path,
        f"SELECT slug FROM packages WHERE {NORMALIZED_SLUG} >= ? AND {NORMALIZED_SLUG} < ?"
        f" ORDER BY {NORMALIZED_SLUG} LIMIT {MAX_CANDIDATES}",
        (low, low + "\U0010ffff"),
    )


def find_grids(path: Path, prefix: str) -> list[str]:
    """Return the slugs of grids with this prefix, sorted. Raises sqlite3.Error."""
    return _query(path, _slugs_sql("grids"), (f"{prefix}*",))


def find_categories(path: Path, prefix: str) -> list[str]:
    """Return the slugs of categories with this prefix, sorted. Raises sqlite3.Error."""
    return _query(path, _slugs_sql("categories"), (f"{prefix}*",))


def find_tags(path: Path, prefix: str) -> list[str]:
    """Return the user's tags with this prefix, sorted. Raises sqlite3.Error."""
    sql = f"SELECT DISTINCT tag FROM tags WHERE tag GLOB ? ORDER BY tag LIMIT {MAX_CANDIDATES}"
    return _query(path, sql, (f"{prefix}*",))


def _slugs_sql(table: str) -> str:
    return f"SELECT slug FROM {table} WHERE slug GLOB ? ORDER BY slug LIMIT {MAX_CANDIDATES}"


def _query(path: Path, sql: str, values: tuple[str, ...]) -> list[str]:
    files.check_path(path)
    with closing(sqlite3.connect(files.file_uri(path, "ro"), uri=True, timeout=_BUSY_SECONDS)) as db:
        db.text_factory = decode_text
        return [name for (name,) in db.execute(sql, values) if is_text(name) and _SAFE_NAME.fullmatch(name)]
