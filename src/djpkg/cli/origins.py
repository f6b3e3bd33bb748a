"""``show --sources``: who stated each field of a package, for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from djpkg.render.separated import tsv_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from djpkg.fields import Column
    from djpkg.record import Package, Value

SCHEMA = 1


def as_json(package: Package, columns: Sequence[Column]) -> str:
    """One object: the fields under the names that were typed, then how each source ended.

    `source` is a source's name, ``you`` for what you edited, null for what follows from other fields; `answered` is
    when that source last answered. `upstream`, the value beneath an edit, is null where nothing was edited.
    """
    told = {
        "schema": SCHEMA,
        "slug": package.values["slug"],
        "fields": {
            column.key: {
                "value": package.values[column.field.name],
                "source": package.origins.get(column.field.name),
                "answered": _answered(package, column),
                "edited": column.field.name in package.upstream,
                "upstream": package.upstream.get(column.field.name),
            }
            for column in columns
        },
        "sources": [said._asdict() for said in package.sources],
    }
    return json.dumps(told, indent=4) + "\n"


def as_lines(package: Package, columns: Sequence[Column]) -> str:
    """A line a field: its name, who stated it, when that source last answered, the value, the value beneath an edit."""
    rows: list[list[Value]] = [
        [
            column.key,
            package.origins.get(column.field.name),
            _answered(package, column),
            package.values[column.field.name],
            package.upstream.get(column.field.name),
        ]
        for column in columns
    ]
    return "".join(tsv_line(row) for row in rows)


def _answered(package: Package, column: Column) -> str | None:
    origin = package.origins.get(column.field.name)
    return next((said.answered for said in package.sources if said.source == origin), None)
