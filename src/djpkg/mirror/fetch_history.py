"""What the mirror remembers of fetches: runs and how they ended, quotas as last told, and complete sweeps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from djpkg.mirror.connection import transaction
from djpkg.model.fetch_state import QuotaRow, Sweep
from djpkg.times import instant, stamp

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from djpkg.source_name import SourceName

# Enough for `status` and for a look back at what a cron job did in half a year of nights.
RUNS_KEPT = 200


def start_run(db: sqlite3.Connection, asked: str, *, now: datetime) -> int:
    """Note that a fetch began; its number. A run that was killed stays without an end."""
    with transaction(db):
        cursor = db.execute("INSERT INTO runs (started, asked) VALUES (?, ?)", (stamp(now), asked))
        db.execute("DELETE FROM runs WHERE id <= ?", ((cursor.lastrowid or 0) - RUNS_KEPT,))
    return cursor.lastrowid or 0


def finish_run(db: sqlite3.Connection, run: int, *, code: int, report: dict[str, object], now: datetime) -> None:
    """Note how a fetch ended."""
    with transaction(db):
        db.execute(
            "UPDATE runs SET finished = ?, exit = ?, report = ? WHERE id = ?",
            (stamp(now), code, json.dumps(report), run),
        )


def store_quota(db: sqlite3.Connection, rows: list[QuotaRow]) -> None:
    """Keep what the sources said of their quotas."""
    with transaction(db):
        db.executemany(
            "INSERT INTO sources (source, pool, quota_limit, remaining, reset, not_before) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (source, pool) DO UPDATE SET quota_limit = excluded.quota_limit,"
            " remaining = excluded.remaining, reset = excluded.reset, not_before = excluded.not_before",
            [
                (
                    row.source,
                    row.pool,
                    row.limit,
                    row.remaining,
                    stamp(row.reset) if row.reset else None,
                    stamp(row.not_before) if row.not_before else None,
                )
                for row in rows
            ],
        )


def get_quotas(db: sqlite3.Connection) -> list[QuotaRow]:
    """All quotas as last told."""
    rows = db.execute(
        "SELECT source, pool, quota_limit, remaining, reset, not_before FROM sources ORDER BY source, pool"
    )
    return [
        QuotaRow(source, pool, limit, left, instant(reset), instant(until))
        for source, pool, limit, left, reset, until in rows
    ]


def find_sweep(db: sqlite3.Connection, source: SourceName) -> Sweep | None:
    """The last complete sweep; None if there was none."""
    row = db.execute("SELECT completed, packages, mark FROM sweeps WHERE source = ?", (source.value,)).fetchone()
    completed = instant(row[0]) if row else None
    return Sweep(completed, row[1], row[2]) if completed is not None else None


def store_sweep(db: sqlite3.Connection, source: SourceName, sweep: Sweep) -> None:
    """Keep that a sweep is complete. The last write of a sweep: until it is there, the short cut is not taken."""
    with transaction(db):
        db.execute(
            "INSERT INTO sweeps (source, completed, packages, mark) VALUES (?, ?, ?, ?) ON CONFLICT (source)"
            " DO UPDATE SET completed = excluded.completed, packages = excluded.packages, mark = excluded.mark",
            (source.value, stamp(sweep.completed), sweep.packages, sweep.mark),
        )
