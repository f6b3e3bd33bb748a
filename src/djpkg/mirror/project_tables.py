"""Writing the releases and requirements of projects.

Rows belong to a package and a project: after an edit of the address, those of the former project stay, and count again
when the edit is taken back. Functions that write run inside the caller's transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.mirror import facts_json
from djpkg.mirror.apply_answer import apply_answer
from djpkg.mirror.damage import is_integer
from djpkg.model.facts import Outcome, Release, Requirement
from djpkg.model.merge import FactsRow
from djpkg.source_name import SourceName
from djpkg.times import utc_day

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from djpkg.mirror.apply_answer import SourceAnswer
    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.facts import ProjectDetails

_RELEASE_COLUMNS = "version, uploaded, yanked, requires_python"


def store_details(db: sqlite3.Connection, package: int, answer: SourceAnswer, *, is_new: bool, now: datetime) -> None:
    """Store the lists in an answer about a package's project; a package that is new to the project gets its lists."""
    project, details = answer.coordinate, answer.details
    if details is None:
        if is_new and answer.outcome is Outcome.UNCHANGED:
            _copy_details(db, package, project)
        return
    if details.releases is not None:
        _store_releases(db, "releases", {"package_id": package, "project": project}, details.releases)
    if details.requirements is not None:
        _store_requirements(db, package, project, details, utc_day(now))


def _copy_details(db: sqlite3.Connection, package: int, project: str) -> None:
    """Give a package the lists that another package of the same project has."""
    for table, columns in (
        ("releases", _RELEASE_COLUMNS),
        ("requirements", "requires, specifier, marker, version, since, until"),
    ):
        db.execute(
            f"INSERT INTO {table} (package_id, project, {columns}) SELECT ?, project, {columns} FROM {table}"
            f" WHERE project = ? AND package_id = (SELECT min(package_id) FROM {table} WHERE project = ?)"
            f" AND NOT EXISTS (SELECT 1 FROM {table} WHERE project = ? AND package_id = ?)",
            (package, project, project, project, package),
        )


def store_project(db: sqlite3.Connection, answer: SourceAnswer, *, now: datetime) -> None:
    """Store an answer about a project that packages are measured against, which need not be a package."""
    name = answer.coordinate
    before = FactsRow(SourceName.PYPI, name, None, None, None, None, None)
    for gone_count, *columns in db.execute(
        "SELECT gone_count, 'pypi', name, asked, answered, outcome, error, facts FROM projects WHERE name = ?", (name,)
    ):
        stored = facts_json.parse_facts_row(columns)
        before = before if stored is None else stored._replace(gone_count=gone_count if is_integer(gone_count) else 0)
    row = apply_answer(before, answer, 0, name, None, now=now).row
    values = {column: value for column, value in row.items() if column not in ("package_id", "source", "coordinate")}
    db.execute("INSERT OR IGNORE INTO projects (name) VALUES (?)", (name,))
    assignments = ", ".join(f"{column} = ?" for column in values)
    db.execute(f"UPDATE projects SET {assignments} WHERE name = ?", (*values.values(), name))
    if answer.details is not None and answer.details.releases is not None:
        _store_releases(db, "project_releases", {"project": name}, answer.details.releases)


def _store_releases(db: sqlite3.Connection, table: str, key: dict[str, SqlValue], releases: Sequence[Release]) -> None:
    """Write the releases that changed, and delete those that the project no longer has."""
    condition = " AND ".join(f"{name} = ?" for name in key)
    stored = {
        version: Release(version, uploaded, bool(yanked), requires_python)
        for version, uploaded, yanked, requires_python in db.execute(
            f"SELECT {_RELEASE_COLUMNS} FROM {table} WHERE {condition}", tuple(key.values())
        )
    }
    gone = stored.keys() - {one.version for one in releases}
    db.executemany(
        f"DELETE FROM {table} WHERE {condition} AND version = ?", [(*key.values(), version) for version in gone]
    )
    db.executemany(
        f"INSERT OR REPLACE INTO {table} ({', '.join(key)}, {_RELEASE_COLUMNS})"
        f" VALUES ({', '.join('?' * (len(key) + 4))})",
        [(*key.values(), *one) for one in releases if stored.get(one.version) != one],
    )


def _store_requirements(db: sqlite3.Connection, package: int, project: str, details: ProjectDetails, day: str) -> None:
    """Store what the newest release requires; what it no longer requires ends on `day`."""
    stored = {
        Requirement(*columns): (number, last)
        for number, last, *columns in db.execute(
            "SELECT rowid, version, requires, specifier, marker FROM requirements"
            " WHERE package_id = ? AND project = ? AND until IS NULL",
            (package, project),
        )
    }
    version, requirements = details.version, details.requirements or ()
    current = set(requirements)
    db.executemany(
        "UPDATE requirements SET until = ? WHERE rowid = ?",
        [(day, number) for one, (number, _) in stored.items() if one not in current],
    )
    db.executemany(
        "UPDATE requirements SET version = ? WHERE rowid = ?",
        [(version, number) for one, (number, last) in stored.items() if one in current and last != version],
    )
    db.executemany(
        "INSERT INTO requirements (package_id, project, requires, specifier, marker, version, since)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(package, project, *one, version, day) for one in requirements if one not in stored],
    )
