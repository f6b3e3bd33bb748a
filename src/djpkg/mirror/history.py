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
    """Store the measured values of merged packages inside the caller's transaction.

    Where the address now leads to another repository, of which nothing is known yet, a row without values is stored.
    """
    measured: dict[int, Measured] = {}
    unknown: dict[int, object] = {}
    for one in merges:
        number = cast("int", one.values["id"])
        if one.measured is not None:
            measured[number] = one.measured
        elif "repo_url" not in one.upstream:
            unknown[number] = one.values["repository_key"]
    today = utc_day(now)
    db.execute(
        "INSERT OR REPLACE INTO history (package_id, day, coordinate)"
        " SELECT last.package_id, ?, wanted.value FROM json_each(?) AS wanted JOIN history AS last"
        " ON last.package_id = CAST(wanted.key AS INTEGER) AND last.day = ("
        "  SELECT max(day) FROM history WHERE package_id = CAST(wanted.key AS INTEGER) AND day <= ?)"
        " WHERE last.coordinate IS NOT wanted.value",
        (today, json.dumps(unknown), today),
    )
    store_values(db, measured, now=now)


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
        is_new = last is not None and (last[-1] != values.coordinate or not any(last[:-1]))
        if last is not None and is_new and _continue_series(db, number, values.coordinate):
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


def _continue_series(db: sqlite3.Connection, package: int, coordinate: str) -> bool:
    """Give the rows of former addresses of one repository to its new one; return whether there were any."""
    return bool(
        db.execute(
            "UPDATE history SET coordinate = :new WHERE package_id = :package AND coordinate IN ("
            " SELECT former.coordinate FROM facts AS former JOIN facts AS current USING (package_id, source, node_id)"
            " WHERE package_id = :package AND current.coordinate = :new AND former.coordinate <> :new)",
            {"new": coordinate, "package": package},
        ).rowcount
    )


def end_series(db: sqlite3.Connection, package: int, coordinate: str, node_id: str) -> None:
    """Set the rows of a repository apart from those of another one that now has its address."""
    db.execute(
        "UPDATE history SET coordinate = ? WHERE package_id = ? AND coordinate = ?",
        (f"{coordinate}#{node_id}", package, coordinate),
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
