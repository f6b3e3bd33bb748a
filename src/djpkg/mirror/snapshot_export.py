"""The lines of a snapshot: the public facts of a mirror, as JSON.

Nothing private is read: no overrides, notes, tags, runs, quotas and errors, and no facts to which an edit of an address
may have led. Rows that another program damaged, and those of a time after the snapshot, are left out.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from djpkg.mirror import facts_json, fetch_history
from djpkg.mirror.damage import is_integer, slug_or_id, text_or_none
from djpkg.model import snapshot
from djpkg.model.event_names import EVENTS
from djpkg.model.facts import CatalogFacts, ContributorsFacts, ForgeFacts
from djpkg.source_name import SourceName
from djpkg.times import format_time, is_same_time, parse_time, utc_day

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import datetime

    from djpkg.model.facts import Facts

    # One line, or a part of it.
    Values: TypeAlias = dict[str, object]
    Check: TypeAlias = Callable[[bytes], None]
    # Rows of each table by package.
    Rows: TypeAlias = dict[str, dict[int, list[tuple[object, ...]]]]

_encoder = msgspec.json.Encoder()
_CATALOG, _PYPI = SourceName.CATALOG, SourceName.PYPI
_BATCH = 250
_IN_BATCH = "package_id IN (SELECT value FROM json_each(?))"
_RELEASES = "version, uploaded, yanked, requires_python"
# The addresses on which events depend: of the repository, of the project, or either.
_FORGE_EVENTS = ("archived", "unarchived", "moved")
_PYPI_EVENTS = ("released", "yanked")
_ADDRESSES = frozenset(("repo_url", "pypi_url"))


class Content(NamedTuple):
    """What a snapshot contains besides the facts."""

    history: bool = False
    participants: bool = True


class SnapshotLines:
    """The lines of a snapshot of `db`, which nobody changes meanwhile; call the methods in the order of the class.

    `check` raises ValueError for a line that a reader would refuse. Without its catalog record a package is left out,
    and its name added to `damaged`; any other line is left out alone, and the name added to `incomplete`. All lines
    have their ends.
    """

    def __init__(self, db: sqlite3.Connection, content: Content, *, now: datetime, check: Check) -> None:
        self._db = db
        self._content = content
        self._moment = now
        self._made = format_time(now)
        self._today = utc_day(now)
        self._check = check
        self.damaged: list[str] = []
        self.incomplete: list[str] = []
        self._packages: set[int] = set()
        self._listed = 0
        self._foreign: set[tuple[object, object]] = set()
        """Packages and addresses that led to facts which the catalog never led to: an edit may have."""
        self._stated: set[tuple[int, str]] = set()
        """Packages and the coordinates to which the catalog led."""
        self._has_refused = False

    def packages(self) -> Iterator[bytes]:
        """Yield the lines of all packages, in the order of ids."""
        names = dict(self._db.execute("SELECT id, slug FROM packages ORDER BY id"))
        removed = {number for (number,) in self._db.execute("SELECT id FROM packages WHERE catalog_state = 'removed'")}
        numbers = list(names)
        for start in range(0, len(numbers), _BATCH):
            batch = numbers[start : start + _BATCH]
            rows = self._read_rows(batch)
            for number in batch:
                if not any(row[0] == _CATALOG and row[3] is not None for row in rows["facts"].get(number, ())):
                    continue  # never fetched: its record is the built-in one, or it has none
                name = slug_or_id(number, names[number])
                self._has_refused = False
                try:
                    lines = list(self._package(number, rows, is_removed=number in removed))
                except ValueError:
                    self.damaged.append(name)
                    continue
                if self._has_refused:
                    self.incomplete.append(name)
                self._packages.add(number)
                self._listed += number not in removed
                yield from lines

    def events(self) -> Iterator[bytes]:
        """Yield the events of the packages, oldest first."""
        foreign = self._foreign.union(
            self._db.execute("SELECT package_id, field FROM overrides WHERE field IN ('repo_url', 'pypi_url')")
        )
        for number, at, event, old, new in self._db.execute(
            "SELECT package_id, at, event, old, new FROM events ORDER BY id"
        ):
            if number not in self._packages or event not in EVENTS:
                continue
            if any((number, address) in foreign for address in _addresses(event, old, new)):
                continue
            if event == "suggested" and old is not None and (number, _coordinate(old)) not in self._stated:
                continue  # an edited address that was never asked has no facts
            yield from self._valid(
                {"kind": "event", "package": number, "at": at, "event": event, "old": old, "new": new}
            )

    def head(self) -> Iterator[bytes]:
        """Yield the first line, and those of the catalog's sweep, categories, grids and projects."""
        yield _encode(
            {
                "djpkg_snapshot": snapshot.FORMAT_VERSION,
                "made": self._made,
                "packages": len(self._packages),
                "history": self._content.history,
                "participants": self._content.participants,
            }
        )
        sweep = fetch_history.find_sweep(self._db, _CATALOG)  # the number of PyPI's projects is not believed
        if sweep is not None:
            newest = min(sweep.newest_id or 0, max(self._packages, default=0)) or None
            yield from self._valid(
                {
                    "kind": "sweep",
                    "source": _CATALOG.value,
                    "completed": format_time(sweep.completed),
                    "packages": self._listed,
                    "newest_id": newest,
                }
            )
        for kind, table, columns in (
            ("category", "categories", ("id", "slug", "title", "title_plural", "description")),
            ("grid", "grids", ("id", "slug", "title", "description")),
        ):
            for row in self._db.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE slug IS NOT NULL ORDER BY id"):
                values = {name: value for name, value in zip(columns, row, strict=True) if value is not None}
                yield from self._valid({"kind": kind, "title": "", **values})
        yield from self._projects()

    def end(self, lines: int) -> bytes:
        """Return the last line; `lines` are before it."""
        return _encode({"kind": "end", "lines": lines + 1})

    @property
    def count(self) -> int:
        """The number of packages."""
        return len(self._packages)

    def _valid(self, values: Values) -> Iterator[bytes]:
        """Yield the line, unless a reader would refuse it."""
        try:
            line = self._line(values)
        except ValueError:
            self._has_refused = True
            return
        yield line

    def _line(self, values: Values) -> bytes:
        """Return the line. Raises ValueError if a reader would refuse it."""
        line = _encode(values)
        self._check(line)
        return line

    def _projects(self) -> Iterator[bytes]:
        for name, *columns in self._db.execute(
            "SELECT name, answered, etag, serial, gone_count, parser_version, facts FROM projects ORDER BY name"
        ):
            values = self._answer(_PYPI, name, columns)
            if values is not None:
                rows = self._db.execute(
                    f"SELECT {_RELEASES} FROM project_releases WHERE project = ? ORDER BY version", (name,)
                )
                yield from self._valid(values | {"kind": "project", "releases": self._releases(rows.fetchall())})

    def _read_rows(self, batch: Sequence[int]) -> Rows:
        """Return the rows of each table by package."""
        queries = {
            "facts": "source, coordinate, via, answered, etag, serial, gone_count, parser_version, facts",
            "releases": f"project, {_RELEASES}",
            "requirements": "project, requires, specifier, marker, version, since, until",
        }
        if self._content.history:
            queries["history"] = "coordinate, day, stars, forks, contributors, commits"
        rows: Rows = {}
        for table, columns in queries.items():
            found = self._db.execute(
                f"SELECT package_id, {columns} FROM {table} WHERE {_IN_BATCH} ORDER BY package_id, {columns}",
                (str(list(batch)),),
            )
            rows[table] = {
                number: [tuple(row[1:]) for row in group] for number, group in groupby(found, key=itemgetter(0))
            }
        return rows

    def _package(self, number: int, rows: Rows, *, is_removed: bool) -> Iterator[bytes]:
        """Yield the lines of a package. ValueError if its record cannot be read."""
        found = rows["facts"].get(number, [])
        record = next((row for row in found if row[0] == _CATALOG and row[1] == str(number)), None)
        values = self._answer(_CATALOG, str(number), record[3:]) if record is not None else None
        if values is None or record is None:
            raise ValueError("no record of the catalog")
        catalog = values["facts"]
        assert isinstance(catalog, CatalogFacts)  # noqa: S101 - decoded as such
        shown = catalog if self._content.participants else replace(catalog, participants=(), participants_updated=None)
        facts = msgspec.to_builtins(shown)
        del facts["former_addresses"]  # each mirror remembers its own
        record_line = {"kind": "catalog", "answered": values["answered"], "parser": values["parser"], "facts": facts}
        yield self._line(record_line | ({"removed": True} if is_removed else {}))
        project = coordinate = None
        for source, name, via, *columns in found:
            if source == _CATALOG or not self._is_current(number, catalog, source, name, via):
                continue
            kind = SourceName(str(source))
            values = self._answer(kind, str(name), columns)
            if values is None:
                continue
            if kind is _PYPI:
                values |= {"kind": "pypi", "package": number}
            else:
                forge = self._forge(values, catalog)
                values |= {"kind": "forge", "package": number, "source": kind.value, "facts": forge}
            for line in self._valid(values):
                if kind is _PYPI:
                    project = str(name)
                else:
                    coordinate = str(name)
                yield line
        for details in self._details(number, rows, project, coordinate):
            yield from self._valid(details)

    def _is_current(self, number: int, catalog: CatalogFacts, source: object, name: object, via: object) -> bool:
        """Return whether the catalog's record leads to these facts, and note whether it ever did.

        To facts that came in a snapshot (`via`) the record in it led.
        """
        if source not in facts_json.SOURCES or not isinstance(name, str):  # damaged
            self._foreign.update((number, address) for address in _ADDRESSES)
            return False
        kind = SourceName(str(source))
        is_current = snapshot.belongs_to(catalog, kind, name)
        if is_current or via is not None or snapshot.once_belonged_to(catalog, kind, name):
            self._stated.add((number, name))
        else:
            self._foreign.add((number, "pypi_url" if kind is _PYPI else "repo_url"))
        return is_current

    def _details(
        self,
        number: int,
        rows: Rows,
        project: str | None,
        coordinate: str | None,
    ) -> Iterator[Values]:
        """Yield the releases and requirements of the project, and the history of the repository."""
        releases = [row[1:] for row in rows["releases"].get(number, ()) if row[0] == project]
        if releases:
            yield {"kind": "releases", "package": number, "project": project, "releases": self._releases(releases)}
        requirements = [
            row[1:]
            for row in rows["requirements"].get(number, ())
            if row[0] == project and self._is_past(row[5], row[6])
        ]
        if requirements or releases:
            yield {"kind": "requirements", "package": number, "project": project, "requirements": requirements}
        days = [
            row[1:]
            for row in rows.get("history", {}).get(number, ())
            if row[0] == coordinate and coordinate is not None and self._is_past(row[1], None)
        ]
        if days:
            yield {"kind": "history", "package": number, "coordinate": coordinate, "days": days}

    def _releases(self, rows: Sequence[Sequence[object]]) -> list[tuple[object, ...]]:
        return [
            (version, self._known_time(uploaded), bool(yanked), python) for version, uploaded, yanked, python in rows
        ]

    def _known_time(self, text: object) -> str | None:
        return text if isinstance(text, str) and snapshot.is_known_time(text, made=self._moment) else None

    def _is_past(self, since: object, until: object) -> bool:
        return isinstance(since, str) and since <= self._today and (until is None or str(until) <= self._today)

    def _answer(self, source: SourceName, coordinate: str, columns: Sequence[object]) -> Values | None:
        """Return the values of a complete answer, None if there is none that can be read."""
        answered, etag, serial, gone_count, parser, text = columns
        time = parse_time(text_or_none(answered))
        facts = facts_json.find_facts(source, text)
        if time is None or facts is None or format_time(time) > self._made or not is_integer(parser):
            return None
        values: Values = {
            "coordinate": coordinate,
            "answered": format_time(time),
            "parser": parser,
            "facts": snapshot.without_unknown_times(facts, made=self._moment),
        }
        optional = {"etag": text_or_none(etag), "serial": serial if is_integer(serial) else None}
        if source not in (_PYPI, _CATALOG):
            del optional["serial"]
        if is_integer(gone_count) and gone_count:
            values["gone_count"] = gone_count
        return values | {name: value for name, value in optional.items() if value is not None}

    def _forge(self, values: Values, catalog: CatalogFacts) -> Facts:
        """Return the facts, without the names of people if they are left out.

        The head stays for which the list was read, or for which the catalog's list made a request needless.
        """
        facts = values["facts"]
        assert isinstance(facts, ForgeFacts)  # noqa: S101 - decoded as such
        contributors, current = facts.contributors, facts.repository
        if contributors is not None and contributors.taken > self._made:  # read under a wrong clock
            contributors = None
        if self._content.participants:
            return replace(facts, contributors=contributors)
        if contributors is not None:
            contributors = replace(contributors, names=(), whole=False)
        elif (
            catalog.participants
            and current is not None
            and current.head is not None
            and is_same_time(catalog.participants_at, current.head_at)
        ):
            taken = str(values["answered"])
            contributors = ContributorsFacts(head=current.head, names=(), taken=taken, whole=False)
        return replace(facts, contributors=contributors)


def _addresses(event: str, old: object, new: object) -> Collection[str]:
    """Return the fields of the addresses that led to an event."""
    if event in ("added", "removed") or (event == "back" and old == "removed"):
        return ()
    if event in _FORGE_EVENTS:
        return ("repo_url",)
    if event in _PYPI_EVENTS:
        return ("pypi_url",)
    coordinate = new if event == "back" else old
    if event in ("back", "gone", "blocked") and isinstance(coordinate, str):
        return ("repo_url",) if "/" in coordinate else ("pypi_url",)
    return _ADDRESSES


def _coordinate(url: object) -> str:
    """Return the coordinate of a repository from the URL of its page."""
    return str(url).removeprefix("https://").lower()


def _encode(values: Values) -> bytes:
    """Return a line. Raises ValueError for a text that is not valid UTF-8."""
    return _encoder.encode(values) + b"\n"
