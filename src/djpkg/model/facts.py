"""Facts: what one source returned about one package at one time.

Sources create them, the mirror stores them as JSON, `merge` reads them. All times are texts: the catalog's as received,
all others in whole seconds of UTC with ``Z``. None means that the source did not state the value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Mapping

PARSER_VERSIONS: Mapping[SourceName, int] = dict.fromkeys(SourceName, 1) | {SourceName.PYPI: 2}
"""The version of each source's parser, stored with its facts. Raise it when the parser reads more or reads differently:
facts of an older version are requested again without validators."""


class Outcome(StrEnum):
    """How the lookup at one source ended for one package."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"
    GONE = "gone"
    DEFERRED = "deferred"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFacts:
    """One package of the catalog: the 18 keys of its API, with ids in place of the URLs of category and grids.

    `participants_updated` is the `last_updated` to which a list of participants belongs that the catalog lacks now.
    `former_addresses` are addresses of the repository and of PyPI in earlier records, the newest last.
    """

    id: int
    title: str
    slug: str
    category: int | None
    grids: tuple[int, ...]
    repo_url: str
    pypi_url: str
    documentation_url: str | None
    created: str | None
    modified: str | None
    last_updated: str | None
    last_fetched: str | None
    pypi_version: str | None
    repo_forks: int | None
    repo_description: str
    repo_watchers: int | None
    commits_over_52: tuple[int, ...]
    participants: tuple[str, ...]
    participants_updated: str | None = None
    former_addresses: tuple[str, ...] = ()

    @property
    def participants_at(self) -> str | None:
        """The date of the head to which the participants belong."""
        return self.participants_updated or self.last_updated


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFacts:
    """The metadata of a repository, and the head of its default branch (None in an empty repository)."""

    path: str
    node_id: str | None
    description: str
    stars: int | None
    forks: int | None
    archived: bool | None
    license: str | None
    head: str | None
    head_at: str | None
    archived_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeksFacts:
    """Commits per author date (UTC, ``2026-01-05``) in the 52-week window, counted from `head` backwards."""

    head: str
    days: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributorsFacts:
    """The contributors up to `head`, most commits first, as read at `taken`.

    `whole` is False where the forge has no list of contributors: the names are then the authors of the commits that
    were read, or empty.
    """

    head: str
    names: tuple[str, ...]
    taken: str
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeFacts:
    """A repository in three parts, each with the head that it belongs to. None marks a part that is not fetched yet."""

    state: Literal["ok", "gone", "blocked"] = "ok"
    repository: RepositoryFacts | None = None
    weeks: WeeksFacts | None = None
    contributors: ContributorsFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PypiFacts:
    """The newest release of a project, the repository URLs in its metadata, and its number of releases.

    `django_requires` is the specifier of its requirement on Django, "" for any version.
    """

    state: Literal["ok", "gone"] = "ok"
    name: str = ""
    version: str | None = None
    released: str | None = None
    yanked: bool | None = None
    requires_python: str | None = None
    python_versions: tuple[str, ...] = ()
    django_versions: tuple[str, ...] = ()
    license: str | None = None
    development_status: str | None = None
    repository_urls: tuple[str, ...] = ()
    django_requires: str | None = None
    releases: int | None = None
    first_released: str | None = None


class Requirement(NamedTuple):
    """One requirement of a release: the normalized name of a project, the specifier ("" for any), and the marker."""

    requires: str
    specifier: str
    marker: str | None


class Release(NamedTuple):
    """One release of a project. `uploaded` is None for a release without files."""

    version: str
    uploaded: str | None
    yanked: bool
    requires_python: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectDetails:
    """What PyPI states about a project in lists, stored in tables of their own.

    `requirements` are those of `version`, the newest release. None marks a list that the response does not have.
    """

    version: str
    requirements: tuple[Requirement, ...] | None
    releases: tuple[Release, ...] | None


Facts = CatalogFacts | ForgeFacts | PypiFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A category of the catalog."""

    id: int
    slug: str
    title: str
    title_plural: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A grid of the catalog: packages to compare with each other."""

    id: int
    slug: str
    title: str
    description: str = ""
    packages: tuple[int, ...] = field(default=())
