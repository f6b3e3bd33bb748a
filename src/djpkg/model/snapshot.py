"""The lines of a snapshot: the public facts of a mirror in one file.

JSON lines, compressed with gzip: a head, sweeps, categories, grids, projects, then package by package its facts,
releases, requirements and history; events; and a last line with the number of lines. Times are texts, as in facts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from djpkg.model import pypi_project, repository_url
from djpkg.model.facts import CatalogFacts, Category, Facts, ForgeFacts, Grid, PypiFacts, Release, RepositoryFacts
from djpkg.source_name import SourceName
from djpkg.times import is_ahead, parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.model.fetch_state import Sweep

FORMAT_VERSION = 1
ENDING = ".jsonl.gz"

_MIB = 2**20
_MIB_PER_PART = 64
_PACKAGES_PER_PART = 10_000
MAX_SIZE = 1024 * _MIB
"""The largest snapshot of any number of packages, uncompressed."""
MAX_LINE = 4 * _MIB
MAX_EVENTS = 100_000
"""The newest events are written. A mirror keeps as many, or those of a year."""

CATALOG_TIMES = ("created", "modified", "last_updated", "last_fetched", "participants_updated")
REPOSITORY_TIMES = ("head_at", "archived_at")
PYPI_TIMES = ("released", "first_released")

FactsT = TypeVar("FactsT", CatalogFacts, RepositoryFacts, PypiFacts)


def max_size(packages: int) -> int:
    """Return how many bytes a snapshot of so many packages may have, uncompressed."""
    parts = max(1, -(-packages // _PACKAGES_PER_PART))
    return min(MAX_SIZE, parts * _MIB_PER_PART * _MIB)


class Head(NamedTuple):
    """The first line: when the snapshot was made, its number of packages, and what it contains."""

    made: datetime
    packages: int
    history: bool
    participants: bool


class SweepLine(NamedTuple):
    """The last complete read of a source's list."""

    source: SourceName
    sweep: Sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsLine:
    """The last answer of one source about one package.

    `removed` is True for a package that the catalog no longer lists. `gone_count` is the number of consecutive answers
    "gone" or "blocked".
    """

    package: int
    source: SourceName
    coordinate: str
    answered: str
    facts: Facts
    parser_version: int
    removed: bool = False
    etag: str | None = None
    serial: int | None = None
    gone_count: int = 0

    @property
    def is_gone(self) -> bool:
        """Whether the answer was that there is no such package, repository or project, or that it is blocked."""
        return self.removed if isinstance(self.facts, CatalogFacts) else self.facts.state != "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectLine:
    """PyPI's last answer about a project that packages are measured against, with its releases."""

    answer: FactsLine
    releases: tuple[Release, ...]


class ReleasesLine(NamedTuple):
    """The releases of a package's project."""

    package: int
    project: str
    releases: tuple[Release, ...]


class DatedRequirement(NamedTuple):
    """A requirement, the last release that had it, and the days from and to which it was seen (`until` or None)."""

    requires: str
    specifier: str
    marker: str | None
    version: str
    since: str
    until: str | None


class RequirementsLine(NamedTuple):
    """The present and the former requirements of a package's project."""

    package: int
    project: str
    requirements: tuple[DatedRequirement, ...]


class HistoryDay(NamedTuple):
    """The measured values of a package's repository on one UTC day."""

    day: str
    stars: int | None
    forks: int | None
    contributors: int | None
    commits: int | None


class HistoryLine(NamedTuple):
    """The measured values of a package's repository."""

    package: int
    coordinate: str
    days: tuple[HistoryDay, ...]


class EventLine(NamedTuple):
    """An event of a package."""

    package: int
    at: str
    event: str
    old: str | None
    new: str | None


Line: TypeAlias = (
    SweepLine | Category | Grid | ProjectLine | FactsLine | ReleasesLine | RequirementsLine | HistoryLine | EventLine
)


def belongs_to(catalog: CatalogFacts, source: SourceName, coordinate: str) -> bool:
    """Return whether the addresses in the catalog's record lead to this repository or project.

    Facts of other coordinates stay out of snapshots: an edit of an address may have led to them.
    """
    return _leads_to(catalog.pypi_url if source is SourceName.PYPI else catalog.repo_url, source, coordinate)


def once_belonged_to(catalog: CatalogFacts, source: SourceName, coordinate: str) -> bool:
    """Return whether an address in an earlier record of the catalog led to this repository or project."""
    return any(_leads_to(address, source, coordinate) for address in catalog.former_addresses)


def _leads_to(address: str, source: SourceName, coordinate: str) -> bool:
    if source is SourceName.PYPI:
        return pypi_project.parse_project_name(address) == coordinate
    host = coordinate.partition("/")[0]
    parsed = repository_url.parse_repository_url(address, {host: source})
    return isinstance(parsed, repository_url.Repository) and (parsed.kind, parsed.coordinate) == (source, coordinate)


def is_known_time(text: str | None, *, made: datetime) -> bool:
    """Return whether a source's date is valid, and not more than a day later than the snapshot; True for None."""
    moment = parse_time(text)
    return text is None or (moment is not None and not is_ahead(moment, now=made))


def without_unknown_times(facts: Facts, *, made: datetime) -> Facts:
    """Return the facts with None for each date that a reader of the snapshot would refuse."""
    match facts:
        case CatalogFacts():
            return _without(facts, CATALOG_TIMES, made)
        case PypiFacts():
            return _without(facts, PYPI_TIMES, made)
        case ForgeFacts(repository=RepositoryFacts() as repository):
            return replace(facts, repository=_without(repository, REPOSITORY_TIMES, made))
    return facts


def _without(facts: FactsT, names: tuple[str, ...], made: datetime) -> FactsT:
    unknown = [name for name in names if not is_known_time(getattr(facts, name), made=made)]
    return replace(facts, **dict.fromkeys(unknown)) if unknown else facts  # type: ignore[arg-type] # dates may be None
