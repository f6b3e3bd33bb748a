"""Storing and reading events with plain sqlite3: nothing heavy is imported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.damage import DamagedRow, name_package, slug_or_id
from djpkg.text import is_text
from djpkg.times import format_time, parse_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from djpkg.mirror.apply_answer import StoredChange
    from djpkg.mirror.fetch_history import CompleteRun


class Change(NamedTuple):
    """One event: its time (UTC text), the slug, the event's name, old and new value if any, and the package's id."""

    at: str
    slug: str
    event: str
    old: str | None
    new: str | None
    package: int


def find_changes(
    db: sqlite3.Connection,
    *,
    since: str | None = None,
    after: CompleteRun | None = None,
    packages: Sequence[int] | None = None,
    names: Sequence[str] = (),
    limit: int = 0,
    damaged: list[DamagedRow] | None = None,
) -> list[Change]:
    """Return the events from `since` (a UTC text) on, or those of the fetches after a run; newest first.

    Of these packages, or of all if None; with one of these names, or any. `limit` 0 means no limit. Events that cannot
    be read are left out, and their packages added to `damaged`.
    """
    conditions: list[str] = []
    values: list[str | int] = []
    if since is not None:
        conditions.append("at >= ?")
        values.append(since)
    if after is not None:
        # The runs of old events are deleted. Whole seconds cannot tell the end of a run from the start of the next.
        conditions.append("(run_id > ? OR (run_id IS NULL AND at >= ?))")
        values += (after.id, after.finished)
    if packages is not None:
        conditions.append("package_id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(list(packages)))
    if names:
        conditions.append("event IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(list(names)))
    rows = db.execute(
        "SELECT package_id, slug, at, event, old, new FROM events JOIN packages ON packages.id = package_id"
        f" WHERE {' AND '.join(conditions) or 'true'} ORDER BY at DESC, events.id DESC LIMIT ?",
        (*values, limit or -1),
    )
    changes: list[Change] = []
    for number, stored_slug, at, event, old, new in rows:
        if all(map(is_text, (at, event, old or "", new or ""))) and parse_time(at) is not None:
            changes.append(Change(at, slug_or_id(number, stored_slug), event, old, new, number))
        elif damaged is not None:
            damaged.append(DamagedRow(number, name_package(number, stored_slug), "an event cannot be read"))
    return changes


def store_events(db: sqlite3.Connection, changes: Sequence[StoredChange], *, run: int | None, now: datetime) -> None:
    """Store the events of changes, which the fetch with the number `run` found."""
    db.executemany(
        "INSERT INTO events (at, run_id, package_id, event, old, new) VALUES (?, ?, ?, ?, ?, ?)",
        [(format_time(now), run, change.package, *event) for change in changes for event in change.events],
    )
