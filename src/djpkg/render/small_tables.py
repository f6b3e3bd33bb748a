"""The smaller tables: events, grids, fields, where each field of a package comes from, and how the mirror is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.model.fields import ALL_COLUMNS, FIELDS
from djpkg.model.package import YOU
from djpkg.render import field_docs, known_figures, relative_time, states
from djpkg.render.format_value import format_value
from djpkg.render.glyphs import glyphs as glyphs_for
from djpkg.render.text_grid import GAP, Cell, Head, TextGrid, natural_widths, stack_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from djpkg.model.fields import Column, Field
    from djpkg.model.package import Origin, Package, Values
    from djpkg.render.glyphs import Glyphs

_LONGEST = 200
# With less, the first and the last column of a table are of no use beside the others.
_LEAST_FIRST = 24
_LEAST_LAST = 20


class EventRow(NamedTuple):
    """One event: when (ISO 8601), of which package, its name, and what was and is."""

    at: str
    slug: str
    event: str
    old: str
    new: str


class GridRow(NamedTuple):
    """One grid, or category, and how many packages it has."""

    slug: str
    title: str
    packages: int


def events_table(rows: Sequence[EventRow], *, now: datetime, width: int, ascii_only: bool) -> RenderableType:
    """Events under each other, as they are given."""
    glyphs = glyphs_for(ascii_only=ascii_only)
    heads = [Head("PACKAGE"), Head("WHEN"), Head("EVENT"), Head("", wraps=True)]
    lines = [
        [
            _foreign(row.slug, glyphs, "bold"),
            Cell(glyphs.foreign(relative_time.relative(row.at, now=now)), "dim"),
            _foreign(row.event, glyphs, _event_style(row.event)),
            _foreign(_change(row, glyphs), glyphs),
        ]
        for row in rows
    ]
    return _table(heads, lines, width, glyphs)


def grids_table(rows: Sequence[GridRow], *, head: str = "GRID", width: int, ascii_only: bool) -> RenderableType:
    """Grids under each other, or what `head` calls them, with the number of their packages."""
    glyphs = glyphs_for(ascii_only=ascii_only)
    heads = [Head(head), Head("PACKAGES", right=True), Head("TITLE", wraps=True)]
    lines = [[_foreign(row.slug, glyphs, "bold"), Cell(str(row.packages)), _foreign(row.title, glyphs)] for row in rows]
    return _table(heads, lines, width, glyphs)


def fields_table(fields: Sequence[Field] = FIELDS, *, width: int, ascii_only: bool) -> RenderableType:
    """Fields with all that is to be known of them; where that does not fit, a block a field."""
    glyphs = glyphs_for(ascii_only=ascii_only)
    titles = [title.upper() for title in field_docs.HEADS.values()]
    heads = [*(Head(title) for title in titles[:-1]), Head(titles[-1], wraps=True)]
    lines = [[Cell(name, "bold"), *map(Cell, others)] for name, *others in map(field_docs.field_texts, fields)]
    return _table(heads, lines, width, glyphs)


def status_table(lines: Sequence[tuple[str, str]], *, width: int, ascii_only: bool) -> RenderableType:
    """Labels and what is to be said under each; a label that is "" continues the one before."""
    glyphs = glyphs_for(ascii_only=ascii_only)
    cells = [[_foreign(label, glyphs, "dim"), Cell(glyphs.foreign(text))] for label, text in lines]
    return _table([Head(""), Head("", wraps=True)], cells, width, glyphs)


def values_table(
    values: Values, columns: Sequence[Column], *, now: datetime, width: int, ascii_only: bool
) -> RenderableType:
    """The named fields of one package under each other. Rows need `known.NEEDED` beside them."""
    glyphs = glyphs_for(ascii_only=ascii_only)
    lines = [
        [
            _foreign(key, glyphs, "dim"),
            Cell(format_value(known_figures.known_value(values, field.name), field.kind, glyphs, now=now, whole=True)),
        ]
        for key, field in columns
    ]
    return _table([Head(""), Head("", wraps=True)], lines, width, glyphs)


def sources_table(
    package: Package, columns: Sequence[Column] = ALL_COLUMNS, *, now: datetime, width: int, ascii_only: bool
) -> RenderableType:
    """Fields with who stated them, how long ago, and their values; in a line of its own what lies beneath an edit."""
    glyphs = glyphs_for(ascii_only=ascii_only)
    heads = [Head("FIELD"), Head("SOURCE"), Head("TOLD"), Head("VALUE", wraps=True)]
    lines: list[list[Cell]] = []

    def tell(name: str, origin: Origin, value: Cell) -> None:
        source = Cell(f"you {glyphs.edited}", "cyan") if origin.source == YOU else _foreign(origin.source, glyphs)
        age = glyphs.foreign(relative_time.relative_short(origin.at, now=now))
        lines.append([_foreign(name, glyphs, "bold"), source, Cell(age, "dim"), value])

    for key, field in columns:
        tell(
            key,
            package.origins[field.name],
            Cell(format_value(known_figures.known_value(package.values, field.name), field.kind, glyphs, now=now)),
        )
        if field.name in package.beneath:
            upstream = format_value(package.upstream[field.name], field.kind, glyphs, now=now) or "none"
            tell("", package.beneath[field.name], Cell(f"upstream: {upstream}", "dim"))
    return _table(heads, lines, width, glyphs)


def _table(heads: list[Head], rows: list[list[Cell]], width: int, glyphs: Glyphs) -> TextGrid:
    """The table with its last column in the room that is left; where that is too little, a block a row.

    The first column gives way before that: what is longer stands on a line of its own.
    """
    first, *fixed, last = natural_widths(heads, rows)
    room = width - sum(fixed) - GAP * (len(heads) - 1) - min(last, _LEAST_LAST)
    if room < min(first, _LEAST_FIRST):
        return stack_blocks(heads, rows, width=width, ellipsis=glyphs.ellipsis, empty=False)
    first = min(first, max(room, _LEAST_FIRST))
    last = min(last, room - first + min(last, _LEAST_LAST))
    return TextGrid(heads, rows, [first, *fixed, last], ellipsis=glyphs.ellipsis)


def _foreign(text: str, glyphs: Glyphs, style: str = "") -> Cell:
    return Cell(glyphs.foreign(text, limit=_LONGEST), style)


def _event_style(event: str) -> str:
    return states.style(event) if event in states.FINAL else ""


def _change(row: EventRow, glyphs: Glyphs) -> str:
    if row.old and row.new:
        return f"{row.old} {glyphs.arrow} {row.new}"
    return row.new or row.old
