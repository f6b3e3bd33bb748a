"""Taking a snapshot into the mirror, inside the caller's transaction: the newer answer of each source wins.

The user's values are not touched. The lines were checked before; see `djpkg.sources.snapshot`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from djpkg.mirror import facts_json, fetch_history, history, snapshot_details
from djpkg.mirror.apply_answer import SourceAnswer, StoredChange, refuse_others, retry_delay
from djpkg.mirror.connection import upsert
from djpkg.mirror.project_tables import store_releases
from djpkg.mirror.repair import reset_damaged_rows
from djpkg.mirror.snapshot_events import EventStore
from djpkg.mirror.write import Writer
from djpkg.model.batch_sizes import MIN_LIST_RATIO
from djpkg.model.fact_changes import Event, combine_facts, facts_differ, find_events
from djpkg.model.facts import PARSER_VERSIONS, CatalogFacts, Category, Facts, Grid, Outcome
from djpkg.model.snapshot import (
    EventLine,
    FactsLine,
    HistoryLine,
    ProjectLine,
    ReleasesLine,
    RequirementsLine,
    SweepLine,
)
from djpkg.source_name import SourceName
from djpkg.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.merge import FactsRow, Merged
    from djpkg.model.snapshot import Head, Line

_CATALOG, _PYPI = SourceName.CATALOG, SourceName.PYPI
_BATCH = 250


class SnapshotOrigin(NamedTuple):
    """Where a snapshot came from: its address without secrets, the validators of its server, and its SHA-256."""

    address: str
    etag: str | None
    modified: str | None
    sha256: str


class Failed(NamedTuple):
    """An answer in a snapshot that was not stored."""

    source: SourceName
    slug: str
    reason: str


@dataclass(slots=True)
class TakenIn:
    """What a snapshot changed: outcomes by source, events of packages that the mirror had, and what was refused."""

    outcomes: Counter[tuple[SourceName, Outcome]] = field(default_factory=Counter)
    events: list[StoredChange] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)


@dataclass(slots=True)
class _Package:
    """The lines about one package."""

    facts: list[FactsLine]
    details: list[ReleasesLine | RequirementsLine] = field(default_factory=list)
    history: HistoryLine | None = None

    @property
    def id(self) -> int:
        return self.facts[0].package


class _Taken(NamedTuple):
    """An answer that is newer than the stored one."""

    line: FactsLine
    before: FactsRow | None
    changed: bool


class SnapshotWriter(Writer):
    """Writes a snapshot into one mirror."""

    def take_in(
        self,
        head: Head,
        read: Callable[[], Iterable[Line]],
        *,
        origin: SnapshotOrigin | None,
        now: datetime,
        advance: Callable[[int], None],
    ) -> TakenIn:
        """Store what is newer in the lines that `read` returns, inside the caller's transaction.

        Rows that another program damaged are written anew first, as in a fetch of all packages.
        `advance` is called with the number of packages of each page.
        """
        self._taken = TakenIn()
        self._made = format_time(head.made)
        self._now = format_time(now)
        self.db.execute("PRAGMA defer_foreign_keys = ON")
        self._merge(reset_damaged_rows(self.db, None))
        known = self._catalog_sweep_end()
        self._renews_lists = known is None or known < head.made
        self._events = EventStore(self.db, run=self._run, reports_added=known is not None)
        sweeps: list[SweepLine] = []
        for page in self._pages(read(), sweeps):
            self._store_page(page)
            advance(len(page))
        self._events.store_missing()
        self._taken.events = self._events.reported
        for line in sweeps:
            self._store_sweep(line, now)
        self._carry_over()
        if origin is not None:
            row: dict[str, SqlValue] = {**origin._asdict(), "made": self._made, "taken": self._now}
            upsert(self.db, "snapshots", [row], key=("address",))
        return self._taken

    def _pages(self, lines: Iterable[Line], sweeps: list[SweepLine]) -> Iterator[list[_Package]]:
        """Yield the packages in pages, and store all other lines."""
        page: list[_Package] = []
        for line in lines:
            is_package = isinstance(line, FactsLine) and line.source is _CATALOG
            if page and (isinstance(line, EventLine) or (is_package and len(page) == _BATCH)):
                yield page
                page = []
            match line:
                case FactsLine() if is_package:
                    page.append(_Package([line]))
                case FactsLine():
                    page[-1].facts.append(line)
                case HistoryLine():
                    page[-1].history = line
                case ReleasesLine() | RequirementsLine():
                    page[-1].details.append(line)
                case _:
                    self._store_other(line, sweeps)
        if page:
            yield page

    def _store_other(self, line: Line, sweeps: list[SweepLine]) -> None:
        match line:
            case EventLine():
                self._events.store(line)
            case SweepLine():
                sweeps.append(line)
            case Category() | Grid():
                self._store_list_entry(line)
            case ProjectLine():
                self._store_project(line)

    def _store_page(self, page: list[_Package]) -> None:
        before = {
            (source, *key): row
            for source in SourceName
            for key, row in self._read_facts([package.id for package in page], source).items()
        }
        states = self._catalog_states([package.id for package in page])
        taken: list[_Taken] = []
        for package in page:
            taken += self._newer(package, before)
        removed = [(one.line.package,) for one in taken if one.line.removed]
        listed = [(one.line.package,) for one in taken if one.line.source is _CATALOG and not one.line.removed]
        self._added |= {number for (number,) in listed} - states.keys()
        self.db.executemany("UPDATE packages SET catalog_state = 'removed' WHERE id = ?", removed)
        self.db.executemany("UPDATE packages SET catalog_state = 'listed' WHERE id = ?", listed)
        self._upsert_facts(map(self._to_row, taken))
        merges = self._merge({one.line.package for one in taken})
        self.db.executemany("UPDATE packages SET catalog_state = 'removed' WHERE id = ?", removed)
        changes = [self._change(one, states.get(one.line.package)) for one in taken]
        written = {change.package for change in self._drop_unwritten(changes)} | states.keys()
        for one, change in zip(taken, changes, strict=True):
            if change.package in written:
                since = one.before.answered if one.before is not None else None
                self._events.expect(change, since=since, at=one.line.answered, known=change.package in states)
        answered = {one.line.package: one.line for one in taken if one.line.source not in (_CATALOG, _PYPI)}
        projects = {one.line.package: one.line for one in taken if one.line.source is _PYPI}
        for package in page:
            if package.id not in written:
                continue
            if package.id in projects:
                day = projects[package.id].answered[:10]
                snapshot_details.store_details(self.db, package.details, day=day)
            else:
                for line in package.details:
                    known = before[_PYPI, package.id, line.project]  # at least as new as the snapshot's answer
                    snapshot_details.store_former(self.db, line, day=str(known.answered)[:10])
            if package.history is not None:
                snapshot_details.store_history(self.db, package.history)
        self._store_measured(merges, answered)

    def _newer(self, package: _Package, before: Mapping[tuple[SourceName, int, str], FactsRow]) -> Iterator[_Taken]:
        """Yield the answers that are newer than the stored ones, or whose stored facts were lost, and count all."""
        for line in package.facts:
            old = before.get((line.source, line.package, line.coordinate))
            outcome = Outcome.UNCHANGED
            if self._is_other_repository(line, old):
                reason = self.refused[line.coordinate].removeprefix(f"{line.source}: ")
                slug = cast("CatalogFacts", package.facts[0].facts).slug
                self._taken.failed.append(Failed(line.source, slug, reason))
                package.history = None  # it is the other repository's
                continue
            if old is None or old.facts is None or not self._is_known(line.answered, old.answered):
                changed = old is None or facts_differ(old.facts, _combine(old, line))
                outcome = Outcome.GONE if line.is_gone else Outcome.UPDATED if changed else Outcome.UNCHANGED
                yield _Taken(line, old, changed)
            self._taken.outcomes[line.source, outcome] += 1

    def _is_known(self, answered: str, stored: object) -> bool:
        """Return whether the stored answer is at least as new. One in the future is of a wrong clock."""
        return isinstance(stored, str) and answered <= stored <= self._now

    def _is_other_repository(self, line: FactsLine, old: FactsRow | None) -> bool:
        if old is None or line.source in (_CATALOG, _PYPI):
            return False
        answer = SourceAnswer(line.coordinate, Outcome.UPDATED, line.facts)
        list(refuse_others(line.source, [answer], {(line.package, line.coordinate): old}, self.refused))
        return line.coordinate in self.refused

    def _to_row(self, taken: _Taken) -> dict[str, SqlValue]:
        line, before = taken.line, taken.before
        outcome = "gone" if line.is_gone else "updated" if taken.changed else "unchanged"
        return {
            "package_id": line.package,
            "source": line.source.value,
            "coordinate": line.coordinate,
            "facts": facts_json.encode(_combine(before, line)),
            "via": self._made,
            **_lookup_columns(line, outcome),
        }

    def _change(self, taken: _Taken, state: str | None) -> StoredChange:
        """Return the events between the stored answer and the new one; `state` is the catalog's, None if unknown."""
        line, before = taken.line, taken.before
        events: list[Event] = []
        if line.source is _CATALOG:
            if line.removed:
                events = [Event("removed", None, None)] if state == "listed" else []
            elif state != "listed":
                events = [Event("added", None, None) if state is None else Event("back", "removed", None)]
        elif before is not None:
            events = find_events(before.facts, _combine(before, line), coordinate=line.coordinate)
        return StoredChange(line.package, "", line.coordinate, taken.changed, tuple(events))

    def _store_measured(self, merges: Iterable[Merged], answered: Mapping[int, FactsLine]) -> None:
        """Store the measured values on the days of the forges' answers."""
        days: dict[str, list[Merged]] = {}
        for merged in merges:
            line = answered.get(cast("int", merged.values["id"]))
            if line is not None:
                days.setdefault(line.answered[:10], []).append(merged)
        for day, found in days.items():
            moment = parse_time(day)
            if moment is not None:
                history.store_measured(self.db, found, now=moment)

    def _store_list_entry(self, entry: Category | Grid) -> None:
        names = ("id", "slug", "title", "description")
        columns = (*names, "title_plural") if isinstance(entry, Category) else names
        row = {name: getattr(entry, name) for name in columns}
        table = "categories" if isinstance(entry, Category) else "grids"
        known = self.db.execute(f"SELECT slug FROM {table} WHERE id = ?", (entry.id,)).fetchone()
        if self._renews_lists or known is None or known[0] is None:
            upsert(self.db, table, [row], key=("id",))

    def _store_project(self, line: ProjectLine) -> None:
        answer = line.answer
        row = self.db.execute("SELECT answered, facts FROM projects WHERE name = ?", (answer.coordinate,)).fetchone()
        answered, stored = row or (None, None)
        if facts_json.find_facts(_PYPI, stored) is not None and self._is_known(answer.answered, answered):
            return
        outcome = "gone" if answer.is_gone else "updated"
        facts = facts_json.encode(answer.facts)
        columns = {"name": answer.coordinate, "facts": facts, **_lookup_columns(answer, outcome)}
        upsert(self.db, "projects", [columns], key=("name",))
        store_releases(self.db, "project_releases", {"project": answer.coordinate}, line.releases)

    def _store_sweep(self, line: SweepLine, now: datetime) -> None:
        """Store a newer sweep of the catalog, unless it lost many packages.

        The number of PyPI's projects cannot be checked, and a wrong one would block later fetches.
        """
        if line.source is not _CATALOG:
            return
        known = fetch_history.find_sweep(self.db, line.source)
        if known is not None and line.sweep.completed <= known.completed <= now:
            return
        if known is not None and line.sweep.packages < known.packages * MIN_LIST_RATIO:
            return
        fetch_history.store_sweep(self.db, line.source, line.sweep)

    def _catalog_sweep_end(self) -> datetime | None:
        sweep = fetch_history.find_sweep(self.db, _CATALOG)
        return None if sweep is None else sweep.completed


def _combine(before: FactsRow | None, line: FactsLine) -> Facts:
    """Return the facts to store, as after an answer of the source itself."""
    return line.facts if before is None else combine_facts(before.facts, line.facts, outdated=before.outdated)


def _lookup_columns(line: FactsLine, outcome: str) -> dict[str, SqlValue]:
    """Return the columns that tables of answers share."""
    answered = parse_time(line.answered)
    retry = answered + retry_delay(max(1, line.gone_count)) if answered is not None and outcome == "gone" else None
    is_asked_for = line.source is not _CATALOG
    return {
        "asked": line.answered,
        "answered": line.answered,
        "outcome": outcome,
        "error": None,
        "etag": line.etag,
        "serial": line.serial,
        "gone_count": line.gone_count if outcome == "gone" else 0,
        "retry_after": format_time(retry) if retry is not None and is_asked_for else None,
        # A newer parser reads more: what this djpkg does not know is lost, and asked for after an upgrade.
        "parser_version": min(line.parser_version, PARSER_VERSIONS[line.source]),
    }
