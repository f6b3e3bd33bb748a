"""``show --sources`` for programs: the source of each field of a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.render.rows import RowList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from djpkg.model.fields import Column
    from djpkg.model.package import Package, Value

SCHEMA = 1
# The order of the tab-separated values behind the field's name.
_LINE = ("source", "answered", "value", "upstream", "upstream_source", "upstream_answered")


def to_json(package: Package, columns: Sequence[Column]) -> dict[str, object]:
    """Return the fields under the names that were typed, and the last outcome of each source.

    `source` is the name of a source, ``you`` for an edited value, or ``djpkg`` for a value that djpkg keeps itself;
    `answered` is the time of that source's last answer, or of the edit. `upstream`, its source and its time are null
    for a field that is not edited.
    """
    return {
        "schema": SCHEMA,
        "slug": package.values["slug"],
        "fields": {column.key: _field_to_json(package, column.field.name) for column in columns},
        "sources": [source._asdict() for source in package.sources],
    }


def to_rows(package: Package, columns: Sequence[Column]) -> RowList:
    """Return one row per field: name, source, time and value, then the upstream value, its source and its time."""
    rows = []
    for column in columns:
        field = _field_to_json(package, column.field.name)
        rows.append([column.key, *(field[key] for key in _LINE)])
    return RowList(("field", *_LINE), rows)


def _field_to_json(package: Package, name: str) -> dict[str, Value]:
    origin, upstream = package.origins[name], package.upstream_origins.get(name)
    return {
        "value": package.values[name],
        "source": origin.source,
        "answered": origin.at,
        "edited": upstream is not None,
        "upstream": package.upstream.get(name),
        "upstream_source": upstream.source if upstream else None,
        "upstream_answered": upstream.at if upstream else None,
    }
