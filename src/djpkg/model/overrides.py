"""Which stored values can be overrides: another program may have stored any JSON under any field name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model import fields
from djpkg.model.fields import Field, Kind
from djpkg.text import is_text
from djpkg.times import is_same_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeGuard

    from djpkg.model.merge import Merged, StoredValue

# The largest integer that every JSON reader keeps exactly (RFC 8259, section 6).
MAX_INTEGER = 2**53 - 1
# The longest text of a note or another field, and the longest tag, in characters.
MAX_TEXT = 64 * 1024
MAX_TAG = 100
_EDITABLE = {field.name: field for field in fields.EDITABLE}


def is_valid_override(name: str, value: object) -> bool:
    """Return whether the field can be overridden with that value, by its type. Numbers of grids are not looked up."""
    field = _EDITABLE.get(name)
    if field is None:
        return False
    if value is None:
        return field.nullable
    match field.kind:
        case Kind.INTEGER | Kind.CATEGORY:
            return _is_count(value)
        case Kind.COUNTS | Kind.GRIDS:
            return isinstance(value, list) and all(map(_is_count, value))
        case Kind.NAMES:
            is_item = is_tag if name == "tags" else is_text
            return isinstance(value, list) and all(map(is_item, value))
        case Kind.FLAG:
            return isinstance(value, bool)
        case Kind.MAPPING:
            return False
        case _:
            return is_text(value) and (bool(value) or may_be_empty(field))


def may_be_empty(field: Field) -> bool:
    """Return whether a text may be null or ""; the catalog requires a title, and has null instead of other texts."""
    return field.name != "title"


def normalize_tag(tag: str) -> str:
    """Return a tag in lower case and with single spaces, so that other spellings are the same tag."""
    return " ".join(tag.lower().split())


def is_tag(value: object) -> TypeGuard[str]:
    """Return whether a value is a tag as it is stored: short, printable, without commas, which separate tags, and as
    `normalize_tag` writes it.
    """
    return (
        is_text(value)
        and 0 < len(value) <= MAX_TAG
        and value.isprintable()
        and normalize_tag(value) == value
        and "," not in value
    )


def is_same_value(field: Field, one: StoredValue, other: StoredValue) -> bool:
    """Return whether an override equals the upstream value.

    Null equals "", a time the same one in another zone, and grids or versions the same ones in another order.
    """
    if one == other or (one in (None, "") and other in (None, "")):
        return True
    if field.kind is Kind.TIME and isinstance(one, str) and isinstance(other, str):
        return is_same_time(one, other)
    if (
        (field.kind is Kind.GRIDS or field.name == "django_versions")
        and isinstance(one, list)
        and isinstance(other, list)
    ):
        return set(one) == set(other)
    return False


def find_equal_edits(merged: Merged, names: Iterable[str]) -> list[str]:
    """Return the fields of `names` whose override equals the upstream value."""
    values, upstream = merged.values, merged.upstream
    return [
        name for name in names if name in upstream and is_same_value(fields.get(name), values[name], upstream[name])
    ]


def merge_lists(before: Iterable[str | int], mine: Iterable[str | int], theirs: Iterable[str | int]) -> list[str | int]:
    """Return the user's version of a list, with what was added and removed elsewhere since it was read.

    `before` is the list that the user changed into `mine`; meanwhile it became `theirs`.
    """
    before, mine, theirs = list(before), list(mine), list(theirs)
    kept = [item for item in mine if item in theirs or item not in before]
    return [*kept, *(item for item in theirs if item not in before and item not in kept)]


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_INTEGER
