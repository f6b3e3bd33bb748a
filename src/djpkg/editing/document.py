"""Write the TOML document for `edit` without assignments, and read back the changes. Pure.

Each editable field is on one line, with comments above. The edited document is compared with the original one, so that
only fields the user changed are written, even if a fetch ran in between.
"""

from __future__ import annotations

import json
import tomllib
from datetime import date
from typing import TYPE_CHECKING

from djpkg.editing import assignments
from djpkg.errors import UsageError
from djpkg.model import fields
from djpkg.model.fields import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from djpkg.editing.assignments import KnownNames
    from djpkg.model.merge import StoredValue

_ERROR = "# ERROR: "
_ZERO_WIDTH_JOINER = "\u200d"  # part of many emoji
_MAX_BMP = 0xFFFF  # above it TOML escapes have eight digits


def write_document(
    title: str, current: Mapping[str, StoredValue], upstream: Mapping[str, StoredValue], known: KnownNames
) -> str:
    """Return the document: each editable field with its effective value, and the upstream value of an edited one."""
    lines = [
        f"# {_comment(title)}",
        "# Change the values that are wrong, save and exit. A fetch never changes edited values.",
        '# Write times as "2026-01-31T12:00:00Z", categories and grids as slugs; "" clears a value.',
        "# An empty file cancels.",
        "",
    ]
    for field in fields.EDITABLE:
        if field == fields.PRIVATE[0]:
            lines += ["", "# Your own fields: no source has them."]
        if field.name in upstream and field not in fields.PRIVATE:
            value = _toml_literal(_with_slugs(field.kind, upstream[field.name], known))
            lines.append(f"# {field.name} is edited; upstream: {value}")
        lines.append(f"{field.name} = {_toml_literal(_with_slugs(field.kind, current[field.name], known))}")
    return "\n".join(lines) + "\n"


def read_document(before: str, after: str, known: KnownNames) -> dict[str, StoredValue]:
    """Return the changed fields with their new values. UsageError describes the first error and where it is."""
    original, edited = _parse_toml(before), _parse_toml(after)
    changed: dict[str, StoredValue] = {}
    for name, value in edited.items():
        field = assignments.get_editable_field(name)
        if value == original.get(field.name):
            continue
        if isinstance(value, date):  # TOML has dates of its own; a datetime is a date, too
            value = value.isoformat().replace("+00:00", "Z")  # noqa: PLW2901 - the same value as text
        empty = value == "" and field.nullable
        changed[field.name] = assignments.value_from_json(field, None if empty else value, known)
    return changed


def with_error(after: str, error: str) -> str:
    """Return the edited document with the error as its first line, instead of an earlier one."""
    lines = [line for line in _lines(after) if not line.startswith(_ERROR)]
    return "\n".join([f"{_ERROR}{_comment(error)}", *lines]) + "\n"


def is_blank(after: str) -> bool:
    """Return whether the document has only comments and blank lines: the user cancelled."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in _lines(after))


def _lines(source: str) -> list[str]:
    # Not `splitlines`: it also splits at U+2028 and others, which are valid inside a TOML value.
    return source.removesuffix("\n").split("\n")


def _parse_toml(source: str) -> dict[str, object]:
    try:
        return tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # a plain ValueError: a number of more than 4,300 digits
        raise UsageError(f"invalid TOML: {error}") from error


def _with_slugs(kind: Kind, value: StoredValue, known: KnownNames) -> object:
    """Replace the ids of categories and grids by slugs, as far as they are known."""
    if kind is Kind.CATEGORY:
        return _slug(value, known.categories)
    if kind is Kind.GRIDS and isinstance(value, list):
        return [_slug(item, known.grids) for item in value]
    return value


def _slug(number: object, known: Mapping[str, int]) -> object:
    # The slug is the first name of an id that is not a number.
    return next((name for name, found in known.items() if found == number and not name.isdigit()), number)


def _toml_literal(value: object) -> str:
    """Return a TOML literal. JSON strings, numbers and lists are valid TOML; null becomes "".

    Characters that an editor may interpret or hide (control characters, direction marks) are escaped.
    """
    if value is None:
        return '""'
    return "".join(map(_escape_unprintable, json.dumps(value, ensure_ascii=False)))


def _escape_unprintable(character: str) -> str:
    if character.isprintable() or character == _ZERO_WIDTH_JOINER:
        return character
    number = ord(character)
    return f"\\u{number:04X}" if number <= _MAX_BMP else f"\\U{number:08X}"


def _comment(line: str) -> str:
    return "".join(character if character.isprintable() else " " for character in line)
