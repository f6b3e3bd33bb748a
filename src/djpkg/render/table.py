"""The tables of `list` and `compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.console import Group
from rich.text import Text

from djpkg.model.fields import Kind
from djpkg.render import abbreviate, known_values, relative_time, states
from djpkg.render.compare import best_indexes, format_compared, format_django_range
from djpkg.render.format_value import SPARKLINE_WIDTH, format_value, format_weeks
from djpkg.render.glyphs import get_glyphs
from djpkg.render.text_grid import (
    GAP,
    Cell,
    Header,
    TextGrid,
    display_width,
    fit_columns,
    natural_widths,
    stack_blocks,
    truncate,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from djpkg.model.fields import Column
    from djpkg.model.package import Values
    from djpkg.render.glyphs import Glyphs

# The fields that the default table reads.
TABLE_FIELDS = (
    "slug",
    "edited",
    "repo_watchers",
    "last_updated",
    "commits_over_52",
    "commits_last_year",
    "pypi_version",
    "pypi_state",
    "released",
    "yanked",
    "django_versions",
    "archived",
    "repo_state",
    "catalog_state",
)
# A column is left out if the names would get less than this width (or than the longest name).
_NAME_WIDTH = 24
_VERSION_WIDTH = 12
_MAX_NAME = 200
_UNKNOWN_WEEKS = {"empty": "no commits", "none": "no repository", "unsupported": "unsupported"}
_MAX_SECTION_WIDTH = 32


class _Column(NamedTuple):
    """A column of the default table: its name and its header."""

    name: str
    header: Header


_NAME = _Column("name", Header("PACKAGE"))
_COMMIT = _Column("commit", Header("COMMIT"))
_WEEKS = _Column("weeks", Header("52 WEEKS"))
_SUM = _Column("sum", Header("52 WEEKS", right=True))
_RELEASE = _Column("release", Header("RELEASE"))
_AGE = _Column("age", Header(""))
_RELEASED = _Column("age", Header("RELEASE"))
_DJANGO = _Column("django", Header("DJANGO"))
_STATE = _Column("state", Header(""))


def packages_table(
    rows: Sequence[Values], *, columns: Sequence[Column] | None, now: datetime, width: int, ascii_only: bool
) -> RenderableType:
    """Return one row per package: with the default columns that fit, or with the chosen ones.

    Rows need `TABLE_FIELDS`, or the fields of the columns and `known_values.NEEDED_COLUMNS`. Chosen columns that do
    not fit are shown as one block of lines per package.
    """
    glyphs = get_glyphs(ascii_only=ascii_only)
    if columns is None:
        return _default_table(rows, glyphs, now, width)
    headers = [Header(glyphs.escape(column.key.upper()), right=column.field.kind is Kind.INTEGER) for column in columns]
    lines = [
        [Cell(format_value(known_values.value(row, field.name), field.kind, glyphs, now=now)) for _, field in columns]
        for row in rows
    ]
    return fit_columns(headers, lines, width=width, ellipsis=glyphs.ellipsis) or stack_blocks(
        headers, lines, width=width, ellipsis=glyphs.ellipsis
    )


def comparison(
    rows: Sequence[Values], columns: Sequence[Column], *, now: datetime, width: int, ascii_only: bool
) -> RenderableType:
    """Return the packages as columns, or as rows if they do not fit, with the best value of each field marked.

    Rows need "slug", the fields of the columns and `NEEDED_COLUMNS` of `djpkg.render.compare`.
    """
    glyphs = get_glyphs(ascii_only=ascii_only)
    slugs = [Cell(glyphs.escape(known_values.text(row, "slug"), limit=_MAX_NAME), "bold") for row in rows]
    titles = [glyphs.escape(column.key.replace("_", " ")) for column in columns]
    # One list per field: the cells of all packages.
    lines = [_compared_cells(rows, column, glyphs, now) for column in columns]
    legend = Text("* best value", style="dim")
    notes = [legend] if any(cell.tail for line in lines for cell in line) else []
    headers = [Header(""), *(Header(slug.text) for slug in slugs)]
    across = [[Cell(title, "dim"), *line] for title, line in zip(titles, lines, strict=True)]
    widths = natural_widths(headers, across)
    if sum(widths) + GAP * len(slugs) <= width:
        return Group(TextGrid(headers, across, widths, ellipsis=glyphs.ellipsis), *notes)
    return Group(*_sections(titles, slugs, lines, width, glyphs), *notes)


def _compared_cells(rows: Sequence[Values], column: Column, glyphs: Glyphs, now: datetime) -> list[Cell]:
    winners = best_indexes(rows, column.field.name, now=now)
    texts = [format_compared(row, column, glyphs, now=now) for row in rows]
    return [Cell(text, "bold green", " *", "green") if i in winners else Cell(text) for i, text in enumerate(texts)]


def _sections(
    titles: list[str], slugs: list[Cell], lines: list[list[Cell]], width: int, glyphs: Glyphs
) -> list[RenderableType]:
    """Return the packages as rows, in as many tables below each other as the width needs."""
    first = min(max((slug.width for slug in slugs), default=0), _NAME_WIDTH)
    sections: list[RenderableType] = []
    headers, widths, columns = [Header("")], [first], [slugs]
    for title, line in zip(titles, lines, strict=True):
        header = Header(title)
        column_width = min(natural_widths([header], [[cell] for cell in line])[0], _MAX_SECTION_WIDTH)
        if len(headers) > 1 and sum(widths) + GAP * len(headers) + column_width > width:
            sections.append(TextGrid(headers, list(zip(*columns, strict=True)), widths, ellipsis=glyphs.ellipsis))
            sections.append(Text(""))
            headers, widths, columns = [Header("")], [first], [slugs]
        headers, widths, columns = [*headers, header], [*widths, column_width], [*columns, line]
    sections.append(TextGrid(headers, list(zip(*columns, strict=True)), widths, ellipsis=glyphs.ellipsis))
    return sections


def _default_table(rows: Sequence[Values], glyphs: Glyphs, now: datetime, width: int) -> TextGrid:
    cells = [_default_cells(row, glyphs, now) for row in rows]
    columns = _choose_columns(cells, glyphs, width)
    widths = _column_widths(cells, columns)
    room = width - sum(widths[1:]) - GAP * (len(columns) - 1)
    widths[0] = max(min(widths[0], room), 1)
    headers = [column.header for column in columns]
    return TextGrid(
        headers, [[row[column.name] for column in columns] for row in cells], widths, ellipsis=glyphs.ellipsis
    )


def _choose_columns(cells: Sequence[dict[str, Cell]], glyphs: Glyphs, width: int) -> tuple[_Column, ...]:
    """Return the largest set of columns that leaves the names enough room."""
    star = _Column("stars", Header(glyphs.star.upper(), right=True))
    choices: tuple[tuple[_Column, ...], ...] = (
        (_NAME, star, _COMMIT, _WEEKS, _RELEASE, _AGE, _DJANGO),
        (_NAME, star, _COMMIT, _SUM, _RELEASE, _AGE, _DJANGO),
        (_NAME, star, _COMMIT, _RELEASE, _AGE, _DJANGO),
        (_NAME, star, _COMMIT, _RELEASED, _DJANGO),
        (_NAME, star, _COMMIT, _RELEASED, _STATE),
        (_NAME, star, _COMMIT, _STATE),
    )
    for columns in choices:
        widths = _column_widths(cells, columns)
        if min(widths[0], _NAME_WIDTH) + sum(widths[1:]) + GAP * (len(columns) - 1) <= width:
            return columns
    return (_NAME, star)


def _column_widths(cells: Sequence[dict[str, Cell]], columns: Sequence[_Column]) -> list[int]:
    return [
        max(display_width(column.header.title), max((row[column.name].width for row in cells), default=0))
        for column in columns
    ]


def _default_cells(row: Values, glyphs: Glyphs, now: datetime) -> dict[str, Cell]:
    """Return the cells of one package by column name."""
    words = states.package_states(row)
    state = " ".join(words)
    style = states.state_style(words[0]) if words else ""
    django = format_django_range(row, glyphs)
    stars = known_values.figure(row, "repo_watchers")
    commits = known_values.figure(row, "commits_last_year")
    last_commit = relative_time.relative(known_values.text(row, "last_updated"), now=now, short=True)
    released = relative_time.relative(known_values.text(row, "released"), now=now, short=True)
    return {
        "name": Cell(
            glyphs.escape(known_values.text(row, "slug"), limit=_MAX_NAME),
            "bold",
            f" {glyphs.edited}" if row.get("edited") else "",
            "cyan",
        ),
        "stars": Cell("" if stars is None else abbreviate.short_count(stars)),
        "commit": Cell(glyphs.escape(last_commit)),
        "weeks": _weeks_cell(row, glyphs),
        "sum": Cell("" if commits is None else abbreviate.short_count(commits)),
        "release": Cell(_version(row, glyphs)),
        "age": Cell(glyphs.escape(released)),
        # States start right of the heading, so that they do not look like versions.
        "django": Cell(django or " " * len(_DJANGO.header.title), "", f"  {state}", style) if state else Cell(django),
        "state": Cell("", "", state, style),
    }


def _weeks_cell(row: Values, glyphs: Glyphs) -> Cell:
    counts = known_values.weeks(row)
    if counts:
        return Cell(format_weeks(counts, glyphs), "green")
    reason = _UNKNOWN_WEEKS.get(known_values.text(row, "repo_state"), "not fetched")
    return Cell(f"{glyphs.dot} {reason} {glyphs.dot}".ljust(SPARKLINE_WIDTH), "dim")


def _version(row: Values, glyphs: Glyphs) -> str:
    text = glyphs.escape(known_values.text(row, "pypi_version"), limit=_MAX_NAME)
    return truncate(text, _VERSION_WIDTH, glyphs.ellipsis)
