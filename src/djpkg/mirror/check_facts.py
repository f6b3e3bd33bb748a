"""Read what ``djpkg check`` needs, in a few statements for all dependencies together.

A damaged value counts as unknown, so that it harms only its own package.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias, cast

from djpkg.check.facts import Candidate, MirrorFacts, Need, PackageFacts
from djpkg.check.instead import needs_alternative
from djpkg.mirror import fetch_history, resolve, successors
from djpkg.mirror.damage import slug_or_id, text_or_none
from djpkg.mirror.django import get_python_versions, get_series
from djpkg.model.pypi_project import DJANGO, EXTRA
from djpkg.source_name import SourceName
from djpkg.text import is_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from djpkg.requirements.requirement import Requirement

_COLUMNS = (
    "id, slug, pypi_name, forge, repository_key, catalog_state, repo_state, pypi_state, archived, archived_at,"
    " moved_to, suggestion, repo_description, last_updated_utc, pypi_version, released_utc, yanked, requires_python,"
    " django_versions, django_requires, replaced_by, checked"
)
# The positions of id, archived and yanked.
_INTEGERS = frozenset((0, 8, 16))
# Their types in a STRICT table; a damaged text becomes None.
_Row: TypeAlias = (
    "tuple[int, str | None, str | None, str | None, str | None, str | None, str | None, str | None, int | None,"
    " str | None, str | None, str | None, str | None, str | None, str | None, str | None, int | None, str | None,"
    " str | None, str | None, str | None, str | None]"
)
_EVENTS = ("archived", "blocked", "gone", "removed", "yanked")
_GONE = ("gone", "blocked")


def read_facts(
    db: sqlite3.Connection,
    requirements: Sequence[Requirement],
    *,
    catalog: str,
    forges: Mapping[str, SourceName],
    now: datetime,
) -> MirrorFacts:
    """Return the facts about the required packages, and what may replace the dead ones.

    `catalog` is the configured URL of the catalog's API. A requirement is found by its project, else by the repository
    that it is installed from.
    """
    rows = _find_packages(db, requirements, catalog=catalog, forges=forges)
    # Which packages require which is asked only where the files do not state who brings a dependency in.
    unknown = [requirement.name for requirement in requirements if not (requirement.direct or requirement.via)]
    packages = _with_lists(db, list(rows.values()), unknown)
    by_name = {name: packages[row[0]] for name, row in rows.items()}
    dead = [facts for facts in packages.values() if needs_alternative(facts, now=now)]
    offered = successors.find_successors(db, dead, catalog=catalog, forges=forges) if dead else {}
    others = _read_others(db, {number for found in offered.values() for number, _ in found})
    candidates = {
        package: tuple(Candidate(others[number], reason) for number, reason in found if number in others)
        for package, found in offered.items()
    }
    sweep = fetch_history.find_sweep(db, SourceName.CATALOG)
    return MirrorFacts(
        by_name,
        candidates,
        frozenset(_find_dead_suggestions(db, dead, forges)),
        get_series(db),
        get_python_versions(db),
        None if sweep is None else sweep.completed,
    )


def _find_packages(
    db: sqlite3.Connection, requirements: Sequence[Requirement], *, catalog: str, forges: Mapping[str, SourceName]
) -> dict[str, _Row]:
    """Return the row of the package of each requirement that has one, by the rules of `resolve.find_by_project`.

    Of several packages of one project: a listed one, with the name of the project, the oldest.
    """
    names = json.dumps([requirement.name for requirement in requirements])
    slugs = json.dumps([requirement.name for requirement in requirements if requirement.url is None])
    found: dict[str, list[_Row]] = {}
    for row in db.execute(
        f"SELECT {_COLUMNS} FROM packages WHERE pypi_name IN (SELECT value FROM json_each(?))"
        f" OR ({resolve.NORMALIZED_SLUG} IN (SELECT value FROM json_each(?)) AND +pypi_name IS NULL)",
        (names, slugs),
    ):
        found.setdefault(row[2] or resolve.normalize_slug(str(row[1])), []).append(row)
    rows = {name: several[0] if len(several) == 1 else min(several, key=_rank) for name, several in found.items()}
    for requirement in requirements:
        if requirement.name not in rows and requirement.url is not None:
            matching = resolve.find_by_project(db, requirement.name, requirement.url, catalog=catalog, forges=forges)
            rows |= {requirement.name: row for row in _read_rows(db, matching[:1])}  # noqa: B035 - one or none
    return rows


def _rank(row: _Row) -> tuple[bool, bool, bool, int]:
    number, slug, project, _, _, catalog_state, *_ = row
    has_name = is_text(slug) and resolve.normalize_slug(slug) == project
    return project is None, catalog_state != "listed", not has_name, number


def _read_rows(db: sqlite3.Connection, numbers: Iterable[int]) -> list[_Row]:
    ids = json.dumps(sorted(set(numbers)))
    return db.execute(
        f"SELECT {_COLUMNS} FROM packages WHERE id IN (SELECT value FROM json_each(?))", (ids,)
    ).fetchall()


def _with_lists(db: sqlite3.Connection, rows: Sequence[_Row], names: Sequence[str]) -> dict[int, PackageFacts]:
    """Return packages by id, with their events, their releases, and what they require of Django and of `names`."""
    ids = json.dumps([row[0] for row in rows])
    events, needs, releases = _read_events(db, ids), _read_needs(db, ids, names), _read_releases(db, ids)
    return {row[0]: _package(row, events, needs, releases) for row in rows}


def _read_others(db: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, PackageFacts]:
    """Return packages by id, with what they require of Django alone: whether they are alive and fit is asked."""
    rows = _read_rows(db, numbers)
    needs = _read_needs(db, json.dumps([row[0] for row in rows]), ()) if rows else {}
    return {row[0]: _package(row, {}, needs, {}) for row in rows}


def _package(
    row: _Row,
    events: Mapping[int, Mapping[str, str]],
    needs: Mapping[tuple[int, str], Sequence[Need]],
    releases: Mapping[tuple[int, str], tuple[bool, str | None]],
) -> PackageFacts:
    if not _has_sound_texts(row):
        sound = (value if index in _INTEGERS or is_text(value) else None for index, value in enumerate(row))
        row = cast("_Row", tuple(sound))
    (number, slug, project, forge, repository, catalog_state, repo_state, pypi_state, archived, archived_at, moved_to,
     suggestion, description, updated, newest, released, yanked, requires_python, django_versions, django_requires,
     replaced_by, checked) = row  # fmt: skip
    versions = _parse(django_versions)
    answered = _parse(checked)
    key = (number, project or "")
    has_yanked, stored_releases = releases.get(key, (False, None))
    return PackageFacts(
        number,
        slug_or_id(number, slug),
        project,
        forge,
        repository,
        catalog_state or "listed",
        repo_state,
        pypi_state,
        archived == 1,
        archived_at,
        moved_to,
        suggestion,
        description or "",
        updated,
        newest,
        released,
        yanked == 1,
        requires_python,
        tuple(filter(is_text, versions)) if isinstance(versions, list) else (),
        django_requires,
        replaced_by,
        {key: time for key, time in answered.items() if is_text(time)} if isinstance(answered, dict) else {},
        events.get(number, {}),
        tuple(needs.get(key, ())),
        has_yanked,
        stored_releases,
    )


def _has_sound_texts(row: _Row) -> bool:
    """Return whether all but the integers are valid texts or None."""
    texts = [value for index, value in enumerate(row) if index not in _INTEGERS and value is not None]
    try:
        return is_text("".join(cast("list[str]", texts)))
    except TypeError:
        return False


def _parse(value: object) -> object:
    """Return the value of a JSON text, None for a damaged one."""
    try:
        return json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None


def _read_events(db: sqlite3.Connection, ids: str) -> dict[int, dict[str, str]]:
    """Return the time of the last event of each kind; that of a project on PyPI is named ``project gone``."""
    events: dict[int, dict[str, str]] = {}
    for number, event, old, at in db.execute(
        "SELECT package_id, event, old, at FROM events WHERE package_id IN (SELECT value FROM json_each(?))"
        f" AND event IN ({', '.join('?' * len(_EVENTS))}) ORDER BY at",
        (ids, *_EVENTS),
    ):
        is_project = event in _GONE and is_text(old) and "/" not in old
        if is_text(event) and is_text(at):
            events.setdefault(number, {})[f"project {event}" if is_project else event] = at
    return events


def _read_needs(db: sqlite3.Connection, ids: str, names: Sequence[str]) -> dict[tuple[int, str], list[Need]]:
    """Return for each package and project what its newest release requires of Django and of the named projects.

    Extras are left out.
    """
    needs: dict[tuple[int, str], list[Need]] = {}
    for number, project, requires, specifier, marker in db.execute(
        "SELECT package_id, project, requires, specifier, marker FROM requirements"
        " WHERE package_id IN (SELECT value FROM json_each(?)) AND until IS NULL"
        " AND +requires IN (SELECT value FROM json_each(?))",
        (ids, json.dumps([DJANGO, *names])),
    ):
        if is_text(specifier) and EXTRA not in (marker or ""):
            needs.setdefault((number, project), []).append(Need(requires, specifier, text_or_none(marker)))
    return needs


def _read_releases(db: sqlite3.Connection, ids: str) -> dict[tuple[int, str], tuple[bool, str | None]]:
    """Return for each package and project whether any release is yanked, and all its releases as JSON."""
    return {
        (number, project): (has_yanked == 1, releases if isinstance(releases, str) else None)
        for number, project, has_yanked, releases in db.execute(
            "SELECT package_id, project, max(yanked),"
            " json_group_array(json_array(version, uploaded, yanked, requires_python)) FROM releases"
            " WHERE package_id IN (SELECT value FROM json_each(?)) GROUP BY package_id, project",
            (ids,),
        )
    }


def _find_dead_suggestions(
    db: sqlite3.Connection, packages: Iterable[PackageFacts], forges: Mapping[str, SourceName]
) -> Iterable[str]:
    """Yield the suggested repositories that are gone, blocked or archived themselves, as far as the mirror knows."""
    for facts in packages:
        if facts.suggestion is None or facts.repo_state not in _GONE:
            continue
        coordinate = successors.find_coordinate(facts.suggestion, forges)
        states = db.execute("SELECT repo_state, archived FROM packages WHERE repository_key = ?", (coordinate,))
        known = states.fetchall()
        if known and all(state in _GONE or archived == 1 for state, archived in known):
            yield facts.suggestion
