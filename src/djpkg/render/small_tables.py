"""Tables of events, grids, fields, field sources and the mirror's status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from djpkg.model.fields import FIELDS, Kind
from djpkg.model.package import YOU, describe_via
from djpkg.render import field_docs, known_values, relative_time, states
from djpkg.render.dependencies import requirement_text
from djpkg.render.format_value import format_value
from djpkg.render.glyphs import get_glyphs
from djpkg.render.text_grid import GAP, Cell, Header, TextGrid, natural_widths, stack_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import TypeAlias

    from rich.console import RenderableType

    from djpkg.model.fields import Column, Field
    from djpkg.model.package import Origin, Package, Value, Values
    from djpkg.model.value_counts import ValueCount
    from djpkg.render.glyphs import Glyphs

    _Event: TypeAlias = tuple[str, str, str, str | None, str | None]

_MAX_TEXT = 200
# Minimum widths of the first and the last column; a narrower table is shown as blocks.
_MIN_FIRST = 24
_MIN_LAST = 20
# The columns of the fields' table; the first ones in which the meaning gets this width. Where there is no column for
# the example, it follows the meaning.
_FIELD_COLUMNS = (
    tuple(field_docs.HEADINGS),
    ("name", "aliases", "type", "source", "editable", "example", "about"),
    ("name", "aliases", "type", "about"),
    ("name", "aliases", "about"),
)
_MIN_ABOUT = 40


def events_table(rows: Sequence[_Event], *, now: datetime, width: int, ascii_only: bool) -> RenderableType:
    """Return the events, each a time, package, name, old and new value, in the given order."""
    glyphs = get_glyphs(ascii_only=ascii_only)
    headers = [Header("PACKAGE"), Header("WHEN"), Header("EVENT"), Header("", wraps=True)]
    lines = [
        [
            _escaped_cell(slug, glyphs, "bold"),
            Cell(glyphs.escape(relative_time.relative(at, now=now)), "dim"),
            _escaped_cell(event, glyphs, states.state_style(event) if event in states.FINAL else ""),
            _escaped_cell(f"{old} {glyphs.arrow} {new}" if old and new else new or old or "", glyphs),
        ]
        for at, slug, event, old, new in rows
    ]
    return _table(headers, lines, width, glyphs)


def grids_table(rows: Sequence[tuple[str, str, int]], *, heading: str, width: int, ascii_only: bool) -> RenderableType:
    """Return the grids, or what `heading` names: slug, title and number of packages."""
    glyphs = get_glyphs(ascii_only=ascii_only)
    headers = [Header(heading), Header("PACKAGES", right=True), Header("TITLE", wraps=True)]
    lines = [
        [_escaped_cell(slug, glyphs, "bold"), Cell(str(packages)), _escaped_cell(title, glyphs)]
        for slug, title, packages in rows
    ]
    return _table(headers, lines, width, glyphs)


def counts_table(
    counts: Sequence[ValueCount], column: Column, *, now: datetime, width: int, ascii_only: bool
) -> RenderableType:
    """Return the values of a field, each with its number of packages."""
    glyphs = get_glyphs(ascii_only=ascii_only)
    headers = [Header("PACKAGES", right=True), Header(glyphs.escape(column.key.upper()), wraps=True)]
    # The elements of a list are texts.
    kind = column.field.kind
    kind = Kind.TEXT if kind in (Kind.NAMES, Kind.GRIDS, Kind.MAPPING) else kind
    lines = [[Cell(str(one.packages)), _value_cell(one.value, kind, glyphs, now)] for one in counts]
    return _table(headers, lines, width, glyphs)


def _value_cell(value: Value, kind: Kind, glyphs: Glyphs, now: datetime) -> Cell:
    if value is None or value == "":
        return Cell("none", "dim")
    return Cell(str(value) if kind is Kind.COUNTS else format_value(value, kind, glyphs, now=now))


def fields_table(*, width: int, ascii_only: bool) -> RenderableType:
    """Return a line for each field; on a narrow terminal only with the columns that matter most, and a note."""
    glyphs = get_glyphs(ascii_only=ascii_only)
    rows = [dict(zip(field_docs.HEADINGS, field_docs.field_cells(field), strict=True)) for field in FIELDS]
    *wider, narrowest = _FIELD_COLUMNS
    keys = next((keys for keys in wider if _leaves_room(rows, keys, width)), narrowest)
    table = _table(_field_headers(keys), [_field_line(row, keys) for row in rows], width, glyphs)
    if len(keys) == len(field_docs.HEADINGS):
        return table
    return Group(table, Text("djpkg fields NAME shows everything about a field", style="dim"))


def _leaves_room(rows: Sequence[Mapping[str, str]], keys: Sequence[str], width: int) -> bool:
    """Return whether the meaning, which is the last column, gets its minimum width."""
    *fixed, _ = natural_widths(_field_headers(keys), [_field_line(row, keys) for row in rows])
    return sum(fixed) + GAP * len(fixed) + _MIN_ABOUT <= width


def _field_headers(keys: Sequence[str]) -> list[Header]:
    return [Header(field_docs.HEADINGS[key].upper(), wraps=key == "about") for key in keys]


def _field_line(row: Mapping[str, str], keys: Sequence[str]) -> list[Cell]:
    first, *others = keys
    about = row["about"] if "example" in keys else f"{row['about']} ({row['example']})"
    return [Cell(row[first], "bold"), *(Cell(about if key == "about" else row[key]) for key in others)]


def field_blocks(fields: Sequence[Field], *, width: int, ascii_only: bool) -> RenderableType:
    """Return everything about these fields, one block of lines for each."""
    headers = [Header(title) for title in field_docs.HEADINGS.values()]
    lines = [[Cell(name, "bold"), *map(Cell, others)] for name, *others in map(field_docs.field_cells, fields)]
    return stack_blocks(headers, lines, width=width, ellipsis=get_glyphs(ascii_only=ascii_only).ellipsis, empty=False)


def status_table(lines: Sequence[tuple[str, str]], *, width: int, ascii_only: bool) -> RenderableType:
    """Return labelled lines; the label "" continues the one above."""
    glyphs = get_glyphs(ascii_only=ascii_only)
    cells = [[_escaped_cell(label, glyphs, "dim"), Cell(glyphs.escape(text))] for label, text in lines]
    return _table([Header(""), Header("", wraps=True)], cells, width, glyphs)


def checks_table(rows: Sequence[tuple[str, str, str, str | None]], *, width: int, ascii_only: bool) -> RenderableType:
    """Return the checks of a mirror, each with its status, name, message and remedy; the remedy has its own line."""
    glyphs = get_glyphs(ascii_only=ascii_only)
    headers = [Header("CHECK"), Header("STATUS"), Header("", wraps=True)]
    lines: list[list[Cell]] = []
    for status, name, message, remedy in rows:
        style = "dim" if status == "ok" else "bold"
        lines.append([_escaped_cell(name, glyphs), Cell(status, style), _escaped_cell(message, glyphs)])
        if remedy is not None:
            lines.append([Cell(""), Cell(""), _escaped_cell(f"{glyphs.arrow} {remedy}", glyphs)])
    return _table(headers, lines, width, glyphs)


def values_table(
    values: Values, columns: Sequence[Column], *, now: datetime, width: int, ascii_only: bool
) -> RenderableType:
    """Return the named fields of one package, and its state. `values` needs `known_values.NEEDED_COLUMNS` too."""
    glyphs = get_glyphs(ascii_only=ascii_only)
    lines = [
        [
            _escaped_cell(key, glyphs, "dim"),
            Cell(format_value(known_values.value(values, field.name), field.kind, glyphs, now=now, full=True)),
        ]
        for key, field in columns
    ]
    state = states.state_word(values)
    if state and all(field.name != "state" for _, field in columns):
        lines.append([Cell("state", "dim"), _escaped_cell(state, glyphs, states.state_style(state))])
    return _table([Header(""), Header("", wraps=True)], lines, width, glyphs)


def sources_table(
    package: Package, columns: Sequence[Column], *, now: datetime, width: int, ascii_only: bool
) -> RenderableType:
    """Return fields with their source, age and value.

    The upstream value of an edited field has its own line, as has each requirement. The values are as the sources
    stated them, also a 0 that other tables leave out.
    """
    glyphs = get_glyphs(ascii_only=ascii_only)
    headers = [Header("FIELD"), Header("SOURCE"), Header("AGE"), Header("VALUE", wraps=True)]
    lines: list[list[Cell]] = []

    def add_line(name: str, origin: Origin, value: Cell) -> None:
        text = f"{origin.source}, {describe_via(origin.via)}" if origin.via else origin.source
        source = Cell(f"you {glyphs.edited}", "cyan") if origin.source == YOU else _escaped_cell(text, glyphs)
        age = glyphs.escape(relative_time.relative(origin.at, now=now, short=True))
        lines.append([_escaped_cell(name, glyphs, "bold"), source, Cell(age, "dim"), value])

    for key, field in columns:
        add_line(
            key,
            package.origins[field.name],
            Cell(format_value(package.values.get(field.name), field.kind, glyphs, now=now)),
        )
        if field.name in package.upstream_origins:
            upstream = format_value(package.upstream[field.name], field.kind, glyphs, now=now) or "none"
            add_line("", package.upstream_origins[field.name], Cell(f"upstream: {upstream}", "dim"))
        if field.name == "requires":
            for one in package.dependencies.requires if package.dependencies else ():
                add_line("", package.origins[field.name], _escaped_cell(requirement_text(one), glyphs, "dim"))
    return _table(headers, lines, width, glyphs)


def _table(headers: list[Header], rows: list[list[Cell]], width: int, glyphs: Glyphs) -> TextGrid:
    """Return a table whose last column gets the remaining width; one block per row if that is too little.

    The first column is narrowed before that; longer cells of it get their own line.
    """
    first, *fixed, last = natural_widths(headers, rows)
    room = width - sum(fixed) - GAP * (len(headers) - 1) - min(last, _MIN_LAST)
    if room < min(first, _MIN_FIRST):
        return stack_blocks(headers, rows, width=width, ellipsis=glyphs.ellipsis, empty=False)
    first = min(first, max(room, _MIN_FIRST))
    last = min(last, room - first + min(last, _MIN_LAST))
    return TextGrid(headers, rows, [first, *fixed, last], ellipsis=glyphs.ellipsis)


def _escaped_cell(text: str, glyphs: Glyphs, style: str = "") -> Cell:
    return Cell(glyphs.escape(text, limit=_MAX_TEXT), style)
