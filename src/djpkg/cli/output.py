"""Packages as lines for programs: JSON, CSV, TSV, each page written as it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.cli import terminal
from djpkg.mirror import listing
from djpkg.render.delimited import csv_line, tsv_line

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from djpkg.model.fields import Column


def write_json(mirror: sqlite3.Connection, ids: Sequence[int], columns: Sequence[Column], *, array: bool) -> None:
    """Packages as JSON, one a line; an array opens and closes on lines of their own."""
    pages = (page for page in listing.get_json(mirror, ids, columns))
    write_pages(pages, array=array)


def write_pages(pages: Iterable[Sequence[str]], *, array: bool) -> None:
    """JSON texts, one a line, as an array or each for itself."""
    if array:
        terminal.write_stdout("[\n")
    between, written = "", False
    for page in pages:
        if page:
            terminal.write_stdout(between + (",\n" if array else "\n").join(page))
            between, written = ",\n" if array else "\n", True
    if written:
        terminal.write_stdout("\n")
    if array:
        terminal.write_stdout("]\n")


def write_sheet(mirror: sqlite3.Connection, ids: Sequence[int], columns: Sequence[Column], *, comma: bool) -> None:
    """Packages as CSV or TSV, with a header."""
    line = csv_line if comma else tsv_line
    terminal.write_stdout(line([column.key for column in columns]))
    for row in listing.get_rows(mirror, ids, columns):
        terminal.write_stdout(line([row[column.field.name] for column in columns]))
