"""The columns of the mirror's tables: their types, and what replaces a damaged value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.damage import is_integer
from djpkg.text import is_text

if TYPE_CHECKING:
    import sqlite3

# The types of STRICT tables that a column of djpkg or of a user may have, as `typeof` names them; ANY takes all values.
_TYPES = {"INT": "integer", "INTEGER": "integer", "REAL": "real", "TEXT": "text", "BLOB": "blob"}


class Column(NamedTuple):
    """A column of a table: its type, whether it accepts null, and its default as SQL."""

    name: str
    type: str
    not_null: bool
    default: str

    def accepts(self, value: object) -> bool:
        """Return whether the value has the type of the column."""
        if value is None:
            return not self.not_null
        match _TYPES.get(self.type):
            case "integer":
                return is_integer(value)
            case "real":
                return isinstance(value, float)
            case "text":
                return is_text(value)
            case "blob":
                return isinstance(value, bytes)
        return True

    @property
    def sql(self) -> str:
        """The name in SQL; a user's column may have any name."""
        return '"' + self.name.replace('"', '""') + '"'

    @property
    def type_check(self) -> str:
        """The SQL condition for values of another type."""
        expected = _TYPES.get(self.type)
        if expected is None:
            return f"typeof({self.sql}) = 'null'" if self.not_null else "0"
        null = "" if self.not_null else ", 'null'"
        return f"typeof({self.sql}) NOT IN ('{expected}'{null})"


def find_columns(db: sqlite3.Connection, table: str) -> list[Column]:
    """Return the columns of a table without `id` and generated ones; none if there is no such table."""
    return [
        Column(name, declared, bool(not_null), default or _fallback(name, declared, not_null))
        for _, name, declared, not_null, default, _ in db.execute(f"PRAGMA table_info({table})")
        if name != "id"
    ]


def _fallback(name: str, declared: str, not_null: int) -> str:
    if not not_null:
        return "NULL"
    if name in ("slug", "title"):
        return "CAST(id AS TEXT)"
    return "0" if _TYPES.get(declared) in ("integer", "real") else "''"
