"""JSON: single objects, arrays of rows, and one object per line. All of it is ASCII and ends with a newline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from djpkg.model.fields import Column
    from djpkg.model.package import Values
    from djpkg.render.rows import Rows

# json.dumps with an indent is four times as slow.
_COMPACT = json.JSONEncoder(allow_nan=False).encode


def render_object(value: object) -> str:
    """Return an object or a list over several lines, indented by four spaces."""
    return json.dumps(value, indent=4, allow_nan=False) + "\n"


def render_report(report: Mapping[str, object]) -> str:
    """Return an object with one key a line, and lists of objects with one compact element a line."""
    parts = []
    for key, value in report.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n        " + ",\n        ".join(map(_COMPACT, value)) + "\n    ]"
        else:
            text = _COMPACT(value)
        parts.append(f"    {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def render_record(values: Values, columns: Iterable[Column]) -> str:
    """Return the columns of one package as an object."""
    return render_object({column.key: values.get(column.field.name) for column in columns})


def render_array(rows: Rows) -> Iterator[str]:
    """Yield an array with one compact object per line."""
    yield "[\n"
    separator = ""
    for page in rows.json_pages():
        if page:
            yield separator + ",\n".join(page)
            separator = ",\n"
    yield "\n]\n" if separator else "]\n"


def render_lines(rows: Rows) -> Iterator[str]:
    """Yield one compact object per line."""
    for page in rows.json_pages():
        if page:
            yield "\n".join(page) + "\n"
