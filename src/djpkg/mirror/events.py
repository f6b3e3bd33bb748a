"""Reading events: plain sqlite3, nothing heavy, no writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence


class Change(NamedTuple):
    """One event: when (UTC), of which package, its name, and what was and is where the event has such."""

    at: str
    slug: str
    event: str
    old: str | None
    new: str | None


def find_changes(
    db: sqlite3.Connection, *, since: str, packages: Sequence[int] | None = None, limit: int = 0
) -> list[Change]:
    """The events from `since` on (a stamp), newest first; of these packages only, of all where None.

    `limit` 0 takes all.
    """
    only = "" if packages is None else " AND package_id IN (SELECT value FROM json_each(?))"
    values = (since,) if packages is None else (since, json.dumps(list(packages)))
    rows = db.execute(
        "SELECT at, slug, event, old, new FROM events JOIN packages ON packages.id = package_id"
        f" WHERE at >= ?{only} ORDER BY at DESC, events.id DESC LIMIT ?",
        (*values, limit or -1),
    )
    return [Change(*row) for row in rows]
