"""GitLab's REST API v4: a project, its head, the commits of the window and the names of its contributors.

Sources: GitLab's documentation of the Projects, Commits and Repositories APIs and of GitLab.com's rate limits. Without
a token, a project has fewer fields: it lacks the archived and empty flags.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import msgspec

from djpkg import times
from djpkg.model import weekly_commits
from djpkg.model.facts import RepositoryFacts, WeeksFacts
from djpkg.model.lookups import NO_HEAD, Head
from djpkg.source_name import SourceName
from djpkg.sources.http import payload
from djpkg.sources.http.api_check import KnownResource
from djpkg.sources.rest_forge.forge import RestForge

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.sources.http.response import Response
    from djpkg.sources.rest_forge.lookup import RepositoryLookup

PER_PAGE = 100


class _Named(msgspec.Struct):
    path_with_namespace: str


class _Project(msgspec.Struct):
    id: payload.Count
    path_with_namespace: str
    star_count: payload.Count
    description: str | None = None
    forks_count: payload.Count | None = None
    archived: bool | None = None
    empty_repo: bool | None = None


class _Commit(msgspec.Struct):
    id: str
    authored_date: str
    committed_date: str


class _Contributor(msgspec.Struct):
    name: str


_PROJECT = msgspec.json.Decoder(_Project)
_COMMITS: msgspec.json.Decoder[list[_Commit]] = msgspec.json.Decoder(payload.Entries[_Commit])
_CONTRIBUTORS: msgspec.json.Decoder[list[_Contributor]] = msgspec.json.Decoder(payload.Entries[_Contributor])


class _ProjectResponse(NamedTuple):
    """A project; None if it is unchanged (304)."""

    project: _Project | None
    etag: str | None = None


class GitLab(RestForge):
    """GitLab.com at `base_url`, and the user's own servers with the same API (see `RestForge`)."""

    name = SourceName.GITLAB
    cost = 2  # the project and the head
    known = KnownResource("projects?simple=true&per_page=1", list[_Named])

    async def look_up(self, lookup: RepositoryLookup) -> None:
        """Request the project and its head, then the window and the contributors if the head moved.

        The head is requested even after a 304, because the project shows a push only up to an hour later
        (`last_activity_at`). It is requested apart from the window, so that an unmoved head costs one commit.
        """
        response = await self._fetch_project(lookup, etag=lookup.target.etag)
        if response is None:
            return
        head = await self._fetch_head(lookup, response.project)
        if response.project is None and head.oid != lookup.target.head:
            # Project and head are stored together, and a 304 has no project.
            response = await self._fetch_project(lookup, etag=None)
            if response is None:
                return
        node_id = lookup.target.node_id
        if response.project is not None:
            lookup.repository = _repository_facts(response.project, head)
            lookup.etag, node_id = response.etag, lookup.repository.node_id
        needed = lookup.find_needed(head, cached=True)
        if head.oid is not None and needed.commits:
            lookup.weeks = WeeksFacts(head=head.oid, days=await self._fetch_commits_by_day(lookup, node_id, head.oid))
        if head.oid is not None and needed.contributors:
            lookup.set_contributors(head.oid, await self._fetch_contributors(lookup, node_id), whole=True)

    async def _fetch_project(self, lookup: RepositoryLookup, *, etag: str | None) -> _ProjectResponse | None:
        """Return the project; None if it is gone or blocked, which `lookup` then records."""
        response = await lookup.get_repository("projects/{}", etag=etag, safe="")
        if response.status == HTTPStatus.NOT_MODIFIED:
            return _ProjectResponse(None)
        if not lookup.is_found(response):
            return None
        project = lookup.decode(_PROJECT, response)
        lookup.check_identity(response, path=project.path_with_namespace, node_id=str(project.id))
        return _ProjectResponse(project, response.etag)

    async def _fetch_head(self, lookup: RepositoryLookup, project: _Project | None) -> Head:
        says_empty = None if project is None else project.empty_repo
        if says_empty and lookup.target.head is None:
            return NO_HEAD
        url = _repository_url(lookup, lookup.target.node_id if project is None else str(project.id))
        response = await lookup.client.get(f"{url}/commits", params={"per_page": 1})
        # Without a token, a 404 is the only sign of an empty repository.
        commits = [] if response.status == HTTPStatus.NOT_FOUND else lookup.decode(_COMMITS, response)
        if not commits:
            lookup.check_empty(says_empty=says_empty)
            return NO_HEAD
        oid = lookup.check_commit_id(commits[0].id)
        return Head(oid, payload.normalize_time(commits[0].committed_date, source=self.name))

    async def _fetch_commits_by_day(self, lookup: RepositoryLookup, node_id: str | None, head: str) -> dict[str, int]:
        """Return the commits of the window by author day, read from `head`: the branch may grow meanwhile."""
        since = times.format_time(weekly_commits.window_start(lookup.now))
        seen: set[str] = set()
        dates: list[datetime] = []
        page_announced = False
        for number in lookup.page_numbers():
            params: dict[str, str | int] = {"ref_name": head, "since": since, "per_page": PER_PAGE, "page": number}
            response = await lookup.client.get(f"{_repository_url(lookup, node_id)}/commits", params=params)
            commits = lookup.decode(_COMMITS, response)
            if number == 1 and (not commits or commits[0].id != head):
                raise lookup.unexpected("the list of commits does not start with the newest one")
            if not commits and page_announced:
                raise lookup.unexpected("a page of the list of commits is empty")
            page_announced = "x-next-page" in response.headers
            if not seen.isdisjoint(commit.id for commit in commits):
                raise lookup.unexpected("the commit pages repeat")
            seen.update(commit.id for commit in commits)
            dates += [payload.parse_moment(commit.authored_date, source=self.name) for commit in commits]
            if not _has_more(response, len(commits)):
                break
        return weekly_commits.commits_by_day(dates, now=lookup.now)

    async def _fetch_contributors(self, lookup: RepositoryLookup, node_id: str | None) -> list[str]:
        names: list[str] = []
        page_announced = False
        for number in lookup.page_numbers():
            params: dict[str, str | int] = {"order_by": "commits", "sort": "desc", "per_page": PER_PAGE, "page": number}
            response = await lookup.client.get(f"{_repository_url(lookup, node_id)}/contributors", params=params)
            if response.status == HTTPStatus.NO_CONTENT:
                return []
            contributors = lookup.decode(_CONTRIBUTORS, response)
            if not contributors and page_announced:
                raise lookup.unexpected("a page of the list of contributors is empty")
            page_announced = "x-next-page" in response.headers
            names += [payload.clean_text(contributor.name) for contributor in contributors]
            payload.check_length(names, what="the list of contributors", source=self.name)
            if not _has_more(response, len(contributors)):
                break
        return names


def _repository_facts(project: _Project, head: Head) -> RepositoryFacts:
    return RepositoryFacts(
        path=project.path_with_namespace,
        node_id=str(project.id),
        description=payload.clean_text(project.description or ""),
        stars=project.star_count,
        forks=project.forks_count,
        archived=project.archived,
        license=None,
        head=head.oid,
        head_at=head.at,
    )


def _repository_url(lookup: RepositoryLookup, node_id: str | None) -> str:
    """Return the URL of a project's repository: by id, which survives a rename, else by path."""
    has_id = node_id is not None and node_id.isdecimal()
    return f"projects/{node_id if has_id else quote(lookup.target.path, safe='')}/repository"


def _has_more(response: Response, rows: int) -> bool:
    """Return whether another page follows: by X-Next-Page, or if a proxy removed it, while pages are full."""
    next_page = response.headers.get("x-next-page")
    return rows == PER_PAGE if next_page is None else bool(next_page.strip()) and rows > 0
