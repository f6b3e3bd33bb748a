"""The text that `edit` hands to an editor, and what came back. Pure.

The text is TOML: one line a field, comments in front. What comes back is compared with what was handed out, so that
only fields that a person touched are written, whatever a fetch does meanwhile.
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

    from djpkg.editing.assignments import CategoriesAndGrids
    from djpkg.model.merge import StoredValue

_MISTAKE = "# MISTAKE: "
_JOINER = "\u200d"  # holds emoji together
_BASIC = 0xFFFF  # beyond it TOML wants eight digits


def write_document(
    title: str, current: Mapping[str, StoredValue], upstream: Mapping[str, StoredValue], places: CategoriesAndGrids
) -> str:
    """What the editor shows: each editable field with its effective value, and what lies beneath an edited one."""
    lines = [
        f"# {_comment(title)}",
        "# Change what is wrong, save and leave. Your values lie over the upstream ones: no fetch changes them.",
        '# Times are written as "2026-01-31T12:00:00Z", categories and grids by slug; "" is none.',
        "# An empty file cancels.",
        "",
    ]
    for field in fields.EDITABLE:
        if field.name in upstream:
            lines.append(
                f"# {field.name} is edited; upstream: {_literal(_named(field.kind, upstream[field.name], places))}"
            )
        lines.append(f"{field.name} = {_literal(_named(field.kind, current[field.name], places))}")
    return "\n".join(lines) + "\n"


def read_document(before: str, after: str, places: CategoriesAndGrids) -> dict[str, StoredValue]:
    """The fields that a person changed, with their new values. UsageError says the first mistake and where it is."""
    handed_out, came_back = _parsed(before), _parsed(after)
    touched: dict[str, StoredValue] = {}
    for name, value in came_back.items():
        field = assignments.get_editable(name)
        if value == handed_out.get(field.name):
            continue
        if isinstance(value, date):  # TOML has times of its own; a datetime is a date, too
            value = value.isoformat().replace("+00:00", "Z")  # noqa: PLW2901 - the same value as JSON would have it
        empty = value == "" and field.nullable
        touched[field.name] = assignments.value_from_json(field, None if empty else value, places)
    return touched


def with_error(after: str, mistake: str) -> str:
    """The text that came back with the mistake said on top, in place of an earlier one."""
    lines = [line for line in _lines(after) if not line.startswith(_MISTAKE)]
    return "\n".join([f"{_MISTAKE}{_comment(mistake)}", *lines]) + "\n"


def is_blank(after: str) -> bool:
    """Whether nothing but comments came back: the person changed their mind."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in _lines(after))


def _lines(source: str) -> list[str]:
    # TOML's lines: `splitlines` also ends one at U+2028 and others that may stand within a value.
    return source.removesuffix("\n").split("\n")


def _parsed(source: str) -> dict[str, object]:
    try:
        return tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # a ValueError that is no TOMLDecodeError: a number of 4,301 digits
        raise UsageError(f"the text does not parse: {error}") from error


def _named(kind: Kind, value: StoredValue, places: CategoriesAndGrids) -> object:
    """Categories and grids by slug, as far as they are named."""
    if kind is Kind.CATEGORY:
        return _slug(value, places.categories)
    if kind is Kind.GRIDS and isinstance(value, list):
        return [_slug(item, places.grids) for item in value]
    return value


def _slug(number: object, known: Mapping[str, int]) -> object:
    # The slug comes first of the names of one id that are no number.
    return next((name for name, found in known.items() if found == number and not name.isdigit()), number)


def _literal(value: object) -> str:
    """A TOML literal. JSON's strings, numbers and lists are TOML's too, but for null.

    What an editor might obey or hide (DEL, the second set of controls, marks that reorder) is written as its number.
    """
    if value is None:
        return '""'
    return "".join(map(_visible, json.dumps(value, ensure_ascii=False)))


def _visible(character: str) -> str:
    if character.isprintable() or character == _JOINER:
        return character
    number = ord(character)
    return f"\\u{number:04X}" if number <= _BASIC else f"\\U{number:08X}"


def _comment(line: str) -> str:
    return "".join(character if character.isprintable() else " " for character in line)
