"""``show --sources``: who stated each field of a package, for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from djpkg.render.delimited import tsv_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from djpkg.model.fields import Column
    from djpkg.model.package import Package, Value

SCHEMA = 1


def as_json(package: Package, columns: Sequence[Column]) -> str:
    """One object: the fields under the names that were typed, then how each source ended.

    `source` is a source's name, ``you`` for what you edited or ``djpkg`` for what it keeps itself; `answered` is when
    that source last answered, or you edited. What lies beneath an edit is `upstream`, with its own source and time; all
    three are null where nothing was edited.
    """
    told = {
        "schema": SCHEMA,
        "slug": package.values["slug"],
        "fields": {column.key: _told(package, column.field.name) for column in columns},
        "sources": [said._asdict() for said in package.sources],
    }
    return json.dumps(told, indent=4) + "\n"


def as_lines(package: Package, columns: Sequence[Column]) -> str:
    """A line a field: its name, its source and time, the value, and beneath an edit the value, its source and time."""
    lines = []
    for column in columns:
        told = _told(package, column.field.name)
        del told["edited"]
        value = told.pop("value")
        source, answered, *upstream = told.values()
        lines.append(tsv_line([column.key, source, answered, value, *upstream]))
    return "".join(lines)


def _told(package: Package, name: str) -> dict[str, Value]:
    origin, beneath = package.origins[name], package.beneath.get(name)
    return {
        "value": package.values[name],
        "source": origin.source,
        "answered": origin.at,
        "edited": beneath is not None,
        "upstream": package.upstream.get(name),
        "upstream_source": beneath.source if beneath else None,
        "upstream_answered": beneath.at if beneath else None,
    }
