"""Packages compared: which value is the best, how a value is shown, and the table for documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from djpkg.model.fields import Kind, get, parse_columns
from djpkg.render import abbreviate, known_values, relative_time
from djpkg.render.format_value import format_value
from djpkg.render.glyphs import UNICODE
from djpkg.render.markdown import Strong
from djpkg.render.rows import RowList
from djpkg.render.states import NEVER_BEST
from djpkg.times import is_ahead, parse_time

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from djpkg.model.fields import Column
    from djpkg.model.package import Values
    from djpkg.render.glyphs import Glyphs

DEFAULT_COLUMNS: tuple[Column, ...] = parse_columns(
    "state,description,stars,forks,contributors,commits,updated,version,released,django_versions,requires_python,license,"
    "development_status"
)
# What each row must contain beside the compared fields.
NEEDED_COLUMNS: tuple[Column, ...] = (*parse_columns("released"), *known_values.NEEDED_COLUMNS)
Unfetched: TypeAlias = "Mapping[str, Collection[str]]"
"""By slug, the fields of a forge or PyPI whose value the catalog has stated and no fetch has confirmed."""
NOTHING_UNFETCHED: Unfetched = {}
_MOST = frozenset(("repo_watchers", "repo_forks", "participant_count", "commits_last_year"))
_NEWEST = frozenset(("last_updated", "released"))


def best_indexes(rows: Sequence[Values], name: str, *, now: datetime) -> frozenset[int]:
    """Return the indexes of the rows with the most, or the newest, of a field; several of them in a tie.

    A dead package is never one of them, and a time more than a day ahead of `now` never the newest. Empty for fields of
    which more is not better, and where all living rows are equal or none has a value.
    """
    if name in _MOST:
        figures = [float(known_values.figure(row, name) or 0) for row in rows]
    elif name in _NEWEST:
        times = (parse_time(known_values.text(row, name)) for row in rows)
        figures = [time.timestamp() if time and not is_ahead(time, now=now) else 0.0 for time in times]
    else:
        return frozenset()
    return _highest([None if never_best(row) else figure for row, figure in zip(rows, figures, strict=True)])


def never_best(row: Values) -> bool:
    """Return whether the package is dead, or not known to live."""
    return known_values.text(row, "state") in NEVER_BEST


def is_unfetched(row: Values, name: str, unfetched: Unfetched) -> bool:
    """Return whether a number, a time or the version comes from the catalog and not from a fetch."""
    return name in unfetched.get(known_values.text(row, "slug"), ()) and (
        name == "pypi_version" or get(name).kind in (Kind.INTEGER, Kind.TIME, Kind.COUNTS)
    )


def comparison_table(
    rows: Sequence[Values],
    columns: Sequence[Column],
    *,
    now: datetime,
    unfetched: Unfetched = NOTHING_UNFETCHED,
) -> RowList:
    """Return the packages as columns and the fields as rows, the best values `Strong`; times are dates."""
    table = []
    for column in columns:
        best = best_indexes(rows, column.field.name, now=now)
        cells = [format_compared(row, column, UNICODE, now=None) for row in rows]
        cells = [
            f"{cell} (catalog)" if cell and is_unfetched(row, column.field.name, unfetched) else cell
            for row, cell in zip(rows, cells, strict=True)
        ]
        strong = [Strong(cell) if index in best else cell for index, cell in enumerate(cells)]
        table.append([column.key.replace("_", " "), *strong])
    return RowList(["", *(known_values.text(row, "slug") for row in rows)], table)


def format_compared(row: Values, column: Column, glyphs: Glyphs, *, now: datetime | None) -> str:
    """Return the text of one cell; without `now`, for documents, times are dates and numbers are exact."""
    field = column.field
    value = known_values.value(row, field.name)
    if field.name == "django_versions":
        return format_django_range(row, glyphs)
    if field.name == "python_versions":
        return abbreviate.short_versions(known_values.names(row, field.name), glyphs)
    if field.name == "requires_python":
        return abbreviate.short_requirement(known_values.text(row, field.name), glyphs)
    if field.name == "repo_watchers" and isinstance(value, int) and now is not None:
        return abbreviate.short_count(value)
    if field.kind is Kind.TIME and now is not None:
        return glyphs.escape(relative_time.relative(known_values.text(row, field.name), now=now, short=True))
    if field.kind is Kind.COUNTS and now is None:
        return str(sum(known_values.weeks(row))) if value else ""
    return format_value(value, field.kind, glyphs, now=now)


def format_django_range(row: Values, glyphs: Glyphs) -> str:
    """Return the declared Django versions; "undeclared" only for packages with a release on PyPI."""
    declared = abbreviate.short_versions(known_values.names(row, "django_versions"), glyphs)
    return declared or ("undeclared" if known_values.text(row, "released") else "")


def _highest(figures: list[float | None]) -> frozenset[int]:
    """Return the indexes of the highest figures; None takes no part."""
    living = [figure for figure in figures if figure is not None]
    most = max(living, default=0.0)
    winners = frozenset(index for index, figure in enumerate(figures) if figure == most > 0)
    is_tie = len(winners) == len(living) > 1 or len(winners) == len(figures)
    return frozenset() if is_tie else winners
