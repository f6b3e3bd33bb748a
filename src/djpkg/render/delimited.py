"""CSV and tab-separated values."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from djpkg.render.escape import field_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from djpkg.model.package import Value
    from djpkg.render.rows import Rows


def render_csv(rows: Rows) -> Iterator[str]:
    """Yield a header and one line per row (RFC 4180, with CRLF)."""
    yield csv_line(rows.keys)
    yield from map(csv_line, rows.values())


def render_tsv(rows: Rows) -> Iterator[str]:
    """Yield a header and one line per row."""
    yield tsv_line(rows.keys)
    yield from render_plain(rows)


def render_plain(rows: Rows) -> Iterator[str]:
    """Yield one tab-separated line per row, without a header."""
    return map(tsv_line, rows.values())


def csv_line(values: Iterable[Value]) -> str:
    """Return one line of CSV with its CRLF.

    Lists are JSON; a tab or a line break in a text becomes a space, other control characters become visible marks. A
    text that begins with ``=`` stays as it is, so that programs read back the original value.
    """
    import csv  # noqa: PLC0415 - for this format alone

    buffer = io.StringIO()
    csv.writer(buffer).writerow([field_text(value) for value in values])
    return buffer.getvalue()


def tsv_line(values: Iterable[Value]) -> str:
    """Return one tab-separated line. Nothing is quoted: no value contains a tab or a line break."""
    return "\t".join(field_text(value) for value in values) + "\n"
