"""Writing the releases and requirements of projects.

Rows belong to a package and a project: after an edit of the address, those of the former project stay, and count again
when the edit is taken back. Functions that write run inside the caller's transaction.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from djpkg.mirror import facts_json
from djpkg.mirror.apply_answer import apply_answer
from djpkg.mirror.damage import is_integer, text_or_none
from djpkg.mirror.queue import is_outdated
from djpkg.model.facts import Outcome, PypiFacts, Release, Requirement
from djpkg.model.merge import FactsRow
from djpkg.source_name import SourceName
from djpkg.text import is_text
from djpkg.times import utc_day

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from djpkg.mirror.apply_answer import SourceAnswer
    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.facts import ProjectDetails

_PACKAGES = "(SELECT value FROM json_each(:packages))"
_RELEASE_COLUMNS = "version, uploaded, yanked, requires_python"
# Those that `projects` shares with `facts`.
_PROJECT_COLUMNS = frozenset(
    ("asked", "answered", "outcome", "error", "etag", "serial", "gone_count", "retry_after", "facts", "parser_version")
)


def store_details(db: sqlite3.Connection, package: int, answer: SourceAnswer, *, is_new: bool, now: datetime) -> None:
    """Store the lists in an answer about a package's project.

    `is_new`: the package has no facts of the project, and others have; it gets what they have stored first.
    """
    project, details = answer.coordinate, answer.details
    if is_new and (details is not None or answer.outcome is Outcome.UNCHANGED):
        _copy_details(db, package, project)
    if details is None:
        return
    if details.releases is not None:
        store_releases(db, "releases", {"package_id": package, "project": project}, details.releases)
    if details.requirements is not None:
        _store_requirements(db, package, project, details, utc_day(now))


def keep_releases(db: sqlite3.Connection, answer: SourceAnswer, packages: Iterable[int]) -> SourceAnswer:
    """Return the answer with the stored releases and upload times that it lacks, and with the facts that follow.

    `packages` are those of the project. Owners can delete releases on PyPI, which raises the project's serial like any
    other change. So a list that lacks releases at the same serial, or without one, is incomplete. A known upload time
    never changes.
    """
    project, facts, details = answer.coordinate, answer.facts, answer.details
    if details is None or details.releases is None or not isinstance(facts, PypiFacts):
        return answer
    names = {"project": project, "packages": json.dumps(list(packages))}
    stored = {
        version: Release(version, text_or_none(uploaded), bool(yanked), text_or_none(requires_python))
        for version, uploaded, yanked, requires_python in db.execute(
            f"SELECT {_RELEASE_COLUMNS} FROM releases WHERE project = :project AND package_id IN {_PACKAGES}"
            f" UNION SELECT {_RELEASE_COLUMNS} FROM project_releases WHERE project = :project ORDER BY uploaded",
            names,
        )
        if is_text(version)
    }
    (serial,) = db.execute(
        f"SELECT max(serial) FROM (SELECT serial FROM facts WHERE package_id IN {_PACKAGES} AND source = 'pypi'"
        " AND coordinate = :project UNION SELECT serial FROM projects WHERE name = :project)",
        names,
    ).fetchone()
    is_newer = answer.serial is not None and is_integer(serial) and answer.serial > serial
    releases = {} if is_newer else dict(stored)
    for one in details.releases:
        known = stored.get(one.version)
        releases[one.version] = one._replace(uploaded=known.uploaded) if known and one.uploaded is None else one
    kept = tuple(releases[version] for version in sorted(releases))
    first = min((one.uploaded for one in kept if one.uploaded), default=None)
    return answer._replace(
        facts=replace(facts, releases=len(kept), first_released=first), details=replace(details, releases=kept)
    )


def _copy_details(db: sqlite3.Connection, package: int, project: str) -> None:
    """Give a package the lists that another package of the same project has."""
    for table, columns in (
        ("releases", _RELEASE_COLUMNS),
        ("requirements", "requires, specifier, marker, version, since, until"),
    ):
        db.execute(
            f"INSERT INTO {table} (package_id, project, {columns}) SELECT ?, project, {columns} FROM {table}"
            f" WHERE project = ? AND package_id = ("
            f"  SELECT min(package_id) FROM {table} WHERE project = ?"
            "   AND package_id IN (SELECT id FROM packages WHERE pypi_name = ?))"
            f" AND NOT EXISTS (SELECT 1 FROM {table} WHERE project = ? AND package_id = ?)",
            (package, *(project,) * 4, package),
        )


def store_project(db: sqlite3.Connection, answer: SourceAnswer, *, now: datetime) -> None:
    """Store an answer about a project that packages are measured against, which need not be a package."""
    name = answer.coordinate
    before = FactsRow(SourceName.PYPI, name, None, None, None, None, None)
    for gone_count, version, *columns in db.execute(
        "SELECT gone_count, parser_version, 'pypi', name, asked, answered, outcome, error, facts FROM projects"
        " WHERE name = ?",
        (name,),
    ):
        stored = facts_json.parse_facts_row(columns)
        if stored is not None:
            before = stored._replace(
                gone_count=gone_count if is_integer(gone_count) else 0, outdated=is_outdated(version, SourceName.PYPI)
            )
    row = apply_answer(before, answer, 0, name, None, now=now).row
    values = {column: value for column, value in row.items() if column in _PROJECT_COLUMNS}
    db.execute("INSERT OR IGNORE INTO projects (name) VALUES (?)", (name,))
    assignments = ", ".join(f"{column} = ?" for column in values)
    db.execute(f"UPDATE projects SET {assignments} WHERE name = ?", (*values.values(), name))
    if answer.details is not None and answer.details.releases is not None:
        store_releases(db, "project_releases", {"project": name}, answer.details.releases)


def store_releases(db: sqlite3.Connection, table: str, key: dict[str, SqlValue], releases: Sequence[Release]) -> None:
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
    if not requirements and any(last == version for _, last in stored.values()):
        return  # what a release requires never changes: the response lacks it
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
