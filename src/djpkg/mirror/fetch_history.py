"""What the mirror stores about fetches: runs and their reports, quotas, and complete sweeps."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror import dependencies, history
from djpkg.mirror.connection import transaction, upsert
from djpkg.mirror.damage import is_integer, text_or_none
from djpkg.model.fetch_state import QuotaRow, Sweep
from djpkg.query.columns import valid_json
from djpkg.source_name import SourceName, strip_source
from djpkg.text import is_text
from djpkg.times import format_time, parse_time, years_before

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

# More than PyPI will ever have: a larger number was not stored by djpkg.
_MAX_PROJECTS = 100_000_000
# Half a year of nightly fetches.
RUNS_KEPT = 200
# A fetch of all packages from all sources that ended without trouble: after any other one, nobody may have looked at
# what it found.
COMPLETE = "exit = 0 AND (asked IN ('--all', '--all --refetch') OR asked LIKE '--from %')"
# The first fetch that read the catalog's list to its end or nearly so. Packages that were added later have an event.
FIRST_OF_ALL = (
    "SELECT min(id) FROM runs WHERE exit IN (0, 5)"
    " AND (asked = '--all' OR asked LIKE '--all %' OR asked LIKE '--from %')"
    " AND (asked NOT LIKE '%--source %' OR asked LIKE '%--source catalog%')"
)
# Events are kept for a year, or this many.
EVENTS_KEPT = 100_000


class CompleteRun(NamedTuple):
    """A complete fetch of all packages: its number and its end (UTC text)."""

    id: int
    finished: str


def find_last_but_one(db: sqlite3.Connection) -> CompleteRun | None:
    """Return the last but one complete fetch of all packages, None before there are two."""
    row = db.execute(
        f"SELECT id, finished FROM runs WHERE {COMPLETE} AND typeof(finished) = 'text'"
        " ORDER BY id DESC LIMIT 1 OFFSET 1"
    ).fetchone()
    return None if row is None else CompleteRun(*row)


def has_fetched_without_token(db: sqlite3.Connection) -> bool:
    """Return whether a fetch that is still known asked GitHub for many repositories without a token."""
    row = db.execute(
        "SELECT 1 FROM runs WHERE CASE WHEN json_valid(report) THEN json_extract(report, '$.without_token') END"
    ).fetchone()
    return row is not None


def start_run(db: sqlite3.Connection, asked: str, *, now: datetime) -> int:
    """Store the start of a fetch as `insert_run` does, in one transaction."""
    with transaction(db):
        return insert_run(db, asked, now=now)


def insert_run(db: sqlite3.Connection, asked: str, *, now: datetime) -> int:
    """Store the start of a fetch and return its number. `finished` stays null if the process is killed.

    Deletes the oldest runs and events, and thins the history. The first fetch of all packages and the last two complete
    ones stay, and the last fetch that reported unchecked packages.
    """
    cursor = db.execute("INSERT INTO runs (started, asked) VALUES (?, ?)", (format_time(now), asked))
    db.execute(
        "DELETE FROM runs WHERE id <= ?"
        f" AND id NOT IN (SELECT id FROM runs WHERE {COMPLETE} ORDER BY id DESC LIMIT 2)"
        f" AND id IS NOT ({FIRST_OF_ALL})"
        " AND id NOT IN (SELECT coalesce(max(id), 0) FROM runs"
        " WHERE CASE WHEN json_valid(report) THEN json_array_length(report, '$.unchecked') END > 0)",
        ((cursor.lastrowid or 0) - RUNS_KEPT,),
    )
    db.execute(
        "DELETE FROM events WHERE at < ? AND id <= (SELECT id FROM events ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (format_time(years_before(now, 1)), EVENTS_KEPT),
    )
    history.thin(db, now=now)
    return cursor.lastrowid or 0


def finish_run(db: sqlite3.Connection, run: int, *, code: int, report: dict[str, object], now: datetime) -> None:
    """Store the end of a fetch: its exit code and its report, and what its answers say about other packages.

    It is a part of the caller's transaction, if there is one.
    """
    with nullcontext() if db.in_transaction else transaction(db):
        dependencies.update_dependencies(db)
        db.execute(
            "UPDATE runs SET finished = ?, exit = ?, report = ? WHERE id = ?",
            (format_time(now), code, json.dumps(report), run),
        )


def find_snapshot(db: sqlite3.Connection, address: str) -> tuple[str | None, str | None, str | None] | None:
    """Return ETag, Last-Modified and SHA-256 of the last snapshot from an address, None if there is none."""
    row = db.execute("SELECT etag, modified, sha256 FROM snapshots WHERE address = ?", (address,)).fetchone()
    return None if row is None else (text_or_none(row[0]), text_or_none(row[1]), text_or_none(row[2]))


def store_catalog_failure(db: sqlite3.Connection, package: int, error: str, *, now: datetime) -> None:
    """Store why the catalog's answer about a package failed. Its facts stay."""
    reason = strip_source(error, SourceName.CATALOG)
    with transaction(db):
        db.execute(
            "UPDATE facts SET asked = ?, outcome = 'failed', error = ? WHERE package_id = ? AND source = 'catalog'",
            (format_time(now), reason, package),
        )
        db.execute(
            f"UPDATE packages SET failed = json_set({valid_json('failed')}, '$.catalog', ?) WHERE id = ?",
            (reason, package),
        )


