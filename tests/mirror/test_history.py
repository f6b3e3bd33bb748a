"""The history of measured values: which rows are written, and which are thinned."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from djpkg.mirror import history
from djpkg.mirror.connection import create_in_memory
from djpkg.model.merge import Measured
from tests.mirrors import NOW

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

HERE = "github.com/mara/pots"
DAY = timedelta(days=1)


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(create_in_memory()) as db:
        db.executemany("INSERT INTO packages (id, slug, title) VALUES (?, 'p', 'p')", [(1,), (2,)])
        yield db


def store(db: sqlite3.Connection, now: datetime, *stars: int | None) -> None:
    measured = {number: Measured(count, 1, 1, None, HERE) for number, count in enumerate(stars, start=1)}
    history.store_values(db, measured, now=now)


def rows(db: sqlite3.Connection, package: int = 1) -> list[tuple[str, int | None]]:
    return db.execute("SELECT day, stars FROM history WHERE package_id = ? ORDER BY day", (package,)).fetchall()


def test_days_are_those_of_utc(db: sqlite3.Connection) -> None:
    store(db, datetime.fromisoformat("2026-11-23T23:30:00-05:00"), 5)
    assert rows(db) == [("2026-11-24", 5)]


def test_each_package_is_compared_with_its_own_last_day(db: sqlite3.Connection) -> None:
    store(db, NOW, 5, 7)
    store(db, NOW + DAY, 6, 7)
    store(db, NOW + 2 * DAY, 6, 8)
    store(db, NOW + 3 * DAY, 6, None)
    assert rows(db, 1) == [("2026-11-23", 5), ("2026-11-24", 6)]
    assert rows(db, 2) == [("2026-11-23", 7), ("2026-11-25", 8), ("2026-11-26", None)]


def test_rows_of_a_wrong_clock_stay_and_are_not_compared_with(db: sqlite3.Connection) -> None:
    store(db, NOW, 5)
    store(db, NOW + 400 * DAY, 6)
    store(db, NOW + DAY, 6)
    store(db, NOW + 2 * DAY, 6)
    assert [day for day, _ in rows(db)] == ["2026-11-23", "2026-11-24", (NOW + 400 * DAY).date().isoformat()]


def test_days_older_than_two_years_are_thinned_to_months(db: sqlite3.Connection) -> None:
    days = ["2024-09-30", "2024-10-01", "2024-10-31", "2024-11-01", "2024-11-22", "2024-11-23", "2024-11-24"]
    db.executemany("INSERT INTO history VALUES (1, ?, ?, 0, 0, 0, NULL)", [(day, n) for n, day in enumerate(days)])
    db.execute("INSERT INTO history VALUES (2, '2024-10-30', 0, 0, 0, 0, NULL)")
    kept = [0, 2, 4, 5, 6]
    history.thin(db, now=NOW)
    assert rows(db) == [(days[n], n) for n in kept]
    history.thin(db, now=NOW + DAY)
    assert rows(db) == [(days[n], n) for n in kept if n != 4]
    assert rows(db, 2) == [("2024-10-30", 0)]


def test_the_last_row_of_a_month_stays_for_each_repository(db: sqlite3.Connection) -> None:
    rows_of = [("2024-10-01", 1, "old"), ("2024-10-02", 2, "old"), ("2024-10-03", 3, "new"), ("2024-10-04", 4, "new")]
    db.executemany("INSERT INTO history VALUES (1, ?, ?, 0, 0, 0, ?)", rows_of)
    history.thin(db, now=NOW)
    assert rows(db) == [("2024-10-02", 2), ("2024-10-04", 4)]


def test_the_same_values_of_another_repository_are_a_new_row(db: sqlite3.Connection) -> None:
    store(db, NOW, 5)
    for days in (1, 2):
        history.store_values(db, {1: Measured(5, 1, 1, None, "github.com/clay/pots")}, now=NOW + days * DAY)
    assert db.execute("SELECT day, coordinate FROM history ORDER BY day").fetchall() == [
        ("2026-11-23", HERE),
        ("2026-11-24", "github.com/clay/pots"),
    ]


def test_the_thinning_reads_old_rows_only(db: sqlite3.Connection) -> None:
    statements: list[str] = []
    db.set_trace_callback(statements.append)
    history.thin(db, now=NOW)
    db.set_trace_callback(None)
    plan = "\n".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statements[0]}"))
    assert "SEARCH history USING PRIMARY KEY (package_id=? AND day<?)" in plan
