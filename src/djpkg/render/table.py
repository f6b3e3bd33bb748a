"""The table of `list`, and the one of `compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.console import Group
from rich.text import Text

from djpkg.model.fields import Kind
from djpkg.render import abbreviate, known_figures, relative_time, states
from djpkg.render import typed_values as look
from djpkg.render.compare import COMPARED, best, compared, declared_django
from djpkg.render.format_value import SPARK_WIDTH, format_value, format_weeks
from djpkg.render.glyphs import glyphs as glyphs_for
from djpkg.render.text_grid import GAP, Cell, Head, TextGrid, fit, fit_columns, natural_widths, stack_blocks, width_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from djpkg.model.fields import Column
    from djpkg.model.package import Values
    from djpkg.render.glyphs import Glyphs

# What a row needs for the table without chosen columns.
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
# A name's column gets at least this much (or the longest name) before the next column is left out.
_NAME_WIDTH = 24
_VERSION_WIDTH = 12
_LONGEST_NAME = 200
_UNKNOWN_WEEKS = {"empty": "no commits", "none": "no repository", "unsupported": "unsupported"}
_MOST_SECTIONS_WIDTH = 32


class _Part(NamedTuple):
    """A column of the table by its name, with its head."""

    name: str
    head: Head


_NAME = _Part("name", Head("PACKAGE"))
_COMMIT = _Part("commit", Head("COMMIT"))
_WEEKS = _Part("weeks", Head("52 WEEKS"))
_SUM = _Part("sum", Head("52 WEEKS", right=True))
_RELEASE = _Part("release", Head("RELEASE"))
_AGE = _Part("age", Head(""))
_RELEASED = _Part("age", Head("RELEASE"))
_DJANGO = _Part("django", Head("DJANGO"))
_STATE = _Part("state", Head(""))


def packages_table(
    rows: Sequence[Values], *, columns: Sequence[Column] | None, now: datetime, width: int, ascii_only: bool
) -> RenderableType:
    """Packages under each other: the usual columns, as many as fit, or the chosen ones.

    Rows need `TABLE_FIELDS`, or the fields of the columns and `known.NEEDED`. Chosen columns that do not fit beside
    each other are shown as blocks of lines, one block a package.
    """
    glyphs = glyphs_for(ascii_only=ascii_only)
    if columns is None:
        return _usual(rows, glyphs, now, width)
    heads = [Head(glyphs.foreign(column.key.upper()), right=column.field.kind is Kind.INTEGER) for column in columns]
    lines = [
        [
            Cell(format_value(known_figures.known_value(row, field.name), field.kind, glyphs, now=now))
            for _, field in columns
        ]
        for row in rows
    ]
    return fit_columns(heads, lines, width=width, ellipsis=glyphs.ellipsis) or stack_blocks(
        heads, lines, width=width, ellipsis=glyphs.ellipsis
    )


def comparison(
    rows: Sequence[Values],
    columns: Sequence[Column] = COMPARED,
    *,
    now: datetime,
    width: int,
    ascii_only: bool,
) -> RenderableType:
    """Packages beside each other, or where they are too many for that under each other, the best of each field marked.

    Rows need "slug", the fields of the columns and `BESIDE`.
    """
    glyphs = glyphs_for(ascii_only=ascii_only)
    slugs = [Cell(glyphs.foreign(look.text(row, "slug"), limit=_LONGEST_NAME), "bold") for row in rows]
    titles = [glyphs.foreign(column.key.replace("_", " ")) for column in columns]
    # By field: the cells of all packages.
    lines = [_compared(rows, column, glyphs, now) for column in columns]
    legend = Text("* the best of all", style="dim")
    notes = [legend] if any(cell.tail for line in lines for cell in line) else []
    heads = [Head(""), *(Head(slug.text) for slug in slugs)]
    across = [[Cell(title, "dim"), *line] for title, line in zip(titles, lines, strict=True)]
    widths = natural_widths(heads, across)
    if sum(widths) + GAP * len(slugs) <= width:
        return Group(TextGrid(heads, across, widths, ellipsis=glyphs.ellipsis), *notes)
    return Group(*_sections(titles, slugs, lines, width, glyphs), *notes)


def _compared(rows: Sequence[Values], column: Column, glyphs: Glyphs, now: datetime) -> list[Cell]:
    winners = best(rows, column.field.name)
    texts = [compared(row, column, glyphs, now=now) for row in rows]
    return [Cell(text, "bold green", " *", "green") if i in winners else Cell(text) for i, text in enumerate(texts)]


def _sections(
    titles: list[str], slugs: list[Cell], lines: list[list[Cell]], width: int, glyphs: Glyphs
) -> list[RenderableType]:
    """Packages as rows, the fields in as many tables under each other as the width makes necessary."""
    first = min(max((slug.cells for slug in slugs), default=0), _NAME_WIDTH)
    sections: list[RenderableType] = []
    heads, widths, columns = [Head("")], [first], [slugs]
    for title, line in zip(titles, lines, strict=True):
        head = Head(title)
        wide = min(max(width_of(title), max((cell.cells for cell in line), default=0)), _MOST_SECTIONS_WIDTH)
        if len(heads) > 1 and sum(widths) + GAP * len(heads) + wide > width:
            sections.append(TextGrid(heads, list(zip(*columns, strict=True)), widths, ellipsis=glyphs.ellipsis))
            sections.append(Text(""))
            heads, widths, columns = [Head("")], [first], [slugs]
        heads, widths, columns = [*heads, head], [*widths, wide], [*columns, line]
    sections.append(TextGrid(heads, list(zip(*columns, strict=True)), widths, ellipsis=glyphs.ellipsis))
    return sections


def _usual(rows: Sequence[Values], glyphs: Glyphs, now: datetime, width: int) -> TextGrid:
    cells = [_cells(row, glyphs, now) for row in rows]
    parts = _parts(cells, glyphs, width)
    widths = _widths(cells, parts)
    room = width - sum(widths[1:]) - GAP * (len(parts) - 1)
    widths[0] = max(min(widths[0], room), 1)
    heads = [part.head for part in parts]
    return TextGrid(heads, [[row[part.name] for part in parts] for row in cells], widths, ellipsis=glyphs.ellipsis)


def _parts(cells: Sequence[dict[str, Cell]], glyphs: Glyphs, width: int) -> tuple[_Part, ...]:
    """The richest choice of columns that leaves the names enough room."""
    star = _Part("stars", Head(glyphs.star.upper(), right=True))
    choices: tuple[tuple[_Part, ...], ...] = (
        (_NAME, star, _COMMIT, _WEEKS, _RELEASE, _AGE, _DJANGO),
        (_NAME, star, _COMMIT, _SUM, _RELEASE, _AGE, _DJANGO),
        (_NAME, star, _COMMIT, _RELEASE, _AGE, _DJANGO),
        (_NAME, star, _COMMIT, _RELEASED, _DJANGO),
        (_NAME, star, _COMMIT, _RELEASED, _STATE),
        (_NAME, star, _COMMIT, _STATE),
    )
    for parts in choices:
        widths = _widths(cells, parts)
        if min(widths[0], _NAME_WIDTH) + sum(widths[1:]) + GAP * (len(parts) - 1) <= width:
            return parts
    return (_NAME, star)


def _widths(cells: Sequence[dict[str, Cell]], parts: Sequence[_Part]) -> list[int]:
    return [max(width_of(part.head.title), max((row[part.name].cells for row in cells), default=0)) for part in parts]


def _cells(row: Values, glyphs: Glyphs, now: datetime) -> dict[str, Cell]:
    """One package's cells by the name of the part that shows them."""
    words = states.states(row)
    state = " ".join(words)
    in_style = states.style(words[0]) if words else ""
    django = declared_django(row, glyphs)
    stars, total = (
        known_figures.known_figure(row, "repo_watchers"),
        known_figures.known_figure(row, "commits_last_year"),
    )
    return {
        "name": Cell(
            glyphs.foreign(look.text(row, "slug"), limit=_LONGEST_NAME),
            "bold",
            f" {glyphs.edited}" if row.get("edited") else "",
            "cyan",
        ),
        "stars": Cell("" if stars is None else abbreviate.short_count(stars)),
        "commit": Cell(glyphs.foreign(relative_time.relative_short(look.text(row, "last_updated"), now=now))),
        "weeks": _weeks(row, glyphs),
        "sum": Cell("" if total is None else abbreviate.short_count(total)),
        "release": Cell(_version(row, glyphs)),
        "age": Cell(glyphs.foreign(relative_time.relative_short(look.text(row, "released"), now=now))),
        # Under the head stands what is declared, nothing else.
        "django": Cell(django or " " * len(_DJANGO.head.title), "", f"  {state}", in_style) if state else Cell(django),
        "state": Cell("", "", state, in_style),
    }


def _weeks(row: Values, glyphs: Glyphs) -> Cell:
    counts = known_figures.known_weeks(row)
    if counts:
        return Cell(format_weeks(counts, glyphs), "green")
    reason = _UNKNOWN_WEEKS.get(look.text(row, "repo_state"), "not fetched")
    return Cell(f"{glyphs.dot} {reason} {glyphs.dot}".ljust(SPARK_WIDTH), "dim")


def _version(row: Values, glyphs: Glyphs) -> str:
    text = glyphs.foreign(look.text(row, "pypi_version"), limit=_LONGEST_NAME)
    return fit(text, _VERSION_WIDTH, glyphs.ellipsis)
