"""Lines of cells under each other, without boxes.

Rich's own Table measures and pads every cell as a renderable, which takes seconds for a whole directory; here a row is
a handful of segments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions
    from rich.style import Style

GAP = 2
_NARROWEST = 4


class Head(NamedTuple):
    """A column's head. `wraps` lets its cells run over several lines (of the last column only)."""

    title: str
    right: bool = False
    wraps: bool = False


class Cell(NamedTuple):
    """A cell's text, and what follows it in another style. Both are safe already."""

    text: str
    style: str = ""
    tail: str = ""
    tail_style: str = ""

    @property
    def cells(self) -> int:
        """How many columns of the terminal it takes."""
        return width_of(self.text) + width_of(self.tail)


class TextGrid:
    """A renderable of rows under heads.

    A first cell that is wider than its column stands on a line of its own, any other is cut with the ellipsis.
    """

    def __init__(
        self, heads: Sequence[Head], rows: Sequence[Sequence[Cell]], widths: Sequence[int], *, ellipsis: str
    ) -> None:
        self.heads = heads
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

        if any(head.title for head in self.heads):
            for text, style in self._line([Cell(head.title, "bold") for head in self.heads]):
                yield segment(text, style)
        for row in self.rows:
            for line in self._lines(row, console, options.max_width):
                for text, style in self._line(line):
                    yield segment(text, style)

    def _lines(self, row: Sequence[Cell], console: Console, width: int) -> Iterator[Sequence[Cell]]:
        """The row as one line or more."""
        first, *others = row
        if first.cells > self.widths[0]:
            tail = width_of(first.tail)
            yield [first._replace(text=fit(first.text, width - tail, self.ellipsis))]
            first = Cell("")
            if not any(cell.text or cell.tail for cell in others):
                return
        *others, last = [first, *others]
        if not (self.heads[-1].wraps and last.cells > self.widths[-1]):
            yield [*others, last]
            return
        for wrapped in Text(last.text + last.tail).wrap(console, self.widths[-1], overflow="fold"):
            yield [*others, Cell(wrapped.plain.rstrip(), last.style)]
            others = [Cell("")] * len(others)

    def _line(self, row: Sequence[Cell]) -> Iterator[tuple[str, str]]:
        """The pieces of one line in their styles, nothing after the last that holds something."""
        last = max((place for place, cell in enumerate(row) if cell.text or cell.tail), default=-1)
        alone = len(row) == 1
        for place, (cell, head, width) in enumerate(zip(row[: last + 1], self.heads, self.widths, strict=False)):
            if alone:
                shown, free = cell, 0
            else:
                shown = cell._replace(text=fit(cell.text, width - width_of(cell.tail), self.ellipsis))
                free = max(width - shown.cells, 0)
            if head.right and free:
                yield " " * free, ""
            yield shown.text, shown.style
            if shown.tail:
                yield shown.tail, shown.tail_style
            rest = (0 if head.right else free) + GAP
            if place < last:
                yield " " * rest, ""
        yield "\n", ""


def fit_columns(heads: Sequence[Head], rows: Sequence[Sequence[Cell]], *, width: int, ellipsis: str) -> TextGrid | None:
    """The rows in `width` columns, the widest columns narrowed as far as needed; None if they do not fit at all."""
    natural = natural_widths(heads, rows)
    room = width - GAP * (len(heads) - 1)
    least = [min(wide, max(width_of(head.title), _NARROWEST)) for wide, head in zip(natural, heads, strict=True)]
    if sum(least) > room:
        return None
    return TextGrid(heads, rows, _narrow(natural, least, room), ellipsis=ellipsis)


def stack_blocks(
    heads: Sequence[Head], rows: Sequence[Sequence[Cell]], *, width: int, ellipsis: str, empty: bool = True
) -> TextGrid:
    """A line for each cell of each row behind its head, a blank line between rows.

    Without `empty`, cells of no text are left out, and a row whose first is one goes on with the row before.
    """
    label = min(max((width_of(head.title) for head in heads), default=0), max(width // 2, 1))
    lines: list[list[Cell]] = []
    for row in rows:
        if lines and (row[0].text or empty):
            lines.append([Cell(""), Cell("")])
        lines.extend(
            [Cell(fit(head.title.lower(), label, ellipsis), "dim"), cell]
            for head, cell in zip(heads, row, strict=True)
            if empty or cell.text or cell.tail
        )
    room = max(width - label - GAP, 1)
    return TextGrid([Head(""), Head("", wraps=True)], lines, [label, room], ellipsis=ellipsis)


def natural_widths(heads: Sequence[Head], rows: Sequence[Sequence[Cell]]) -> list[int]:
    """How wide each column would like to be."""
    return [
        max(width_of(head.title), max((cell.cells for cell in column), default=0))
        for head, column in zip(heads, zip(*rows, strict=True) if rows else [()] * len(heads), strict=True)
    ]


def _narrow(natural: list[int], least: list[int], room: int) -> list[int]:
    """The widest give way first, all of them down to one width, none below its least."""
    low, high = 0, max(natural)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(max(min(wide, middle), small) for wide, small in zip(natural, least, strict=True)) <= room:
            low = middle
        else:
            high = middle - 1
    return [max(min(wide, low), small) for wide, small in zip(natural, least, strict=True)]


def width_of(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int, ellipsis: str) -> str:
    """The text in at most `width` columns, with the ellipsis where it had to be cut."""
    if width_of(text) <= width:
        return text
    room = width - len(ellipsis)
    return set_cell_size(text, room).rstrip() + ellipsis if room > 0 else set_cell_size(text, max(width, 0))
