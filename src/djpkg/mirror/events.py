"""Storing and reading events with plain sqlite3: nothing heavy is imported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.damage import DamagedRow, name_package, slug_or_id
from djpkg.text import is_text
from djpkg.times import format_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from djpkg.mirror.apply_answer import StoredChange


class Change(NamedTuple):
    """One event of a package: its time (UTC text), the package's slug, the event's name, old and new value if any."""

    at: str
    slug: str
    event: str
    old: str | None
    new: str | None


def find_changes(
    db: sqlite3.Connection,
    *,
    since: str,
    packages: Sequence[int] | None = None,
    limit: int = 0,
    damaged: list[DamagedRow] | None = None,
) -> list[Change]:
    """Return the events from `since` (a UTC text) on, newest first: of these packages, or of all if None.

    `limit` 0 means no limit. Events that cannot be read are left out, and their packages added to `damaged`.
    """
    only = "" if packages is None else " AND package_id IN (SELECT value FROM json_each(?))"
    values = (since,) if packages is None else (since, json.dumps(list(packages)))
    rows = db.execute(
        "SELECT package_id, slug, at, event, old, new FROM events JOIN packages ON packages.id = package_id"
        f" WHERE at >= ?{only} ORDER BY at DESC, events.id DESC LIMIT ?",
        (*values, limit or -1),
    )
    changes: list[Change] = []
    for number, stored_slug, at, event, old, new in rows:
        if all(map(is_text, (at, event, old or "", new or ""))):
            changes.append(Change(at, slug_or_id(number, stored_slug), event, old, new))
        elif damaged is not None:
            damaged.append(DamagedRow(number, name_package(number, stored_slug), "an event cannot be read"))
    return changes


def store_events(db: sqlite3.Connection, changes: Sequence[StoredChange], *, run: int | None, now: datetime) -> None:
    """Store the events of changes, which the fetch with the number `run` found."""
    db.executemany(
        "INSERT INTO events (at, run_id, package_id, event, old, new) VALUES (?, ?, ?, ?, ?, ?)",
        [(format_time(now), run, change.package, *event) for change in changes for event in change.events],
    )
