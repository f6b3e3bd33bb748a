"""The user's values: overrides, notes and tags. Valid ones apply, others are named until the user removes them.

Notes and tags have tables of their own, and are read and written here like overrides of the fields `note` and `tags`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.damage import text_or_none
from djpkg.mirror.serialization import to_json
from djpkg.model.overrides import is_tag, is_valid_override, normalize_tag
from djpkg.text import is_text
from djpkg.times import format_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from djpkg.model.merge import StoredValue


NOTE, TAGS = "note", "tags"
OWN_TABLES = (NOTE, TAGS)
"""The fields whose values are not in the table `overrides`."""


class Overrides(NamedTuple):
    """The user's values of one package by field: valid values and the times of their edits.

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
        if is_unknown_category or field in OWN_TABLES or not is_text(field) or not is_valid_override(field, value):
            found[number] = overrides._replace(invalid=(*overrides.invalid, str(field)))
            continue
        overrides.values[field] = value  # type: ignore[assignment] # just checked
        if (time := text_or_none(edited)) is not None:
            overrides.edited[field] = time
    _read_notes(db, found)
    _read_tags(db, found)
    return found


def _read_notes(db: sqlite3.Connection, found: dict[int, Overrides]) -> None:
    for number, note, edited in db.execute(
        "SELECT package_id, note, edited FROM notes WHERE package_id IN (SELECT value FROM json_each(?))",
        (str(list(found)),),
    ):
        overrides = found[number]
        if not is_valid_override(NOTE, note) or not note:
            found[number] = overrides._replace(invalid=(*overrides.invalid, NOTE))
            continue
        overrides.values[NOTE] = note
        if (time := text_or_none(edited)) is not None:
            overrides.edited[NOTE] = time


def _read_tags(db: sqlite3.Connection, found: dict[int, Overrides]) -> None:
    """Read the tags, in whatever spelling they are stored; a damaged one leaves the others of its package."""
    tags: dict[int, set[str]] = {}
    for number, stored, edited in db.execute(
        "SELECT package_id, tag, edited FROM tags WHERE package_id IN (SELECT value FROM json_each(?))",
        (str(list(found)),),
    ):
        overrides = found[number]
        tag = normalize_tag(stored) if is_text(stored) else None
        if not is_tag(tag):
            if TAGS not in overrides.invalid:
                found[number] = overrides._replace(invalid=(*overrides.invalid, TAGS))
            continue
        tags.setdefault(number, set()).add(tag)
        if (time := text_or_none(edited)) is not None:
            overrides.edited[TAGS] = max(time, overrides.edited.get(TAGS, time))
    for number, names in tags.items():
        found[number].values[TAGS] = sorted(names)


def store_overrides(db: sqlite3.Connection, package: int, values: Mapping[str, StoredValue], *, now: datetime) -> None:
    """Store values, each in its table, inside the caller's transaction. Tags replace the ones before."""
    time = format_time(now)
    db.executemany(
        "INSERT INTO overrides (package_id, field, value, edited) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET value = excluded.value, edited = excluded.edited",
        [(package, field, to_json(value), time) for field, value in values.items() if field not in OWN_TABLES],
    )
    if (note := values.get(NOTE)) is not None:
        db.execute("INSERT OR REPLACE INTO notes (package_id, note, edited) VALUES (?, ?, ?)", (package, note, time))
    if isinstance(tags := values.get(TAGS), list):
        stored = [tag for (tag,) in db.execute("SELECT tag FROM tags WHERE package_id = ?", (package,))]
        db.executemany(
            "DELETE FROM tags WHERE package_id = ? AND tag = ?",
            [(package, tag) for tag in stored if is_text(tag) and tag not in tags],
        )
        db.executemany(
            "INSERT OR IGNORE INTO tags (package_id, tag, edited) VALUES (?, ?, ?)",
            [(package, tag, time) for tag in tags],
        )


def delete_overrides(db: sqlite3.Connection, package: int, names: Collection[str | bytes]) -> None:
    """Delete the values of these fields; names are bytes where they may be no valid text."""
    db.executemany(
        "DELETE FROM overrides WHERE package_id = ? AND CAST(field AS BLOB) = CAST(? AS BLOB)",
        [(package, name) for name in names],
    )
    for field, table in ((NOTE, "notes"), (TAGS, "tags")):
        if field in names or field.encode() in names:
            db.execute(f"DELETE FROM {table} WHERE package_id = ?", (package,))


def move_overrides(db: sqlite3.Connection, old: int, new: int, *, kept: Collection[str]) -> None:
    """Move values from one package to another, except for fields in `kept`. Damaged rows stay where they are."""
    is_typed = "typeof(edited) = 'text' AND typeof"
    db.execute(
        f"UPDATE OR IGNORE overrides SET package_id = ? WHERE package_id = ? AND {is_typed}(field) = 'text'"
        " AND typeof(value) = 'text' AND json_valid(value)",
        (new, old),
    )
    for field, table, column in ((NOTE, "notes", "note"), (TAGS, "tags", "tag")):
        if field not in kept:
            db.execute(
                f"UPDATE OR IGNORE {table} SET package_id = ? WHERE package_id = ? AND {is_typed}({column}) = 'text'",
                (new, old),
            )


def delete_untyped(db: sqlite3.Connection, package: int, names: Collection[str | bytes]) -> None:
    """Delete values whose key is no text, outside of a transaction.

    SQLite finds such rows only without its checks of foreign keys.
    """
    (found,) = db.execute(
        "SELECT (SELECT count(*) FROM overrides WHERE package_id = :package AND typeof(field) <> 'text')"
        " + (SELECT count(*) FROM tags WHERE package_id = :package AND typeof(tag) <> 'text')",
        {"package": package},
    ).fetchone()
    if found:
        db.execute("PRAGMA foreign_keys = OFF")
        delete_overrides(db, package, names)
        db.execute("PRAGMA foreign_keys = ON")


def parse_value(stored: object) -> object:
    """Return the value of an override; for invalid JSON a value that no field accepts."""
    try:
        return json.loads(stored) if isinstance(stored, str) else _NO_VALUE
    except (ValueError, RecursionError):
        return _NO_VALUE


_NO_VALUE = float("nan")


def read_raw(db: sqlite3.Connection, package: int) -> dict[bytes, object]:
    """Return the stored values of the user for a package by field name, whatever their types; one of several tags."""
    rows = db.execute(
        "SELECT CAST(field AS BLOB), value FROM overrides WHERE package_id = :package"
        " UNION ALL SELECT CAST('note' AS BLOB), note FROM notes WHERE package_id = :package"
        " UNION ALL SELECT CAST('tags' AS BLOB), tag FROM tags WHERE package_id = :package",
        {"package": package},
    )
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
