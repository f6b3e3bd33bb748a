"""What a shell may offer to complete a word with: names from the mirror, read without waiting for anybody.

A shell asks on a key press, so that a mirror that is locked, damaged, older or not there is not worth a message: the
caller takes every error for "nothing to offer".
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

from djpkg.mirror.resolve import NORMALIZED_SLUG, normalize_slug

if TYPE_CHECKING:
    from pathlib import Path

MAX_CANDIDATES = 50
_PATIENCE = 0.2  # seconds, for a fetch that is just committing a page
# Shells evaluate what they are offered: only names that mean nothing to any of them are.
_HARMLESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def find_slugs(path: Path, prefix: str) -> list[str]:
    """Slugs that begin so, whatever their case, in order. Raises sqlite3.Error."""
    begun = normalize_slug(prefix)
    names = _names(
        path,
        f"SELECT slug FROM packages WHERE {NORMALIZED_SLUG} >= ? AND {NORMALIZED_SLUG} < ?"
        f" ORDER BY {NORMALIZED_SLUG} LIMIT {MAX_CANDIDATES}",
        (begun, begun + "\U0010ffff"),
    )
    # A shell keeps what was typed: where the case differs, the slug is offered as it may be typed as well.
    return [name if name.startswith(prefix) else normalize_slug(name) for name in names]


def find_grids(path: Path, prefix: str) -> list[str]:
    """Slugs of grids that begin so. Raises sqlite3.Error."""
    return _names(path, _places("grids"), (f"{prefix}*",))


def find_categories(path: Path, prefix: str) -> list[str]:
    """Slugs of categories that begin so. Raises sqlite3.Error."""
    return _names(path, _places("categories"), (f"{prefix}*",))


def _places(table: str) -> str:
    return f"SELECT slug FROM {table} WHERE slug GLOB ? ORDER BY slug LIMIT {MAX_CANDIDATES}"


def _names(path: Path, sql: str, values: tuple[str, ...]) -> list[str]:
    with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=_PATIENCE)) as db:
        return [name for (name,) in db.execute(sql, values) if _HARMLESS.fullmatch(name)]
