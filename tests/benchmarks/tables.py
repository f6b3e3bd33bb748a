"""Statistics and plain-text tables."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Table(NamedTuple):
    """One table; `notes` are printed below it."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()


class Spread(NamedTuple):
    """A median and the quartiles."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f} to {self.high:.2f})"


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least two values."""
    return Spread(*quantiles(values, n=4, method="inclusive"))


def ratios(values: Sequence[float], others: Sequence[float]) -> Spread:
    """Return the ratios of values of the same turn, so that a slow phase of the machine affects both."""
    return spread([value / other for value, other in zip(values, others, strict=True)])


def milliseconds(seconds: Sequence[float]) -> str:
    """Return the median in milliseconds."""
    return f"{median(seconds) * 1000:.1f}"


def format_table(table: Table) -> str:
    """Return title, header, rows and notes; only the first column is left-aligned."""
    lines = [table.header, *table.rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(table.header))]

    def text(line: tuple[str, ...]) -> str:
        first, *others = (
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "   ".join([first, *others]).rstrip()

    rule = "-" * (sum(widths) + 3 * (len(widths) - 1))
    return "\n".join([table.title, rule, text(table.header), rule, *map(text, table.rows), *table.notes])
