"""Reading what a package requires, what requires it, and what no longer does, with plain sqlite3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.mirror.damage import slug_or_id, text_or_none
from djpkg.mirror.departures import find_departures
from djpkg.mirror.read import span_end
from djpkg.model import fields
from djpkg.model.dependencies import Departures, Dependencies, Dependency
from djpkg.query.columns import column_sql
from djpkg.query.dependents import IN_FORCE, requires_any

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

_LISTED = "packages.catalog_state = 'listed'"


def get_dependencies(db: sqlite3.Connection, number: int, *, now: datetime | None = None) -> Dependencies:
    """Return the neighbours of a package; `now` is as for `get_values`, for their states."""
    state = column_sql(fields.get("state"), today=span_end(now))
    requires = _read_requires(db, number, state)
    row = db.execute("SELECT pypi_name FROM packages WHERE id = ?", (number,)).fetchone()
    project = text_or_none(row[0]) if row else None
    if project is None:
        return Dependencies(requires)
    condition, values = requires_any([project])
    users = db.execute(
        f"SELECT id, slug, {state} FROM packages WHERE {condition} AND {_LISTED}"
        " ORDER BY +repo_watchers DESC, slug, id",
        values,
    ).fetchall()
    left = find_departures(db, [project]).get(project)
    return Dependencies(
        requires,
        tuple(slug_or_id(user, slug) for user, slug, _ in users),
        sum(word == "active" for *_, word in users),
        None if left is None else left._replace(successors=_name_successors(db, left)),
    )


def _read_requires(db: sqlite3.Connection, number: int, state: str) -> tuple[Dependency, ...]:
    """Return the requirements on packages of the mirror, by slug; a removed package only where none is listed."""
    rows = db.execute(
        f"SELECT packages.id, packages.slug, {state}, {_LISTED}, requirements.requires, specifier, marker,"
        " version, since FROM requirements JOIN packages AS user ON user.id = package_id"
        " JOIN packages ON packages.pypi_name = requirements.requires"
        f" WHERE package_id = ? AND {IN_FORCE.format(package='user')} ORDER BY packages.slug, specifier, marker",
        (number,),
    ).fetchall()
    listed = {name for _, _, _, is_listed, name, *_ in rows if is_listed}
    return tuple(
        Dependency(
            slug_or_id(required, slug), word, text_or_none(specifier) or "", text_or_none(marker),
            text_or_none(version) or "", text_or_none(since) or "",
        )
        for required, slug, word, is_listed, name, specifier, marker, version, since in rows
        if is_listed or name not in listed
    )  # fmt: skip


def _name_successors(db: sqlite3.Connection, left: Departures) -> tuple[tuple[str, int], ...]:
    """Return the successors by the slug of their oldest listed package."""
    named = []
    for project, number in left.successors:
        row = db.execute(f"SELECT id, slug FROM packages WHERE pypi_name = ? AND {_LISTED} ORDER BY id", (project,))
        named.append((slug_or_id(*row.fetchone()), number))
    return tuple(named)
