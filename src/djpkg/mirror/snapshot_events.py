"""Storing the events of a snapshot, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.apply_answer import StoredChange
from djpkg.mirror.damage import slug_or_id
from djpkg.model.fact_changes import Event

if TYPE_CHECKING:
    import sqlite3

    from djpkg.model.snapshot import EventLine

# Two mirrors find one event at different times: the same versions at any time, and what has no values within days.
_SAME_WITHIN_DAYS = 30
_STORE = (
    "INSERT INTO events (at, run_id, package_id, event, old, new) SELECT :at, :run, :package, :event, :old, :new"
    " WHERE NOT EXISTS (SELECT 1 FROM events WHERE package_id = :package AND event = :event AND old IS :old"
    " AND new IS :new AND (at = :at OR (id <= :last AND ((:old IS NOT NULL AND :new IS NOT NULL)"
    f" OR abs(julianday(at) - julianday(:at)) <= {_SAME_WITHIN_DAYS}))))"
)


class _Expected(NamedTuple):
    """An event that follows from two answers, found at `at`; the snapshot's own is later than `since`."""

    change: StoredChange
    event: Event
    since: str
    at: str


class EventStore:
    """Stores events; `reported` are the new ones of packages that the mirror had before.

    `reports_added`: the mirror has read the catalog's whole list, so that a new package is an event.
    """

    def __init__(self, db: sqlite3.Connection, *, run: int | None, reports_added: bool) -> None:
        self._db = db
        self._run = run
        self._reports_added = reports_added
        (last,) = db.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()
        self._last = last
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
        values = {"at": at, "run": self._run, "package": package, "last": self._last, **event._asdict()}
        is_new = self._db.execute(_STORE, values).rowcount > 0
        if is_new and package in self._reported_packages:
            (slug,) = self._db.execute("SELECT slug FROM packages WHERE id = ?", (package,)).fetchone()
            self.reported.append(StoredChange(package, slug_or_id(package, slug), "", changed=False, events=(event,)))
