"""Storing the releases, requirements and measured values of a snapshot, inside the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.mirror.project_tables import store_releases
from djpkg.model.snapshot import ReleasesLine

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from typing import TypeAlias

    from djpkg.model.snapshot import DatedRequirement, HistoryLine, RequirementsLine

    # What a requirement names: a project, a specifier and a marker.
    _Key: TypeAlias = tuple[str, str, str | None]

_COLUMNS = "requires, specifier, marker, version, since, until"


def store_details(db: sqlite3.Connection, lines: Iterable[ReleasesLine | RequirementsLine], *, day: str) -> None:
    """Store the lists of a project whose answer is newer than the stored one; `day` is that of the answer."""
    for line in lines:
        if isinstance(line, ReleasesLine):
            store_releases(db, "releases", {"package_id": line.package, "project": line.project}, line.releases)
        else:
            _store_requirements(db, line, day)


def store_former(db: sqlite3.Connection, line: ReleasesLine | RequirementsLine, *, day: str) -> None:
    """Store former requirements of a project whose stored answer, of `day`, is at least as new as the snapshot's.

    What is required now stays so. Of what both know, the earlier first day counts: otherwise it would seem to have
    replaced what ended later. Where the mirror has a newer specifier or marker, the older one ended on `day`.
    """
    if isinstance(line, ReleasesLine):
        return
    current: dict[_Key, tuple[int, str]] = {}
    ends: dict[_Key, set[str]] = {}
    for number, since, ended, requirement in _read(db, line):
        if ended is None:
            current[requirement] = (number, since)
        else:
            ends.setdefault(requirement, set()).add(ended)
    names = {requires for requires, _, _ in current}
    for one in line.requirements:
        known = ends.get(one[:3], set())
        if one.until is not None:
            is_new, until = one.until not in known, one.until
        elif one[:3] in current:
            number, since = current[one[:3]]
            if one.since < since:
                db.execute("UPDATE requirements SET since = ? WHERE rowid = ?", (one.since, number))
            continue
        else:
            is_new = one.requires in names and all(end < one.since for end in known)
            until = max(day, one.since)
        if is_new:
            _insert(db, line, one._replace(until=until))


def store_history(db: sqlite3.Connection, line: HistoryLine) -> None:
    """Store the values of days of which the mirror has none."""
    db.executemany(
        "INSERT OR IGNORE INTO history (package_id, coordinate, day, stars, forks, contributors, commits)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(line.package, line.coordinate, *day) for day in line.days],
    )


def _read(db: sqlite3.Connection, line: RequirementsLine) -> list[tuple[int, str, str | None, _Key]]:
    """Return the stored requirements of the project: their row, first and last day, and what they require."""
    rows = db.execute(
        "SELECT rowid, since, until, requires, specifier, marker FROM requirements"
        " WHERE package_id = ? AND project = ?",
        (line.package, line.project),
    )
    return [(number, since, until, (requires, *rest)) for number, since, until, requires, *rest in rows]


def _insert(db: sqlite3.Connection, line: RequirementsLine, *rows: DatedRequirement) -> None:
    db.executemany(
        f"INSERT INTO requirements (package_id, project, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(line.package, line.project, *one) for one in rows],
    )


def _store_requirements(db: sqlite3.Connection, line: RequirementsLine, day: str) -> None:
    """Store present and former requirements. Of what both know, the earlier first day counts."""
    present = {one[:3]: one for one in line.requirements if one.until is None}
    former = [one for one in line.requirements if one.until is not None]
    stored: dict[_Key, tuple[int, str]] = {}
    kept: set[tuple[object, ...]] = set()
    for number, since, ended, requirement in _read(db, line):
        if ended is None:
            stored[requirement] = (number, since)
        else:
            kept.add((*requirement, ended))
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
    _insert(db, line, *rows)
