"""Writing facts and overrides: always whole pages, always with the merge that follows from them, in one transaction.

Owns sqlite-utils. The facts that a page is laid over are read in the very transaction that writes them, because the
parts of a repository (page, weeks, contributors) arrive separately and a kill may come between any two.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, cast

from sqlite_utils import Database

from djpkg.mirror import facts_json
from djpkg.mirror.apply_answer import SourceAnswer, StoredChange, apply_answer
from djpkg.mirror.connection import transaction
from djpkg.mirror.serialization import to_json, to_row
from djpkg.model.fact_changes import Event, combine, facts_differ
from djpkg.model.merge import FactsRow, Merged, merge
from djpkg.source_name import SourceName
from djpkg.times import sortable, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.facts import CatalogFacts, Category, Facts, Grid
    from djpkg.model.merge import StoredValue


_FACTS_KEY = ("package_id", "source", "coordinate")


class Writer:
    """All writes to one mirror; `db` is in autocommit mode, `run` the number of the fetch that writes, if one does."""

    def __init__(self, db: sqlite3.Connection, *, forges: Mapping[str, SourceName], run: int | None = None) -> None:
        self._db = db
        self._tables = Database(db, execute_plugins=False)
        self._forges = forges
        self._run = run

    def store_categories(self, categories: Sequence[Category]) -> None:
        """Name categories. A title that changed shows at once: `packages` holds their numbers only."""
        rows = [
            {
                "id": c.id,
                "slug": c.slug,
                "title": c.title,
                "title_plural": c.title_plural,
                "description": c.description,
            }
            for c in categories
        ]
        with transaction(self._db):
            self._tables.table("categories").upsert_all(rows, pk="id")

    def store_grids(self, grids: Sequence[Grid]) -> None:
        """Name grids."""
        rows = [{"id": g.id, "slug": g.slug, "title": g.title, "description": g.description} for g in grids]
        with transaction(self._db):
            self._tables.table("grids").upsert_all(rows, pk="id")

    def store_catalog(self, page: Sequence[CatalogFacts], *, now: datetime, tell_added: bool) -> list[StoredChange]:
        """Store a page of the catalog. `tell_added`: packages seen for the first time are news."""
        latest = {said.id: said for said in page}  # insertions while paging repeat rows: the last one wins
        with transaction(self._db):
            self._db.execute("PRAGMA defer_foreign_keys = ON")
            before = self._stored(latest, SourceName.CATALOG)
            states = self._states(latest)
            written: list[StoredChange] = []
            rows: list[dict[str, SqlValue]] = []
            for number, said in latest.items():
                old = before.get((number, str(number)))
                kept = cast("CatalogFacts", combine(old.said if old else None, said))
                told = list(_catalog_events(states.get(number), tell_added=tell_added))
                changed = old is None or facts_differ(old.said, kept)
                rows.append(_facts_row(number, SourceName.CATALOG, str(number), kept, now=now, changed=changed))
                written.append(StoredChange(number, said.slug, str(number), changed, tuple(told)))
            self._name_by_number(latest.values())
            self._db.executemany(
                "UPDATE packages SET catalog_state = 'listed' WHERE id = ? AND catalog_state = 'removed'",
                [(number,) for number in latest],
            )
            self._upsert("facts", rows, key=_FACTS_KEY)
            self._merge(latest)
            self._store_events(written, now)
        return written

    def mark_removed(self, seen: Collection[int], *, now: datetime, tell: bool) -> list[StoredChange]:
        """Mark the listed packages that a complete sweep has not seen. Their rows, facts and edits stay.

        `tell`: that they are not listed any more is news.
        """
        with transaction(self._db):
            listed = self._db.execute("SELECT id, slug FROM packages WHERE catalog_state = 'listed'").fetchall()
            lost = [(number, slug) for number, slug in listed if number not in seen]
            self._mark_missing([number for number, _ in lost], now)
            told = (Event("removed", None, None),) if tell else ()
            written = [StoredChange(number, slug, str(number), changed=True, events=told) for number, slug in lost]
            self._store_events(written, now)
        return written

    def mark_gone(self, number: int, *, now: datetime) -> list[StoredChange]:
        """The catalog does not know a package by its number any more."""
        with transaction(self._db):
            found = self._db.execute("SELECT slug, catalog_state FROM packages WHERE id = ?", (number,)).fetchone()
            if found is None:
                return []
            slug, state = found
            self._mark_missing([number], now)
            told = (Event("removed", None, None),) if state == "listed" else ()
            written = [StoredChange(number, slug, str(number), bool(told), told)]
            self._store_events(written, now)
        return written

    def store_statements(
        self, source: SourceName, page: Sequence[SourceAnswer], *, now: datetime
    ) -> list[StoredChange]:
        """Store what a forge or PyPI said; each package that points to the coordinate gets it."""
        with transaction(self._db):
            pointing = self._pointing(source, [statement.coordinate for statement in page])
            before = self._stored([number for packages in pointing.values() for number, _ in packages], source)
            shared = {coordinate: row.said for (_, coordinate), row in before.items() if row.said is not None}
            known = {number for (number, _), row in before.items() if row.said is not None}
            written: list[StoredChange] = []
            stirred: dict[int, StoredChange] = {}
            rows: dict[tuple[int, str], dict[str, SqlValue]] = {}
            for statement in page:
                for number, slug in pointing.get(statement.coordinate, ()):
                    key = (number, statement.coordinate)
                    old = before.get(key) or FactsRow(source, statement.coordinate, None, None, None, None, None)
                    laid = apply_answer(old, statement, number, slug, shared.get(statement.coordinate), now=now)
                    rows[key] = rows.get(key, {}) | laid.row
                    written.append(laid.written)
                    if not laid.still:
                        stirred[number] = laid.written
                    misses = cast("int", laid.row.get("misses", old.misses))
                    # A page may speak of a coordinate twice.
                    before[key] = old._replace(said=laid.kept, misses=misses)
            self._write_facts(rows)
            self._touch({one.package for one in written} - stirred.keys(), source, now)
            written += self._merge_and_suggest(stirred, known)
            self._store_events(written, now)
        return written

    def store_overrides(
        self, package: int, values: Mapping[str, StoredValue], *, unset: Collection[str], now: datetime
    ) -> Merged:
        """Lay values over fields and take others off, and give the merge that follows."""
        return self.revise_overrides(package, lambda _: values, unset=unset, now=now)[1]

    def revise_overrides(
        self,
        package: int,
        revise: Callable[[Mapping[str, StoredValue]], Mapping[str, StoredValue]],
        *,
        unset: Collection[str],
        now: datetime,
    ) -> tuple[Merged, Merged]:
        """The same with values that `revise` makes of the effective ones; the merges before and after.

        Reading and writing are one transaction, so that of two edits that add to one list both count.
        """
        with transaction(self._db):
            (before,) = self._merge([package])
            rows = [
                {"package_id": package, "field": field, "value": to_json(value), "edited": stamp(now)}
                for field, value in revise(before.values).items()
            ]
            self._tables.table("overrides").upsert_all(rows, pk=("package_id", "field"))
            self._db.executemany(
                "DELETE FROM overrides WHERE package_id = ? AND field = ?", [(package, field) for field in unset]
            )
            (after,) = self._merge([package])
        return before, after

    def note_failure(self, package: int, error: str, *, now: datetime) -> None:
        """That the catalog could not tell of a package, and why; what it said before stays."""
        with transaction(self._db):
            self._db.execute(
                "UPDATE facts SET asked = ?, outcome = 'failed', error = ? WHERE package_id = ? AND source = 'catalog'",
                (stamp(now), error, package),
            )
            self._db.execute(
                "UPDATE packages SET failed = json_set(failed, '$.catalog', ?) WHERE id = ?", (error, package)
            )

    def _mark_missing(self, packages: Sequence[int], now: datetime) -> None:
        """That the catalog does not have a package is an answer of its own; what it said before stays."""
        at = stamp(now)
        self._db.executemany(
            "UPDATE facts SET asked = ?, answered = ?, outcome = 'gone', error = NULL"
            " WHERE package_id = ? AND source = 'catalog'",
            [(at, at, number) for number in packages],
        )
        self._db.executemany(
            "UPDATE packages SET catalog_state = 'removed', checked = json_set(checked, '$.catalog', ?),"
            " failed = json_remove(failed, '$.catalog') WHERE id = ?",
            [(at, number) for number in packages],
        )

    def _touch(self, packages: Iterable[int], source: SourceName, now: datetime) -> None:
        """Note the time of an answer without news: all that a merge would change, at a tenth of its price."""
        at = stamp(now)
        self._db.executemany(
            "UPDATE packages SET last_fetched = ?, last_fetched_utc = ?, checked = json_set(checked, ?, ?)"
            " WHERE id = ?",
            [(at, sortable(at), f"$.{source.value}", at, number) for number in packages],
        )

    def _merge_and_suggest(self, written: Mapping[int, StoredChange], known: Collection[int]) -> list[StoredChange]:
        """Merge, and tell of projects that from now on name another forge as their own."""
        suggested = dict(
            self._db.execute(f"SELECT id, suggestion FROM packages WHERE id IN ({_marks(written)})", tuple(written))
        )
        return [
            written[number]._replace(
                changed=False, events=(Event("moved", one.place.url if one.place else None, one.suggestion),)
            )
            for one in self._merge(written)
            if (number := cast("int", one.values["id"])) in known and one.suggestion not in (None, suggested[number])
        ]

    def _merge(self, packages: Iterable[int]) -> list[Merged]:
        """Merge the facts and overrides of packages anew and write what comes out; inside the caller's transaction."""
        wanted = sorted(set(packages))
        if not wanted:
            return []
        facts: dict[int, list[FactsRow]] = {number: [] for number in wanted}
        for number, *row in self._db.execute(
            "SELECT package_id, source, coordinate, asked, answered, outcome, error, said FROM facts"
            f" WHERE package_id IN ({_marks(wanted)})",
            wanted,
        ):
            facts[number].append(facts_json.facts_row(row))
        overrides: dict[int, dict[str, StoredValue]] = {}
        for number, field, value in self._db.execute(
            f"SELECT package_id, field, value FROM overrides WHERE package_id IN ({_marks(wanted)})", wanted
        ):
            overrides.setdefault(number, {})[field] = json.loads(value)
        removed = {number for number, state in self._states(wanted).items() if state == "removed"}
        try:
            merged = [
                merge(facts[number], overrides.get(number, {}), listed=number not in removed, forges=self._forges)
                for number in wanted
            ]
        except ValueError as error:
            raise facts_json.unreadable("of these packages", error) from error
        try:
            self._upsert("packages", [to_row(one) for one in merged], key=("id",))
        except sqlite3.IntegrityError as error:  # somebody else's override, of a type that its column does not take
            raise facts_json.unreadable("or edits of these packages", error) from error
        self._place_in_grids(merged)
        return merged

    def _place_in_grids(self, merged: Sequence[Merged]) -> None:
        wanted = {cast("int", one.values["id"]): tuple(cast("list[int]", one.values["grids"])) for one in merged}
        numbers = list(wanted)
        present: dict[int, tuple[int, ...]] = {}
        for number, grid in self._db.execute(
            f"SELECT package_id, grid_id FROM package_grids WHERE package_id IN ({_marks(numbers)})"
            " ORDER BY package_id, position",
            numbers,
        ):
            present[number] = (*present.get(number, ()), grid)
        moved = {number: grids for number, grids in wanted.items() if present.get(number, ()) != grids}
        self._db.executemany("DELETE FROM package_grids WHERE package_id = ?", [(number,) for number in moved])
        self._db.executemany(
            "INSERT OR IGNORE INTO grids (id) VALUES (?)", [(grid,) for grids in moved.values() for grid in grids]
        )
        self._db.executemany(
            "INSERT OR IGNORE INTO package_grids (package_id, grid_id, position) VALUES (?, ?, ?)",
            [(number, grid, place) for number, grids in moved.items() for place, grid in enumerate(grids)],
        )

    def _name_by_number(self, page: Iterable[CatalogFacts]) -> None:
        """Categories that nobody has named yet stand under their number until they are."""
        self._db.executemany(
            "INSERT OR IGNORE INTO categories (id) VALUES (?)",
            [(number,) for number in {said.category for said in page if said.category is not None}],
        )

    def _pointing(self, source: SourceName, coordinates: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
        """The packages that point to each coordinate now."""
        column = "pypi_name" if source is SourceName.PYPI else "repository_key"
        pointing: dict[str, list[tuple[int, str]]] = {}
        for coordinate, number, slug in self._db.execute(
            f"SELECT {column}, id, slug FROM packages WHERE {column} IN ({_marks(coordinates)})", coordinates
        ):
            pointing.setdefault(coordinate, []).append((number, slug))
        return pointing

    def _stored(self, packages: Collection[int], source: SourceName) -> dict[tuple[int, str], FactsRow]:
        found: dict[tuple[int, str], FactsRow] = {}
        for number, misses, *row in self._db.execute(
            "SELECT package_id, misses, source, coordinate, asked, answered, outcome, error, said FROM facts"
            f" WHERE source = ? AND package_id IN ({_marks(packages)})",
            (source.value, *packages),
        ):
            found[number, row[1]] = facts_json.facts_row(row)._replace(misses=misses)
        return found

    def _states(self, packages: Collection[int]) -> dict[int, str]:
        return dict(
            self._db.execute(
                f"SELECT id, catalog_state FROM packages WHERE id IN ({_marks(packages)})", tuple(packages)
            ).fetchall()
        )

    def _write_facts(self, rows: Mapping[tuple[int, str], dict[str, SqlValue]]) -> None:
        """Rows that name the same columns go together: an upsert sets every column of its batch."""
        shapes: dict[frozenset[str], list[dict[str, SqlValue]]] = {}
        for row in rows.values():
            shapes.setdefault(frozenset(row), []).append(row)
        for batch in shapes.values():
            self._upsert("facts", batch, key=_FACTS_KEY)

    def _upsert(self, table: str, rows: Sequence[Mapping[str, SqlValue]], *, key: tuple[str, ...]) -> None:
        """Write rows that all name the same columns.

        Said in SQL for the two tables that a fetch writes thousands of rows of: sqlite-utils looks at each value once
        more, which took a third of the processor time of a sweep.
        """
        if not rows:
            return
        names = tuple(rows[0])
        sets = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
        self._db.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({_marks(names)})"
            f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sets}",
            [tuple([row[name] for name in names]) for row in rows],
        )

    def _store_events(self, written: Sequence[StoredChange], now: datetime) -> None:
        rows = [
            {
                "at": stamp(now),
                "run_id": self._run,
                "package_id": one.package,
                "event": event.event,
                "old": event.old,
                "new": event.new,
            }
            for one in written
            for event in one.events
        ]
        self._tables.table("events").insert_all(rows)


def _facts_row(
    number: int, source: SourceName, coordinate: str, said: Facts, *, now: datetime, changed: bool
) -> dict[str, SqlValue]:
    return {
        "package_id": number,
        "source": source.value,
        "coordinate": coordinate,
        "asked": stamp(now),
        "answered": stamp(now),
        "outcome": "updated" if changed else "unchanged",
        "error": None,
        "said": facts_json.encode(said),
    }


def _catalog_events(state: str | None, *, tell_added: bool) -> Iterable[Event]:
    if state is None and tell_added:
        yield Event("added", None, None)
    if state == "removed":
        yield Event("back", "removed", None)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
