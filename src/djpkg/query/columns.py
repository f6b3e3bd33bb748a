"""SQL expressions over ``packages`` that return, order and compare a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.counts import COUNTED_STATES
from djpkg.model.fields import Kind
from djpkg.query import states

if TYPE_CHECKING:
    from djpkg.model.fields import Field

# Fields without a column in ``packages``.
_COMPUTED = {
    "category_slug": (
        "(SELECT CASE typeof(slug) WHEN 'text' THEN slug END FROM categories WHERE categories.id = packages.category)"
    ),
    "category_title": (
        "(SELECT CASE typeof(title) WHEN 'text' THEN title END FROM categories WHERE categories.id = packages.category)"
    ),
    "grid_slugs": (
        "(SELECT json_group_array(slug) FROM (SELECT CASE typeof(grids.slug) WHEN 'text' THEN grids.slug"
        " ELSE CAST(grids.id AS TEXT) END AS slug"
        " FROM package_grids JOIN grids ON grids.id = package_grids.grid_id "
        "WHERE package_grids.package_id = packages.id"
        " ORDER BY package_grids.position))"
    ),
}
# Stars of the repository at the end of the day %s. Null until its history is long enough.
_STARS = (
    "(SELECT stars FROM history WHERE history.package_id = packages.id AND day <= %s AND stars IS NOT NULL"
    " AND coordinate = (SELECT coordinate FROM history AS newest WHERE newest.package_id = packages.id"
    "  ORDER BY day DESC LIMIT 1)"
    " ORDER BY day DESC LIMIT 1)"
)
_EDITED = "packages.id IN (SELECT package_id FROM overrides WHERE field = '%s')"
# The history has no edits, and none of an edited address.
_GROWTH = (
    f"CASE WHEN {_EDITED % 'repo_url'} THEN NULL"
    f" WHEN {_EDITED % 'repo_watchers'} THEN {_STARS} - {_STARS}"
    f" ELSE packages.repo_watchers - {_STARS} END"
)
# The columns with the UTC instants behind these fields, with microseconds.
_UTC_COLUMNS = {
    "created_utc": "packages.created_utc",
    "modified_utc": "packages.modified_utc",
    "updated_utc": "packages.last_updated_utc",
    "fetched_utc": "packages.last_fetched_utc",
}
_SPANS = {"stars_90d": "-90 days", "stars_1y": "-1 year"}


def is_computed(field: Field) -> bool:
    """Return whether the field has no column of its own: SQLite computes it when it is read."""
    return field.name in _COMPUTED or field.name in _SPANS or field.name in _UTC_COLUMNS or field.name == "state"


def column_sql(field: Field, *, today: str = "now") -> str:
    """Return the expression for the field's value. `today` is the time on which spans end, in SQLite's terms."""
    if field.name == "state":
        return states.state_sql(today=today)
    if (column := _UTC_COLUMNS.get(field.name)) is not None:
        return f"CASE typeof({column}) WHEN 'text' THEN substr({column}, 1, 19) || 'Z' END"
    if (span := _SPANS.get(field.name)) is not None:
        past = f"(SELECT date('{today}', '{span}'))"  # a subquery is evaluated once, not once per row
        return _GROWTH % (f"date('{today}')", past, past)
    return _COMPUTED.get(field.name, f"packages.{field.name}")


def unknown_zero_sql(field: Field) -> str:
    """Return the expression for whether a number of the record is a 0 by which the catalog means "unknown", 0 or 1.

    Only for `FIGURES`; the same rule as for tables.
    """
    states = ", ".join(f"'{state}'" for state in COUNTED_STATES)
    is_unknown = f"coalesce(packages.repo_state, '') NOT IN ({states}) AND NOT {_EDITED % field.name}"
    return f"CASE WHEN packages.{field.name} = 0 THEN {is_unknown} ELSE 0 END"


def comparable_sql(field: Field, *, today: str = "now") -> str:
    """Return the expression that orders and compares the field: the UTC instant of a time, the length of a list.

    Category names are compared in `where_clause` and `order_clause`.
    """
    if field.kind is Kind.TIME:
        return _UTC_COLUMNS.get(field.name) or f"packages.{field.name}_utc"
    column = column_sql(field, today=today)
    if field.kind in (Kind.TEXT, Kind.URL, Kind.PROJECT):
        return f"{column} COLLATE NOCASE"
    if field.kind is Kind.COUNTS:
        return "packages.commits_last_year"
    if field.name == "participants":  # counting long lists is slow, so their number is stored
        return "packages.participant_count"
    if field.holds_grids:
        return "(SELECT count(*) FROM package_grids WHERE package_grids.package_id = packages.id)"
    if field.name == "tags":
        return "(SELECT count(*) FROM tags WHERE tags.package_id = packages.id)"
    return f"json_array_length({valid_json(column)})" if field.kind is Kind.NAMES else column


def valid_json(column: str) -> str:
    """Return the expression for a list without damaged values, which would end the whole query."""
    return f"CASE WHEN json_valid({column}) THEN {column} ELSE '[]' END"
