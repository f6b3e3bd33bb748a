"""Storing the events of a snapshot: each once, in a time that grows with their number."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from djpkg.mirror.connection import create_in_memory
from djpkg.mirror.snapshot_events import EventStore
from djpkg.model.snapshot import EventLine

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(create_in_memory()) as db:
        db.execute("INSERT INTO packages (id, slug, title) VALUES (1, 'p', 'P'), (2, 'q', 'Q')")
        yield db


def store(db: sqlite3.Connection, *lines: EventLine) -> int:
    """Store events as those of one snapshot; return how many there are now."""
    events = EventStore(db, run=None, reports_added=False)
    for line in lines:
        events.store(line)
    (count,) = db.execute("SELECT count(*) FROM events").fetchone()
    return int(count)


def line(at: str, old: str | None = None, new: str | None = None, *, package: int = 1) -> EventLine:
    return EventLine(package=package, at=f"{at}T00:00:00Z", event="released", old=old, new=new)


def test_the_same_values_are_one_event_at_any_time(db: sqlite3.Connection) -> None:
    assert store(db, line("2026-01-01", "1", "2")) == 1
    assert store(db, line("2026-09-01", "1", "2")) == 1
    assert store(db, line("2026-09-01", "2", "1")) == 2
    assert store(db, line("2026-09-01", "1", "2", package=2)) == 3


def test_an_event_without_values_is_the_same_within_30_days(db: sqlite3.Connection) -> None:
    assert store(db, line("2026-01-01"), line("2026-08-01")) == 2
    assert store(db, line("2026-01-31"), line("2026-07-02"), line("2026-08-31")) == 2
    assert store(db, line("2026-02-01"), line("2026-07-01"), line("2026-09-01")) == 5


def test_what_a_snapshot_has_twice_is_two_events_unless_the_times_are_equal(db: sqlite3.Connection) -> None:
    assert store(db, line("2026-01-01", "1", "2"), line("2026-01-02", "1", "2"), line("2026-01-02", "1", "2")) == 2


def test_a_damaged_time_of_a_stored_event_is_no_error(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO events (at, package_id, event) VALUES ('never', 1, 'released')")
    assert store(db, line("2026-01-01")) == 2


def test_the_work_of_sqlite_grows_with_the_number_of_events_of_a_package(db: sqlite3.Connection) -> None:
    def steps(events: int) -> int:
        """Return the steps of SQLite's virtual machine, in hundreds."""
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        db.execute("DELETE FROM events")
        db.set_progress_handler(step, 100)
        assert store(db, *(line("2026-01-01", str(number)) for number in range(events))) == events
        db.set_progress_handler(None, 0)
        return count

    assert 0 < steps(2000) < 3 * steps(1000)
