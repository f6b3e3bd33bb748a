"""Merge facts and overrides of packages and write their rows, inside the caller's transaction.

A package that cannot be merged or written keeps its row and is reported; it never ends the page.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple, cast

from djpkg.mirror import facts_json
from djpkg.mirror.connection import savepoint, upsert
from djpkg.mirror.damage import DamagedRow, find_name, repair_hint
from djpkg.mirror.overrides import describe_invalid, read_overrides
from djpkg.mirror.serialization import to_row
from djpkg.model.merge import FactsRow, Merged, merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from djpkg.mirror.serialization import SqlValue
    from djpkg.source_name import SourceName

# What SQLite and its module raise for a value that does not fit its column. Other errors are about the whole file.
_ROW_ERRORS = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeEncodeError)


class MergeResult(NamedTuple):
    """The merges that were written, and by id of the package why one was not, or which of its edits do not apply."""

    merges: list[Merged]
    damaged: dict[int, DamagedRow]


def merge_packages(db: sqlite3.Connection, packages: Iterable[int], *, forges: Mapping[str, SourceName]) -> MergeResult:
    """Merge facts and overrides and write the rows of `packages`."""
    numbers = sorted(set(packages))
    result = MergeResult([], {})
    if not numbers:
        return result
    facts = _read_facts(db, numbers)
    overrides = read_overrides(db, numbers)
    states = dict(
        db.execute(
            "SELECT id, catalog_state FROM packages WHERE id IN (SELECT value FROM json_each(?))", [str(numbers)]
        )
    )
    merges: list[Merged] = []
    for number in numbers:
        try:
            merges.append(
                merge(facts[number], overrides[number].values, listed=states.get(number) != "removed", forges=forges)
            )
        except ValueError as error:
            result.damaged[number] = _unmerged(db, number, error)
            continue
        except Exception as error:  # noqa: BLE001 - a fault of djpkg: it is reported and does not end the fetch
            name = find_name(db, number)
            reason = f"its facts cannot be merged ({type(error).__name__}: {error}); this is a fault of djpkg"
            result.damaged[number] = DamagedRow(number, name, reason)
            continue
        if overrides[number].invalid:
            name = find_name(db, number)
            reason = describe_invalid(name, overrides[number].invalid)
            result.damaged[number] = DamagedRow(number, name, reason)
    try:
        with savepoint(db):
            _write(db, merges)
        result.merges.extend(merges)
    except _ROW_ERRORS:
        for merged in merges:
            number = cast("int", merged.values["id"])
            try:
                with savepoint(db):
                    _write(db, [merged])
                result.merges.append(merged)
            except _ROW_ERRORS as error:
                result.damaged[number] = _unmerged(db, number, error)
    return result


def _unmerged(db: sqlite3.Connection, number: int, error: Exception) -> DamagedRow:
    row = DamagedRow(number, find_name(db, number), str(error))
    return row._replace(reason=f"its stored facts are damaged ({error}); {repair_hint([row])}")


def _read_facts(db: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, list[FactsRow]]:
    facts: dict[int, list[FactsRow]] = {number: [] for number in numbers}
    for number, *columns in db.execute(
        "SELECT package_id, source, coordinate, asked, answered, outcome, error, facts FROM facts"
        " WHERE package_id IN (SELECT value FROM json_each(?))",
        [str(numbers)],
    ):
        row = facts_json.parse_facts_row(columns)
        if row is not None:
            facts[number].append(row)
    return facts


def _write(db: sqlite3.Connection, merges: Sequence[Merged]) -> None:
    categories = {merged.values["category"] for merged in merges} - {None}
    # A category that no list has named yet: its names follow with the list of categories.
    db.executemany("INSERT OR IGNORE INTO categories (id) VALUES (?)", [(number,) for number in categories])
    _write_rows(db, [to_row(merged) for merged in merges])
    _write_grids(db, merges)


def _write_rows(db: sqlite3.Connection, rows: Sequence[Mapping[str, SqlValue]]) -> None:
    """Insert new rows, and of stored ones update the columns that changed.

    Most merges change few columns and no index. Writing all columns would write every index of `packages` anew.
    """
    names = list(rows[0]) if rows else ["id"]
    sql = f"SELECT {', '.join(names)} FROM packages WHERE id IN (SELECT value FROM json_each(?))"
    found = db.execute(sql, (str([row["id"] for row in rows]),))
    stored = {before[names.index("id")]: before for before in found}
    upsert(db, "packages", [row for row in rows if row["id"] not in stored], key=("id",))
    batches: dict[tuple[str, ...], list[tuple[SqlValue, ...]]] = {}
    for row in rows:
        before = stored.get(row["id"])
        if before is None:
            continue
        # By name, because merges have the same columns in different orders. Types too, because 1.0 equals 1.
        changed = tuple(
            name
            for name, old in zip(names, before, strict=True)
            if old != row[name] or type(old) is not type(row[name])
        )
        if changed:
            batches.setdefault(changed, []).append((*map(row.__getitem__, changed), row["id"]))
    for changed, values in batches.items():
        assignments = ", ".join(f"{name} = ?" for name in changed)
        db.executemany(f"UPDATE packages SET {assignments} WHERE id = ?", values)


def _write_grids(db: sqlite3.Connection, merges: Sequence[Merged]) -> None:
    grids = {cast("int", merged.values["id"]): cast("list[int]", merged.values["grids"]) for merged in merges}
    stored: dict[int, list[int]] = {number: [] for number in grids}
    for number, grid in db.execute(
        "SELECT package_id, grid_id FROM package_grids WHERE package_id IN (SELECT value FROM json_each(?))"
        " ORDER BY package_id, position",
        (str(list(grids)),),
    ):
        stored[number].append(grid)
    changed = [number for number in grids if stored[number] != grids[number]]
    db.executemany("DELETE FROM package_grids WHERE package_id = ?", [(number,) for number in changed])
    db.executemany(
        "INSERT OR IGNORE INTO grids (id) VALUES (?)", [(grid,) for number in changed for grid in grids[number]]
    )
    db.executemany(
        "INSERT OR IGNORE INTO package_grids (package_id, grid_id, position) VALUES (?, ?, ?)",
        [(number, grid, position) for number in changed for position, grid in enumerate(grids[number])],
    )
