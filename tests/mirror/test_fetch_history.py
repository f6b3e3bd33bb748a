from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from djpkg.mirror import fetch_history
from djpkg.mirror.connection import open_write
from djpkg.mirror.write import Writer
from djpkg.model.fetch_state import QuotaRow, Sweep
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import SourceName
from djpkg.times import format_time
from tests.mirrors import NOW, catalog_facts, filled_mirror

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with open_write(filled_mirror(tmp_path / "mirror.db")) as db:
        yield db


def test_a_run_is_stored_at_its_start_and_at_its_end(db: sqlite3.Connection) -> None:
    run = fetch_history.start_run(db, "--all", now=NOW)
    assert db.execute("SELECT started, finished, asked, exit, report FROM runs").fetchall() == [
        (format_time(NOW), None, "--all", None, None)
    ]
    fetch_history.finish_run(db, run, code=5, report={"causes": ["x"]}, now=LATER)
    assert db.execute("SELECT id, finished, exit, report FROM runs").fetchall() == [
        (run, format_time(LATER), 5, '{"causes": ["x"]}')
    ]


def test_the_last_two_hundred_runs_are_kept_and_all_events(db: sqlite3.Connection) -> None:
    first = fetch_history.start_run(db, "--all", now=NOW)
    Writer(db, forges=NO_FORGES, run=first).store_catalog([catalog_facts(50, "new")], now=NOW, report_added=True)
    numbers = [fetch_history.start_run(db, "--all", now=NOW) for _ in range(fetch_history.RUNS_KEPT)]
    assert [number for (number,) in db.execute("SELECT id FROM runs ORDER BY id")] == numbers
    assert db.execute("SELECT event, run_id FROM events").fetchall() == [("added", None)]


def test_a_quota_replaces_the_former_one_of_its_pool(db: sqlite3.Connection) -> None:
    assert fetch_history.get_quotas(db) == []
    rows = [
        QuotaRow("github", "core", 5000, 4999, LATER, None),
        QuotaRow("github", "graphql", None, None, None, LATER),
        QuotaRow("gitlab", "", 60, 0, LATER, LATER),
    ]
    fetch_history.store_quotas(db, rows)
    assert fetch_history.get_quotas(db) == rows
    fetch_history.store_quotas(db, [rows[0]._replace(remaining=3, limit=None, reset=None)])
    fetch_history.store_quotas(db, [])
    assert fetch_history.get_quotas(db) == [rows[0]._replace(remaining=3, limit=None, reset=None), *rows[1:]]


def test_a_sweep_replaces_the_former_one(db: sqlite3.Connection) -> None:
    assert fetch_history.find_sweep(db, SourceName.PYPI) is None
    fetch_history.store_sweep(db, SourceName.PYPI, Sweep(NOW, 5800, 6000))
    fetch_history.store_sweep(db, SourceName.PYPI, Sweep(LATER, 5801, None))
    assert fetch_history.find_sweep(db, SourceName.PYPI) == Sweep(LATER, 5801, None)
    assert fetch_history.find_sweep(db, SourceName.CATALOG) is None


@pytest.mark.parametrize("packages", [-1, 5, 2**40])
def test_a_sweep_with_more_packages_than_the_mirror_ever_had_is_damaged_and_ignored(
    db: sqlite3.Connection, packages: int
) -> None:
    fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(NOW, packages, None))
    assert fetch_history.find_sweep(db, SourceName.CATALOG) is None


def test_a_sweep_with_an_invalid_time_is_ignored(db: sqlite3.Connection) -> None:
    fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(NOW, 5800, 6000))
    db.execute("UPDATE sweeps SET completed = 'yesterday'")
    assert fetch_history.find_sweep(db, SourceName.CATALOG) is None


# Events.


def store_events(db: sqlite3.Connection, count: int, at: datetime, *, run: int | None = None) -> None:
    db.execute("INSERT OR IGNORE INTO packages (id, slug, title) VALUES (1, 'pots', 'Pots')")
    db.executemany(
        "INSERT INTO events (at, run_id, package_id, event) VALUES (?, ?, 1, 'released')",
        [(format_time(at), run)] * count,
    )


def count_events(db: sqlite3.Connection) -> int:
    (number,) = db.execute("SELECT count(*) FROM events").fetchone()
    return int(number)


def test_events_of_a_year_are_kept_however_many_there_are(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_history, "EVENTS_KEPT", 10)
    store_events(db, 5, NOW - timedelta(days=366))
    store_events(db, 20, NOW - timedelta(days=364))
    fetch_history.start_run(db, "--all", now=NOW)
    assert count_events(db) == 20


def test_the_newest_events_are_kept_however_old_they_are(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fetch_history.EVENTS_KEPT == 100_000
    monkeypatch.setattr(fetch_history, "EVENTS_KEPT", 10)
    store_events(db, 15, NOW - timedelta(days=800))
    fetch_history.start_run(db, "--all", now=NOW)
    assert count_events(db) == 10


def test_an_index_serves_the_deletion_of_runs(db: sqlite3.Connection) -> None:
    plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN UPDATE events SET run_id = NULL WHERE run_id = 1")]
    assert plan == ["SEARCH events USING COVERING INDEX events_run (run_id=?)"]


def test_the_events_of_a_deleted_run_stay(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_history, "RUNS_KEPT", 1)
    db.execute("PRAGMA foreign_keys = ON")
    store_events(db, 1, NOW, run=fetch_history.start_run(db, "--all", now=NOW))
    fetch_history.start_run(db, "--all", now=NOW)
    assert db.execute("SELECT run_id, event FROM events").fetchall() == [(None, "released")]
