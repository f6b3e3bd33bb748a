"""What a fetch is to ask each forge and PyPI about: one ask a coordinate, however many packages share it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

from djpkg.model.lookups import ProjectTarget, RepositoryTarget
from djpkg.source_name import FORGES, SourceName
from djpkg.times import same_instant, stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from datetime import datetime


class RepositoryQueue(NamedTuple):
    """The repositories of one forge, stalest first, and the slugs of the packages that share each coordinate."""

    asks: list[RepositoryTarget]
    slugs: dict[str, tuple[str, ...]]


class ProjectQueue(NamedTuple):
    """The projects of PyPI, stalest first, and the slugs of the packages that share each."""

    asks: list[ProjectTarget]
    slugs: dict[str, tuple[str, ...]]


# Never asked first, then by the age of the last answer: tonight a small quota reaches what it did not last night.
_STALEST = "ORDER BY facts.answered IS NOT NULL, facts.answered, packages.repo_watchers DESC, packages.id"


def queue_repositories(
    db: sqlite3.Connection, *, only: Collection[int] | None, now: datetime
) -> dict[SourceName, RepositoryQueue]:
    """What to ask the forges. `only` are the packages that were named: those are asked about even where gone."""
    due = {forge: RepositoryQueue([], {}) for forge in FORGES}
    asked: dict[str, tuple[int, RepositoryTarget]] = {}
    condition, values = _wanted(only, now)
    for forge, slug, path, coordinate, updated, *known in db.execute(
        "SELECT packages.forge, packages.slug, packages.repository, packages.repository_key,"
        " (SELECT CASE WHEN json_array_length(said, '$.participants') > 0 THEN json_extract(said, '$.last_updated') END"
        "  FROM facts AS stated WHERE stated.package_id = packages.id AND stated.source = 'catalog'),"
        " facts.etag, facts.node_id, facts.head, facts.head_at, facts.weeks_head, facts.contributors_head,"
        " facts.contributors_taken, json_extract(facts.said, '$.state') IS 'gone'"
        " FROM packages LEFT JOIN facts ON facts.package_id = packages.id AND facts.source = packages.forge"
        " AND facts.coordinate = packages.repository_key"
        f" WHERE packages.repository_key IS NOT NULL AND {condition} {_STALEST}",
        values,
    ):
        asks, slugs = due[SourceName(forge)]
        if coordinate in slugs:
            slugs[coordinate] = (*slugs[coordinate], slug)
            place, ask = asked[coordinate]
            if ask.catalog_updated is not None and not same_instant(updated, ask.catalog_updated):
                # The catalog's list of contributors spares a request only where each of the packages has it.
                asks[place] = replace(ask, catalog_updated=None)
            continue
        slugs[coordinate] = (slug,)
        etag, node_id, head, head_at, weeks_head, contributors_head, contributors_taken, gone = known
        ask = RepositoryTarget(
            coordinate=coordinate,
            host=coordinate.partition("/")[0],
            path=path,
            etag=etag,
            node_id=node_id,
            head=head,
            head_at=head_at,
            weeks_head=_one(weeks_head, head),
            contributors_head=_one(contributors_head, head),
            contributors_taken=contributors_taken,
            catalog_updated=updated,
            gone=bool(gone),
        )
        asked[coordinate] = len(asks), ask
        asks.append(ask)
    return due


def _one(text: str | None, other: str | None) -> str | None:
    """The same text, mostly as the same object: heads are a third of what the asks of a large mirror weigh."""
    return other if text == other else text


def queue_projects(db: sqlite3.Connection, *, only: Collection[int] | None, now: datetime) -> ProjectQueue:
    """What to ask PyPI."""
    due = ProjectQueue([], {})
    condition, values = _wanted(only, now)
    for slug, name, etag, serial in db.execute(
        "SELECT packages.slug, packages.pypi_name, facts.etag, facts.serial"
        " FROM packages LEFT JOIN facts ON facts.package_id = packages.id AND facts.source = 'pypi'"
        " AND facts.coordinate = packages.pypi_name"
        f" WHERE packages.pypi_name IS NOT NULL AND {condition} {_STALEST}",
        values,
    ):
        if name in due.slugs:
            due.slugs[name] = (*due.slugs[name], slug)
            continue
        due.slugs[name] = (slug,)
        due.asks.append(ProjectTarget(coordinate=name, etag=etag, serial=cast("int | None", serial)))
    return due


def _wanted(only: Collection[int] | None, now: datetime) -> tuple[str, tuple[str | int, ...]]:
    if only is None:
        # One that was asked tomorrow was asked by a clock that was ahead, and so was its next time reckoned.
        return "(facts.retry IS NULL OR facts.retry <= ? OR facts.asked > ?)", (stamp(now), stamp(now))
    return f"packages.id IN ({', '.join('?' * len(only))})", tuple(only)
