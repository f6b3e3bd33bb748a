"""Several packages against each other: which figure is the best, and the table for documents and programs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from djpkg.model.fields import Kind, parse_columns
from djpkg.render import abbreviate, known_figures, relative_time
from djpkg.render import typed_values as look
from djpkg.render.format_value import format_value
from djpkg.render.glyphs import UNICODE
from djpkg.times import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from djpkg.model.fields import Column
    from djpkg.model.package import Value, Values
    from djpkg.render.glyphs import Glyphs

COMPARED: tuple[Column, ...] = parse_columns(
    "stars,forks,contributors,commits,updated,version,released,django_versions,requires_python,license,"
    "development_status,archived"
)
# What a row needs beside the fields that are compared.
BESIDE: tuple[Column, ...] = (*parse_columns("released"), *known_figures.NEEDED)
_MOST = frozenset(("repo_watchers", "repo_forks", "participant_count", "commits_last_year"))
_NEWEST = frozenset(("last_updated", "released"))
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~&#])")


def best(rows: Sequence[Values], name: str) -> frozenset[int]:
    """The places of the packages with the most of a field, or the newest; ties are all best, none of nothing is.

    A field of which more is not better has no best, nor has one in which all are alike, as one package alone is.
    """
    if name in _MOST:
        return _highest([float(look.number(row, name) or 0) for row in rows])
    if name in _NEWEST:
        moments = (instant(look.text(row, name)) for row in rows)
        return _highest([moment.timestamp() if moment else 0.0 for moment in moments])
    return frozenset()


def comparison_markdown(rows: Sequence[Values], columns: Sequence[Column] = COMPARED) -> str:
    """A Markdown table with the packages as columns and the best of each row in bold; times are dates."""
    lines = [["", *(_escape(look.text(row, "slug")) for row in rows)], ["---", *("---" for _ in rows)]]
    for column in columns:
        winners = best(rows, column.field.name)
        cells = [_escape(compared(row, column, UNICODE, now=None)) for row in rows]
        marked = [f"**{cell}**" if place in winners else cell for place, cell in enumerate(cells)]
        lines.append([_escape(column.key.replace("_", " ")), *marked])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def compared(row: Values, column: Column, glyphs: Glyphs, *, now: datetime | None) -> str:
    """What stands under a package for a field; without `now`, for a document, times are dates and figures exact."""
    field = column.field
    value = known_figures.known_value(row, field.name)
    if field.name == "django_versions":
        return declared_django(row, glyphs)
    if field.name == "python_versions":
        return abbreviate.short_versions(look.names(row, field.name), glyphs)
    if field.name == "requires_python":
        return abbreviate.short_requirement(look.text(row, field.name), glyphs)
    if field.name == "repo_watchers" and isinstance(value, int) and now is not None:
        return abbreviate.short_count(value)
    if field.kind is Kind.TIME and now is not None:
        return glyphs.foreign(relative_time.relative_short(look.text(row, field.name), now=now))
    if field.kind is Kind.COUNTS and now is None:
        return str(sum(known_figures.known_weeks(row))) if value else ""
    return format_value(value, field.kind, glyphs, now=now)


def declared_django(row: Values, glyphs: Glyphs) -> str:
    """The declared range; "undeclared" is said only of what PyPI was asked about."""
    declared = abbreviate.short_versions(look.names(row, "django_versions"), glyphs)
    return declared or ("undeclared" if look.text(row, "released") else "")


def comparison_rows(rows: Sequence[Values], columns: Sequence[Column] = COMPARED) -> Iterator[list[Value]]:
    """The head and a line for each package, for CSV."""
    yield ["slug", *(column.key for column in columns)]
    for row in rows:
        yield [row.get("slug"), *(row.get(column.field.name) for column in columns)]


def _highest(figures: list[float]) -> frozenset[int]:
    most = max(figures, default=0.0)
    winners = frozenset(place for place, figure in enumerate(figures) if figure == most > 0)
    return winners if len(winners) < len(figures) else frozenset()


def _escape(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)
