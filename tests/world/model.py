"""The objects of the remote services, which tests create and change, and which `WorldServer` serves.

All times are timezone-aware. The catalog's times are texts, because their format matters.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GITHUB, GITLAB, BITBUCKET, CODEBERG = "github.com", "gitlab.com", "bitbucket.org", "codeberg.org"
WEEKS = 52

RepoState = Literal["ok", "gone", "blocked_dmca", "blocked_tos", "empty", "saml", "too_large_contributors"]
ProjectState = Literal["ok", "gone", "archived", "quarantined"]
When = datetime | str | int | float
"""A time: aware datetime, ISO text (a date is midnight UTC), or a number of days before the world's current time."""


@dataclass(slots=True)
class Commit:
    """One commit. `login` is the author's account, None if the email address belongs to no account."""

    oid: str
    committed: datetime
    authored: datetime
    login: str | None = "alice"
    name: str = "Alice"
    email: str = "alice@example.org"
    parents: int = 1


@dataclass(slots=True)
class Repo:
    """One repository on one forge.

    `recent` holds the commits of a test, newest first; `past` generates older ones on demand. `contributors` replaces
    the list counted from the commits. `cached_contributors` replaces both: an outdated cache of the forge.
    """

    host: str
    path: str
    id: int
    node_id: str
    description: str | None = None
    stars: int = 0
    forks: int = 0
    archived: bool = False
    archived_at: datetime | None = None
    default_branch: str = "main"
    recent: list[Commit] = field(default_factory=list)
    past: CommitHistory | None = None
    contributors: Sequence[str] | None = None
    cached_contributors: Sequence[str] | None = None
    pushed: datetime | None = None
    updated: datetime | None = None
    created: datetime = datetime(2012, 1, 1, tzinfo=UTC)
    state: RepoState = "ok"
    license: str | None = None
    fork: bool = False

    @property
    def owner(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def commits(self) -> list[Commit]:
        """All commits, newest first. Without `past` this is the list itself, which may be changed."""
        return self.recent if self.past is None else [*self.recent, *self.past.commits()]

    @property
    def empty(self) -> bool:
        return self.state == "empty" or (not self.recent and self.past is None)

    @property
    def head(self) -> Commit | None:
        if self.empty:
            return None
        if self.recent:
            return self.recent[0]
        return self.past.head() if self.past is not None else None

    def contributions(self) -> list[tuple[str, int]]:
        """Return accounts with their number of commits, most first; numbers of a given list are invented."""
        logins = self.cached_contributors if self.cached_contributors is not None else self.contributors
        if logins is not None:
            return [(login, len(logins) - place) for place, login in enumerate(logins)]
        return Counter(commit.login for commit in self.commits if commit.login is not None).most_common()

    def logins(self) -> list[str]:
        logins = self.cached_contributors if self.cached_contributors is not None else self.contributors
        return list(logins) if logins is not None else [login for login, _ in self.contributions()]


class CommitHistory:
    """The commits of a generated repository, created on demand."""

    def head(self) -> Commit:
        raise NotImplementedError

    def commits(self) -> Sequence[Commit]:
        raise NotImplementedError


@dataclass(slots=True)
class Release:
    """One release of a project, with one wheel and one sdist, or without files."""

    version: str
    uploaded: datetime
    yanked: bool = False
    requires_python: str | None = None
    classifiers: tuple[str, ...] = ()
    requires_dist: tuple[str, ...] = ()
    license_expression: str | None = None
    license: str | None = None
    project_urls: dict[str, str] | None = None
    files: bool = True


@dataclass(slots=True)
class Project:
    """One project on PyPI; `name` is the display name."""

    name: str
    releases: list[Release] = field(default_factory=list)
    serial: int = 1
    state: ProjectState = "ok"

    @property
    def normalized_name(self) -> str:
        return normalize_name(self.name)

    @property
    def served(self) -> bool:
        """Whether the JSON API knows it: a project without releases is a 404."""
        return self.state in {"ok", "archived"} and bool(self.releases)

    @property
    def latest(self) -> Release:
        """The release that the JSON API shows: not yanked before yanked, final before prerelease, then the highest."""
        if len(self.releases) == 1:
            return self.releases[0]

        def rank(release: Release) -> tuple[bool, bool, Version]:
            version = Version(release.version)
            return (not release.yanked, not version.is_prerelease, version)

        return max(self.releases, key=rank)

    def release(self, version: str) -> Release:
        return next(release for release in self.releases if release.version == version)


@dataclass(slots=True)
class CatalogPackage:
    """One record of the catalog, in the order of its keys; category and grids are ids."""

    category: int
    grids: list[int]
    id: int
    title: str
    slug: str
    last_updated: str | None
    last_fetched: str | None
    repo_url: str
    pypi_version: str | None
    created: str
    modified: str
    repo_forks: int
    repo_description: str
    pypi_url: str
    documentation_url: str | None
    repo_watchers: int
    commits_over_52: Sequence[int]
    participants: Sequence[str]


@dataclass(slots=True)
class CatalogGrid:
    id: int
    title: str
    slug: str
    description: str = ""
    is_locked: bool = False
    header: bool = False
    created: str = "2013-07-19T00:04:45.962635-04:00"
    modified: str = "2020-11-25T19:13:42.469972-05:00"


@dataclass(slots=True)
class CatalogCategory:
    id: int
    title: str
    slug: str
    title_plural: str
    description: str = ""
    show_pypi: bool = True
    created: str = "2010-08-14T18:47:52-04:00"
    modified: str = "2022-03-04T16:48:41.249944-05:00"


def normalize_name(name: str) -> str:
    """Return the normalized name of a project (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
