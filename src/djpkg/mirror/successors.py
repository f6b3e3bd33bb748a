"""Find packages that may replace a dead one.

They are what the user, its repository or its description names, and what those require now that stopped requiring it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from djpkg.check.instead import successor_names
from djpkg.mirror import resolve
from djpkg.model.pypi_project import EXTRA
from djpkg.text import is_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from djpkg.check.facts import PackageFacts
    from djpkg.source_name import SourceName

# One package that left may have added anything; two that added the same are a trend.
_MIN_FOLLOWERS = 2


def find_successors(
    db: sqlite3.Connection, dead: Sequence[PackageFacts], *, catalog: str, forges: Mapping[str, SourceName]
) -> dict[int, list[tuple[int, str]]]:
    """Return the ids of possible successors of each package with the reason, the best first; some may be dead too."""
    found: dict[int, list[tuple[int, str]]] = {facts.id: [] for facts in dead}
    followed = find_followed(db, [facts.project for facts in dead if facts.project is not None])
    for facts in dead:
        found[facts.id] += _named(db, facts, catalog=catalog, forges=forges)
        for project, reason in followed.get(facts.project or "", ()):
            found[facts.id] += [
                (number, reason) for number in resolve.find_by_project(db, project, None, catalog=catalog)
            ]
    return found


def find_coordinate(url: str, forges: Mapping[str, SourceName]) -> str | None:
    """Return the key under which the mirror stores the repository at a URL, None if it is no repository."""
    from djpkg.model.repository_url import Repository, parse_repository_url  # noqa: PLC0415 - few packages are dead

    repository = parse_repository_url(url, forges)
    return repository.coordinate if isinstance(repository, Repository) else None


def find_followed(db: sqlite3.Connection, projects: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the projects that former dependents of each project require now and did not before, each with the reason.

    A former dependent is a package whose newest release no longer requires the project. What only one of them added
    counts only if it added nothing else that the directory lists. The most frequent project comes first.
    """
    followers: dict[str, dict[str, set[int]]] = {}
    left: dict[str, set[int]] = {}
    for project, package, added in _switches(db, projects):
        left.setdefault(project, set()).add(package)
        for name in added:
            required_by = followers.setdefault(project, {}).setdefault(name, set())
            required_by.add(package)
    return {
        project: [
            (name, f"{len(packages)} of {len(left[project])} packages that stopped requiring it now require this one")
            for name, packages in sorted(by_name.items(), key=lambda item: (-len(item[1]), item[0]))
            if len(packages) >= _MIN_FOLLOWERS or (len(left[project]) == 1 and len(by_name) == 1)
        ]
        for project, by_name in followers.items()
    }


def _named(
    db: sqlite3.Connection, facts: PackageFacts, *, catalog: str, forges: Mapping[str, SourceName]
) -> Iterator[tuple[int, str]]:
    """Yield the packages that the user, the repository or the description names."""
    texts = [(facts.replaced_by, "your replaced_by")]
    texts += [(address, "the repository moved there") for address in (facts.moved_to, facts.suggestion)]
    texts += [(name, "its description names it") for name in successor_names(facts.description)]
    for text, reason in texts:
        if text is not None:
            for number in _find(db, text, catalog=catalog, forges=forges):
                yield number, reason


def _find(db: sqlite3.Connection, text: str, *, catalog: str, forges: Mapping[str, SourceName]) -> list[int]:
    """Return the packages that a text names: a slug, a project, ``owner/name`` on GitHub, or the address of one."""
    if "/" not in text:
        return resolve.find_ids(db, text, catalog=catalog, forges=forges)
    coordinate = find_coordinate(text if "://" in text else f"https://github.com/{text}", forges)
    if coordinate is None:
        return resolve.find_ids(db, text, catalog=catalog, forges=forges)
    rows = db.execute("SELECT id FROM packages WHERE repository_key = ? ORDER BY id", (coordinate,))
    return [number for (number,) in rows]


def _switches(db: sqlite3.Connection, projects: Sequence[str]) -> Iterator[tuple[str, int, set[str]]]:
    """Yield each former dependent of each project, with the listed projects that it required only later."""
    without_extra = f"instr(coalesce(marker, ''), '{EXTRA}') = 0"
    # + keeps SQLite from reading the table in the order of an index, which takes twice as long.
    rows = db.execute(
        "SELECT package_id, project, requires FROM requirements"
        f" WHERE until IS NOT NULL AND +requires IN (SELECT value FROM json_each(?)) AND {without_extra}",
        (json.dumps(list(projects)),),
    )
    former = sorted(set(rows.fetchall()))
    if not former:
        return
    histories = _histories(db, {package for package, *_ in former}, without_extra)
    for package, own, project in former:
        history = histories.get((package, own), {})
        since, is_required = history.get(project, ("", True))
        if is_required or package not in {number for number, _ in histories}:
            continue
        yield project, package, {name for name, (day, now) in history.items() if now and day > since and name != own}


def _histories(
    db: sqlite3.Connection, packages: Iterable[int], condition: str
) -> dict[tuple[int, str], dict[str, tuple[str, bool]]]:
    """Return for each package and its project what it ever required of the directory: since when, and whether now."""
    histories: dict[tuple[int, str], dict[str, tuple[str, bool]]] = {}
    for package, own, name, since, is_required in db.execute(
        "SELECT package_id, project, requires, min(since), max(until IS NULL) FROM requirements"
        f" WHERE package_id IN (SELECT value FROM json_each(?)) AND {condition}"
        " AND project = (SELECT pypi_name FROM packages WHERE packages.id = package_id)"
        " AND requires IN (SELECT pypi_name FROM packages WHERE pypi_name IS NOT NULL)"
        " GROUP BY package_id, project, requires",
        (json.dumps(sorted(packages)),),
    ):
        if is_text(name) and is_text(since):
            histories.setdefault((package, own), {})[name] = (since, is_required == 1)
    return histories
