"""Writing facts and overrides: whole pages, each in one transaction together with the merge that follows.

Uses sqlite-utils, so only writing imports it. Stored facts are read in the transaction that changes them, because the
parts of a repository (page, weeks, contributors) arrive separately and a process can be killed between any two.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from sqlite_utils import Database

from djpkg.mirror import dependencies, facts_json, history, overrides, project_tables
from djpkg.mirror.apply_answer import SourceAnswer, StoredChange, apply_answer, refuse_others
from djpkg.mirror.connection import execute_each, transaction, upsert
from djpkg.mirror.damage import damaged_error, find_name, is_integer, slug_or_id
from djpkg.mirror.events import store_events
from djpkg.mirror.merging import merge_packages
from djpkg.mirror.queue import is_outdated
from djpkg.mirror.removed_edits import carry_over
from djpkg.mirror.repair import repairing, reset_damaged_rows
from djpkg.model.fact_changes import Event, combine_facts, facts_differ, find_replaced
from djpkg.model.facts import PARSER_VERSIONS
from djpkg.model.merge import FactsRow, Merged
from djpkg.model.overrides import find_equal_edits
from djpkg.model.pypi_project import DJANGO
from djpkg.query.columns import valid_json
from djpkg.source_name import SourceName
from djpkg.times import format_time, to_sortable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from djpkg.mirror.damage import DamagedRow
    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.facts import CatalogFacts, Category, Grid
    from djpkg.model.merge import StoredValue

    # The key of a facts row within one source: package id and coordinate.
    FactsKey = tuple[int, str]

_IN_LIST = "IN (SELECT value FROM json_each(?))"
_CHECKED, _FAILED = valid_json("checked"), valid_json("failed")
_REMOVED = Event("removed", None, None)


class Writer:
    """All writes to one mirror. `db` is in autocommit mode; `run` is the number of the fetch, None for an edit."""

    def __init__(self, db: sqlite3.Connection, *, forges: Mapping[str, SourceName], run: int | None = None) -> None:
        self._db = db
        self._tables = Database(db, execute_plugins=False)
        self._forges = forges
        self._run = run
        self.damaged: dict[int, DamagedRow] = {}
        """The packages whose rows could not be written, or whose edits do not all apply."""
        self._added: set[int] = set()  # the packages that this fetch listed first
        self.carried_over: list[tuple[int, int]] = []
        """The pairs of packages between which edits were moved, the removed one first."""
        self.refused: dict[str, str] = {}
        """By coordinate, why its answer was not stored: it is about another repository."""
        self.accepting: set[str] = set()
        """The coordinates at which another repository replaces the stored one."""
        self.replaced: set[str] = set()
        """The slugs of packages whose repository another one replaced."""

    @property
    def db(self) -> sqlite3.Connection:
        """The connection to the mirror."""
        return self._db

    def store_categories(self, categories: Sequence[Category]) -> None:
        """Insert or update categories."""
        rows = [
            {
                "id": category.id,
                "slug": category.slug,
                "title": category.title,
                "title_plural": category.title_plural,
                "description": category.description,
            }
            for category in categories
        ]
        with transaction(self._db):
            self._tables.table("categories").upsert_all(rows, pk="id")

    def store_grids(self, grids: Sequence[Grid]) -> None:
        """Insert or update grids."""
        rows = [
            {"id": grid.id, "slug": grid.slug, "title": grid.title, "description": grid.description} for grid in grids
        ]
        with transaction(self._db):
            self._tables.table("grids").upsert_all(rows, pk="id")

    @repairing
    def store_catalog(self, page: Sequence[CatalogFacts], *, now: datetime, report_added: bool) -> list[StoredChange]:
        """Store a page of catalog records. `report_added` makes an event of each package that is new to the mirror."""
        records = {record.id: record for record in page}  # rows inserted between two pages repeat others; the last wins
        with transaction(self._db):
            self._db.execute("PRAGMA defer_foreign_keys = ON")
            before = self._read_facts(records, SourceName.CATALOG)
            states = self._catalog_states(records)
            self._added |= records.keys() - states.keys()
            changes: list[StoredChange] = []
            rows: list[dict[str, SqlValue]] = []
            for number, record in records.items():
                old = before.get((number, str(number)))
                facts = combine_facts(old.facts if old else None, record)
                changed = old is None or facts_differ(old.facts, facts)
                events = _catalog_events(states.get(number), report_added=report_added)
                rows.append(
                    {
                        "package_id": number,
                        "source": SourceName.CATALOG.value,
                        "coordinate": str(number),
                        "asked": format_time(now),
                        "answered": format_time(now),
                        "outcome": "updated" if changed else "unchanged",
                        "error": None,
                        "via": None,
                        "facts": facts_json.encode(facts),
                        "parser_version": PARSER_VERSIONS[SourceName.CATALOG],
                    }
                )
                changes.append(StoredChange(number, record.slug, str(number), changed, events))
            self._db.executemany(
                "UPDATE packages SET catalog_state = 'listed' WHERE id = ? AND catalog_state = 'removed'",
                [(number,) for number in records],
            )
            self._upsert_facts(rows)
            history.store_measured(self._db, self._merge(records), now=now)
            changes = self._drop_unwritten(changes)
            self._carry_over()
            store_events(self._db, changes, run=self._run, now=now)
        return changes

    @repairing
    def mark_removed(self, seen: Collection[int], *, now: datetime, report: bool) -> list[StoredChange]:
        """Mark the listed packages that a complete sweep did not contain. Their rows, facts and overrides stay.

        `report` makes an event of each.
        """
        with transaction(self._db):
            listed = self._db.execute("SELECT id, slug FROM packages WHERE catalog_state = 'listed'").fetchall()
            removed = [(number, slug_or_id(number, slug)) for number, slug in listed if number not in seen]
            self._remove_from_catalog([number for number, _ in removed], now)
            events = (_REMOVED,) if report else ()
            changes = [StoredChange(number, slug, str(number), changed=True, events=events) for number, slug in removed]
            self._carry_over()
            store_events(self._db, changes, run=self._run, now=now)
        return changes

    @repairing
    def mark_gone(self, number: int, *, now: datetime) -> list[StoredChange]:
        """Mark a package that the catalog answered not to have; no change if the mirror does not have it either."""
        with transaction(self._db):
            found = self._db.execute("SELECT slug, catalog_state FROM packages WHERE id = ?", (number,)).fetchone()
            if found is None:
                return []
            slug, state = slug_or_id(number, found[0]), found[1]
            self._remove_from_catalog([number], now)
            events = (_REMOVED,) if state == "listed" else ()
            changes = [StoredChange(number, slug, str(number), bool(events), events)]
            self._carry_over()
            store_events(self._db, changes, run=self._run, now=now)
        return changes

    @repairing
    def store_answers(self, source: SourceName, page: Sequence[SourceAnswer], *, now: datetime) -> list[StoredChange]:
        """Store answers of a forge or PyPI for every package that points to their coordinates."""
        with transaction(self._db):
            packages = self._packages_by_coordinate(source, [answer.coordinate for answer in page])
            stored = self._read_facts([number for found in packages.values() for number, _ in found], source)
            shared = {coordinate: row for (_, coordinate), row in stored.items() if row.facts is not None}
            known = {number for (number, _), row in stored.items() if row.facts is not None}
            changes: list[StoredChange] = []
            to_merge: dict[int, StoredChange] = {}
            rows: dict[FactsKey, dict[str, SqlValue]] = {}
            for received in refuse_others(source, page, stored, self.refused, self.accepting):
                numbers = (number for number, _ in packages.get(received.coordinate, ()))
                answer = project_tables.keep_releases(self._db, received, numbers)
                for number, slug in packages.get(answer.coordinate, ()):
                    key = (number, answer.coordinate)
                    old = stored.get(key) or FactsRow(source, answer.coordinate, None, None, None, None, None)
                    applied = apply_answer(old, answer, number, slug, shared.get(answer.coordinate), now=now)
                    rows[key] = rows.get(key, {}) | applied.row
                    if (replaced := find_replaced(old.facts, applied.facts)) is not None:
                        history.end_series(self._db, number, answer.coordinate, replaced)
                        self.replaced.add(slug)
                    changes.append(applied.change)
                    is_new = old.facts is None and answer.coordinate in shared
                    project_tables.store_details(self._db, number, answer, is_new=is_new, now=now)
                    if not applied.only_time:
                        changed = applied.change.changed or (number in to_merge and to_merge[number].changed)
                        to_merge[number] = applied.change._replace(changed=changed)
                    # A page can contain several answers about one coordinate.
                    gone_count = cast("int", applied.row.get("gone_count", old.gone_count))
                    stored[key] = old._replace(
                        facts=applied.facts,
                        gone_count=gone_count,
                        outdated=old.outdated and "parser_version" not in applied.row,
                    )
                if source is SourceName.PYPI and answer.coordinate == DJANGO:
                    project_tables.store_project(self._db, answer, now=now)
            self._upsert_facts(rows.values())
            self._store_answer_time({change.package for change in changes} - to_merge.keys(), source, now)
            changes += self._merge_and_suggest(to_merge, known, now)
            store_events(self._db, changes, run=self._run, now=now)
        return changes

    def update_overrides(
        self,
        package: int,
        revise: Callable[[Mapping[str, StoredValue]], Mapping[str, StoredValue]],
        *,
        unset: Collection[str | bytes],
        now: datetime,
    ) -> tuple[Merged, Merged] | None:
        """Set and remove the user's values; return the merges before and after.

        `revise` returns the new values from the effective ones. It runs inside the transaction, so that two edits that
        append to the same list both count. A value that equals the upstream one makes no override. `unset` has names of
        fields, as bytes where they may be no valid text. Returns None for a damaged package, of which overrides can
        only be removed. Raises MirrorError for values that cannot be stored.
        """
        overrides.delete_untyped(self._db, package, unset)
        with transaction(self._db):
            before = self._merge([package])
            values = revise(before[0].values) if before else {}
            cleared = [name for name in overrides.OWN_TABLES if name in values and not values[name]]
            values = {name: value for name, value in values.items() if name not in cleared}
            overrides.store_overrides(self._db, package, values, now=now)
            overrides.delete_overrides(self._db, package, [*unset, *cleared])
            after = self._merge([package])
            if not before or not after:
                if values or not unset:
                    raise damaged_error(self.damaged[package])
                return None
            if not values.keys() <= after[0].upstream.keys():
                raise damaged_error(self.damaged[package])
            if equal := find_equal_edits(after[0], values):
                overrides.delete_overrides(self._db, package, equal)
                after = self._merge([package])
            if before[0].project != after[0].project:
                dependencies.update_dependencies(self._db)
        return before[0], after[0]

    def repair(self, only: Collection[int] | None, *, rewrite: bool = False) -> list[str]:
        """Write damaged rows of these packages, or of all if None, anew; return their slugs.

        `rewrite` writes all rows of `only` anew. What the sources stated and cannot be read is dropped, to be asked for
        again.
        """
        with transaction(self._db):
            damaged = reset_damaged_rows(self._db, only)
            self._merge(damaged | set(only if rewrite and only is not None else ()))
        return [find_name(self._db, number) for number in sorted(damaged)]

    def _carry_over(self) -> None:
        """Move the edits of removed packages to those that the catalog listed anew, and merge both."""
        moved = carry_over(self._db, forges=self._forges, added=self._added)
        merges = {merged.values["id"]: merged for merged in self._merge(number for one in moved for number in one[:2])}
        for one in moved:
            equal = find_equal_edits(merges[one.id], one.fields) if one.id in merges else []
            overrides.delete_overrides(self._db, one.id, equal)
            self._merge([one.id] if equal else ())
            if one[:2] not in self.carried_over:  # a write that another program blocks is repeated
                self.carried_over.append(one[:2])

    def _drop_unwritten(self, changes: list[StoredChange]) -> list[StoredChange]:
        """Return the changes without those of new packages whose row could not be written, and drop their facts."""
        failed = {change.package for change in changes} & self.damaged.keys()
        unwritten = failed - self._catalog_states(failed).keys()
        self._db.executemany("DELETE FROM facts WHERE package_id = ?", [(number,) for number in unwritten])
        return [change for change in changes if change.package not in unwritten]

    def _remove_from_catalog(self, packages: Sequence[int], now: datetime) -> None:
        time = format_time(now)
        execute_each(
            self._db,
            "UPDATE facts SET asked = ?, answered = ?, outcome = 'gone', error = NULL, via = NULL"
            " WHERE package_id = ? AND source = 'catalog'",
            [(time, time, number) for number in packages],
        )
        execute_each(
            self._db,
            f"UPDATE packages SET catalog_state = 'removed', checked = json_set({_CHECKED}, '$.catalog', ?),"
            f" failed = json_remove({_FAILED}, '$.catalog') WHERE id = ?",
            [(time, number) for number in packages],
        )

    def _store_answer_time(self, packages: Iterable[int], source: SourceName, now: datetime) -> None:
        """Update only the times that a merge would change.

        Merging unchanged packages too would take 1.2 s more, a quarter of the processor time of a fetch of 5,800.
        """
        time = format_time(now)
        execute_each(
            self._db,
            f"UPDATE packages SET last_fetched = ?, last_fetched_utc = ?, checked = json_set({_CHECKED}, ?, ?)"
            " WHERE id = ?",
            [(time, to_sortable(time), f"$.{source.value}", time, number) for number in packages],
        )

    def _merge_and_suggest(
        self, changes: Mapping[int, StoredChange], known: Collection[int], now: datetime
    ) -> list[StoredChange]:
        """Merge, and return an event for each package in `known` that newly names another repository as its own.

        It is not an event that this version of djpkg recognizes a name in facts that did not change.
        """
        before = dict(
            self._db.execute(f"SELECT id, suggestion FROM packages WHERE id {_IN_LIST}", (_json_list(changes),))
        )
        suggestions: list[StoredChange] = []
        merges = self._merge(changes)
        history.store_measured(self._db, merges, now=now)
        for merged in merges:
            number = cast("int", merged.values["id"])
            is_new = number in known and changes[number].changed
            if not is_new or merged.suggestion in (None, before[number]):
                continue
            event = Event("suggested", merged.repository.url if merged.repository else None, merged.suggestion)
            suggestions.append(changes[number]._replace(changed=False, events=(event,)))
        return suggestions

    def _merge(self, packages: Iterable[int]) -> list[Merged]:
        """Merge facts and overrides and write the rows of `packages`; those that fail are added to `damaged`."""
        numbers = set(packages)
        merges, damaged = merge_packages(self._db, numbers, forges=self._forges)
        for number in numbers:
            self.damaged.pop(number, None)
        self.damaged |= damaged
        return merges

    def _packages_by_coordinate(
        self, source: SourceName, coordinates: Sequence[str]
    ) -> dict[str, list[tuple[int, str]]]:
        """Return id and slug of the packages that point to each coordinate now."""
        column = "pypi_name" if source is SourceName.PYPI else "repository_key"
        packages: dict[str, list[tuple[int, str]]] = {}
        for coordinate, number, slug in self._db.execute(
            f"SELECT {column}, id, slug FROM packages WHERE {column} {_IN_LIST}",
            (_json_list(coordinates),),
        ):
            packages.setdefault(coordinate, []).append((number, slug_or_id(number, slug)))
        return packages

    def _read_facts(self, packages: Collection[int], source: SourceName) -> dict[FactsKey, FactsRow]:
        rows: dict[FactsKey, FactsRow] = {}
        for number, gone_count, version, *columns in self._db.execute(
            "SELECT package_id, gone_count, parser_version, source, coordinate, asked, answered, outcome, error, facts"
            f" FROM facts WHERE source = ? AND package_id {_IN_LIST}",
            (source.value, _json_list(packages)),
        ):
            row = facts_json.parse_facts_row(columns)
            if row is not None:
                rows[number, row.coordinate] = row._replace(
                    gone_count=gone_count if is_integer(gone_count) else 0, outdated=is_outdated(version, source)
                )
        return rows

    def _catalog_states(self, packages: Collection[int]) -> dict[int, str]:
        sql = f"SELECT id, catalog_state FROM packages WHERE id {_IN_LIST}"
        return dict(self._db.execute(sql, (_json_list(packages),)).fetchall())

    def _upsert_facts(self, rows: Iterable[dict[str, SqlValue]]) -> None:
        """Upsert rows by their sets of columns: one upsert writes all columns of its rows."""
        batches: dict[frozenset[str], list[dict[str, SqlValue]]] = {}
        for row in rows:
            batches.setdefault(frozenset(row), []).append(row)
        for batch in batches.values():
            upsert(self._db, "facts", batch, key=("package_id", "source", "coordinate"))


def _catalog_events(state: str | None, *, report_added: bool) -> tuple[Event, ...]:
    """Return the events of a listed package whose stored state was `state`, None for a new one."""
    if state is None:
        return (Event("added", None, None),) if report_added else ()
    return (Event("back", "removed", None),) if state == "removed" else ()


def _json_list(values: Iterable[int | str]) -> str:
    """Return the one value that `_IN_LIST` binds; SQLite limits the number of values of a statement."""
    return json.dumps(list(values))
