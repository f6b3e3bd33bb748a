"""Storing the events of a snapshot, each once."""

from __future__ import annotations

from bisect import bisect_left
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.apply_answer import StoredChange
from djpkg.mirror.damage import slug_or_id
from djpkg.model.fact_changes import Event
from djpkg.times import parse_time

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from djpkg.model.snapshot import EventLine

# Two mirrors find one event at different times: the same versions at any time, and what has no values within days.
_SAME_WITHIN = timedelta(days=30)


class _Expected(NamedTuple):
    """An event that follows from two answers, found at `at`; the snapshot's own is later than `since`."""

    change: StoredChange
    event: Event
    since: str
    at: str


class _KnownEvents:
    """The events of one package: those that the mirror had, and those that were added since.

    They are compared in memory: a snapshot may have all its events about one package.
    """

    def __init__(self) -> None:
        self._found: set[tuple[str, Event]] = set()
        self._earlier: dict[Event, list[datetime]] = {}

    @classmethod
    def read(cls, db: sqlite3.Connection, package: int) -> _KnownEvents:
        """Return the events that the mirror has of a package."""
        known = cls()
        for at, *values in db.execute("SELECT at, event, old, new FROM events WHERE package_id = ?", (package,)):
            event = Event(*values)
            known._found.add((at, event))
            moments = known._earlier.setdefault(event, [])
            if isinstance(at, str) and (moment := parse_time(at)) is not None:
                moments.append(moment)
        for moments in known._earlier.values():
            moments.sort()
        return known

    def add(self, at: str, event: Event) -> bool:
        """Add an event; return False if it is known."""
        if (at, event) in self._found or self._has_earlier(at, event):
            return False
        self._found.add((at, event))
        return True

    def _has_earlier(self, at: str, event: Event) -> bool:
        moments = self._earlier.get(event)
        if moments is None:
            return False
        if event.old is not None and event.new is not None:
            return True
        moment = parse_time(at)
        if moment is None:
            return False
        place = bisect_left(moments, moment)
        return any(abs(moment - one) <= _SAME_WITHIN for one in moments[max(0, place - 1) : place + 1])


class EventStore:
    """Stores events; `reported` are the new ones of packages that the mirror had before.

    `reports_added`: the mirror has read the catalog's whole list, so that a new package is an event.
    """

    def __init__(self, db: sqlite3.Connection, *, run: int | None, reports_added: bool) -> None:
        self._db = db
        self._run = run
        self._reports_added = reports_added
        self._known: dict[int, _KnownEvents] = {}
        self._expected: dict[tuple[int, str], _Expected] = {}
        self._reported_packages: set[int] = set()
        self.reported: list[StoredChange] = []

    def expect(self, change: StoredChange, *, since: str | None, at: str, known: bool) -> None:
        """Note the events that follow from a stored answer; they are stored unless the snapshot has them."""
        if known or self._reports_added:
            self._reported_packages.add(change.package)
        for event in change.events:
            if event.event != "added" or self._reports_added:
                self._expected[change.package, event.event] = _Expected(change, event, since or "", at)

    def store(self, line: EventLine) -> None:
        """Store an event of the snapshot, unless the mirror has it."""
        expected = self._expected.get((line.package, line.event))
        if expected is not None and line.at > expected.since:
            del self._expected[line.package, line.event]
        self._store(line.package, line.at, Event(line.event, line.old, line.new))

    def store_missing(self) -> None:
        """Store the events that follow from the answers, and that the snapshot lacks."""
        for expected in self._expected.values():
            self._store(expected.change.package, expected.at, expected.event)

    def _store(self, package: int, at: str, event: Event) -> None:
        known = self._known.get(package)
        if known is None:
            known = self._known[package] = _KnownEvents.read(self._db, package)
        if not known.add(at, event):
            return
        self._db.execute(
            "INSERT INTO events (at, run_id, package_id, event, old, new) VALUES (?, ?, ?, ?, ?, ?)",
            (at, self._run, package, *event),
        )
        if package in self._reported_packages:
            (slug,) = self._db.execute("SELECT slug FROM packages WHERE id = ?", (package,)).fetchone()
            self.reported.append(StoredChange(package, slug_or_id(package, slug), "", changed=False, events=(event,)))
