"""Rows that another program damaged: how they are recognized, named and repaired.

A damaged row harms only its own package. Lists leave it out and name it; a fetch goes on with the others.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from djpkg.errors import MirrorError
from djpkg.text import is_text, pluralize

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from typing import TypeGuard

# Damaged names that a message contains.
_NAMES_SHOWN = 10
_PLAIN_SLUG = re.compile(r"[A-Za-z_][\w.-]{0,199}", re.ASCII)
# The limit of SQLite's integers.
MAX_INTEGER = 2**63 - 1

decode_text = partial(str, encoding="utf-8", errors="surrogateescape")
"""The text factory of all connections: bytes that are not valid UTF-8 become lone surrogates, see `is_text`."""


class DamagedRow(NamedTuple):
    """A package with a row that cannot be read; `name` is its slug, or its id if the slug is damaged too."""

    id: int
    name: str
    reason: str


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer that SQLite can store."""
    return type(value) is int and -MAX_INTEGER <= value <= MAX_INTEGER


def text_or_none(value: object) -> str | None:
    """Return a stored text; None for null and for a damaged value."""
    return value if is_text(value) else None


def find_name(db: sqlite3.Connection, package: int) -> str:
    """Return the slug of a package, or its id if there is no readable slug."""
    row = db.execute("SELECT slug FROM packages WHERE id = ?", (package,)).fetchone()
    return name_package(package, row[0] if row else None)


def slug_or_id(package: int, slug: object) -> str:
    """Return the slug, or the id as text if the slug is damaged."""
    return slug if is_text(slug) and slug else str(package)


def name_package(package: int, slug: object) -> str:
    """Return the slug if it names the package in a command, else the id."""
    return slug if is_text(slug) and _PLAIN_SLUG.fullmatch(slug) else str(package)


def find_damaged(db: sqlite3.Connection, package: int, reason: str) -> DamagedRow:
    """Return the description of a damaged package."""
    return DamagedRow(package, find_name(db, package), reason)


def damaged_error(row: DamagedRow) -> MirrorError:
    """Return the error of a command that needs this row."""
    return MirrorError(f"package {row.name} is damaged in the mirror: {row.reason}", hint=repair_hint([row]))


def describe_skipped(rows: Sequence[DamagedRow]) -> list[str]:
    """Return the message about rows that a list left out, and the next step."""
    unique = list({row.id: row for row in rows}.values())
    if not unique:
        return []
    more = len(unique) - _NAMES_SHOWN
    names = ", ".join(f"{row.name} ({row.reason})" for row in unique[:_NAMES_SHOWN])
    others = f" and {more:,} more" if more > 0 else ""
    return [f"{pluralize(len(unique), 'damaged package')} left out: {names}{others}", repair_hint(unique)]


def repair_hint(rows: Sequence[DamagedRow]) -> str:
    """Return the command that writes damaged rows anew."""
    names = " ".join(row.name for row in rows[:_NAMES_SHOWN])
    return f"djpkg fetch {names} --refetch writes {'it' if len(rows) == 1 else 'them'} anew"
