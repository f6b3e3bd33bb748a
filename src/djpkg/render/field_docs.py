"""The documentation of every field, as JSON and as table cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from djpkg.model.fields import Field
    from djpkg.model.package import Value

# The JSON keys, and the table heading of each.
HEADINGS: dict[str, str] = {
    "name": "field",
    "aliases": "aliases",
    "type": "type",
    "source": "source",
    "record": "record",
    "editable": "edit",
    "sortable": "sort",
    "queryable": "query",
    "example": "example",
    "about": "meaning",
}


def field_json(field: Field) -> dict[str, Value]:
    """Return one field under the keys of `HEADINGS`. Every field can be queried; `example` shows how."""
    return {
        "name": field.name,
        "aliases": list(field.aliases),
        "type": field.kind.value,
        "source": field.owner.value,
        "record": field.in_record,
        "editable": field.editable,
        "sortable": field.sortable,
        "queryable": True,
        "example": field.example,
        "about": field.about,
    }


def field_cells(field: Field) -> list[str]:
    """Return the same as table cells: ``yes`` or nothing for booleans."""
    return [_cell(value) for value in field_json(field).values()]


def _cell(value: Value) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value)
