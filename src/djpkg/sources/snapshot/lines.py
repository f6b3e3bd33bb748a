"""Parses the lines of a snapshot, with the checks that answers of the sources pass.

A snapshot is a file from somebody else: each value is checked, and nothing of it is used as SQL or as a path.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from djpkg import times
from djpkg.errors import SourceError, UnexpectedPayload
from djpkg.model import facts, snapshot
from djpkg.model.event_names import EVENTS
from djpkg.model.fetch_state import Sweep
from djpkg.model.pypi_project import parse_project_name
from djpkg.model.snapshot import FactsLine
from djpkg.source_name import FORGES, SourceName
from djpkg.sources.http.payload import check_path, clean_optional, clean_text, decode_json
from djpkg.sources.http.response import is_valid_etag
from djpkg.sources.snapshot import structs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import msgspec

T = TypeVar("T")

SNAPSHOT = "snapshot"
_UPGRADE = "upgrade djpkg, or take a snapshot that an older djpkg made"


def invalid(reason: str, *, hint: str | None = None) -> UnexpectedPayload:
    """Return the error for a snapshot that is refused."""
    return UnexpectedPayload(f"{SNAPSHOT}: {reason}; nothing was changed", hint=hint)


class NotASnapshot(UnexpectedPayload):
    """Something else than a snapshot."""

    def __init__(self) -> None:
        super().__init__(f"{SNAPSHOT}: this is not a snapshot of djpkg; nothing was changed")


def parse_head(body: bytes) -> snapshot.Head:
    """Parse the first line. NotASnapshot for another file, UnexpectedPayload for a snapshot of a newer version."""
    try:
        version = decode_json(structs.HEAD_VERSION, body, source=SNAPSHOT).djpkg_snapshot
    except UnexpectedPayload as error:
        raise NotASnapshot from error
    if version > snapshot.FORMAT_VERSION:
        raise invalid(
            f"it has version {version}, and this djpkg reads version {snapshot.FORMAT_VERSION}", hint=_UPGRADE
        )
    head = _decode(structs.HEAD, body, 1)
    made = times.parse_time(head.made)
    if made is None:
        raise invalid("line 1: made is not a valid time")
    return snapshot.Head(made.replace(microsecond=0), head.packages, head.history, head.participants)


def parse_line(body: bytes, number: int, made: datetime) -> snapshot.Line | structs.End:
    """Parse any other line; dates must not be later than `made`. UnexpectedPayload names the line."""
    line = _decode(structs.LINE, body, number)
    try:
        return _Converter(made).convert(line)
    except (SourceError, ValueError) as error:
        reason = str(error).removeprefix(f"{SNAPSHOT}: ")
        raise invalid(f"line {number}: {reason}") from error


def _decode(decoder: msgspec.json.Decoder[T], body: bytes, number: int) -> T:
    try:
        return decode_json(decoder, body, source=SNAPSHOT, what=f"line {number}")
    except UnexpectedPayload as error:
        raise invalid(str(error).removeprefix(f"{SNAPSHOT}: ")) from error


class _Converter:
    """Converts decoded lines to those of the model. Raises ValueError and SourceError."""

    def __init__(self, made: datetime) -> None:
        self._made = made
        self._today = times.utc_day(made)

    def convert(self, line: structs.Line) -> snapshot.Line | structs.End:
        match line:
            case structs.Catalog():
                return FactsLine(
                    package=line.facts.id,
                    source=SourceName.CATALOG,
                    coordinate=str(line.facts.id),
                    answered=self._past(line.answered, "answered"),
                    facts=self._catalog(line.facts),
                    parser_version=line.parser,
                    removed=line.removed,
                )
            case structs.Forge():
                return self._forge_line(line)
            case structs.Pypi():
                return self._pypi_line(line, line.package)
            case structs.Releases():
                return snapshot.ReleasesLine(line.package, line.project, self._releases(line.releases))
            case structs.Requirements():
                return snapshot.RequirementsLine(
                    line.package, line.project, tuple(map(self._requirement, line.requirements))
                )
            case structs.History():
                days = tuple(snapshot.HistoryDay(self._day(day), *values) for day, *values in line.days)
                _check_distinct([day.day for day in days], "days")
                return snapshot.HistoryLine(line.package, line.coordinate, days)
            case structs.Event():
                if line.event not in EVENTS:
                    raise ValueError(f"unknown event {clean_text(line.event)[:40]!r}")
                at = self._past(line.at, "at")
                return snapshot.EventLine(
                    line.package, at, line.event, clean_optional(line.old), clean_optional(line.new)
                )
            case structs.Project():
                return snapshot.ProjectLine(answer=self._pypi_line(line, 0), releases=self._releases(line.releases))
            case _:
                return self._convert_list(line)

    def _convert_list(self, line: structs.Line) -> snapshot.Line | structs.End:
        match line:
            case structs.Sweep():
                completed = times.parse_time(self._past(line.completed, "completed"))
                assert completed is not None  # noqa: S101 - just formatted
                return snapshot.SweepLine(SourceName(line.source), Sweep(completed, line.packages, line.newest_id))
            case structs.Category():
                texts = map(clean_text, (line.slug, line.title, line.title_plural, line.description))
                slug, title, plural, description = texts
                return facts.Category(id=line.id, slug=slug, title=title, title_plural=plural, description=description)
            case structs.Grid():
                slug, title, description = map(clean_text, (line.slug, line.title, line.description))
                return facts.Grid(id=line.id, slug=slug, title=title, description=description)
            case structs.End():
                return line
            case _:  # pragma: no cover - all kinds are listed
                raise ValueError("unknown kind")

    def _forge_line(self, line: structs.Forge) -> FactsLine:
        if line.source not in FORGES:
            raise ValueError(f"unknown forge {clean_text(line.source)[:40]!r}")
        source = SourceName(line.source)
        host = line.coordinate.partition("/")[0]
        return FactsLine(
            package=line.package,
            source=source,
            coordinate=line.coordinate,
            answered=self._past(line.answered, "answered"),
            facts=self._forge(line.facts, host, source),
            parser_version=line.parser,
            etag=_etag(line.etag),
            gone_count=line.gone_count,
        )

    def _pypi_line(self, line: structs.Pypi | structs.Project, package: int) -> FactsLine:
        if parse_project_name(line.coordinate) != line.coordinate:
            raise ValueError("invalid name of a project")
        return FactsLine(
            package=package,
            source=SourceName.PYPI,
            coordinate=line.coordinate,
            answered=self._past(line.answered, "answered"),
            facts=self._pypi(line.facts, line.coordinate),
            parser_version=line.parser,
            etag=_etag(line.etag),
            serial=line.serial,
            gone_count=line.gone_count,
        )

    def _catalog(self, record: structs.CatalogFacts) -> facts.CatalogFacts:
        values = _cleaned(record)
        self._check_times(values, snapshot.CATALOG_TIMES)
        values["grids"] = tuple(dict.fromkeys(record.grids))
        return facts.CatalogFacts(**values)  # type: ignore[arg-type] # the same names and types

    def _forge(self, record: structs.ForgeFacts, host: str, source: SourceName) -> facts.ForgeFacts:
        repository = weeks = contributors = None
        if record.repository is not None:
            check_path(record.repository.path, host=host, source=source)
            values = _cleaned(record.repository)
            self._check_times(values, snapshot.REPOSITORY_TIMES)
            repository = facts.RepositoryFacts(**values)  # type: ignore[arg-type] # as above
        if record.weeks is not None:
            for day in record.weeks.days:
                _check_day(day)
            weeks = facts.WeeksFacts(head=record.weeks.head, days=record.weeks.days)
        if record.contributors is not None:
            taken = self._past(record.contributors.taken, "taken")
            contributors = facts.ContributorsFacts(**_cleaned(record.contributors) | {"taken": taken})  # type: ignore[arg-type] # as above
        if record.state == "ok" and repository is None:
            raise ValueError("a repository without facts")
        return facts.ForgeFacts(state=record.state, repository=repository, weeks=weeks, contributors=contributors)

    def _pypi(self, record: structs.PypiFacts, name: str) -> facts.PypiFacts:
        values = _cleaned(record)
        _check_words(*(text for text in (record.name, record.version, record.requires_python) if text))
        for url in record.repository_urls:
            if not (url.lower().startswith(("http://", "https://")) and url.isprintable()):
                raise ValueError("invalid URL of a repository")
        self._check_times(values, snapshot.PYPI_TIMES)
        if record.state == "ok" and (not record.name or parse_project_name(record.name) != name):
            raise ValueError("facts of another project")
        return facts.PypiFacts(**values)  # type: ignore[arg-type] # the same names and types

    def _releases(self, values: list[structs.ReleaseTuple]) -> tuple[facts.Release, ...]:
        for version, uploaded, _, requires_python in values:
            _check_words(version, requires_python or "-")
            self._check_times({"uploaded": uploaded}, ("uploaded",))
        _check_distinct([version for version, *_ in values], "versions")
        return tuple(facts.Release(*one) for one in values)

    def _requirement(self, values: structs.RequirementTuple) -> snapshot.DatedRequirement:
        requires, specifier, marker, version, since, until = values
        _check_words(requires, version)
        first, last = self._day(since), None if until is None else self._day(until)
        if last is not None and last < first:
            raise ValueError("a requirement that ended before it began")
        return snapshot.DatedRequirement(requires, clean_text(specifier), clean_optional(marker), version, first, last)

    def _check_times(self, values: Mapping[str, object], names: Iterable[str]) -> None:
        """Check dates that a source stated; it may be a day ahead."""
        for name in names:
            text = values[name]
            if isinstance(text, str) and not snapshot.is_known_time(text, made=self._made):
                is_time = times.parse_time(text) is not None
                reason = "more than a day later than the snapshot" if is_time else "not a valid time"
                raise ValueError(f"{name} is {reason}")

    def _past(self, text: str, name: str) -> str:
        """Return a time in whole seconds of UTC; ValueError if it is later than the snapshot."""
        moment = times.parse_time(text)
        if moment is None:
            raise ValueError(f"{name} is not a valid time")
        if moment > self._made:
            raise ValueError(f"{name} is later than the snapshot itself")
        return times.format_time(moment)

    def _day(self, text: str) -> str:
        _check_day(text)
        if text > self._today:
            raise ValueError("a day is later than the snapshot itself")
        return text


def _cleaned(record: msgspec.Struct) -> dict[str, object]:
    """Return the values of a record, with texts that the mirror can store and tuples for lists."""
    return {name: _clean(getattr(record, name)) for name in record.__struct_fields__}


def _clean(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return tuple(map(clean_text, value)) if value and isinstance(value[0], str) else tuple(value)
    return value


def _etag(text: str | None) -> str | None:
    if text is not None and not is_valid_etag(text):
        raise ValueError("invalid ETag")
    return text


@lru_cache(maxsize=2048)  # the same days come again and again
def _check_day(text: str) -> None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError("a day is not a date")
    date.fromisoformat(text)


def _check_words(*texts: str) -> None:
    if not all(text.isprintable() for text in texts):
        raise ValueError("unprintable characters in a name or a version")


def _check_distinct(values: list[str], what: str) -> None:
    if len(set(values)) < len(values):
        raise ValueError(f"duplicate {what}")
