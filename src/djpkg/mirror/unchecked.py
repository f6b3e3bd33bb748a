"""Sources that have left many packages unchecked for days, and which of them were reported lately. Plain sqlite3."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.fetch_history import FIRST_OF_ALL
from djpkg.mirror.status import package_condition
from djpkg.source_name import SourceName
from djpkg.text import is_text
from djpkg.times import format_time

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

UNCHECKED_FOR = timedelta(days=7)
MAX_UNCHECKED = 0.1
"""The share of a source's packages that may be unchecked for that long."""
REPORTED_EVERY = timedelta(days=7)


class Unchecked(NamedTuple):
    """The number of listed packages of a source that it has not answered for `UNCHECKED_FOR`, and of all of them."""

    source: SourceName
    packages: int
    total: int


def find_unchecked(db: sqlite3.Connection, *, now: datetime) -> list[Unchecked]:
    """Return the sources with more than `MAX_UNCHECKED` of their packages unchecked that were not reported lately.

    A package without an answer is unchecked since it was added to the mirror: since its first day in the history, its
    event, or the first fetch of all packages. Gone ones that wait for their next request are not counted: they are
    asked again after up to 30 days.
    """
    reported = _reported_since(db, now - REPORTED_EVERY)
    counts = [_count(db, source, now=now) for source in SourceName if source.value not in reported]
    return [one for one in counts if one.packages > one.total * MAX_UNCHECKED]


def _count(db: sqlite3.Connection, source: SourceName, *, now: datetime) -> Unchecked:
    condition, coordinate = package_condition(source)
    known_since = (
        "coalesce(facts.answered, (SELECT min(day) || 'T23:59:59Z' FROM history WHERE package_id = packages.id),"
        " (SELECT min(at) FROM events WHERE package_id = packages.id AND event = 'added'),"
        f" (SELECT started FROM runs WHERE id = ({FIRST_OF_ALL})))"
    )
    total, packages = db.execute(
        "SELECT count(*), count(CASE WHEN"
        f" {known_since} <= ? AND NOT (facts.outcome IS 'gone' AND facts.retry_after > ?) THEN 1 END)"
        " FROM packages LEFT JOIN facts"
        f" ON facts.package_id = packages.id AND facts.source = ? AND facts.coordinate = {coordinate}"
        f" WHERE packages.catalog_state = 'listed' AND {condition}",
        (format_time(now - UNCHECKED_FOR), format_time(now), source.value),
    ).fetchone()
    return Unchecked(source, packages, total)


def _reported_since(db: sqlite3.Connection, since: datetime) -> set[str]:
    """Return the sources that the reports of fetches named as unchecked since then."""
    rows = db.execute(
        "SELECT named.value FROM runs, json_each(CASE WHEN json_valid(report) THEN report ELSE '{}' END, '$.unchecked')"
        " AS named WHERE started > ?",
        (format_time(since),),
    )
    return {source for (source,) in rows if is_text(source)}
