"""The state of all remote services at one time, and methods that build and change it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from tests.world.model import (
    GITHUB,
    NOW,
    CatalogCategory,
    CatalogGrid,
    CatalogPackage,
    Commit,
    Project,
    Release,
    Repo,
    RepoState,
    When,
    normalize_name,
)
from tests.world.times import WEEKS, catalog_time, weekly_counts

if TYPE_CHECKING:
    from collections.abc import Iterable


def _categories() -> dict[int, CatalogCategory]:
    rows = (
        CatalogCategory(1, "App", "apps", "Apps", "Small components used to build projects."),
        CatalogCategory(2, "Framework", "frameworks", "Frameworks", "Large efforts that combine many modules."),
        CatalogCategory(3, "Project", "projects", "Projects", "Ready-to-run applications.", show_pypi=False),
        CatalogCategory(4, "Other", "other", "Others", "Anything else: tools, libraries and “utilities”."),
        CatalogCategory(5, "Starter Project", "starter-projects", "Starter Projects", show_pypi=False),
    )
    return {row.id: row for row in rows}


@dataclass(slots=True)
class World:
    """The state of all remote services at one time."""

    now: datetime = NOW
    packages: dict[int, CatalogPackage] = field(default_factory=dict)
    categories: dict[int, CatalogCategory] = field(default_factory=_categories)
    grids: dict[int, CatalogGrid] = field(default_factory=dict)
    repositories: dict[tuple[str, str], Repo] = field(default_factory=dict)
    renames: dict[tuple[str, str], Repo] = field(default_factory=dict)
    repositories_by_id: dict[tuple[str, int], Repo] = field(default_factory=dict)
    repositories_by_node: dict[str, Repo] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    serial: int = 30_000_000
    extra_projects: int = 0
    refusals: dict[str, str] = field(default_factory=dict)
    """Owners that refuse every token, with the message of their refusal."""

    @classmethod
    def generate(cls, *, packages: int = 5800, github: int = 5336, seed: int = 1, now: datetime = NOW) -> World:
        """Return a world as large as the catalog; see `generate.generate`."""
        from tests.world.generate import generate  # noqa: PLC0415 - it imports this module

        return generate(packages=packages, github=github, seed=seed, now=now)

    def advance(
        self, *, days: float = 1, moved: float = 0.04, released: float = 0.01, starred: float = 0.1, added: int = 2
    ) -> dict[str, list[str]]:
        """Let time pass and return what changed; see `advance.advance`."""
        from tests.world.advance import advance  # noqa: PLC0415 - it imports this module

        return advance(self, days=days, moved=moved, released=released, starred=starred, added=added)

    # Building

    def add_package(
        self,
        slug: str,
        *,
        id: int | None = None,  # noqa: A002 - the catalog's name
        title: str | None = None,
        category: int = 1,
        grids: Iterable[int] = (),
        host: str = GITHUB,
        path: str | None = None,
        repo_url: str | None = None,
        stars: int = 0,
        forks: int = 0,
        description: str = "",
        commits: Iterable[Commit | When | tuple[When, str]] = (),
        contributors: Iterable[str] | None = None,
        archived: bool = False,
        license: str | None = None,  # noqa: A002 - the forge's name
        state: RepoState = "ok",
        releases: Iterable[Release | tuple[str, When]] = (),
        project: str | None = None,
        pypi_url: str | None = None,
        documentation_url: str | None = "",
        created: When = 3000,
        modified: When = 100,
        last_fetched: When | None = 1,
        catalog: dict[str, object] | None = None,
    ) -> CatalogPackage:
        """Add a package with the repository `acme/SLUG` (or `path` on `host`) and, with `releases`, a project.

        `repo_url` replaces the URL of the record; then no repository is created unless `path` is given too. The record
        agrees with the repository and the project; `catalog` overrides its values.
        """
        repo = None
        if repo_url is None or path is not None:
            repo = self.add_repository(
                path or f"acme/{slug}",
                host=host,
                stars=stars,
                forks=forks,
                description=description,
                commits=commits,
                contributors=contributors,
                archived=archived,
                license=license,
                state=state,
            )
            repo_url = repo_url if repo_url is not None else f"https://{host}/{repo.path}"
        found = self.add_project(project or slug, releases) if project or releases else None
        if pypi_url is None:
            pypi_url = f"http://pypi.python.org/pypi/{found.name}" if found else ""
        package = CatalogPackage(
            category=category,
            grids=list(grids),
            id=max(self.packages, default=0) + 1 if id is None else id,
            title=slug if title is None else title,
            slug=slug,
            last_updated=None,
            last_fetched=None if last_fetched is None else catalog_time(self.moment(last_fetched)),
            repo_url=repo_url,
            pypi_version=None,
            created=catalog_time(self.moment(created)),
            modified=catalog_time(self.moment(modified)),
            repo_forks=0,
            repo_description="",
            pypi_url=pypi_url,
            documentation_url=documentation_url,
            repo_watchers=0,
            commits_over_52=[0] * WEEKS,
            participants=[],
        )
        self.packages[package.id] = package
        self.refresh_record(package, repo=repo, project=found)
        for name, value in (catalog or {}).items():
            setattr(package, name, value)
        return package

    def add_repository(
        self,
        path: str,
        *,
        host: str = GITHUB,
        stars: int = 0,
        forks: int = 0,
        description: str | None = None,
        commits: Iterable[Commit | When | tuple[When, str]] = (),
        contributors: Iterable[str] | None = None,
        archived: bool = False,
        license: str | None = None,  # noqa: A002 - the forge's name
        state: RepoState = "ok",
        branch: str = "main",
    ) -> Repo:
        """Add a repository; the default is one commit, 400 days old (none in the state "empty")."""
        number = len(self.repositories_by_id) + 1001
        made = [self.commit(item, salt=f"{host}/{path}") for item in commits]
        if not made and state != "empty":
            made = [self.commit(400, salt=f"{host}/{path}")]
        made.sort(key=lambda commit: commit.committed, reverse=True)
        repo = Repo(
            host=host,
            path=path,
            id=number,
            node_id=f"R_kgDO{number:06d}",
            description=description,
            stars=stars,
            forks=forks,
            archived=archived,
            archived_at=self.now - timedelta(days=30) if archived else None,
            default_branch=branch,
            recent=made,
            contributors=None if contributors is None else list(contributors),
            pushed=made[0].committed if made else None,
            license=license,
            state=state,
        )
        self.register(repo)
        return repo

    def register(self, repo: Repo) -> None:
        """Register a repository under its path, id and node id."""
        key = (repo.host, repo.path.lower())
        self.renames.pop(key, None)
        self.repositories[key] = repo
        self.repositories_by_id[repo.host, repo.id] = repo
        self.repositories_by_node[repo.node_id] = repo

    def add_project(self, name: str, releases: Iterable[Release | tuple[str, When]] = ()) -> Project:
        project = Project(name)
        self.projects[project.normalized_name] = project
        for release in releases:
            made = release if isinstance(release, Release) else Release(release[0], self.moment(release[1]))
            project.releases.append(made)
        self.bump_serial(project)
        return project

    def add_grid(self, id: int, title: str, slug: str | None = None, description: str = "") -> CatalogGrid:  # noqa: A002
        self.grids[id] = CatalogGrid(id, title, slug or re.sub(r"[^a-z0-9]+", "-", title.lower()), description)
        return self.grids[id]

    def commit(self, item: Commit | When | tuple[When, str], *, salt: str = "") -> Commit:
        """Return a commit from a time or from (time, login); author and committer date are the same."""
        if isinstance(item, Commit):
            return item
        when, login = item if isinstance(item, tuple) else (item, "alice")
        moment = self.moment(when).replace(microsecond=0)
        digest = hashlib.sha1(f"{salt} {moment} {login}".encode(), usedforsecurity=False)
        return Commit(digest.hexdigest(), moment, moment, login, login.title(), f"{login}@example.org")

    def moment(self, when: When) -> datetime:
        if isinstance(when, datetime):
            return when
        if isinstance(when, str):
            parsed = datetime.fromisoformat(when)
            return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return self.now - timedelta(days=when)

    # Finding

    def package(self, slug: str) -> CatalogPackage:
        return next(package for package in self.packages.values() if package.slug == slug)

    def repo(self, path: str | Repo, host: str = GITHUB) -> Repo:
        """Return the repository with this current or former path; raise KeyError for an unknown one."""
        if isinstance(path, Repo):
            return path
        found = self.find_repo(host, path)
        if found is None:
            raise KeyError(path)
        return found

    def find_repo(self, host: str, path: str) -> Repo | None:
        key = (host, path.lower())
        return self.repositories.get(key) or self.renames.get(key)

    def project(self, name: str | Project) -> Project:
        return name if isinstance(name, Project) else self.projects[normalize_name(name)]

    # Changing

    def push(
        self,
        repo: str | Repo,
        when: When = 0,
        *,
        authored: When | None = None,
        login: str | None = "alice",
        count: int = 1,
        cached: bool = False,
    ) -> Commit:
        """Add `count` commits to the default branch, a minute apart, and return the newest.

        With `cached` the list of contributors is not updated, like a forge's cache.
        """
        repo = self.repo(repo)
        if cached and repo.cached_contributors is None:
            repo.cached_contributors = repo.logins()
        for number in range(count):
            commit = self.commit((self.moment(when), login or "nobody"), salt=f"{repo.path} {len(repo.recent)}")
            commit.committed += timedelta(minutes=number)
            commit.authored = commit.committed if authored is None else self.moment(authored)
            commit.login = login
            repo.recent.insert(0, commit)
        if repo.contributors is not None and login is not None and login not in repo.contributors:
            repo.contributors = [*repo.contributors, login]
        if repo.state == "empty":
            repo.state = "ok"
        repo.pushed = repo.updated = repo.recent[0].committed
        return repo.recent[0]

    def star(self, repo: str | Repo, count: int = 1) -> None:
        repo = self.repo(repo)
        repo.stars += count
        repo.updated = self.now

    def archive(self, repo: str | Repo, *, archived: bool = True) -> None:
        repo = self.repo(repo)
        repo.archived = archived
        repo.archived_at = self.now if archived else None

    def rename(self, repo: str | Repo, path: str) -> Repo:
        """Rename a repository; its old path redirects until `add_repository` uses it again."""
        repo = self.repo(repo)
        old = (repo.host, repo.path.lower())
        self.repositories.pop(old, None)
        repo.path = path
        self.register(repo)
        if old != (repo.host, path.lower()):
            self.renames[old] = repo
        return repo

    def delete(self, repo: str | Repo) -> None:
        self.repo(repo).state = "gone"

    def block(self, repo: str | Repo, reason: Literal["dmca", "tos"] = "dmca") -> None:
        self.repo(repo).state = "blocked_dmca" if reason == "dmca" else "blocked_tos"

    def restore(self, repo: str | Repo) -> None:
        self.repo(repo).state = "ok"

    def release(self, project: str | Project, version: str, when: When = 0) -> Release:
        project = self.project(project)
        release = Release(version, self.moment(when))
        project.releases.append(release)
        self.bump_serial(project)
        return release

    def yank(self, project: str | Project, version: str, *, yanked: bool = True) -> None:
        project = self.project(project)
        project.release(version).yanked = yanked
        self.bump_serial(project)

    def delete_project(self, project: str | Project) -> None:
        project = self.project(project)
        project.state = "gone"
        self.bump_serial(project)

    def bump_serial(self, project: Project) -> None:
        """Increase the serial of PyPI and of the project."""
        self.serial += 1
        project.serial = self.serial

    def remove_package(self, slug: str) -> None:
        del self.packages[self.package(slug).id]

    def refresh_record(
        self, package: CatalogPackage, *, repo: Repo | None = None, project: Project | None = None
    ) -> None:
        """Update the record from the forge and PyPI, like the catalog's own refresh."""
        if repo is not None:
            head = repo.head
            package.last_updated = None if head is None else catalog_time(head.committed, fraction=False)
            package.repo_watchers, package.repo_forks = repo.stars, repo.forks
            package.repo_description = repo.description or ""
            package.commits_over_52 = weekly_counts(repo.commits if head else [], self.now)
            package.participants = repo.logins() if head else []
        if project is not None and project.served:
            package.pypi_version = project.latest.version
