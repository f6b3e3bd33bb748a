"""What one source said about one package at one time.

Sources make these, the mirror keeps them as JSON, `merge` reads them. All times are texts: those of the catalog as they
came, all others in whole seconds of UTC with ``Z``. A field that is None was not said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Outcome(StrEnum):
    """How one source ended for one package."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"
    GONE = "gone"
    DEFERRED = "deferred"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFacts:
    """One package as the catalog states it: the 18 keys of its API, addresses of category and grids as their ids."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFacts:
    """The page of a repository, and the head of its default branch (None in an empty repository)."""

    path: str
    node_id: str | None
    description: str
    stars: int | None
    forks: int | None
    archived: bool | None
    license: str | None
    head: str | None
    head_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeksFacts:
    """How many commits each author day (UTC, ``2026-01-05``) has among those of the window below `head`."""

    head: str
    days: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributorsFacts:
    """Who contributed up to `head`, most commits first, as of `taken`.

    `whole` is False where the forge has no such list and these are the authors of the commits that were read, or
    nobody.
    """

    head: str
    names: tuple[str, ...]
    taken: str
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeFacts:
    """A repository in three parts, each with the head that it belongs to. A part that is None was not said (yet)."""

    state: Literal["ok", "gone", "blocked"] = "ok"
    repository: RepositoryFacts | None = None
    weeks: WeeksFacts | None = None
    contributors: ContributorsFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PypiFacts:
    """The newest release of a project, and where the project says its repository is."""

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
    """A grid of the catalog: packages that one compares."""

    id: int
    slug: str
    title: str
    description: str = ""
    packages: tuple[int, ...] = field(default=())
