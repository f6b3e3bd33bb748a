"""Storing the releases, requirements and measured values of a snapshot, inside the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.mirror.project_tables import store_releases
from djpkg.model.snapshot import ReleasesLine

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from djpkg.model.snapshot import HistoryLine, RequirementsLine

_COLUMNS = "requires, specifier, marker, version, since, until"


def store_details(db: sqlite3.Connection, lines: Iterable[ReleasesLine | RequirementsLine], *, day: str) -> None:
    """Store the lists of a project whose answer is newer than the stored one; `day` is that of the answer."""
    for line in lines:
        if isinstance(line, ReleasesLine):
            store_releases(db, "releases", {"package_id": line.package, "project": line.project}, line.releases)
        else:
            _store_requirements(db, line, day)


def store_history(db: sqlite3.Connection, line: HistoryLine) -> None:
    """Store the values of days of which the mirror has none."""
    db.executemany(
        "INSERT OR IGNORE INTO history (package_id, coordinate, day, stars, forks, contributors, commits)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(line.package, line.coordinate, *day) for day in line.days],
    )


def _store_requirements(db: sqlite3.Connection, line: RequirementsLine, day: str) -> None:
    """Store present and former requirements. Of what both know, the earlier first day counts."""
    present = {one[:3]: one for one in line.requirements if one.until is None}
    former = [one for one in line.requirements if one.until is not None]
    stored: dict[tuple[str, str, str | None], tuple[int, str]] = {}
    kept: set[tuple[object, ...]] = set()
    for number, since, until, *requirement in db.execute(
        "SELECT rowid, since, until, requires, specifier, marker FROM requirements"
        " WHERE package_id = ? AND project = ?",
        (line.package, line.project),
    ):
        if until is None:
            stored[tuple(requirement)] = (number, since)
        else:
            kept.add((*requirement, until))
    for requirement, (number, since) in stored.items():
        if requirement in present:
            one = present[requirement]
            db.execute(
                "UPDATE requirements SET version = ?, since = ? WHERE rowid = ?",
                (one.version, min(one.since, since), number),
            )
        else:
            ends = [one.until for one in former if one[:3] == requirement and one.until and one.until >= since]
            until = max(ends, default=max(day, since))
            db.execute("UPDATE requirements SET until = ? WHERE rowid = ?", (until, number))
            kept.add((*requirement, until))
    rows = [one for requirement, one in present.items() if requirement not in stored]
    rows += [one for one in former if (*one[:3], one.until) not in kept]
    db.executemany(
        f"INSERT INTO requirements (package_id, project, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(line.package, line.project, *one) for one in rows],
    )
