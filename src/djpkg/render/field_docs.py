"""The register of fields as it is told: in JSON, into a pipe, on a terminal and in the README."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from djpkg.model.fields import Field
    from djpkg.model.package import Value

# What is told of a field: its key in JSON, and the head over it where a person reads it.
HEADS: dict[str, str] = {
    "name": "field",
    "aliases": "also",
    "type": "type",
    "source": "source",
    "record": "record",
    "editable": "edit",
    "sortable": "sort",
    "queryable": "query",
    "example": "example",
    "about": "what",
}


def field_json(field: Field) -> dict[str, Value]:
    """One field under the keys of `HEADS`; every field can be asked for in a query, which `example` shows."""
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


def field_texts(field: Field) -> list[str]:
    """The same for a person: ``yes`` or nothing."""
    return [_text(value) for value in field_json(field).values()]


def _text(value: Value) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value)
