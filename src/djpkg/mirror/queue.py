"""The repositories and projects that a fetch looks up: one target per coordinate, however many packages share it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, cast

from djpkg.mirror.damage import is_integer, text_or_none
from djpkg.model.facts import PARSER_VERSIONS
from djpkg.model.lookups import ProjectTarget, RepositoryTarget
from djpkg.model.pypi_project import DJANGO
from djpkg.source_name import FORGES, SourceName
from djpkg.times import format_time, is_same_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from collections.abc import Set as AbstractSet
    from datetime import datetime


class RepositoryQueue(NamedTuple):
    """The repositories of one forge, stalest first, and the slugs of the packages behind each coordinate.

    `outdated` are the coordinates, of all forges, whose facts an older parser has read; not those of gone repositories,
    which keep their facts until they are back.
    """

    targets: list[RepositoryTarget]
    slugs: dict[str, tuple[str, ...]]
    outdated: AbstractSet[str] = frozenset()


class _Known(NamedTuple):
    """What any package has stored about a repository: its identity, which every answer about it must have."""

    node_id: str | None
    head: str | None
    head_at: str | None
    path: str | None
    gone: bool


class ProjectQueue(NamedTuple):
    """The projects of PyPI, stalest first, and the slugs of the packages behind each.

    `outdated` are those whose facts an older parser has read, without gone ones.
    """

    targets: list[ProjectTarget]
    slugs: dict[str, tuple[str, ...]]
    outdated: AbstractSet[str] = frozenset()


DJANGO_AGE = timedelta(days=1)
"""How old the answer about Django may be in a fetch of named packages."""

# Only rows with facts have a parser.
_VERSION = "CASE WHEN facts.facts IS NOT NULL THEN facts.parser_version END"
_IS_GONE = "facts.outcome IS 'gone'"
# Those without an answer first, then the oldest answers, so that a small quota reaches all in turn.
_STALEST_FIRST = "ORDER BY facts.answered IS NOT NULL, facts.answered, packages.repo_watchers DESC, packages.id"


# Longer than `MAX_RETRY_DELAY` of `apply_answer`.
_LONGEST_RETRY = timedelta(days=31)


def queue_repositories(
    db: sqlite3.Connection,
    *,
    only: Collection[int] | None,
    named: Collection[int] = (),
    now: datetime,
    refetch: bool = False,
) -> dict[SourceName, RepositoryQueue]:
    """Return the queue of each forge: of the packages `only`, or of all; `named` ones are included even when gone.

    Targets have no validators if a package that shares the repository lacks facts, if an older parser has read its
    facts, or if `refetch`. Their identity is that of any package, also of one that is not queued; with `refetch`, those
    of `named` packages accept another one.
    """
    outdated: set[str] = set()
    incomplete: set[str] = set()
    accepting: set[str] = set()
    queues = {forge: RepositoryQueue([], {}, outdated) for forge in FORGES}
    positions: dict[str, int] = {}
    condition, values = _due_condition(only, named, now, refetch=refetch)
    for number, forge, slug, path, coordinate, catalog_updated, version, gone, *validators in db.execute(
        "SELECT packages.id, packages.forge, packages.slug, packages.repository, packages.repository_key,"
        " (SELECT CASE WHEN NOT json_valid(catalog.facts) THEN NULL"
        "  WHEN json_array_length(catalog.facts, '$.participants') > 0"
        "  THEN coalesce(json_extract(catalog.facts, '$.participants_updated'),"
        "   json_extract(catalog.facts, '$.last_updated')) END"
        "  FROM facts AS catalog WHERE catalog.package_id = packages.id AND catalog.source = 'catalog'),"
        f" {_VERSION}, {_IS_GONE}, facts.etag, facts.weeks_head, facts.contributors_head, facts.contributors_taken"
        " FROM packages LEFT JOIN facts ON facts.package_id = packages.id AND facts.source = packages.forge"
        " AND facts.coordinate = packages.repository_key"
        " WHERE typeof(packages.repository_key) = 'text' AND typeof(packages.repository) = 'text'"
        f" AND {condition} {_STALEST_FIRST}",
        values,
    ):
        if forge not in queues:  # a damaged row, which this fetch could not write anew
            continue
        updated = text_or_none(catalog_updated)
        targets, slugs, _ = queues[forge]
        if version is None or is_outdated(version, SourceName(forge)):
            incomplete.add(coordinate)
        if refetch and number in named:
            accepting.add(coordinate)
        if is_outdated(version, SourceName(forge)) and not gone:
            outdated.add(coordinate)
        if coordinate in slugs:
            slugs[coordinate] = (*slugs[coordinate], slug)
            target = targets[positions[coordinate]]
            if target.catalog_updated is not None and not is_same_time(updated, target.catalog_updated):
                # The catalog's contributors replace a request only if all of the packages have them.
                targets[positions[coordinate]] = replace(target, catalog_updated=None)
            continue
        slugs[coordinate] = (slug,)
        positions[coordinate] = len(targets)
        etag, weeks_head, contributors_head, contributors_taken = map(text_or_none, validators)
        targets.append(
            RepositoryTarget(
                coordinate=coordinate,
                host=coordinate.partition("/")[0],
                path=path,
                etag=etag,
                weeks_head=weeks_head,
                contributors_head=contributors_head,
                contributors_taken=contributors_taken,
                catalog_updated=updated,
            )
        )
    known = _read_known(db, [coordinate for queue in queues.values() for coordinate in queue.slugs])
    for forge, (targets, _, _) in queues.items():
        targets[:] = [
            _with_identity(
                _without_validators(target) if refetch or target.coordinate in incomplete else target,
                known.get((forge, target.coordinate)),
                accepts_new=target.coordinate in accepting,
            )
            for target in targets
        ]
    return queues


def _read_known(db: sqlite3.Connection, coordinates: Collection[str]) -> dict[tuple[str, str], _Known]:
    """Return by source and coordinate what the newest row of facts knows, whichever package it belongs to."""
    known: dict[tuple[str, str], _Known] = {}
    for source, coordinate, gone, node_id, head, head_at, path in db.execute(
        "SELECT source, coordinate, json_extract(facts, '$.state') IS 'gone', node_id, head, head_at,"
        " json_extract(facts, '$.repository.path') FROM facts"
        # The subquery reads the index alone.
        " WHERE rowid IN (SELECT rowid FROM facts WHERE source NOT IN ('catalog', 'pypi')"
        "  AND coordinate IN (SELECT value FROM json_each(?)))"
        " AND CASE WHEN json_valid(facts) THEN json_type(facts) = 'object' END ORDER BY node_id IS NOT NULL, answered",
        (json.dumps(list(coordinates)),),
    ):
        known[source, coordinate] = _Known(
            node_id=text_or_none(node_id),
            head=text_or_none(head),
            head_at=text_or_none(head_at),
            path=text_or_none(path),
            gone=bool(gone),
        )
    return known


def _with_identity(target: RepositoryTarget, known: _Known | None, *, accepts_new: bool) -> RepositoryTarget:
    if known is None:
        return target
    return replace(
        target,
        known_path=known.path if known.path and known.path.lower() != target.path.lower() else None,
        node_id=known.node_id,
        head=known.head,
        head_at=known.head_at,
        gone=known.gone,
        accepts_new=accepts_new,
    )


def queue_projects(
    db: sqlite3.Connection,
    *,
    only: Collection[int] | None,
    named: Collection[int] = (),
    now: datetime,
    refetch: bool = False,
) -> ProjectQueue:
    """Return the queue of PyPI: of the packages `only`, or of all; `named` ones are included even when gone.

    Targets have no validators if a package that shares the project lacks facts, if an older parser has read its facts,
    or if `refetch`.
    """
    outdated: set[str] = set()
    incomplete: set[str] = set()
    queue = ProjectQueue([], {}, outdated)
    condition, values = _due_condition(only, named, now, refetch=refetch)
    for slug, name, etag, serial, version, gone in db.execute(
        f"SELECT packages.slug, packages.pypi_name, facts.etag, facts.serial, {_VERSION}, {_IS_GONE}"
        " FROM packages LEFT JOIN facts ON facts.package_id = packages.id AND facts.source = 'pypi'"
        " AND facts.coordinate = packages.pypi_name"
        f" WHERE typeof(packages.pypi_name) = 'text' AND {condition} {_STALEST_FIRST}",
        values,
    ):
        if version is None or is_outdated(version, SourceName.PYPI):
            incomplete.add(name)
        if is_outdated(version, SourceName.PYPI) and not gone:
            outdated.add(name)
        if name in queue.slugs:
            queue.slugs[name] = (*queue.slugs[name], slug)
            continue
        queue.slugs[name] = (slug,)
        queue.targets.append(ProjectTarget(coordinate=name, etag=etag, serial=cast("int | None", serial)))
    queue.targets[:] = [
        replace(target, etag=None, serial=None) if refetch or target.coordinate in incomplete else target
        for target in queue.targets
    ]
    return queue


def add_django(
    db: sqlite3.Connection,
    queue: ProjectQueue,
    *,
    only: Collection[int] | None,
    now: datetime,
    refetch: bool = False,
) -> None:
    """Add Django itself, without a package, to a queue of others: packages are measured against its releases."""
    target = find_django(db, only=only, now=now, refetch=refetch)
    if queue.targets and target is not None and DJANGO not in queue.slugs:
        queue.targets.append(target)
        queue.slugs[DJANGO] = ()


def count_outdated_records(db: sqlite3.Connection) -> int:
    """Return how many listed records of the catalog an older parser has read."""
    (number,) = db.execute(
        "SELECT count(*) FROM facts JOIN packages ON packages.id = package_id AND catalog_state = 'listed'"
        " WHERE source = 'catalog' AND parser_version < ? AND outcome IS NOT 'failed'",
        (PARSER_VERSIONS[SourceName.CATALOG],),
    ).fetchone()
    return cast("int", number)


def find_django(
    db: sqlite3.Connection, *, only: Collection[int] | None, now: datetime, refetch: bool = False
) -> ProjectTarget | None:
    """Return the target for Django itself; None if it is not due. A fetch of named packages asks for it once a day."""
    row = db.execute(
        "SELECT etag, serial, parser_version, asked, answered, retry_after FROM projects WHERE name = ?", (DJANGO,)
    ).fetchone()
    if row is None or refetch:
        return ProjectTarget(coordinate=DJANGO)
    etag, serial, version, *times = row
    asked, answered, retry_after = (text_or_none(time) or "" for time in times)
    if asked <= format_time(now):  # else the row was written under a wrong clock
        recent = only is not None and answered > format_time(now - DJANGO_AGE)
        if recent or retry_after > format_time(now):
            return None
    if is_outdated(version, SourceName.PYPI):
        return ProjectTarget(coordinate=DJANGO)
    return ProjectTarget(coordinate=DJANGO, etag=etag, serial=serial)


def is_outdated(version: object, source: SourceName) -> bool:
    """Return whether an older parser has read the facts; `version` is null without facts, and may be damaged."""
    return version is not None and not (is_integer(version) and version >= PARSER_VERSIONS[source])


def _without_validators(target: RepositoryTarget) -> RepositoryTarget:
    """Return the target without what makes a source answer "unchanged". Its id and its known head are none of that."""
    stored = target.contributors_head is not None
    return replace(
        target,
        etag=None,
        weeks_head=None,
        contributors_head=None,
        contributors_taken=None,
        # The catalog's list may stand for the contributors, but not for stored ones.
        catalog_updated=None if stored else target.catalog_updated,
    )


def _due_condition(
    only: Collection[int] | None, named: Collection[int], now: datetime, *, refetch: bool
) -> tuple[str, tuple[str, ...]]:
    conditions, values = ["1"], []
    if only is not None:
        conditions.append("packages.id IN (SELECT value FROM json_each(?))")
        values.append(str(list(only)))
    if not refetch:
        # A row requested after now was written under a wrong clock, so its `retry_after` is wrong as well. A time later
        # than any answer causes is damaged.
        conditions.append(
            "(facts.retry_after IS NULL OR facts.retry_after <= ? OR facts.asked > ? OR facts.retry_after > ?"
            " OR packages.id IN (SELECT value FROM json_each(?)))"
        )
        values += [format_time(now), format_time(now), format_time(now + _LONGEST_RETRY), str(list(named))]
    return " AND ".join(conditions), tuple(values)
