"""Find the packages that stopped requiring others, and what they require instead, from former requirements."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from djpkg.model.dependencies import Departures
from djpkg.query.dependents import WITHOUT_EXTRAS
from djpkg.text import is_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

# One package that left may have added anything; two that added the same are a trend.
_MIN_FOLLOWERS = 2


class _Requirement(NamedTuple):
    """What a package ever required of a project: the first day, whether it does now, and the last day it did before."""

    since: str
    is_current: bool
    until: str | None
    is_listed: bool


def find_departures(db: sqlite3.Connection, projects: Sequence[str]) -> dict[str, Departures]:
    """Return for each project (normalized name) the packages that stopped requiring it; without any it is left out.

    A package counts if it is listed and the newest release of its project no longer requires the project. Its
    successors are the listed projects that it began to require after this one and requires now. What only one package
    added counts only if no other stopped, and it added nothing else.
    """
    former = db.execute(
        "SELECT DISTINCT package_id, requirements.requires FROM requirements"
        " JOIN packages ON packages.id = package_id AND packages.pypi_name = project"
        f" WHERE requirements.until IS NOT NULL AND {WITHOUT_EXTRAS} AND requirements.requires <> project"
        " AND requirements.requires IN (SELECT value FROM json_each(?))"
        " AND packages.catalog_state = 'listed' AND packages.pypi_state IS NOT 'gone'",
        (json.dumps(list(projects)),),
    ).fetchall()
    histories = _read_histories(db, {package for package, _ in former}) if former else {}
    days: dict[str, list[str]] = {}
    added: dict[str, Counter[str]] = {}
    for package, project in former:
        history = histories.get(package, {})
        left = history.get(project)
        if left is None or left.is_current or left.until is None:
            continue
        days.setdefault(project, []).append(left.until)
        added.setdefault(project, Counter()).update(
            name for name, one in history.items() if one.is_current and one.is_listed and one.since > left.since
        )
    return {
        project: Departures(len(left_on), min(left_on), _successors(added[project], len(left_on)))
        for project, left_on in days.items()
    }


def _successors(added: Counter[str], count: int) -> tuple[tuple[str, int], ...]:
    is_only_one = count == 1 and len(added) == 1
    ranked = sorted(added.items(), key=lambda item: (-item[1], item[0]))
    return tuple((name, number) for name, number in ranked if number >= _MIN_FOLLOWERS or is_only_one)


def _read_histories(db: sqlite3.Connection, packages: Iterable[int]) -> dict[int, dict[str, _Requirement]]:
    """Return what the current project of each package ever required, without extras and itself."""
    histories: dict[int, dict[str, _Requirement]] = {}
    for package, name, since, is_current, until, is_listed in db.execute(
        "SELECT package_id, requirements.requires, min(since), max(until IS NULL), max(until), EXISTS ("
        "  SELECT 1 FROM packages AS required WHERE required.pypi_name = requirements.requires"
        "  AND required.catalog_state = 'listed'"
        " ) FROM requirements JOIN packages ON packages.id = package_id AND packages.pypi_name = project"
        f" WHERE package_id IN (SELECT value FROM json_each(?)) AND {WITHOUT_EXTRAS}"
        " AND requirements.requires <> project GROUP BY package_id, requirements.requires",
        (json.dumps(sorted(packages)),),
    ):
        if is_text(name) and is_text(since) and (until is None or is_text(until)):
            requirement = _Requirement(since, is_current == 1, until, is_listed == 1)
            histories.setdefault(package, {})[name] = requirement
    return histories