def store_quotas(db: sqlite3.Connection, quotas: list[QuotaRow]) -> None:
    """Store the latest state of these quota pools."""
    rows = [
        {
            "source": quota.source,
            "pool": quota.pool,
            "quota_limit": quota.limit,
            "remaining": quota.remaining,
            "reset": format_time(quota.reset) if quota.reset else None,
            "not_before": format_time(quota.not_before) if quota.not_before else None,
        }
        for quota in quotas
    ]
    with transaction(db):
        upsert(db, "sources", rows, key=("source", "pool"))


def get_quotas(db: sqlite3.Connection) -> list[QuotaRow]:
    """Return all quota pools as last stored, without damaged rows: the next answer replaces them."""
    rows = db.execute(
        "SELECT source, pool, quota_limit, remaining, reset, not_before FROM sources ORDER BY source, pool"
    )
    return [
        QuotaRow(source, pool, limit, remaining, parse_time(reset), parse_time(not_before))
        for source, pool, limit, remaining, reset, not_before in rows
        if all(map(is_text, (source, pool, reset or "", not_before or "")))
        if all(number is None or is_integer(number) for number in (limit, remaining))
    ]


def find_sweep(db: sqlite3.Connection, source: SourceName) -> Sweep | None:
    """Return the last complete sweep, None also for a damaged row: the next sweep replaces it."""
    row = db.execute("SELECT completed, packages, newest_id FROM sweeps WHERE source = ?", (source.value,)).fetchone()
    time, packages, newest_id = row or (None, None, None)
    completed = parse_time(text_or_none(time))
    if completed is None or not is_integer(packages) or not (newest_id is None or is_integer(newest_id)):
        return None
    # Rows of packages are never deleted, so a larger number is wrong.
    most = count_packages(db) if source is SourceName.CATALOG else _MAX_PROJECTS
    return Sweep(completed, packages, newest_id) if 0 <= packages <= most else None


def count_packages(db: sqlite3.Connection) -> int:
    """Return the number of packages in the mirror, with those that the catalog no longer lists."""
    (count,) = db.execute("SELECT count(*) FROM packages").fetchone()
    return int(count)


def store_sweep(db: sqlite3.Connection, source: SourceName, sweep: Sweep) -> None:
    """Store that a sweep is complete. Call it last: later sweeps read only newer packages.

    It is a part of the caller's transaction, if there is one.
    """
    row = {
        "source": source.value,
        "completed": format_time(sweep.completed),
        "packages": sweep.packages,
        "newest_id": sweep.newest_id,
    }
    with nullcontext() if db.in_transaction else transaction(db):
        upsert(db, "sweeps", [row], key=("source",))
