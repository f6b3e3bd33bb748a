"""The history of measured values: one row per package and UTC day on which a value changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from djpkg.times import utc_day, years_before

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from djpkg.model.merge import Measured, Merged

YEARS_BY_DAY = 2
"""Rows that are older are thinned to the last one of each month."""


def store_measured(db: sqlite3.Connection, merges: Iterable[Merged], *, now: datetime) -> None:
    """Store the measured values of merged packages inside the caller's transaction."""
    measured = {cast("int", one.values["id"]): one.measured for one in merges}
    store_values(db, {number: values for number, values in measured.items() if values is not None}, now=now)


def store_values(db: sqlite3.Connection, measured: Mapping[int, Measured], *, now: datetime) -> None:
    """Store the values of packages that differ from those of the day before; the last values of a day win."""
    today = utc_day(now)
    before: dict[int, tuple[int | str | None, ...]] = {}
    stored_today: dict[int, tuple[int | str | None, ...]] = {}
    for number, day, *values in db.execute(
        "SELECT package_id, day, stars, forks, contributors, commits, coordinate FROM json_each(?) AS wanted"
        " JOIN history ON package_id = wanted.value AND day >= coalesce("
        "  (SELECT max(day) FROM history WHERE package_id = wanted.value AND day < ?), ?) AND day <= ?",
        (json.dumps(list(measured)), today, today, today),
    ):
        (stored_today if day == today else before)[number] = tuple(values)
    for number, values in measured.items():
        last = before.get(number)
        if last is not None and last[-1] != values.coordinate and _continue_series(db, number, last[-1], values):
            before[number] = (*last[:-1], values.coordinate)
    unchanged = [number for number, values in measured.items() if before.get(number) == tuple(values)]
    db.executemany(
        "DELETE FROM history WHERE package_id = ? AND day = ?",
        [(number, today) for number in unchanged if number in stored_today],
    )
    db.executemany(
        "INSERT OR REPLACE INTO history (package_id, day, stars, forks, contributors, commits, coordinate)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (number, today, *values)
            for number, values in measured.items()
            if before.get(number) != tuple(values) != stored_today.get(number)
        ],
    )


def _continue_series(db: sqlite3.Connection, package: int, former: object, values: Measured) -> bool:
    """Give the rows of a former address to the new one, and return true, if one repository has both."""
    return bool(
        db.execute(
            "UPDATE history SET coordinate = :new WHERE package_id = :package AND coordinate = :old AND EXISTS ("
            " SELECT 1 FROM facts AS one JOIN facts AS other USING (package_id, source, node_id)"
            " WHERE package_id = :package AND one.coordinate = :old AND other.coordinate = :new)",
            {"new": values.coordinate, "old": former, "package": package},
        ).rowcount
    )


def thin(db: sqlite3.Connection, *, now: datetime) -> None:
    """Keep only the last row of each month and repository that is older than `YEARS_BY_DAY`.

    Runs inside the caller's transaction.
    """
    first = utc_day(years_before(now, YEARS_BY_DAY))
    db.execute(
        "DELETE FROM history WHERE (package_id, day) IN (SELECT package_id, day FROM ("
        " SELECT package_id, day, lead(day) OVER (PARTITION BY package_id, coordinate ORDER BY day) AS next"
        " FROM packages CROSS JOIN history ON history.package_id = packages.id AND history.day < ?)"
        " WHERE substr(next, 1, 7) = substr(day, 1, 7))",
        (first,),
    )
