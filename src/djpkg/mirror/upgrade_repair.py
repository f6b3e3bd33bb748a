"""Reset what another program damaged in an older mirror, before an upgrade writes the rows again.

SQLite refuses to write a row of a STRICT table while one of its values has the wrong type, and to add columns to a
table with such rows. What is reset is fetched again. Overrides are never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.mirror.columns import find_columns

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

# A row with a damaged key belongs to nothing.
_KEY = ('"package_id"', '"source"', '"coordinate"')
# Rows of these tables are of no use without one of their values, and the next fetch writes new ones.
_DELETED = ("events", "sweeps", "history")
_OUTCOMES = "'updated', 'unchanged', 'gone', 'failed'"
# The columns with facts as JSON, in versions 1 and later.
_FACTS = ('"said"', '"facts"')


def reset_damaged_values(db: sqlite3.Connection) -> None:
    """Replace values that cannot be written again, in all tables that steps of the schema write.

    Needs a transaction, without checks of foreign keys: SQLite would not find rows with damaged keys.
    """
    db.execute("PRAGMA ignore_check_constraints = ON")
    try:
        _reset_packages(db)
        _reset_facts(db)
        for table in _DELETED:
            if checks := [column.type_check for column in find_columns(db, table)]:
                db.execute(f"DELETE FROM {table} WHERE {' OR '.join(checks)}")
    finally:
        db.execute("PRAGMA ignore_check_constraints = OFF")


def _reset_packages(db: sqlite3.Connection) -> None:
    """Reset damaged columns, and leave a mark by which lists and fetches recognize the row as damaged."""
    columns = find_columns(db, "packages")
    # No list and no object, so that the row is named, and written anew from facts and overrides.
    values = {one.sql: "'null'" if one.default in ("'[]'", "'{}'") else one.default for one in columns}
    reset_columns(db, "packages", {one.sql: one.type_check for one in columns}, values, always={'"checked"': "'null'"})


def _reset_facts(db: sqlite3.Connection) -> None:
    """Reset damaged columns; without its facts an answer has no validators either."""
    columns = find_columns(db, "facts")
    checks = {one.sql: one.type_check for one in columns}
    if not checks:
        return
    keys = " OR ".join(checks.pop(name) for name in _KEY)
    db.execute(f"DELETE FROM facts WHERE {keys}")
    (facts,) = (name for name in _FACTS if name in checks)
    checks['"outcome"'] += f" OR outcome NOT IN ({_OUTCOMES})"
    checks[facts] += f" OR NOT json_valid({facts})"
    for validator in ('"etag"', '"serial"'):
        checks[validator] += f" OR {checks[facts]}"
    reset_columns(db, "facts", checks, {one.sql: one.default for one in columns}, always={})


def reset_columns(
    db: sqlite3.Connection,
    table: str,
    checks: Mapping[str, str],
    values: Mapping[str, str],
    *,
    always: Mapping[str, str],
) -> None:
    """Set the columns of damaged rows, each where its check holds, those of `always` in all of these rows."""
    if not checks:
        return
    changes = {name: f"CASE WHEN {check} THEN {values[name]} ELSE {name} END" for name, check in checks.items()}
    changes |= always
    assignments = ", ".join(f"{name} = {value}" for name, value in changes.items())
    db.execute(f"UPDATE {table} SET {assignments} WHERE {' OR '.join(checks.values())}")
