"""Figures and the plain tables that they are shown in."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Table(NamedTuple):
    """One table of a section; `notes` follow it."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()


class Spread(NamedTuple):
    """A median and the quartiles around it."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f} to {self.high:.2f})"


def spread(values: Sequence[float]) -> Spread:
    """Of at least two values."""
    return Spread(*quantiles(values, n=4, method="inclusive"))


def ratios(values: Sequence[float], others: Sequence[float]) -> Spread:
    """Of each value to the one of the same turn: what slows the machine down for a while, slows both."""
    return spread([value / other for value, other in zip(values, others, strict=True)])


def milliseconds(seconds: Sequence[float]) -> str:
    """Their median."""
    return f"{median(seconds) * 1000:.1f}"


def format_table(table: Table) -> str:
    """Title, header and rows, the first column to the left and all others to the right."""
    lines = [table.header, *table.rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(table.header))]

    def text(line: tuple[str, ...]) -> str:
        first, *others = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "   ".join([first, *others]).rstrip()

    rule = "-" * (sum(widths) + 3 * (len(widths) - 1))
    return "\n".join([table.title, rule, text(table.header), rule, *map(text, table.rows), *table.notes])
