"""Reading overrides: the valid ones apply, the others are named until the user removes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.damage import text_or_none
from djpkg.model.overrides import is_valid_override
from djpkg.text import is_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from djpkg.model.merge import StoredValue


class Overrides(NamedTuple):
    """The overrides of one package by field: valid values and the times of their edits.

    `invalid` has the field names of those that another program damaged or invented.
    """

    values: dict[str, StoredValue]
    edited: dict[str, str]
    invalid: tuple[str, ...]


def read_overrides(db: sqlite3.Connection, packages: Iterable[int]) -> dict[int, Overrides]:
    """Return the overrides of each package, also of those without any."""
    found = {number: Overrides({}, {}, ()) for number in packages}
    rows = db.execute(
        # A category is a foreign key, so an unknown one cannot be stored.
        "SELECT package_id, field, value, edited, field IS 'category' AND value IS NOT 'null'"
        " AND value NOT IN (SELECT CAST(id AS TEXT) FROM categories) FROM overrides"
        " WHERE package_id IN (SELECT value FROM json_each(?)) ORDER BY field",
        (str(list(found)),),
    )
    for number, field, stored, edited, is_unknown_category in rows:
        overrides = found[number]
        value = parse_value(stored)
        if is_unknown_category or not is_text(field) or not is_valid_override(field, value):
            found[number] = overrides._replace(invalid=(*overrides.invalid, str(field)))
            continue
        overrides.values[field] = value  # type: ignore[assignment] # just checked
        if (time := text_or_none(edited)) is not None:
            overrides.edited[field] = time
    return found


def parse_value(stored: object) -> object:
    """Return the value of an override; for invalid JSON a value that no field accepts."""
    try:
        return json.loads(stored) if isinstance(stored, str) else _NO_VALUE
    except (ValueError, RecursionError):
        return _NO_VALUE


_NO_VALUE = float("nan")


def read_raw(db: sqlite3.Connection, package: int) -> dict[bytes, object]:
    """Return the stored texts of all overrides of a package by field name, whatever their types."""
    rows = db.execute("SELECT CAST(field AS BLOB), value FROM overrides WHERE package_id = ?", (package,))
    return dict(rows.fetchall())


def describe_invalid(name: str, fields: Sequence[str]) -> str:
    """Return the reason and the command that removes invalid overrides of a package."""
    words = " ".join(f"--unset {quote_field(field)}" for field in fields)
    shown = ", ".join(ascii(field)[1:-1] or "''" for field in fields)
    one = len(fields) == 1
    reason = f"your {'value' if one else 'values'} of {shown} {'is' if one else 'are'} invalid and not used"
    return f"{reason}; djpkg edit {name} {words} removes {'it' if one else 'them'}"


def quote_field(field: str) -> str:
    """Return a field name quoted for a shell, also one that no field has."""
    if field.isprintable() and is_text(field):
        import shlex  # noqa: PLC0415 - rare

        return shlex.quote(field)
    characters = field.encode("utf-8", "surrogateescape")
    return "$'" + "".join(f"\\x{byte:02x}" for byte in characters) + "'"
