"""GitLab's REST API v4: a project, its head, the commits of the window and the names of its contributors.

Sources of the rules: GitLab's documentation of the Projects, Commits and Repositories APIs and of GitLab.com's limits.
Strangers are shown a shorter page of a project, which does not say whether it is archived or empty.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import msgspec

from djpkg import times
from djpkg.model import weekly_commits
from djpkg.model.facts import RepositoryFacts, WeeksFacts
from djpkg.model.lookups import EMPTY, Head
from djpkg.source_name import SourceName
from djpkg.sources.http import payload
from djpkg.sources.http.response import Authorization
from djpkg.sources.http.retry import Limits
from djpkg.sources.rest_forge.forge import RestForge
from djpkg.times import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from djpkg.credentials import Token
    from djpkg.sources.http.response import Response
    from djpkg.sources.rest_forge.lookup import RepositoryLookup

PER_PAGE = 100


class _Project(msgspec.Struct):
    id: payload.Count
    path_with_namespace: str
    star_count: payload.Count
    description: str | None = None
    forks_count: payload.Count | None = None
    archived: bool | None = None
    empty_repo: bool = False


class _Commit(msgspec.Struct):
    id: str
    authored_date: str
    committed_date: str


class _Contributor(msgspec.Struct):
    name: str


_PROJECT = msgspec.json.Decoder(_Project)
_COMMITS = msgspec.json.Decoder(list[_Commit])
_CONTRIBUTORS = msgspec.json.Decoder(list[_Contributor])


class _Page(NamedTuple):
    """A project as it is now, or (None) as it was when last asked."""

    project: _Project | None
    etag: str | None = None


class GitLab(RestForge):
    """GitLab.com at `base_url`, and further servers of the same API that the user named (see `VisitingForge`)."""

    name = SourceName.GITLAB
    host = "gitlab.com"
    cost = 2  # the page and the head

    def __init__(
        self,
        *,
        base_url: str,
        token: Token | None = None,
        servers: Mapping[str, str] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        auth = None
        if token is not None:
            auth = Authorization(header="Authorization", value=f"Bearer {token.secret}", variable=token.origin)
        super().__init__(base_url=base_url, auth=auth, servers=servers or {}, limits=limits, clock=clock)

    async def visit(self, visit: RepositoryLookup) -> None:
        """Asks for page and head, then for window and contributors where the head moved.

        The head is asked for by itself even after a 304, because a push shows on the page only when the last one is
        an hour old (`last_activity_at`); and apart from the window, so that what did not move costs one commit.
        """
        page = await self._ask_page(visit, etag=visit.ask.etag)
        if page is None:
            return
        head = await self._ask_head(visit, page.project)
        if page.project is None and head.oid != visit.ask.head:
            # Page and head are stored as one, and a 304 brought no page.
            page = await self._ask_page(visit, etag=None)
            if page is None:
                return
        node_id = visit.ask.node_id
        if page.project is not None:
            visit.page, visit.etag = _said(visit, page.project, head), page.etag
            node_id = visit.page.node_id
        wanted = visit.decide(head, cached=True)
        if head.oid is not None and wanted.window:
            visit.weeks = WeeksFacts(head=head.oid, days=await self._ask_days(visit, node_id, head.oid))
        if head.oid is not None and wanted.contributors:
            visit.say_contributors(head.oid, await self._ask_contributors(visit, node_id), whole=True)

    async def _ask_page(self, visit: RepositoryLookup, *, etag: str | None) -> _Page | None:
        """The project; None where it is gone, which is noted on the visit."""
        path = quote(visit.ask.path, safe="")
        reply = await visit.client.get(f"projects/{path}", etag=etag)
        if reply.status == HTTPStatus.NOT_MODIFIED:
            return _Page(None)
        if not visit.finds(reply):
            return None
        return _Page(payload.decode(_PROJECT, reply.body, source=self.name), reply.etag)

    async def _ask_head(self, visit: RepositoryLookup, project: _Project | None) -> Head:
        if project is not None and project.empty_repo:
            return EMPTY
        repository = _repository(visit, visit.ask.node_id if project is None else str(project.id))
        reply = await visit.client.get(f"{repository}/commits", params={"per_page": 1})
        if reply.status == HTTPStatus.NOT_FOUND and visit.ask.head is None:
            return EMPTY  # strangers are not told otherwise; where there was a head once, it is an error
        visit.expect_ok(reply)
        commits = payload.decode(_COMMITS, reply.body, source=self.name)
        if not commits:
            return EMPTY
        return Head(visit.oid(commits[0].id), payload.time(commits[0].committed_date, source=self.name))

    async def _ask_days(self, visit: RepositoryLookup, node_id: str | None, head: str) -> dict[str, int]:
        """The author days of the window, below the head that was seen: the branch may grow while it is read."""
        since = times.stamp(weekly_commits.window_start(visit.now))
        seen: set[str] = set()
        dates: list[datetime] = []
        for number in visit.page_numbers():
            params: dict[str, str | int] = {"ref_name": head, "since": since, "per_page": PER_PAGE, "page": number}
            reply = await visit.client.get(f"{_repository(visit, node_id)}/commits", params=params)
            visit.expect_ok(reply)
            commits = payload.decode(_COMMITS, reply.body, source=self.name)
            if not seen.isdisjoint(commit.id for commit in commits):
                raise visit.unexpected("the pages of commits repeat themselves")
            seen.update(commit.id for commit in commits)
            dates += [payload.moment(commit.authored_date, source=self.name) for commit in commits]
            if not _has_more(reply, len(commits)):
                break
        return weekly_commits.author_days(dates, now=visit.now)

    async def _ask_contributors(self, visit: RepositoryLookup, node_id: str | None) -> list[str]:
        names: list[str] = []
        for number in visit.page_numbers():
            params: dict[str, str | int] = {"order_by": "commits", "sort": "desc", "per_page": PER_PAGE, "page": number}
            target = f"{_repository(visit, node_id)}/contributors"
            reply = await visit.client.get(target, params=params)
            visit.expect_ok(reply)
            people = payload.decode(_CONTRIBUTORS, reply.body, source=self.name)
            names += [payload.clean(person.name) for person in people]
            if not _has_more(reply, len(people)):
                break
        return names


def _said(visit: RepositoryLookup, project: _Project, head: Head) -> RepositoryFacts:
    """Page and head."""
    return RepositoryFacts(
        path=visit.path(project.path_with_namespace),
        node_id=str(project.id),
        description=payload.clean(project.description or ""),
        stars=project.star_count,
        forks=project.forks_count,
        archived=project.archived,
        license=None,
        head=head.oid,
        head_at=head.at,
    )


def _repository(visit: RepositoryLookup, node_id: str | None) -> str:
    """Where the repository of a project is: below its number, which stays when it is renamed, else below its path."""
    numbered = node_id is not None and node_id.isdecimal()
    return f"projects/{node_id if numbered else quote(visit.ask.path, safe='')}/repository"


def _has_more(reply: Response, rows: int) -> bool:
    """Whether another page follows: as X-Next-Page says, and where a proxy lost it as long as pages are full."""
    following = reply.headers.get("x-next-page")
    return rows == PER_PAGE if following is None else bool(following.strip()) and rows > 0
