"""Tables without borders.

Rich's Table measures and pads every cell as a renderable, which takes seconds for the whole catalog. Here a row is a
few segments.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions
    from rich.style import Style

GAP = 2
_MIN_WIDTH = 12


class Header(NamedTuple):
    """A column's header. `wraps` lets its cells take several lines, at most `most_lines` (0 for any number)."""

    title: str
    right: bool = False
    wraps: bool = False
    most_lines: int = 0


class Cell(NamedTuple):
    """A cell's text and a tail in another style. Both are escaped already."""

    text: str
    style: str = ""
    tail: str = ""
    tail_style: str = ""

    @property
    def width(self) -> int:
        """The number of terminal columns."""
        return display_width(self.text) + display_width(self.tail)


class TextGrid:
    """A renderable of rows under headers.

    A first cell wider than its column gets its own line; other cells are cut with the ellipsis.
    """

    def __init__(
        self, headers: Sequence[Header], rows: Sequence[Sequence[Cell]], widths: Sequence[int], *, ellipsis: str
    ) -> None:
        self.headers = headers
        self.rows = rows
        self.widths = widths
        self.ellipsis = ellipsis

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        styles: dict[str, Style] = {}

        def segment(text: str, style: str) -> Segment:
            if not style:
                return Segment(text)
            if style not in styles:
                styles[style] = console.get_style(style)
            return Segment(text, styles[style])

        if any(header.title for header in self.headers):
            for text, style in self._line([Cell(header.title, "bold") for header in self.headers]):
                yield segment(text, style)
        for row in self.rows:
            for line in self._lines(row, console, options.max_width):
                for text, style in self._line(line):
                    yield segment(text, style)

    def _lines(self, row: Sequence[Cell], console: Console, width: int) -> Iterator[Sequence[Cell]]:
        """Yield the lines of a row."""
        first, *others = row
        if first.width > self.widths[0]:
            tail = display_width(first.tail)
            yield [first._replace(text=truncate(first.text, width - tail, self.ellipsis))]
            first = Cell("")
            if not any(cell.text or cell.tail for cell in others):
                return
        cells = [first, *others]
        if not any(header.wraps for header in self.headers):
            yield cells
            return
        wrapped = [
            self._wrap(cell, header, room, console)
            for cell, header, room in zip(cells, self.headers, self.widths, strict=False)
        ]
        for line in zip_longest(*wrapped, fillvalue=Cell("")):
            yield list(line)

    def _wrap(self, cell: Cell, header: Header, width: int, console: Console) -> list[Cell]:
        """Return the lines of one cell."""
        if not header.wraps or cell.width <= width:
            return [cell]
        lines = [part.plain.rstrip() for part in Text(cell.text + cell.tail).wrap(console, width, overflow="fold")]
        if header.most_lines and len(lines) > header.most_lines:
            rest = " ".join(lines[header.most_lines - 1 :])
            lines[header.most_lines - 1 :] = [truncate(rest, width, self.ellipsis)]
        return [Cell(line, cell.style) for line in lines]

    def _line(self, row: Sequence[Cell]) -> Iterator[tuple[str, str]]:
        """Yield the texts of one line with their styles, up to the last cell that is not empty."""
        last = max((index for index, cell in enumerate(row) if cell.text or cell.tail), default=-1)
        alone = len(row) == 1
        for index, (cell, header, width) in enumerate(zip(row[: last + 1], self.headers, self.widths, strict=False)):
            if alone:
                shown, free = cell, 0
            else:
                shown = cell._replace(text=truncate(cell.text, width - display_width(cell.tail), self.ellipsis))
                free = max(width - shown.width, 0)
            if header.right and free:
                yield " " * free, ""
            yield shown.text, shown.style
            if shown.tail:
                yield shown.tail, shown.tail_style
            rest = (0 if header.right else free) + GAP
            if index < last:
                yield " " * rest, ""
        yield "\n", ""


def fit_columns(
    headers: Sequence[Header], rows: Sequence[Sequence[Cell]], *, width: int, ellipsis: str
) -> TextGrid | None:
    """Return the rows in `width` columns, narrowing the widest columns first; None if they do not fit."""
    natural = natural_widths(headers, rows)
    room = width - GAP * (len(headers) - 1)
    minimum = [
        min(longest, max(display_width(header.title), _MIN_WIDTH))
        for longest, header in zip(natural, headers, strict=True)
    ]
    if sum(minimum) > room:
        return None
    return TextGrid(headers, rows, _narrow(natural, minimum, room), ellipsis=ellipsis)


def stack_blocks(
    headers: Sequence[Header], rows: Sequence[Sequence[Cell]], *, width: int, ellipsis: str, empty: bool = True
) -> TextGrid:
    """Return the rows as blocks: one line per cell beside its header, a blank line between rows.

    Without `empty`, empty cells are left out, and a row whose first cell is empty continues the block above.
    """
    label = min(max((display_width(header.title) for header in headers), default=0), max(width // 2, 1))
    lines: list[list[Cell]] = []
    for row in rows:
        if lines and (row[0].text or empty):
            lines.append([Cell(""), Cell("")])
        lines.extend(
            [Cell(truncate(header.title.lower(), label, ellipsis), "dim"), cell]
            for header, cell in zip(headers, row, strict=True)
            if empty or cell.text or cell.tail
        )
    room = max(width - label - GAP, 1)
    return TextGrid([Header(""), Header("", wraps=True)], lines, [label, room], ellipsis=ellipsis)


def natural_widths(headers: Sequence[Header], rows: Sequence[Sequence[Cell]]) -> list[int]:
    """Return the width of each column's longest text."""
    return [
        max(display_width(header.title), max((cell.width for cell in column), default=0))
        for header, column in zip(headers, zip(*rows, strict=True) if rows else [()] * len(headers), strict=True)
    ]


def _narrow(natural: list[int], minimum: list[int], room: int) -> list[int]:
    """Reduce the widest columns to one common width that fits; no column gets narrower than its minimum."""

    def limited(limit: int) -> list[int]:
        return [max(min(longest, limit), least) for longest, least in zip(natural, minimum, strict=True)]

    low, high = 0, max(natural)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(limited(middle)) <= room:
            low = middle
        else:
            high = middle - 1
    return limited(low)


def display_width(text: str) -> int:
    """Return the number of terminal columns of a text."""
    return len(text) if text.isascii() else cell_len(text)


def truncate(text: str, width: int, ellipsis: str) -> str:
    """Return the text in at most `width` columns, ending with the ellipsis if it is cut."""
    if display_width(text) <= width:
        return text
    room = width - len(ellipsis)
    return set_cell_size(text, room).rstrip() + ellipsis if room > 0 else set_cell_size(text, max(width, 0))
