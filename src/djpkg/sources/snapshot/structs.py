"""The lines of a snapshot as JSON: typed structs with limits, which msgspec checks while it decodes."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from djpkg.sources.catalog.records import Id, Slug  # noqa: TC001 - msgspec reads annotations
from djpkg.sources.github.rest import NodeId, Oid  # noqa: TC001 - as above
from djpkg.sources.http.payload import MAX_COUNT, MAX_ENTRIES, Count, Entries
from djpkg.sources.pypi.metadata import MAX_RELEASES, MAX_URL_LENGTH, MAX_URLS, MAX_WORD_LENGTH

MAX_DAYS = 20_000
"""Days of one history: more than 50 years."""

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_WORD_LENGTH)]
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_URL_LENGTH)]
Version = Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]
Coordinate = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
HeadOid = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z]{0,64}$")]
"""The head of stored commits and contributors: empty for a repository without commits."""
ReleaseTuple = tuple[Word, str | None, bool, Word | None]
RequirementTuple = tuple[Word, str, str | None, Word, str, str | None]
DayTuple = tuple[str, Count | None, Count | None, Count | None, Count | None]


class Head(msgspec.Struct):
    """The first line."""

    djpkg_snapshot: Version
    made: str
    packages: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
    history: bool = False
    participants: bool = True


class HeadVersion(msgspec.Struct):
    """The version in the first line, whatever else a newer one contains."""

    djpkg_snapshot: Version


class CatalogFacts(msgspec.Struct):
    """A record of the catalog."""

    id: Id
    title: str
    slug: Slug
    category: Id | None
    grids: Entries[Id]
    repo_url: str
    pypi_url: str
    documentation_url: str | None
    created: str | None
    modified: str | None
    last_updated: str | None
    last_fetched: str | None
    pypi_version: str | None
    repo_forks: Count | None
    repo_description: str
    repo_watchers: Count | None
    commits_over_52: Entries[Count]
    participants: Entries[str]
    participants_updated: str | None = None


class RepositoryFacts(msgspec.Struct):
    """A repository on a forge."""

    path: Word
    node_id: NodeId | None
    description: str
    stars: Count | None
    forks: Count | None
    archived: bool | None
    license: str | None
    head: Oid | None
    head_at: str | None
    archived_at: str | None = None


class WeeksFacts(msgspec.Struct):
    """Commits by author day."""

    head: HeadOid
    days: Annotated[dict[str, Count], msgspec.Meta(max_length=MAX_ENTRIES)]


class ContributorsFacts(msgspec.Struct):
    """Contributors, and the head for which they were read."""

    head: HeadOid
    names: Entries[str]
    taken: str
    whole: bool = True


class ForgeFacts(msgspec.Struct):
    """The parts of a forge's answer."""

    state: Literal["ok", "gone", "blocked"] = "ok"
    repository: RepositoryFacts | None = None
    weeks: WeeksFacts | None = None
    contributors: ContributorsFacts | None = None


class PypiFacts(msgspec.Struct):
    """The newest release of a project."""

    state: Literal["ok", "gone"] = "ok"
    name: Annotated[str, msgspec.Meta(max_length=MAX_WORD_LENGTH)] = ""
    version: Word | None = None
    released: str | None = None
    yanked: bool | None = None
    requires_python: Word | None = None
    python_versions: Entries[Word] = []
    django_versions: Entries[Word] = []
    license: str | None = None
    development_status: str | None = None
    repository_urls: Annotated[list[Url], msgspec.Meta(max_length=MAX_URLS)] = []
    django_requires: str | None = None
    releases: Count | None = None
    first_released: str | None = None


class Line(msgspec.Struct, tag_field="kind", tag=str.lower):
    """The base of all lines but the first; ``kind`` tells them apart."""


class Sweep(Line):
    """A complete read of a source's list."""

    source: Literal["catalog", "pypi"]
    completed: str
    packages: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
    newest_id: Id | None = None


class Category(Line):
    """A category of the catalog."""

    id: Id
    slug: Slug
    title: str
    title_plural: str = ""
    description: str = ""


class Grid(Line):
    """A grid of the catalog."""

    id: Id
    slug: Slug
    title: str
    description: str = ""


class Project(Line):
    """A project that packages are measured against, with its releases."""

    coordinate: Word
    answered: str
    parser: Version
    facts: PypiFacts
    releases: Annotated[list[ReleaseTuple], msgspec.Meta(max_length=MAX_RELEASES)]
    etag: str | None = None
    serial: Count | None = None
    gone_count: Count = 0


class Catalog(Line):
    """The catalog's answer about a package; it begins the lines of the package."""

    answered: str
    parser: Version
    facts: CatalogFacts
    removed: bool = False


class Forge(Line):
    """A forge's answer about a package."""

    package: Id
    source: str
    coordinate: Coordinate
    answered: str
    parser: Version
    facts: ForgeFacts
    etag: str | None = None
    gone_count: Count = 0


class Pypi(Line):
    """PyPI's answer about a package."""

    package: Id
    coordinate: Coordinate
    answered: str
    parser: Version
    facts: PypiFacts
    etag: str | None = None
    serial: Count | None = None
    gone_count: Count = 0


class Releases(Line):
    """All releases of a package's project."""

    package: Id
    project: Word
    releases: Annotated[list[ReleaseTuple], msgspec.Meta(max_length=MAX_RELEASES)]


class Requirements(Line):
    """What a package's project requires, and required."""

    package: Id
    project: Word
    requirements: Annotated[list[RequirementTuple], msgspec.Meta(max_length=MAX_RELEASES)]


class History(Line):
    """Measured values of a package's repository."""

    package: Id
    coordinate: Coordinate
    days: Annotated[list[DayTuple], msgspec.Meta(max_length=MAX_DAYS)]


class Event(Line):
    """An event of a package."""

    package: Id
    at: str
    event: str
    old: str | None = None
    new: str | None = None


class End(Line):
    """The last line: the number of all lines, itself included."""

    lines: Count


HEAD = msgspec.json.Decoder(Head)
HEAD_VERSION = msgspec.json.Decoder(HeadVersion)
LINE = msgspec.json.Decoder(
    Sweep | Category | Grid | Project | Catalog | Forge | Pypi | Releases | Requirements | History | Event | End
)
