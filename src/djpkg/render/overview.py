"""The smaller tables: events, grids, fields, where each field of a package comes from, and how the mirror is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.fields import FIELDS
from djpkg.render import states, when
from djpkg.render import values as look
from djpkg.render.glyphs import glyphs as glyphs_for
from djpkg.render.human import human
from djpkg.render.sheet import GAP, Cell, Head, Sheet, lay, natural_widths

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from djpkg.fields import Field
    from djpkg.record import Package
    from djpkg.render.glyphs import Glyphs

_LONGEST = 200
# Below this, the last column of a table is of no use beside the others.
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
    heads = [Head("WHEN"), Head("PACKAGE"), Head("EVENT"), Head("")]
    lines = [
        [
            Cell(glyphs.foreign(when.ago(row.at, now=now)), "dim"),
            _foreign(row.slug, glyphs, "bold"),
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
    """Fields with their other names, what they are, who states them and whether they can be edited."""
    glyphs = glyphs_for(ascii_only=ascii_only)
    heads = [Head("FIELD"), Head("ALSO"), Head("KIND"), Head("SOURCE"), Head("EDIT"), Head("WHAT", wraps=True)]
    lines = [
        [
            Cell(field.name, "bold"),
            Cell(", ".join(field.aliases)),
            Cell(field.kind.value),
            Cell(field.owner.value),
            Cell("yes" if field.editable else ""),
            Cell(field.about),
        ]
        for field in fields
    ]
    return _table(heads, lines, width, glyphs)


def status_table(lines: Sequence[tuple[str, str]], *, width: int, ascii_only: bool) -> RenderableType:
    """Labels and what is to be said under each; a label that is "" continues the one before."""
    glyphs = glyphs_for(ascii_only=ascii_only)
    cells = [[_foreign(label, glyphs, "dim"), Cell(glyphs.foreign(text))] for label, text in lines]
    return _table([Head(""), Head("", wraps=True)], cells, width, glyphs)


def sources_table(package: Package, *, now: datetime, width: int, ascii_only: bool) -> RenderableType:
    """Every field with its value, who stated it, when that source last answered, and the value beneath an edit."""
    glyphs = glyphs_for(ascii_only=ascii_only)
    answered = {said.source: said.answered for said in package.sources}
    edited = look.names(package.values, "edited")
    heads = [Head("FIELD"), Head("SOURCE"), Head("ANSWERED"), Head("VALUE", wraps=True)]
    lines: list[list[Cell]] = []
    for field in FIELDS:
        value = human(package.values.get(field.name), field.kind, glyphs, now=now)
        is_edited = field.name in edited or field.name in package.upstream
        origin = package.origins.get(field.name, "")
        age = "" if is_edited else glyphs.foreign(when.ago(answered.get(origin), now=now))
        source = Cell(f"you {glyphs.edited}", "cyan") if is_edited else _foreign(origin, glyphs)
        lines.append([Cell(field.name, "bold"), source, Cell(age, "dim"), Cell(value)])
        if field.name in package.upstream:
            beneath = human(package.upstream[field.name], field.kind, glyphs, now=now)
            beneath_origin = "" if origin == "you" else origin
            lines.append(
                [Cell(""), _foreign(beneath_origin, glyphs), Cell(""), Cell(f"upstream: {beneath or 'none'}", "dim")]
            )
    return _table(heads, lines, width, glyphs)


def _table(heads: list[Head], rows: list[list[Cell]], width: int, glyphs: Glyphs) -> Sheet:
    """The table with its last column in the room that is left; columns before it go where that is too little."""
    keep = list(range(len(heads)))
    widths = natural_widths(heads, rows)
    while len(keep) > 2 and _room(widths, keep, width) < min(widths[keep[-1]], _LEAST_LAST):  # noqa: PLR2004  # label and last stay
        keep.pop(-2)
    heads = [heads[place] for place in keep]
    rows = [[row[place] for place in keep] for row in rows]
    chosen = [widths[place] for place in keep]
    room = width - sum(chosen[:-1]) - GAP * (len(keep) - 1)
    if room < min(chosen[-1], _LEAST_LAST):
        narrowed = lay(heads, rows, width=width, ellipsis=glyphs.ellipsis)
        chosen = list(narrowed.widths) if narrowed else [max(width // len(keep) - GAP, 1)] * len(keep)
        room = chosen[-1]
    return Sheet(heads, rows, [*chosen[:-1], min(chosen[-1], room)], ellipsis=glyphs.ellipsis)


def _room(widths: list[int], keep: list[int], width: int) -> int:
    return width - sum(widths[place] for place in keep[:-1]) - GAP * (len(keep) - 1)


def _foreign(text: str, glyphs: Glyphs, style: str = "") -> Cell:
    return Cell(glyphs.foreign(text, limit=_LONGEST), style)


def _event_style(event: str) -> str:
    return states.style(event) if event in states.FINAL else ""


def _change(row: EventRow, glyphs: Glyphs) -> str:
    if row.old and row.new:
        return f"{row.old} {glyphs.arrow} {row.new}"
    return row.new or row.old
