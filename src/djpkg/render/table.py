"""The tables of `list` and `compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.console import Group
from rich.text import Text

from djpkg.model.fields import Kind, parse_columns
from djpkg.render import abbreviate, known_values, relative_time, states
from djpkg.render.compare import (
    DEFAULT_COLUMNS,
    NOTHING_UNFETCHED,
    best_indexes,
    format_compared,
    format_django_range,
    is_unfetched,
    never_best,
)
from djpkg.render.format_value import SPARKLINE_WIDTH, format_value, format_weeks
from djpkg.render.glyphs import get_glyphs
from djpkg.render.labelled_lines import Prose
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
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from djpkg.model.fields import Column
    from djpkg.model.package import Values
    from djpkg.render.compare import Unfetched
    from djpkg.render.glyphs import Glyphs

# The fields that the default table reads.
TABLE_FIELDS = (
    "slug",
    "edited",
    "repo_watchers",
    "used_by",
    "last_updated",
    "commits_over_52",
    "commits_last_year",
    "pypi_version",
    "released",
    "django_versions",
    "repo_state",
    "state",
    "repo_description",
)
# A column is left out if the names would get less than this width (or than the longest name).
_NAME_WIDTH = 24
# Longer names get a line of their own where descriptions are shown.
_MAX_NAME_WIDTH = 36
# Descriptions are shown where this width is left for them; below this terminal width the sparkline gives way.
_DESCRIPTION_WIDTH = 24
_SPARKLINE_FROM = 120
_VERSION_WIDTH = 12
_MAX_NAME = 200
_MAX_DESCRIPTION = 300
_UNKNOWN_WEEKS = {
    "": "not fetched",
    "empty": "no commits",
    "none": "no repository",
    "unsupported": "unsupported",
    "gone": "gone",
    "blocked": "blocked",
}
_MAX_SECTION_WIDTH = 32
# Texts of a comparison that are longer than the first are wrapped, to a width between the other two.
_MAX_SHORT_WIDTH = 24
_MIN_WRAPPED_WIDTH = 18
_MAX_WRAPPED_WIDTH = 40
_MAX_LINES = 5
_BEST = "*"
# A whole sentence would widen its column for all packages.
_FUTURE = "future"
_NO_MATCHES: Mapping[str, str] = {}
# Names of packages in a note; the rest is counted.
_NAMES_IN_NOTE = 3
_MAX_NOTE_WIDTH = 120


class _Column(NamedTuple):
    """A column of the default table: its name and its header."""

    name: str
    header: Header


_NAME = _Column("name", Header("PACKAGE"))
_USED_BY = _Column("used_by", Header("USED BY", right=True))
_COMMIT = _Column("commit", Header("COMMIT"))
_WEEKS = _Column("weeks", Header("52 WEEKS"))
_RELEASE = _Column("release", Header("RELEASE"))
_AGE = _Column("age", Header(""))
_RELEASED = _Column("age", Header("RELEASE"))
_DJANGO = _Column("django", Header("DJANGO"))
_STATE = _Column("state", Header("STATE"))
_DESCRIPTION = _Column("description", Header("DESCRIPTION"))


def packages_table(
    rows: Sequence[Values],
    *,
    columns: Sequence[Column] | None,
    now: datetime,
    width: int,
    ascii_only: bool,
    matches: Mapping[str, str] = _NO_MATCHES,
    with_used_by: bool = False,
) -> RenderableType:
    """Return one row per package: with the default columns that fit, or with the chosen ones and the state.

    `with_used_by` adds that number to the default columns.
    Rows need `TABLE_FIELDS`, or "slug", the fields of the columns and `known_values.NEEDED_COLUMNS`. Chosen columns
    that do not fit are shown as one block of lines per package. `matches` holds, by slug, the grid or category by which
    alone a package was found.
    """
    glyphs = get_glyphs(ascii_only=ascii_only)
    if columns is None:
        return _default_table(rows, matches, glyphs, now, width, with_used_by=with_used_by)
    table = _chosen_table(rows, columns, glyphs, now, width)
    return Group(table, _match_note(matches, glyphs)) if matches else table


def _chosen_table(
    rows: Sequence[Values], columns: Sequence[Column], glyphs: Glyphs, now: datetime, width: int
) -> TextGrid:
    if all(column.field.name != "state" for column in columns):
        columns = (*columns, *parse_columns("state"))
    headers = [Header(glyphs.escape(column.key.upper()), right=column.field.kind is Kind.INTEGER) for column in columns]
    lines = [[_chosen_cell(row, column, glyphs, now) for column in columns] for row in rows]
    return fit_columns(headers, lines, width=width, ellipsis=glyphs.ellipsis) or stack_blocks(
        headers, lines, width=width, ellipsis=glyphs.ellipsis
    )


def _chosen_cell(row: Values, column: Column, glyphs: Glyphs, now: datetime) -> Cell:
    if column.field.name == "state":
        return _state_cell(row, glyphs)
    return Cell(format_value(known_values.value(row, column.field.name), column.field.kind, glyphs, now=now))


def comparison(
    rows: Sequence[Values],
    columns: Sequence[Column] | None,
    *,
    now: datetime,
    width: int,
    ascii_only: bool,
    unfetched: Unfetched = NOTHING_UNFETCHED,
) -> RenderableType:
    """Return the packages as columns, or as rows if they do not fit, with the best value of each field marked.

    Without `columns` the default ones of which any value is known; with them also the state, unless all are active.
    Rows need "slug", the fields of the columns and `NEEDED_COLUMNS` of `djpkg.render.compare`. `unfetched` holds the
    values that no fetch has confirmed.
    """
    glyphs = get_glyphs(ascii_only=ascii_only)
    if columns is None:
        columns = [
            column
            for column in DEFAULT_COLUMNS
            if any(cell.text for cell in _compared_cells(rows, column, unfetched, glyphs, now))
        ]
    elif any(map(states.state_word, rows)) and all(column.field.name != "state" for column in columns):
        columns = (*parse_columns("state"), *columns)
    slugs = [Cell(glyphs.escape(known_values.text(row, "slug"), limit=_MAX_NAME), "bold") for row in rows]
    titles = [glyphs.escape(column.key.replace("_", " ")) for column in columns]
    # One list per field: the cells of all packages.
    lines = [_compared_cells(rows, column, unfetched, glyphs, now) for column in columns]
    legend = map(_note, _legend(rows, lines, glyphs))
    return Group(
        *(_beside(titles, slugs, lines, width, glyphs) or _sections(titles, slugs, lines, width, glyphs)), *legend
    )


def _compared_cells(
    rows: Sequence[Values], column: Column, unfetched: Unfetched, glyphs: Glyphs, now: datetime
) -> list[Cell]:
    name = column.field.name
    if name == "state":
        return [_state_cell(row, glyphs) for row in rows]
    winners = best_indexes(rows, name, now=now)
    cells = []
    for index, row in enumerate(rows):
        text = format_compared(row, column, glyphs, now=now)
        marks = [_BEST] if index in winners else []
        if text and is_unfetched(row, name, unfetched):
            marks.append(glyphs.from_catalog)
        style = "bold green" if index in winners else ""
        cells.append(Cell(text, style, f" {' '.join(marks)}" if marks else "", "green" if index in winners else ""))
    return cells


def _legend(rows: Sequence[Values], lines: Sequence[Sequence[Cell]], glyphs: Glyphs) -> Iterator[str]:
    """Yield what each mark means that is used."""
    tails = {mark for line in lines for cell in line for mark in cell.tail.split()}
    if _BEST in tails:
        left_out = dict.fromkeys(known_values.text(row, "state") for row in rows if never_best(row))
        yield f"{_BEST} best value" + (f"; packages that are {_join(list(left_out))} do not count" if left_out else "")
    if glyphs.from_catalog in tails:
        yield f"{glyphs.from_catalog} from the catalog, not from a fetch"


def _join(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _beside(
    titles: list[str], slugs: list[Cell], lines: list[list[Cell]], width: int, glyphs: Glyphs
) -> list[RenderableType] | None:
    """Return the packages as columns, with long texts over several lines; None if they do not fit."""
    headers = [Header(""), *(Header(slug.text, wraps=True, most_lines=_MAX_LINES) for slug in slugs)]
    across = [[Cell(title, "dim"), *line] for title, line in zip(titles, lines, strict=True)]
    widest = natural_widths(headers, across)
    widths = natural_widths(headers, [[_without_long_text(cell) for cell in line] for line in across])
    room = width - sum(widths) - GAP * len(slugs)
    if room < 0:
        return None
    for index in range(1, len(widths)):
        # What a column does not need is left for those after it.
        added = min(room // (len(widths) - index), max(min(widest[index], _MAX_WRAPPED_WIDTH) - widths[index], 0))
        widths[index] += added
        room -= added
    if any(own < min(longest, _MIN_WRAPPED_WIDTH) for own, longest in zip(widths, widest, strict=True)):
        return None
    return [TextGrid(headers, across, widths, ellipsis=glyphs.ellipsis)]


def _without_long_text(cell: Cell) -> Cell:
    return cell if cell.width <= _MAX_SHORT_WIDTH else Cell("")


def _sections(
    titles: list[str], slugs: list[Cell], lines: list[list[Cell]], width: int, glyphs: Glyphs
) -> list[RenderableType]:
    """Return the packages as rows, in as many tables below each other as the width needs."""
    name_width = min(max((slug.width for slug in slugs), default=0), _NAME_WIDTH)
    headers = list(map(Header, titles))
    widths = [min(one, _MAX_SECTION_WIDTH) for one in natural_widths(headers, list(zip(*lines, strict=True)))]
    sections: list[list[int]] = [[]]
    for index in range(len(widths)):
        if sections[-1] and name_width + sum(widths[one] + GAP for one in (*sections[-1], index)) > width:
            sections.append([])
        sections[-1].append(index)
    # Longer names have the room that is left in every table.
    room = max(width - max(sum(widths[one] + GAP for one in section) for section in sections), name_width)
    name_width = max((slug.width for slug in slugs if slug.width <= room), default=name_width)
    tables: list[RenderableType] = []
    for section in sections:
        rows = list(zip(slugs, *(lines[one] for one in section), strict=True))
        own = [name_width, *(widths[one] for one in section)]
        table = TextGrid([Header(""), *(headers[one] for one in section)], rows, own, ellipsis=glyphs.ellipsis)
        tables += [Text(""), table] if tables else [table]
    return tables


def _default_table(
    rows: Sequence[Values],
    matches: Mapping[str, str],
    glyphs: Glyphs,
    now: datetime,
    width: int,
    *,
    with_used_by: bool,
) -> RenderableType:
    cells = [_default_cells(row, matches, glyphs, now) for row in rows]
    columns = _choose_columns(cells, glyphs, width, with_used_by=with_used_by)
    is_described = columns[-1] is _DESCRIPTION
    widths = _column_widths(cells, columns)
    if is_described:
        widths[-1] = min(widths[-1], _DESCRIPTION_WIDTH)
    room = max(width - sum(widths[1:]) - GAP * (len(columns) - 1), 1)
    widths[0] = _name_width(cells, min(room, _MAX_NAME_WIDTH) if is_described else room)
    if is_described:
        widths[-1] += room - widths[0]
    headers = [column.header for column in columns]
    table = TextGrid(
        headers, [[row[column.name] for column in columns] for row in cells], widths, ellipsis=glyphs.ellipsis
    )
    notes = [_match_note(matches, glyphs)] if matches and not is_described else []
    ages = [column.name for column in columns if column in (_COMMIT, _AGE, _RELEASED)]
    if any(row[name].text == _FUTURE for row in cells for name in ages):
        notes.append(_note(f"{_FUTURE}: {relative_time.AHEAD}, so no known date"))
    return Group(table, *notes)


def _choose_columns(
    cells: Sequence[dict[str, Cell]], glyphs: Glyphs, width: int, *, with_used_by: bool
) -> tuple[_Column, ...]:
    """Return the first set of columns that leaves the names, and the descriptions, enough room."""
    star = _Column("stars", Header(glyphs.star.upper(), right=True))
    numbers = (star, _USED_BY) if with_used_by else (star,)
    with_version = (_NAME, *numbers, _COMMIT, _RELEASE, _AGE, _DJANGO)
    without_version = (_NAME, *numbers, _COMMIT, _RELEASED, _DJANGO)
    choices: tuple[tuple[_Column, ...], ...] = (
        *([(*with_version, _WEEKS, _STATE, _DESCRIPTION)] if width >= _SPARKLINE_FROM else []),
        (*with_version, _STATE, _DESCRIPTION),
        (*without_version, _STATE, _DESCRIPTION),
        (*with_version, _STATE),
        (*without_version, _STATE),
        (_NAME, *numbers, _COMMIT, _DJANGO, _STATE),
        (_NAME, *numbers, _DJANGO, _STATE),
    )
    for columns in choices:
        widths = _column_widths(cells, columns)
        needed = [_name_width(cells, _NAME_WIDTH), *widths[1:]]
        if columns[-1] is _DESCRIPTION:
            needed[-1] = min(needed[-1], _DESCRIPTION_WIDTH)
        if sum(needed) + GAP * (len(columns) - 1) <= width:
            return columns
    return (_NAME, *numbers[1:], _DJANGO, _STATE)


def _name_width(cells: Sequence[dict[str, Cell]], most: int) -> int:
    """Return the width for the names, at most `most`: longer names get a line of their own and need no width."""
    header = display_width(_NAME.header.title)
    fitting = [width for row in cells if (width := row["name"].width) <= most]
    return min(max(header, max(fitting, default=most if cells else header)), most)


def _column_widths(cells: Sequence[dict[str, Cell]], columns: Sequence[_Column]) -> list[int]:
    return [
        max(display_width(column.header.title), max((row[column.name].width for row in cells), default=0))
        for column in columns
    ]


def _default_cells(row: Values, matches: Mapping[str, str], glyphs: Glyphs, now: datetime) -> dict[str, Cell]:
    """Return the cells of one package by column name."""
    slug = known_values.text(row, "slug")
    stars = known_values.figure(row, "repo_watchers")
    used_by = known_values.figure(row, "used_by")
    description = " ".join(known_values.text(row, "repo_description").split())
    found_by = f"({matches[slug]}) " if slug in matches else ""
    return {
        "name": Cell(
            glyphs.escape(slug, limit=_MAX_NAME), "bold", f" {glyphs.edited}" if row.get("edited") else "", "cyan"
        ),
        "stars": Cell("" if stars is None else abbreviate.short_count(stars)),
        "used_by": Cell("" if used_by is None else f"{used_by:,}"),
        "commit": Cell(_age(row, "last_updated", glyphs, now)),
        "weeks": _weeks_cell(row, glyphs),
        "release": Cell(_version(row, glyphs)),
        "age": Cell(_age(row, "released", glyphs, now)),
        "django": Cell(format_django_range(row, glyphs)),
        "state": _state_cell(row, glyphs),
        "description": Cell(glyphs.escape(found_by + description, limit=_MAX_DESCRIPTION)),
    }


def _age(row: Values, name: str, glyphs: Glyphs, now: datetime) -> str:
    age = relative_time.relative(known_values.text(row, name), now=now, short=True)
    return _FUTURE if age == relative_time.AHEAD else glyphs.escape(age)


def _state_cell(row: Values, glyphs: Glyphs) -> Cell:
    state = states.state_word(row)
    return Cell(glyphs.escape(state), states.state_style(state))


def _match_note(matches: Mapping[str, str], glyphs: Glyphs) -> Prose:
    """Return the line that names the packages without the words of the query in their own texts."""
    found = [f"{glyphs.escape(slug)} ({glyphs.escape(match)})" for slug, match in matches.items()]
    if len(found) > _NAMES_IN_NOTE + 1:
        found[_NAMES_IN_NOTE:] = [f"{len(found) - _NAMES_IN_NOTE:,} more"]
    return _note(f"found only by grid or category: {', '.join(found)}")


def _note(text: str) -> Prose:
    """Return a line below a table."""
    return Prose(Text(text, style="dim"), _MAX_NOTE_WIDTH)


def _weeks_cell(row: Values, glyphs: Glyphs) -> Cell:
    counts = known_values.weeks(row)
    if counts:
        return Cell(format_weeks(counts, glyphs), "green")
    reason = _UNKNOWN_WEEKS.get(known_values.text(row, "repo_state"), "unknown")
    return Cell(f"{glyphs.dot} {reason} {glyphs.dot}".ljust(SPARKLINE_WIDTH), "dim")


def _version(row: Values, glyphs: Glyphs) -> str:
    text = glyphs.escape(known_values.text(row, "pypi_version"), limit=_MAX_NAME)
    return truncate(text, _VERSION_WIDTH, glyphs.ellipsis)
