"""The repositories and projects that a fetch looks up: one target per coordinate, however many packages share it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, cast

from djpkg.mirror.damage import text_or_none
from djpkg.model.lookups import ProjectTarget, RepositoryTarget
from djpkg.source_name import FORGES, SourceName
from djpkg.times import format_time, is_same_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from datetime import datetime


class RepositoryQueue(NamedTuple):
    """The repositories of one forge, stalest first, and the slugs of the packages behind each coordinate."""

    targets: list[RepositoryTarget]
    slugs: dict[str, tuple[str, ...]]


class ProjectQueue(NamedTuple):
    """The projects of PyPI, stalest first, and the slugs of the packages behind each."""

    targets: list[ProjectTarget]
    slugs: dict[str, tuple[str, ...]]


# Those without an answer first, then the oldest answers, so that a small quota reaches all in turn.
_STALEST_FIRST = "ORDER BY facts.answered IS NOT NULL, facts.answered, packages.repo_watchers DESC, packages.id"


# Longer than `MAX_RETRY_DELAY` of `apply_answer`.
_LONGEST_RETRY = timedelta(days=31)


def queue_repositories(
    db: sqlite3.Connection, *, only: Collection[int] | None, now: datetime
) -> dict[SourceName, RepositoryQueue]:
    """Return the queue of each forge. `only` are the ids of named packages, which are included even when gone."""
    queues = {forge: RepositoryQueue([], {}) for forge in FORGES}
    positions: dict[str, int] = {}
    condition, values = _due_condition(only, now)
    for forge, slug, path, coordinate, catalog_updated, *known in db.execute(
        "SELECT packages.forge, packages.slug, packages.repository, packages.repository_key,"
        " (SELECT CASE WHEN NOT json_valid(catalog.facts) THEN NULL"
        "  WHEN json_array_length(catalog.facts, '$.participants') > 0"
        "  THEN json_extract(catalog.facts, '$.last_updated') END"
        "  FROM facts AS catalog WHERE catalog.package_id = packages.id AND catalog.source = 'catalog'),"
        " facts.etag, facts.node_id, facts.head, facts.head_at, facts.weeks_head, facts.contributors_head,"
        " facts.contributors_taken, CASE WHEN json_valid(facts.facts) THEN json_extract(facts.facts, '$.state') END"
        " IS 'gone', CASE WHEN json_valid(facts.facts) THEN json_extract(facts.facts, '$.repository.path') END"
        " FROM packages LEFT JOIN facts ON facts.package_id = packages.id AND facts.source = packages.forge"
        " AND facts.coordinate = packages.repository_key"
        " WHERE typeof(packages.repository_key) = 'text' AND typeof(packages.repository) = 'text'"
        f" AND {condition} {_STALEST_FIRST}",
        values,
    ):
        if forge not in queues:  # a damaged row, which this fetch could not write anew
            continue
        updated = text_or_none(catalog_updated)
        targets, slugs = queues[forge]
        if coordinate in slugs:
            slugs[coordinate] = (*slugs[coordinate], slug)
            target = targets[positions[coordinate]]
            if target.catalog_updated is not None and not is_same_time(updated, target.catalog_updated):
                # The catalog's contributors replace a request only if all of the packages have them.
                targets[positions[coordinate]] = replace(target, catalog_updated=None)
            continue
        slugs[coordinate] = (slug,)
        positions[coordinate] = len(targets)
        *validators, gone, known_path = known
        etag, node_id, head, head_at, weeks_head, contributors_head, contributors_taken = map(text_or_none, validators)
        known_path = text_or_none(known_path)
        targets.append(
            RepositoryTarget(
                coordinate=coordinate,
                host=coordinate.partition("/")[0],
                path=path,
                known_path=known_path if known_path and known_path.lower() != path.lower() else None,
                etag=etag,
                node_id=node_id,
                head=head,
                head_at=head_at,
                weeks_head=weeks_head,
                contributors_head=contributors_head,
                contributors_taken=contributors_taken,
                catalog_updated=updated,
                gone=bool(gone),
            )
        )
    return queues


def queue_projects(db: sqlite3.Connection, *, only: Collection[int] | None, now: datetime) -> ProjectQueue:
    """Return the queue of PyPI. `only` are the ids of named packages, which are included even when gone."""
    queue = ProjectQueue([], {})
    condition, values = _due_condition(only, now)
    for slug, name, etag, serial in db.execute(
        "SELECT packages.slug, packages.pypi_name, facts.etag, facts.serial"
        " FROM packages LEFT JOIN facts ON facts.package_id = packages.id AND facts.source = 'pypi'"
        " AND facts.coordinate = packages.pypi_name"
        f" WHERE typeof(packages.pypi_name) = 'text' AND {condition} {_STALEST_FIRST}",
        values,
    ):
        if name in queue.slugs:
            queue.slugs[name] = (*queue.slugs[name], slug)
            continue
        queue.slugs[name] = (slug,)
        queue.targets.append(ProjectTarget(coordinate=name, etag=etag, serial=cast("int | None", serial)))
    return queue


def _due_condition(only: Collection[int] | None, now: datetime) -> tuple[str, tuple[str | int, ...]]:
    if only is None:
        # A row requested after now was written under a wrong clock, so its `retry_after` is wrong as well. A time later
        # than any answer causes is damaged.
        due = "(facts.retry_after IS NULL OR facts.retry_after <= ? OR facts.asked > ? OR facts.retry_after > ?)"
        return due, (*(format_time(now),) * 2, format_time(now + _LONGEST_RETRY))
    return "packages.id IN (SELECT value FROM json_each(?))", (str(list(only)),)
