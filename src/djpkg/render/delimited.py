"""Records as lines of CSV and TSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from djpkg.render.escape import field_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from djpkg.model.package import Value


def csv_line(values: Iterable[Value]) -> str:
    """One line as RFC 4180 has it, with its CRLF.

    Lists are JSON, a tab or a line break in a text is a space, other control characters are marks. A text that begins
    with ``=`` stays as it is: a program reads back what it was,
    and what a spreadsheet makes of it is set there.
    """
    buffer = io.StringIO()
    csv.writer(buffer).writerow([field_text(value) for value in values])
    return buffer.getvalue()


def tsv_line(values: Iterable[Value]) -> str:
    """One line, tabs between the values; nothing is quoted, since no value holds a tab or a line break."""
    return "\t".join(field_text(value) for value in values) + "\n"
